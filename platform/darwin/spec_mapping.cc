#include "platform/darwin/spec_mapping.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "oci/diagnostics.h"
#include "oci/print.h"
#include "platform/darwin/filesystem_layers.h"

namespace srt::platform::darwin {
namespace {

using enum Treatment;
using Json = nlohmann::json;

constexpr std::string_view kLinuxHost = "use a Linux machine or a virtual machine";

constexpr PropertyMapping kMappings[] = {
    {"/ociVersion", kMapped, "checked", ""},
    {"/root/path", kMapped, "must be \"/\": the program shares the host's tree", ""},
    {"/root/readonly", kMapped, "`true`: only mounts that are not `ro` can be written", ""},
    {"/mounts", kMapped,
     "source and destination must be equal. A bind lets the place be read, and written unless "
     "`ro`; a "
     "read-only tmpfs denies it",
     ""},
    {"/mounts/0/uidMappings", kRefused, "files keep the host's ids", "use the host's ids"},
    {"/mounts/0/gidMappings", kRefused, "files keep the host's ids", "use the host's ids"},
    {"/process/terminal", kMapped, "a pseudo-terminal", ""},
    {"/process/consoleSize", kMapped, "its size", ""},
    {"/process/user", kMapped, "user, group, further groups and umask; another user only as root",
     ""},
    {"/process/user/username", kIgnored, "uid and gid count", ""},
    {"/process/args", kMapped, "behind sandbox-exec", ""},
    {"/process/commandLine", kIgnored, "args count", ""},
    {"/process/env", kMapped, "the program's whole environment", ""},
    {"/process/cwd", kMapped, "can be looked up whatever the rules say", ""},
    {"/process/capabilities", kIgnored, "macOS has none: user 0 can do what root can", ""},
    {"/process/rlimits", kMapped,
     "AS, CORE, CPU, DATA, FSIZE, MEMLOCK, NOFILE, NPROC, RSS and STACK; others are refused", ""},
    {"/process/noNewPrivileges", kMapped, "holds always: set-id programs do not start in a sandbox",
     ""},
    {"/process/apparmorProfile", kRefused, "macOS has no AppArmor", "remove it"},
    {"/process/oomScoreAdj", kIgnored, "macOS chooses by itself", ""},
    {"/process/scheduler", kRefused, "macOS has other scheduling classes",
     "set RLIMIT_CPU, or start it under nice(1)"},
    {"/process/selinuxLabel", kRefused, "macOS has no SELinux", "remove it"},
    {"/process/ioPriority", kRefused, "macOS has other I/O classes",
     "start it under taskpolicy(8)"},
    {"/process/execCPUAffinity", kRefused, "macOS binds no process to a processor", "remove it"},
    {"/hostname", kIgnored, "the host's name stays", ""},
    {"/domainname", kIgnored, "the host's name stays", ""},
    {"/hooks/prestart", kMapped, "run on the host", ""},
    {"/hooks/createRuntime", kMapped, "run on the host", ""},
    {"/hooks/createContainer", kMapped, "run on the host: there is no other namespace", ""},
    {"/hooks/startContainer", kMapped, "run on the host, outside the sandbox", ""},
    {"/hooks/poststart", kMapped, "run on the host", ""},
    {"/hooks/poststop", kMapped, "run on the host", ""},
    {"/annotations", kMapped, "kept in the state; `dev.srt.*` as on Linux", ""},
    {"/linux/devices", kRefused, "the program sees the host's /dev", "remove them"},
    {"/linux/netDevices", kRefused, "there are no network namespaces", kLinuxHost},
    {"/linux/uidMappings", kRefused, "there are no user namespaces", "use the host's ids"},
    {"/linux/gidMappings", kRefused, "there are no user namespaces", "use the host's ids"},
    {"/linux/namespaces", kMapped,
     "a new `network`: no network but the egress guard; without one: the host's. A new `mount`, "
     "`pid`, "
     "`ipc`, `uts`, `user`, `cgroup` or `time` is ignored with a warning. One with a path is "
     "refused",
     ""},
    {"/linux/resources", kRefused, "macOS has no control groups",
     "set process.rlimits, or use a Linux machine"},
    {"/linux/cgroupsPath", kIgnored, "macOS has no control groups", ""},
    {"/linux/rootfsPropagation", kIgnored, "nothing is mounted", ""},
    {"/linux/seccomp", kIgnored,
     "it filters Linux system calls; what they would do is refused by the Seatbelt profile", ""},
    {"/linux/seccomp/listenerPath", kRefused, "no system call can be handed to an agent",
     kLinuxHost},
    {"/linux/sysctl", kRefused, "they would be the host's", kLinuxHost},
    {"/linux/maskedPaths", kMapped, "neither read nor written", ""},
    {"/linux/readonlyPaths", kMapped, "not written", ""},
    {"/linux/mountLabel", kRefused, "macOS has no SELinux", "remove it"},
    {"/linux/intelRdt", kRefused, "macOS has no resctrl", kLinuxHost},
    {"/linux/memoryPolicy", kRefused, "macOS has no NUMA policies", "remove it"},
    {"/linux/personality", kRefused, "macOS has no personalities", "remove it"},
    {"/linux/timeOffsets", kRefused, "there are no time namespaces", kLinuxHost},
};

constexpr std::string_view kRlimits[] = {
    "RLIMIT_AS",      "RLIMIT_CORE",   "RLIMIT_CPU",   "RLIMIT_DATA", "RLIMIT_FSIZE",
    "RLIMIT_MEMLOCK", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",  "RLIMIT_STACK",
};

// Of Linux alone: what programs look for there is not there on macOS.
constexpr std::string_view kLinuxTypes[] = {"proc",   "sysfs",   "devpts",  "mqueue",
                                            "cgroup", "cgroup2", "devtmpfs"};

template <class List>
bool is_one_of(std::string_view word, const List& list) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

// "/mounts/3/options" → "/mounts/0/options", as the table has it.
void walk(const Json& value, const std::string& pointer, std::vector<std::string>& present) {
  if (value.is_structured()) {
    if (value.is_array()) {
      for (const Json& element : value) walk(element, pointer + "/0", present);
    } else {
      for (const auto& [key, member] : value.items()) {
        std::string token;  // RFC 6901
        for (const char c : key) {
          if (c == '~')
            token += "~0";
          else if (c == '/')
            token += "~1";
          else
            token += c;
        }
        walk(member, pointer + "/" + token, present);
      }
    }
    return;  // an empty one asks for nothing
  }
  present.push_back(pointer);
}

tl::unexpected<Error> refuse(std::string_view pointer, std::string_view why,
                             std::string_view mend) {
  return fail("config.json: " + std::string(pointer), "not on macOS: " + std::string(why),
              std::string(mend));
}

class SpecMapper {
 public:
  SpecMapper(const oci::Spec& spec, const HostAccess& host, bool guarded) : spec_(spec) {
    out_.access.host = host;
    out_.access.network = guarded ? Network::kGuard : Network::kHost;
  }

