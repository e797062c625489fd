// Makes, fills and removes what plan_cgroup() planned.
#include "platform/linux/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "platform/linux/cgroup_tree.h"
#include "platform/linux/device_filter.h"
#include "platform/linux/init/sys.h"

namespace srt::platform {
namespace {

constexpr char kProcs[] = "/cgroup.procs";

std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Directories made so far; unless kept they are removed again, deepest first.
class Made {
 public:
  ~Made() {
    for (auto path = paths_.rbegin(); path != paths_.rend(); ++path) rmdir(path->c_str());
  }
  void add(const std::string& path) { paths_.push_back(path); }
  void keep() { paths_.clear(); }

 private:
  std::vector<std::string> paths_;
};

// A new v1 cpuset has neither processors nor memory, and takes no process until it has both.
Result<void> inherit_cpuset(const std::string& directory) {
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    SRT_ASSIGN(const std::string own, read_file(directory + file));
    if (own.find_first_not_of(" \n") != std::string::npos) continue;  // cgroup.clone_children
    SRT_ASSIGN(std::string inherited, read_file(parent(directory) + file));
    if (inherited.find_first_not_of(" \n") == std::string::npos) {
      SRT_TRY(inherit_cpuset(parent(directory)));  // somebody's mkdir, for a group of containers
      SRT_ASSIGN(inherited, read_file(parent(directory) + file));
    }
    SRT_TRY(write_file(directory + file, inherited));
  }
  return {};
}

// mkdir -p, from the top of what is missing. True: the last one is new.
Result<bool> make_directories(const std::string& path, bool cpuset, Made& made) {
  if (mkdir(path.c_str(), 0755) != 0) {
    if (errno == EEXIST) return false;
    if (errno != ENOENT) return fail_errno(path, "mkdir");
    SRT_TRY(make_directories(parent(path), cpuset, made));
    if (mkdir(path.c_str(), 0755) != 0) {
      if (errno == EEXIST) return false;  // another container beside us
      return fail_errno(path, "mkdir");
    }
  }
  made.add(path);
  if (cpuset) SRT_TRY(inherit_cpuset(path));
  return true;
}

// Ending this container would end them.
Result<void> refuse_strangers(const std::string& directory) {
  const auto pids = cgroup_tree_processes(directory);
  if (pids.empty()) return {};
  return fail(directory, "has processes already, " + std::to_string(pids.front()) + " among them",
              "choose another linux.cgroupsPath");
}

bool has_controller(const std::string& controllers, std::string_view name) {
  const std::string list = "," + controllers + ",";
  return list.find("," + std::string(name) + ",") != std::string::npos;
}

// v2 controllers that the plan's writes need in the container's cgroup, with the property that
// asks.
std::map<std::string, std::string> needed_controllers(const CgroupPlan& plan) {
  std::map<std::string, std::string> needed;
  for (const CgroupWrite& write : plan.writes) {
    const std::string file = write.file.substr(write.file.rfind('/') + 1);
    const std::string controller = file.substr(0, file.find('.'));
    if (controller != "cgroup" && !write.optional) needed.emplace(controller, write.pointer);
  }
  return needed;
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> found;
  for (size_t begin = 0; (begin = text.find_first_not_of(" \n", begin)) != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    found.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return found;
}

// Lets the children of `directory` have every controller that it has itself: limits need some,
// statistics want the rest. Only a missing one that is needed is an error.
Result<void> pass_controllers_on(const std::string& directory,
                                 const std::map<std::string, std::string>& needed) {
  const std::string file = directory + "/cgroup.subtree_control";
  auto have = read_file(directory + "/cgroup.controllers");
  auto passed_on = read_file(file);
  if (!have || !passed_on) return {};
  const auto passed = words(*passed_on);
  for (const std::string& controller : words(*have)) {
    if (std::find(passed.begin(), passed.end(), controller) != passed.end()) continue;
    auto written = write_file(file, "+" + controller);
    const auto wanted = needed.find(controller);
    if (written || wanted == needed.end()) continue;
    if (written.error().code == EBUSY) {  // cgroup-v2.rst, "No Internal Process Constraint"
      return fail(wanted->second,
                  directory + " has processes of its own, so its children cannot have the " +
                      controller + " controller",
                  "give an absolute linux.cgroupsPath, or start from a delegated cgroup");
    }
    return fail(Error{.object = wanted->second,
                      .why = to_string(written.error()),
                      .mend = "delegate the " + controller + " controller: Delegate=yes",
                      .code = written.error().code});
  }
  return {};
}

// Every ancestor within the v2 hierarchy, from the top.
Result<void> enable_controllers(const CgroupPlan& plan, const std::string& directory) {
  std::vector<std::string> ancestors;
  for (std::string path = parent(directory); !path.empty(); path = parent(path)) {
    if (access((path + "/cgroup.subtree_control").c_str(), F_OK) != 0) break;
    ancestors.push_back(path);
  }
  const auto needed = needed_controllers(plan);
  for (auto path = ancestors.rbegin(); path != ancestors.rend(); ++path) {
    SRT_TRY(pass_controllers_on(*path, needed));
  }
  return {};
}

bool writes_to_v2(const CgroupPlan& plan) {
  const auto v2 = plan.directories.find("");
  if (v2 == plan.directories.end()) return false;
  if (plan.layout == CgroupLayout::kV2) return true;  // statistics want controllers too
  return std::any_of(plan.writes.begin(), plan.writes.end(), [&](const CgroupWrite& write) {
    return write.file.starts_with(v2->second + "/");
  });
}

tl::unexpected<Error> write_error(const CgroupWrite& write, int code) {
  const std::string file = write.file.substr(write.file.rfind('/') + 1);
  Error error = fail_errno(write.pointer.empty() ? write.file : write.pointer,
                           "write \"" + write.value + "\" to " + write.file, code)
                    .value();
  // A cgroup exists, its file does not: the kernel was built without it. Making one is EACCES.
  if (access(write.file.c_str(), F_OK) != 0) error.why = "this kernel has no " + file + " here";
  return fail(std::move(error));
}

}  // namespace

// Neighbours often go into the same file, which is then opened once.
Result<void> do_writes(const std::vector<CgroupWrite>& writes) {
  UniqueFd fd;
  const std::string* opened = nullptr;
  for (const CgroupWrite& write : writes) {
    if (!opened || *opened != write.file) {
      fd.reset(open(write.file.c_str(), O_WRONLY | O_CLOEXEC));
      opened = &write.file;
    }
    if (!fd && errno == ENOENT && !write.else_file.empty()) {
      SRT_TRY(do_writes({{write.else_file, write.else_value, write.pointer, write.optional}}));
      opened = nullptr;
      continue;
    }
    const auto size = static_cast<ssize_t>(write.value.size());
    if (fd && ::write(fd.get(), write.value.data(), write.value.size()) == size) continue;
    const int code = errno;
    const bool lacking = code == ENOENT || code == EPERM;
    if (!write.optional || !lacking) return write_error(write, code);
  }
  return {};
}

static Result<void> make_own(const CgroupPlan& plan, Made& made) {
  for (const auto& [controllers, directory] : plan.directories) {
    SRT_ASSIGN(const bool is_new,
               make_directories(directory, has_controller(controllers, "cpuset"), made));
    if (!is_new) SRT_TRY(refuse_strangers(directory));
  }
  if (!writes_to_v2(plan)) return {};
  return enable_controllers(plan, plan.directories.begin()->second);
}

Result<void> make_cgroup(const CgroupPlan& plan) {
  Made made;
  // systemd has made a scope, and passed on to it what can be: nobody else writes to the tree above ("Control Group
  // APIs and Delegation").
  if (!plan.scope) SRT_TRY(make_own(plan, made));
  SRT_TRY(do_writes(plan.writes));
  if (!plan.device_program.empty()) {
    SRT_TRY(load_device_program(plan.device_program, plan.directories.at("")));
  }
  made.keep();
  return {};
}

Result<void> join_cgroup(const std::map<std::string, std::string>& directories, pid_t pid) {
  const std::string text = std::to_string(pid);
  for (const auto& [controllers, directory] : directories) {
    auto written = write_file(directory + kProcs, text);
    if (!written) return fail(written.error());
  }
  return {};
}

Result<CgroupEntry> open_cgroup(const std::map<std::string, std::string>& directories) {
  CgroupEntry entry;
  for (const auto& [controllers, directory] : directories) {
    const bool v2 = controllers.empty();
    const std::string path = v2 ? directory : directory + "/tasks";
    UniqueFd fd(open(path.c_str(), (v2 ? O_PATH | O_DIRECTORY : O_WRONLY) | O_CLOEXEC));
    if (!fd) return fail_errno(path, "open");
    if (v2) {
      entry.v2 = std::move(fd);
    } else {
      entry.tasks.push_back(std::move(fd));
    }
  }
  return entry;
}

pid_t clone_into_cgroup(const CgroupEntry& entry, uint64_t flags, uint64_t exit_signal,
                        bool& in_v2) {
  clone_args args{};
  args.flags = flags;
  args.exit_signal = exit_signal;
  // Asked before, not tried: a clone3 that fails on the threshold of a new pid namespace has used
  // up its first pid, and nothing can be born there any more (ENOMEM).
  in_v2 = !entry.v2 || faccessat(entry.v2.get(), "cgroup.procs", W_OK, 0) == 0;
  if (entry.v2 && in_v2) {
    args.flags |= CLONE_INTO_CGROUP;  // Linux 5.7
    args.cgroup = static_cast<uint64_t>(entry.v2.get());
  }
  return sys::clone3(args);
}

int enter_cgroup(const CgroupEntry& entry) {
  for (const UniqueFd& tasks : entry.tasks) {
    if (write(tasks.get(), "0", 1) != 1) return errno;  // 0: the writing thread
  }
  return 0;
}

}  // namespace srt::platform
