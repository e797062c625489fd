#include "runtime/filesystem_mounts.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "platform/path_pattern.h"
#include "runtime/pattern_walk.h"
#include "runtime/resolved_path.h"

namespace srt::runtime {
namespace {

enum class State {
  kDenied,
  kRead,
  kWrite,
  kOurs,  // /dev and /proc: made new, or a container's own
};

// A place that may need a mount.
struct Place {
  std::string source;               // of a bind; a link's place shows what it led to
  std::optional<oci::Mount> fixed;  // whatever the rules say
  std::optional<State> state;       // whatever the rules say
  bool only_in_denied = false;      // elsewhere the place is there anyway
};

oci::Mount mount(std::string destination, std::string type, std::string source,
                 std::vector<std::string> options) {
  return {std::move(destination), std::move(type), std::move(source), std::move(options), {}, {}};
}

oci::Mount bind(const std::string& source, const std::string& destination, bool writable) {
  return mount(destination, "none", source, {"rbind", writable ? "rw" : "ro", "nosuid", "nodev"});
}

// The mode is for what cannot see the "ro": nothing is ever made in it but mount points.
oci::Mount empty_folder(const std::string& destination) {
  return mount(destination, "tmpfs", "tmpfs",
               {"ro", "nosuid", "nodev", "noexec", "mode=0555", "size=64k"});
}

std::string rule_text(const PathRule& rule) {
  return std::string(name_of(rule.list)) + " " + oci::in_quotes(rule.written) + " (" +
         oci::printable(rule.origin, 200) + ")";
}

// Sockets of the host that resolve names, start programs or hold secrets for whoever asks: with them a
// process acts outside, whatever its network is.
std::vector<std::string> host_sockets(uid_t uid) {
  const std::string user = "/run/user/" + std::to_string(uid);
  return {"/run/dbus",
          "/run/nscd",
          "/run/avahi-daemon",
          "/run/systemd/private",
          "/run/systemd/resolve/io.systemd.Resolve",
          "/run/systemd/resolve/io.systemd.Resolve.Monitor",
          "/run/systemd/userdb",
          "/run/systemd/journal",
          user + "/bus",
          user + "/systemd",
          user + "/dbus-1",
          user + "/at-spi"};
}

class MountBuilder {
 public:
  MountBuilder(const FilesystemRules& rules, const MountPlaces& where)
      : rules_(rules), where_(where) {}

  Result<FilesystemMounts> run() {
    out_.root_readonly = !rules_.disabled;
    if (where_.container) {
      add_container(*where_.container);
    } else {
      add_system();
    }
    if (!rules_.disabled) {
      add_rules();
      SRT_TRY(add_patterns());
      add_kernel_interfaces();
      add_cwd();
    }
    add_other_names();
    if (!where_.tmpdir.empty()) {
      places_[where_.tmpdir] = {where_.tmpdir, {}, State::kWrite, false};
    }
    for (const auto& [path, place] : places_) emit(path, place);
    return std::move(out_);
  }

 private:
  void fixed(oci::Mount mount) {
    Place& place = places_[mount.destination];
    place.fixed = std::move(mount);
    place.state = State::kOurs;
  }