  Result<MappedSpec> run() {
    SRT_TRY(judge_properties());
    SRT_TRY(map_root());
    SRT_TRY(map_mounts());
    SRT_TRY(map_process());
    if (spec_.linux_) {
      SRT_TRY(map_namespaces());
      SRT_TRY(map_paths());
    }
    add_layer();
    return std::move(out_);
  }

 private:
  void warn(std::string text) {
    if (warned_.insert(text).second) out_.warnings.push_back(std::move(text));
  }

  Result<void> judge_properties() {
    const Json document = Json::parse(oci::print(spec_, oci::Layout::kCompact), nullptr, false);
    std::vector<std::string> present;
    walk(document, "", present);
    for (const std::string& pointer : present) {
      const PropertyMapping* mapping = find_mapping(pointer);
      // Not silently: it would be a rule that does not hold.
      if (mapping == nullptr) return refuse(pointer, "the property is not known", "remove it");
      switch (mapping->treatment) {
        case kMapped: break;
        case kRefused: return refuse(mapping->pointer, mapping->how, mapping->alternative);
        case kIgnored:
          warn("config.json: " + std::string(mapping->pointer) +
               " has no effect on macOS: " + std::string(mapping->how));
          break;
      }
    }
    return {};
  }

  Result<void> map_root() {
    if (!spec_.root) return refuse("/root", "is needed", "set root.path to \"/\"");
    if (spec_.root->path != "/") {
      return refuse(
          "/root/path",
          "is " + oci::in_quotes(spec_.root->path) +
              "; macOS cannot run a program in a tree of its own",
          "set it to \"/\" to share the host's, or run the image on a Linux machine or in "
          "a virtual machine");
    }
    if (!spec_.root->readonly.value_or(false)) add(PathEffect::kAllowWrite, "/");
    return {};
  }

