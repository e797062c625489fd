#include "runtime/file_rules.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <string_view>
#include <utility>

#include "platform/broker.h"
#include "platform/encode.h"
#include "platform/file_rules.h"
#include "platform/in_container.h"
#include "runtime/broker_rules.h"
#include "runtime/core_files.h"
#include "runtime/filesystem_mounts.h"
#include "runtime/policy_document.h"
#include "runtime/resolved_path.h"
#include "runtime/written_rules.h"

namespace srt::runtime {
namespace {

constexpr const char* kObject = "filesystem rules";
constexpr const char* kUnreadable = "unreadable";  // no path: srt-init has the file
constexpr std::string_view kShm = "/dev/shm";
constexpr std::string_view kGitTemplates = "GIT_TEMPLATE_DIR=";

// What the child that looked at the tree tells: texts only, so that nothing of the tree's is believed.
template <class B>
struct Found {
  typename B::Text mounts, broker;
  typename B::template List<typename B::Text> notes;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("mounts", s.mounts);
    v("broker", s.broker);
    v("notes", s.notes);
  }
};

std::string home_of(const oci::Process& process) {
  constexpr std::string_view kHome = "HOME=";
  std::string home;
  for (const std::string& entry : oci::items(process.env)) {
    if (entry.starts_with(kHome) && entry.size() > kHome.size()) home = entry.substr(kHome.size());
  }
  const bool root = !process.user || process.user->uid.value_or(0) == 0;
  return home.empty() && root ? "/root" : home;
}

// The mounts that are the container's own already: nothing of the host's is behind them.
std::vector<std::string> own_mounts(const oci::Spec& spec) {
  const std::map<std::string_view, std::string_view> kOwn = {{"/proc", "proc"},
                                                             {"/dev", "tmpfs"},
                                                             {"/dev/pts", "devpts"},
                                                             {"/dev/shm", "tmpfs"},
                                                             {"/dev/mqueue", "mqueue"}};
  std::vector<std::string> kept;
  for (const oci::Mount& mount : oci::items(spec.mounts)) {
    const auto own = kOwn.find(mount.destination);
    const auto& options = oci::items(mount.options);
    const bool bind = std::any_of(options.begin(), options.end(), [](const std::string& option) {
      return option == "bind" || option == "rbind";
    });
    if (own == kOwn.end()) continue;
    std::erase(kept, mount.destination);  // the last one is what is seen
    if (mount.type == own->second && !bind) kept.push_back(mount.destination);
  }
  return kept;
}

bool has_mount(const oci::Spec& spec, std::string_view destination) {
  const auto& mounts = oci::items(spec.mounts);
  return std::any_of(mounts.begin(), mounts.end(),
                     [&](const oci::Mount& mount) { return mount.destination == destination; });
}

bool notifies(const oci::Spec& spec) {
  if (!spec.linux_ || !spec.linux_->seccomp) return false;
  const auto& rules = oci::items(spec.linux_->seccomp->syscalls);
  return std::any_of(rules.begin(), rules.end(), [](const oci::SeccompSyscall& rule) {
    return rule.action == oci::SeccompAction::kNotify;
  });
}

// In one of its own a process would have capabilities that are none to the broker, which does a call as its
// caller.
void refuse_user_namespaces(std::vector<oci::SeccompSyscall>& rules) {
  constexpr uint64_t kNewUser = 0x10000000;  // CLONE_NEWUSER
  oci::SeccompSyscall flagged;
  flagged.names = {"clone", "unshare"};
  flagged.errno_ret = EPERM;
  flagged.args = {oci::SeccompArg{0, kNewUser, kNewUser, oci::SeccompOperator::kMaskedEq}};
  oci::SeccompSyscall pointed;  // its flags lie behind a pointer; libc then takes clone(2)
  pointed.names = {"clone3"};
  pointed.errno_ret = ENOSYS;
  oci::SeccompSyscall joined;
  joined.names = {"setns"};
  joined.errno_ret = EPERM;
  rules.insert(rules.end(), {flagged, pointed, joined});
}

Result<void> check_spec(const oci::Spec& spec, bool brokered) {
  if (spec.root && spec.root->path == "/") {
    return fail("/root/path",
                "is the host's own tree, for which filesystem rules are not supported",
                "run the command with srt");
  }
  for (const oci::Namespace& entry :
       spec.linux_ ? oci::items(spec.linux_->namespaces) : std::vector<oci::Namespace>()) {
    if (entry.type == oci::NamespaceType::kMount && !entry.path.value_or("").empty()) {
      return fail("/linux/namespaces",
                  "filesystem rules need a mount namespace of the container's own",
                  "leave out its path");
    }
  }
  if (brokered && notifies(spec)) {
    // The kernel takes one listener for a process (EBUSY).
    return fail("/linux/seccomp/listenerPath",
                "filesystem rules with allowWrite need the one seccomp listener there can be",
                "leave out SCMP_ACT_NOTIFY, or allowWrite");
  }
  return spec.process ? check_bounded(*spec.process) : Result<void>();
}

// What of a mount's destination was looked at, by path.
using Pins = std::map<std::string, platform::PinnedPlace>;

platform::FileRule<wire::Owned> rule_of(const oci::Mount& mount, const Pins& pins) {
  using platform::FileRuleKind;
  platform::FileRule<wire::Owned> rule;
  rule.path = mount.destination;
  const auto& options = oci::items(mount.options);
  const bool readonly = std::find(options.begin(), options.end(), "ro") != options.end();
  const bool memory = mount.type == "tmpfs";
  if (memory) {
    rule.kind = readonly ? FileRuleKind::kHideFolder : FileRuleKind::kMemory;
    for (const std::string& option : options) {
      if (option.find('=') != std::string::npos) rule.options.push_back(option);
    }
  } else if (mount.source == kUnreadable) {
    rule.kind = FileRuleKind::kHideFile;
  } else {
    rule.kind = readonly ? FileRuleKind::kRead : FileRuleKind::kWrite;
    rule.source = mount.source.value_or("");
  }
  if (const auto pin = pins.find(rule.path); pin != pins.end()) {
    rule.device = pin->second.device;
    rule.inode = pin->second.inode;
  }
  return rule;
}

std::string mounts_of(const FilesystemMounts& built) {
  platform::FileRules<wire::Owned> rules;
  Pins pins;
  for (const platform::PinnedPlace& place : built.pinned) pins.emplace(place.path, place);
  for (const std::string& path : built.kept) {
    rules.rules.push_back({.kind = platform::FileRuleKind::kKeep, .path = path});
  }
  for (const oci::Mount& mount : built.mounts) {
    // The root is no place in the tree: what is not written in it is said of all its mounts.
    if (mount.destination == "/") {
      rules.root_readonly = true;
    } else {
      rules.rules.push_back(rule_of(mount, pins));
    }
  }
  return wire::encode(rules);
}

}  // namespace