  void add_system() {
    fixed(where_.outer_procfs ? bind("/proc", "/proc", false)
                              : mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
    // Read-only in the end: bwrap's has no size, and would take half of the host's memory.
    fixed(mount("/dev", "tmpfs", "tmpfs",
                {"ro", "nosuid", "strictatime", "mode=755", "size=65536k"}));
    fixed(mount("/dev/pts", "devpts", "devpts",
                {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}));
    fixed(mount(
        "/dev/shm", "tmpfs", "shm",
        {"nosuid", "noexec", "nodev", "mode=1777", "size=" + std::to_string(where_.shm_bytes)}));
    fixed(mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
    // In a user namespace its files belong to nobody we know, and ssh refuses to read them.
    hide("/etc/ssh/ssh_config.d");
    for (const std::string& socket : host_sockets(where_.uid)) hide(socket);
    for (const std::string& socket : where_.hidden) hide(socket);
    for (const std::string& place : other_process_lists(where_.mounts)) hide(place);
  }

  // `allowWrite: ["/"]` does not mean them: what root's command writes to sysfs is done by the kernel, and who owns a
  // control group ends all that is in it. A rule that names one does.
  void add_kernel_interfaces() {
    for (const std::string& place : kernel_interfaces(where_.mounts)) {
      const Access access = rules_.access(place);
      if (!access.write || is_within(access.write_rule->path, place)) continue;
      places_.try_emplace(place, Place{place, {}, State::kRead, false});
    }
  }

  // A rule that closes means the folder, whichever way it is reached; one that names the other name means that.
  void add_other_names() {
    std::vector<std::string> hidden, kept;
    for (const auto& [path, place] : places_) {
      const State state = place.state ? *place.state : state_of(rules_.access(place.source));
      if (state == State::kDenied) hidden.push_back(path);
    }
    for (const FilesystemLayer& layer : rules_.layers) {
      for (const PathRule& rule : layer.rules) {
        if (rule.list == PathList::kDenyWrite && rule.exists && !rule.pattern) {
          kept.push_back(rule.path);
        }
      }
    }
    for (const std::string& path : hidden) close_other_names(path, State::kDenied);
    if (!rules_.disabled) {
      for (const std::string& path : kept) close_other_names(path, State::kRead);
    }
  }

  void close_other_names(const std::string& path, State state) {
    for (const std::string& name : other_names(path, where_.mounts)) {
      const Access access = rules_.access(name);
      const PathRule* const opens = state == State::kDenied ? access.read_rule : access.write_rule;
      const bool named = opens && !opens->pattern && opens->path == name;
      if (named || (state == State::kRead && !access.write)) continue;
      places_[name] = {name, {}, state, false};
      if (state == State::kDenied && is_within(rules_.cwd, name) && !is_opened_in(name)) {
        empty_cwd();
      }
    }
  }

  // Whether a rule opens the working directory by a name within `folder`.
  bool is_opened_in(const std::string& folder) const {
    const Access access = rules_.access(rules_.cwd);
    return access.read && access.read_rule && is_within(access.read_rule->path, folder);
  }

  // What config.json made there can all be written, until a rule says otherwise.
  void add_container(const ContainerTree& tree) {
    add_place("/");
    for (const std::string& path : tree.kept) {
      if (rules_.access(path).read) places_[path].state = State::kOurs;
    }
    if (!tree.own_shm) return;
    fixed(mount("/dev/shm", "tmpfs", "shm",
                {"mode=1777", "size=" + std::to_string(where_.shm_bytes)}));
  }

  void hide(const std::string& path) {
    const ResolvedPath real = resolve_path(path);
    if (real.exists) places_[real.path] = {real.path, {}, State::kDenied, false};
  }

  void add_place(const std::string& path) { places_.try_emplace(path, Place{path, {}, {}, false}); }

  void add_rules() {
    for (const FilesystemLayer& layer : rules_.layers) {
      for (const PathRule& rule : layer.rules) {
        if (rule.pattern) continue;
        if (rule.exists) {
          add_place(rule.path);
          add_spelling(rule);
        } else if (rule.list == PathList::kAllowWrite && !layer.narrows_only) {
          out_.notes.push_back(rule_text(rule) + ": " + oci::printable(rule.path, 200) +
                               " does not exist and is not made: it cannot be written");
        }
      }
    }
  }

  // Within a denied folder nothing is left of the links that lead to what is opened there: it is shown
  // under both names.
  void add_spelling(const PathRule& rule) {
    const bool opens = rule.list == PathList::kAllowRead || rule.list == PathList::kAllowWrite;
    if (!opens || rule.links.empty() || rule.spelled == rule.path) return;
    places_.try_emplace(rule.spelled, Place{rule.path, {}, {}, true});
  }

  Result<void> add_patterns() {
    std::map<std::string, std::vector<const PathPattern*>> denied, opened;
    for (const FilesystemLayer& layer : rules_.layers) {
      for (const PathRule& rule : layer.rules) {
        if (!rule.pattern) continue;
        const std::string& base = rule.pattern->base();
        switch (rule.list) {
          case PathList::kDenyRead: denied[base].push_back(&*rule.pattern); break;
          case PathList::kAllowRead: opened[base].push_back(&*rule.pattern); break;
          case PathList::kAllowWrite:
            // What can be written anyway is not searched.
            if (!rules_.access(base).write) opened[base].push_back(&*rule.pattern);
            break;
          case PathList::kDenyWrite: break;  // the broker's: never a walk through a write root
        }
      }
    }
    WalkBudget for_denied;
    for (const auto& [base, patterns] : denied) {
      auto matches = walk_patterns(base, patterns, FolderLinks::kFollowed, for_denied);
      if (!matches) return too_large(patterns, std::move(matches).error());
      for (const PatternMatch& match : *matches) add_match(match);
    }
    WalkBudget for_opened{.entries = kMostOpened};
    for (const auto& [base, patterns] : opened) {
      auto matches = walk_patterns(base, patterns, FolderLinks::kPassedOver, for_opened);
      if (!matches) {
        out_.notes.push_back("the pattern " + oci::in_quotes(patterns.front()->text()) +
                             " opens nothing: " + oci::printable(base, 200) +
                             " is too large to search");
        continue;
      }
      for (const PatternMatch& match : *matches) add_match(match);
    }
    return {};
  }

  static tl::unexpected<Error> too_large(const std::vector<const PathPattern*>& patterns,
                                         Error error) {
    error.why = "there is too much to search, or too much that matches, up to " +
                oci::printable(error.object, 200) + ": it would not hold";
    error.object = "denyRead " + oci::in_quotes(patterns.front()->text());
    error.mend = "name a smaller folder in front of the pattern, or deny whole folders";
    return fail(std::move(error));
  }

  void add_match(const PatternMatch& match) {
    const bool linked = match.path != match.spelled;
    if (!match.is_link || linked) add_place(match.path);
    if (!match.is_link && !linked) return;
    // Judged by where it leads: what can be read through it has another name as well.
    const ResolvedPath target = resolve_path(match.path);
    if (!target.exists || state_of(rules_.access(match.spelled)) != State::kDenied) return;
    if (linked && has_its_own_say(target.path)) return;
    places_[target.path] = {target.path, {}, State::kDenied, false};
  }

  // What lies behind a link to a folder is closed by a pattern under that name. Only a rule about the very place,
  // by its own name, opens it.
  bool has_its_own_say(const std::string& path) const {
    const Access access = rules_.access(path);
    return access.read && access.read_rule && !access.read_rule->pattern &&
           access.read_rule->path == path;
  }

  // `denyRead: [".."]` hides what is in the working directory, not the directory: it would move.
  void add_cwd() {
    if (!rules_.access(rules_.cwd).read) empty_cwd();
  }

  void empty_cwd() {
    Place& place = places_[rules_.cwd];
    place.fixed = empty_folder(rules_.cwd);
    place.state = State::kDenied;
  }

  static State state_of(const Access& access) {
    if (access.write) return State::kWrite;
    return access.read ? State::kRead : State::kDenied;
  }

  State around(const std::string& path) {
    while (!inside_.empty() && !is_within(path, inside_.back().first)) inside_.pop_back();
    if (!inside_.empty()) return inside_.back().second;
    return rules_.disabled || where_.container ? State::kWrite : State::kRead;
  }

  void emit(const std::string& path, const Place& place) {
    const State outer = around(path);
    if (where_.container && place.state == State::kOurs && !place.fixed) {
      inside_.emplace_back(path, State::kOurs);
      out_.kept.push_back(path);
      return;
    }
    if (outer == State::kOurs && !place.fixed && path != where_.tmpdir) return emit_in_ours(path);
    if (place.only_in_denied && outer != State::kDenied) return;
    if (place.fixed) {
      inside_.emplace_back(path, *place.state);
      out_.mounts.push_back(*place.fixed);
      return;
    }
    const State state = place.state ? *place.state : state_of(rules_.access(place.source));
    if (state == outer && path != where_.tmpdir) return;
    struct stat status {};
    // Vanished since the rules were resolved: nothing is there to be shown or hidden.
    if (lstat(place.source.c_str(), &status) != 0) return;
    // Nor behind links that lead to each other; an earlier command may have made them to end all later ones. Any
    // other link has come since, and does end this one: nothing can be mounted on it.
    if (S_ISLNK(status.st_mode) && is_loop(place.source)) return;
    inside_.emplace_back(path, state);
    switch (state) {
      case State::kDenied:
        out_.mounts.push_back(S_ISDIR(status.st_mode) ? empty_folder(path)
                                                      : bind(where_.unreadable_file, path, false));
        out_.pinned.push_back({path, static_cast<uint64_t>(status.st_dev), status.st_ino, true});
        return;
      case State::kRead:
      case State::kWrite:
        out_.mounts.push_back(bind(place.source, path, state == State::kWrite));
        out_.pinned.push_back({path, static_cast<uint64_t>(status.st_dev), status.st_ino, false});
        return;
      case State::kOurs: return;
    }
  }

  static bool is_loop(const std::string& link) {
    struct stat status {};
    return stat(link.c_str(), &status) != 0 && errno == ELOOP;
  }

  // /dev has few nodes; a device that a rule lets be written is added. In /proc something can be hidden.
  void emit_in_ours(const std::string& path) {
    const Access access = rules_.access(path);
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return;
    const bool device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
    if (where_.container) {
      if (access.read && !access.write) return;
      out_.mounts.push_back(access.read               ? bind(path, path, true)
                            : S_ISDIR(status.st_mode) ? empty_folder(path)
                                                      : bind(where_.unreadable_file, path, false));
      out_.pinned.push_back(
          {path, static_cast<uint64_t>(status.st_dev), status.st_ino, !access.read});
      return;
    }
    if (is_within(path, "/dev") && access.write && device && !is_standard_device(path)) {
      out_.mounts.push_back(mount(path, "none", path, {"bind", "rw", "nosuid"}));
    } else if (is_within(path, "/proc") && !access.read && path != "/proc") {
      out_.mounts.push_back(S_ISDIR(status.st_mode) ? empty_folder(path)
                                                    : bind(where_.unreadable_file, path, false));
    }
  }

  static bool is_standard_device(const std::string& path) {
    constexpr std::string_view kThere[] = {"/dev/null",    "/dev/zero",    "/dev/full",
                                           "/dev/random",  "/dev/urandom", "/dev/tty",
                                           "/dev/console", "/dev/ptmx"};
    return std::find(std::begin(kThere), std::end(kThere), path) != std::end(kThere) ||
           is_within(path, "/dev/pts");
  }

  const FilesystemRules& rules_;
  const MountPlaces& where_;
  FilesystemMounts out_;
  std::map<std::string, Place> places_;  // in this order a folder comes before what lies in it
  std::vector<std::pair<std::string, State>> inside_;  // mounts around the place that is looked at
};

}  // namespace

Result<FilesystemMounts> filesystem_mounts(const FilesystemRules& rules,
                                           const MountPlaces& places) {
  return MountBuilder(rules, places).run();
}

}  // namespace srt::runtime