  // What was said of the place, and of all in it, is covered by the new mount.
  void add_mount(const std::string& place, std::initializer_list<PathEffect> effects) {
    std::erase_if(layer_.rules, [&](const PathRule& rule) {
      return is_within(rule.path, place) && !(rule.path == "/" && place == "/");
    });
    for (const PathEffect effect : effects) add(effect, place);
  }

  Result<void> map_mounts() {
    for (size_t i = 0; i < oci::items(spec_.mounts).size(); ++i) {
      SRT_TRY(map_mount((*spec_.mounts)[i], "/mounts/" + std::to_string(i)));
    }
    return {};
  }

  Result<void> map_mount(const oci::Mount& mount, const std::string& pointer) {
    if (auto resolved = check_resolved(mount.destination); !resolved) {
      return refuse(pointer + "/destination", resolved.error().why, "write the path out");
    }
    bool readonly = false, bind = mount.type == "bind";
    for (const std::string& option : oci::items(mount.options)) {
      if (option == "ro" || option == "rro") readonly = true;
      if (option == "rw" || option == "rrw") readonly = false;
      if (option == "bind" || option == "rbind") bind = true;
      if (option == "noexec") {
        warn("config.json: " + pointer + "/options: noexec has no effect on macOS");
      }
      if (option == "idmap" || option == "ridmap") {
        return refuse(pointer + "/options", "files keep the host's ids", "use the host's ids");
      }
    }
    if (bind) return map_bind(mount, pointer, readonly);
    const std::string type = mount.type.value_or("");
    if (is_one_of(type, kLinuxTypes)) {
      warn("config.json: mounts of type " + type + " have no effect on macOS");
      return {};
    }
    if (type != "tmpfs") {
      return refuse(pointer + "/type", "nothing can be mounted, and so no " + oci::in_quotes(type),
                    "bind a folder of the host's to its own place");
    }
    if (is_within(mount.destination, "/dev")) {
      warn("config.json: mounts below /dev have no effect on macOS");
      return {};
    }
    if (!readonly) {
      return refuse(pointer, "a tmpfs that can be written would need a mount of its own",
                    "bind a folder of the host's to the same place");
    }
    add_mount(mount.destination, {PathEffect::kDenyRead});
    return {};
  }

  Result<void> map_bind(const oci::Mount& mount, const std::string& pointer, bool readonly) {
    const std::string source = mount.source.value_or("");
    if (canonical_form(source) != canonical_form(mount.destination)) {
      return refuse(
          pointer,
          oci::in_quotes(source) + " would have to appear at " + oci::in_quotes(mount.destination),
          "bind it to its own place, or use a Linux machine or a virtual machine");
    }
    if (readonly) {
      add_mount(mount.destination, {PathEffect::kReadOnly, PathEffect::kAllowRead});
    } else {
      add_mount(mount.destination, {PathEffect::kAllowWrite});
    }
    return {};
  }

  Result<void> map_process() {
    if (!spec_.process) return {};
    out_.access.cwd = spec_.process->cwd;
    const auto& rlimits = oci::items(spec_.process->rlimits);
    for (size_t i = 0; i < rlimits.size(); ++i) {
      if (is_one_of(rlimits[i].type, kRlimits)) continue;
      return refuse("/process/rlimits/" + std::to_string(i) + "/type",
                    "macOS has no " + oci::printable(rlimits[i].type), "remove it");
    }
    return {};
  }