// With CAP_SYS_ADMIN over its mount namespace a program takes mounts off.
Result<void> check_bounded(const oci::Process& process) {
  if (!process.capabilities) return {};
  const oci::Capabilities& sets = *process.capabilities;
  for (const auto* set :
       {&sets.bounding, &sets.effective, &sets.permitted, &sets.inheritable, &sets.ambient}) {
    const auto& names = oci::items(*set);
    if (std::find(names.begin(), names.end(), "CAP_SYS_ADMIN") != names.end()) {
      return fail("/process/capabilities",
                  "CAP_SYS_ADMIN could undo the filesystem rules of the container's policy",
                  "leave it out; engines: not with --privileged");
    }
  }
  return {};
}

oci::Seccomp file_rules_filter(bool brokered) {
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::kAllow;
  if (!brokered) {
    // Finds files by number, past every mount (with CAP_DAC_READ_SEARCH).
    oci::SeccompSyscall& handles = profile.syscalls.emplace().emplace_back();
    handles.names = {"open_by_handle_at"};
    handles.errno_ret = EPERM;
    return profile;
  }
  platform::BrokerRules rules;
  rules.write_roots = {"/"};     // wherever they are
  rules.police_sockets = false;  // those that config.json mounts are meant to be used
  profile.flags = {oci::SeccompFlag::kWaitKillableRecv, oci::SeccompFlag::kSpecAllow};
  profile.listener_path = "/srt-broker";  // for people: the socket is handed over, not connected
  profile.syscalls = platform::brokered_calls(rules);
  refuse_user_namespaces(*profile.syscalls);
  keep_core_limit(*profile.syscalls);
  return profile;
}

// `git init` makes no hooks.
void set_git_environment(oci::Process& process) {
  std::vector<std::string>& env = process.env ? *process.env : process.env.emplace();
  const bool said = std::any_of(env.begin(), env.end(), [](const std::string& entry) {
    return entry.starts_with(kGitTemplates);
  });
  if (!said) env.emplace_back(kGitTemplates);
}

Result<FileRules> FileRules::of(platform::Bundle& bundle, const std::string& policy_file) {
  PolicySources sources;
  sources.bundle = bundle.dir;
  sources.annotations = oci::items(bundle.spec.annotations);
  sources.policy_file = policy_file;
  SRT_ASSIGN(const std::vector<PolicyDocument> documents, load_policy_documents(sources));
  FileRules files;
  WrittenLayer own;  // the bundle's documents have one author
  bool git_bound = true;
  for (const PolicyDocument& document : documents) {
    const bool ceiling = document.author == PolicyAuthor::kOperator;
    const bool bounded = !files.layers_.empty();
    const auto widens = [&](const char* key) {
      return fail(document.origin, std::string("/filesystem/") + key + ": widens what " +
                                       files.layers_.front().origin + " allows");
    };
    const auto& settings = document.settings.filesystem;
    if (settings && settings->disabled == true) {
      if (!ceiling && bounded) return widens("disabled");
      continue;
    }
    WrittenLayer layer{document.origin, false, false, {}};
    add_written_rules(document, layer, layer.limits_writes);
    if (layer.rules.empty() && !layer.limits_writes) continue;
    const bool git = settings && settings->allow_git_config == true;
    if (ceiling) {
      files.layers_.push_back(std::move(layer));
      git_bound = files.allow_git_config_ = git && git_bound;
      continue;
    }
    if (git && bounded && !git_bound) return widens("allowGitConfig");
    if (own.origin.empty()) files.allow_git_config_ = false;
    files.allow_git_config_ |= git;
    if (own.origin.empty()) own.origin = document.origin;
    own.rules.insert(own.rules.end(), layer.rules.begin(), layer.rules.end());
  }
  files.ceilings_ = files.layers_.size();
  if (!own.origin.empty()) files.layers_.push_back(std::move(own));
  if (files.present()) SRT_TRY(files.take(bundle));
  return files;
}

// What the rules need to know of the container, and whether it can be held by them.
Result<void> FileRules::take(platform::Bundle& bundle) {
  oci::Spec& spec = bundle.spec;
  const auto any_rule = [&](auto holds) {
    return std::any_of(layers_.begin(), layers_.end(), [&](const WrittenLayer& layer) {
      return std::any_of(layer.rules.begin(), layer.rules.end(), holds);
    });
  };
  unlimited_ = std::none_of(layers_.begin(), layers_.end(),
                            [](const WrittenLayer& layer) { return layer.limits_writes; });
  brokered_ = unlimited_ ||
              any_rule([](const WrittenRule& rule) { return rule.list == PathList::kAllowWrite; });
  SRT_TRY(check_spec(spec, brokered_));
  tree_.kept = own_mounts(spec);
  const bool kept = std::find(tree_.kept.begin(), tree_.kept.end(), kShm) != tree_.kept.end();
  tree_.own_shm = !unlimited_ && !kept && has_mount(spec, kShm) &&
                  !any_rule([](const WrittenRule& rule) { return rule.entry.path == kShm; });
  cwd_ = "/";
  if (spec.process) {
    cwd_ = spec.process->cwd;
    home_ = home_of(*spec.process);
    if (brokered_) {
      set_git_environment(*spec.process);
      forbid_core_files(*spec.process);
    }
    const oci::User user = spec.process->user.value_or(oci::User());
    broker_.uid = user.uid.value_or(0);
    broker_.gid = user.gid.value_or(0);
    broker_.groups = oci::items(user.additional_gids);
  }
  broker_.as_caller = broker_.reads_all_processes = true;
  // An ordinary user's containers have no such control group, and no device that it would keep them from.
  if (platform::is_host_root()) {
    const bool said = spec.linux_ && spec.linux_->resources;
    broker_.devices =
        said ? oci::items(spec.linux_->resources->devices) : std::vector<oci::DeviceCgroupRule>();
  }
  return resolved(PathLookup::kSpelled).map([](const FilesystemRules&) {});
}