  Result<void> map_namespaces() {
    const auto& namespaces = oci::items(spec_.linux_->namespaces);
    for (size_t i = 0; i < namespaces.size(); ++i) {
      if (namespaces[i].path) {
        return refuse("/linux/namespaces/" + std::to_string(i) + "/path",
                      "there are no namespaces to join", kLinuxHost);
      }
      if (namespaces[i].type == oci::NamespaceType::kNetwork) {
        if (out_.access.network == Network::kHost) out_.access.network = Network::kNone;
      } else {
        warn(
            "config.json: /linux/namespaces: but for \"network\" they have no effect on macOS: the "
            "Seatbelt profile confines the program");
      }
    }
    return {};
  }

  Result<void> map_paths() {
    for (const std::string& path : oci::items(spec_.linux_->masked_paths)) {
      SRT_TRY(add_denied(PathEffect::kDenyRead, path, "/linux/maskedPaths"));
    }
    for (const std::string& path : oci::items(spec_.linux_->readonly_paths)) {
      SRT_TRY(add_denied(PathEffect::kDenyWrite, path, "/linux/readonlyPaths"));
    }
    return {};
  }

  Result<void> add_denied(PathEffect effect, const std::string& path, std::string_view pointer) {
    if (auto resolved = check_resolved(path); !resolved) {
      return refuse(pointer, oci::in_quotes(path) + " " + resolved.error().why, "write it out");
    }
    // Not of this host.
    if (is_within(path, "/proc") || is_within(path, "/sys")) return {};
    // Nothing of a mount is seen behind it.
    if (effect == PathEffect::kDenyRead) {
      std::erase_if(layer_.rules, [&](const PathRule& rule) { return is_within(rule.path, path); });
    }
    add(effect, path);
    layer_.rules.back().existing = path.rfind('/') + 1;
    return {};
  }

  void add(PathEffect effect, const std::string& path) {
    PathRule& rule = layer_.rules.emplace_back();
    rule.effect = effect;
    rule.path = path;
  }

  void add_layer() {
    FilesystemAccess& filesystem = out_.access.host.filesystem;
    const bool says_nothing = layer_.rules.size() == 1 &&
                              layer_.rules.front().effect == PathEffect::kAllowWrite &&
                              layer_.rules.front().path == "/";
    const bool policy = !filesystem.unrestricted && !filesystem.layers.empty();
    if (policy) {
      if (!says_nothing) filesystem.layers.push_back(std::move(layer_));
      return;
    }
    // Without a policy a container gets what its config.json says, and protects nothing else.
    filesystem = {};
    filesystem.protect_names = false;
    filesystem.unrestricted = says_nothing;
    if (!says_nothing) filesystem.layers.push_back(std::move(layer_));
  }

  const oci::Spec& spec_;
  MappedSpec out_;
  FilesystemLayer layer_;
  std::set<std::string> warned_;
};

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::span<const PropertyMapping> property_mappings() { return kMappings; }

const PropertyMapping* find_mapping(std::string_view pointer) {
  const PropertyMapping* found = nullptr;
  for (const PropertyMapping& mapping : kMappings) {
    const std::string_view at = mapping.pointer;
    const bool covers =
        pointer.starts_with(at) && (pointer.size() == at.size() || pointer[at.size()] == '/');
    if (covers && (found == nullptr || at.size() > found->pointer.size())) found = &mapping;
  }
  return found;
}

Result<MappedSpec> map_spec(const oci::Spec& spec, const HostAccess& host, bool guarded) {
  return SpecMapper(spec, host, guarded).run();
}

std::string mapping_table() {
  std::string out = "| property | on macOS | how |\n|---|---|---|\n";
  for (const PropertyMapping& mapping : kMappings) {
    std::string name(mapping.pointer.substr(1));
    for (size_t at; (at = name.find("/0")) != name.npos;) name.replace(at, 2, "[]");
    std::replace(name.begin(), name.end(), '/', '.');
    std::string how = cell(mapping.how);
    if (!mapping.alternative.empty()) how += "; instead: " + cell(mapping.alternative);
    const char* treatment = mapping.treatment == kMapped    ? "mapped"
                            : mapping.treatment == kRefused ? "refused"
                                                            : "ignored, with a warning";
    out += "| `" + name + "` | " + treatment + " | " + how + " |\n";
  }
  return out;
}

}  // namespace srt::platform::darwin