void FileRules::add_to(platform::CreateOptions& options) const {
  if (!present()) return;
  options.file_rules = true;
  options.own_filter = file_rules_filter(brokered_);
}

Result<FilesystemRules> FileRules::resolved(PathLookup lookup) const {
  SRT_ASSIGN(FilesystemRules rules, filesystem_rules(layers_, cwd_, home_, lookup));
  rules.allow_git_config = allow_git_config_;
  oci::Diagnostics found("policy");
  for (const std::string& text : rules.widenings(ceilings_)) found.add(std::string(), text);
  if (!found.empty()) return fail(found);
  return rules;
}

Result<std::string> FileRules::look() const {
  SRT_ASSIGN(const FilesystemRules rules, resolved(PathLookup::kFollowed));
  const Access root = rules.access("/");
  if (!root.read) {
    return fail(kObject, "denyRead \"/\" would hide the whole container",
                "name the folders in it that are to be hidden");
  }
  SRT_ASSIGN(const FilesystemMounts built,
             filesystem_mounts(rules, {.unreadable_file = kUnreadable, .container = tree_}));
  platform::BrokerConfig broker = broker_;
  broker.rules = rules_for_broker(rules);
  broker.rules.police_sockets = false;
  if (unlimited_) {
    // Nobody says what may be written: only what is denied is looked after.
    broker.rules.write_roots = {"/"};
    broker.rules.protect_names = false;
  }
  Found<wire::Owned> found{mounts_of(built), to_json(broker), rules.notes};
  found.notes.insert(found.notes.end(), built.notes.begin(), built.notes.end());
  return wire::encode(found);
}

Result<FileRules::InTree> FileRules::in_tree(const platform::Handle& handle) const {
  SRT_ASSIGN(const std::string bytes, platform::in_container(handle, [&] { return look(); }));
  Found<wire::Viewed> found;
  wire::Reader reader(bytes);
  reader.read(found);
  if (reader.failed())
    return fail(kObject, "who looked at the container's tree sent half an answer");
  InTree tree;
  tree.mounts = found.mounts;
  SRT_ASSIGN(tree.broker, platform::parse_broker_config(found.broker));
  for (const std::string_view note : found.notes) tree.notes.emplace_back(note);
  return tree;
}

std::string FileRules::to_text() const {
  std::string text = "filesystem rules\n";
  for (const WrittenLayer& layer : layers_) {
    for (const WrittenRule& rule : layer.rules) {
      std::string list = name_of(rule.list);
      list.resize(std::max<size_t>(list.size(), 10), ' ');
      text +=
          "  " + list + " " + oci::printable(rule.entry.path, 4096) + "    # " + rule.origin + "\n";
    }
  }
  if (!unlimited_) text += "  denyWrite  everything else\n";
  return text + (brokered_ ? "  srt-broker decides what is made and written\n" : "");
}

void FileRules::write(oci::JsonWriter& writer) const {
  writer.begin_array();
  for (const WrittenLayer& layer : layers_) {
    for (const WrittenRule& rule : layer.rules) {
      writer.begin_object();
      writer.key("list");
      writer.value(std::string_view(name_of(rule.list)));
      writer.key("path");
      writer.value(rule.entry.path);
      writer.key("origin");
      writer.value(rule.origin);
      writer.end_object();
    }
  }
  writer.end_array();
}

}  // namespace srt::runtime
