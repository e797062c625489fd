// process of config.json → what is started under sandbox-exec.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "platform/darwin/content.h"

namespace srt::platform::darwin {
namespace {

struct RlimitName {
  std::string_view name;
  int resource;
};
// Those that the mapping table calls mapped.
constexpr std::array kRlimits = {
    RlimitName{"RLIMIT_AS", RLIMIT_AS},         RlimitName{"RLIMIT_CORE", RLIMIT_CORE},
    RlimitName{"RLIMIT_CPU", RLIMIT_CPU},       RlimitName{"RLIMIT_DATA", RLIMIT_DATA},
    RlimitName{"RLIMIT_FSIZE", RLIMIT_FSIZE},   RlimitName{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    RlimitName{"RLIMIT_NOFILE", RLIMIT_NOFILE}, RlimitName{"RLIMIT_NPROC", RLIMIT_NPROC},
    RlimitName{"RLIMIT_RSS", RLIMIT_RSS},       RlimitName{"RLIMIT_STACK", RLIMIT_STACK},
};

rlim_t limit_of(uint64_t value) {
  return value >= static_cast<uint64_t>(RLIM_INFINITY) ? RLIM_INFINITY : static_cast<rlim_t>(value);
}

std::string variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

bool is_program(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

// As execvp(3) looks, here and only here: sandbox-exec gets an absolute path.
Result<std::string> find_program(const std::string& name, const ProcessPlan& plan) {
  auto absent = [&](const std::string& why, int status) {
    return fail(Error{"process.args[0] \"" + name + "\"", why, "", 0, status});
  };
  if (name.find('/') != std::string::npos) {
    const std::string path = name.starts_with('/') ? name : plan.cwd + "/" + name;
    struct stat st {};
    if (stat(path.c_str(), &st) != 0) return absent("is not there", 127);
    if (!is_program(path)) return absent("cannot be run", 126);
    return path;
  }
  std::string path = variable(plan.environment, "PATH");
  if (path.empty()) path = "/usr/bin:/bin:/usr/sbin:/sbin";
  for (std::string_view rest = path;;) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    // An empty or relative entry means the working directory.
    std::string candidate(folder);
    if (!candidate.starts_with('/')) candidate = plan.cwd + "/" + candidate;
    candidate += "/" + name;
    if (is_program(candidate)) return candidate;
    if (folder.size() == rest.size()) return absent("is not in PATH", 127);
    rest.remove_prefix(folder.size() + 1);
  }
}

Result<void> take_user(const oci::User& user, ProcessPlan& plan) {
  if (user.umask) plan.umask = static_cast<mode_t>(*user.umask);
  const uid_t uid = user.uid.value_or(0);
  const gid_t gid = user.gid.value_or(0);
  const bool own = uid == geteuid() && gid == getegid() && oci::items(user.additional_gids).empty();
  if (own) return {};
  if (geteuid() != 0) {
    return fail("config.json: /process/user", "is another user's, which takes root",
                "set uid and gid to " + std::to_string(geteuid()) + " and " +
                    std::to_string(getegid()) + ", without additionalGids");
  }
  plan.uid = uid;
  plan.gid = gid;
  const auto& more = oci::items(user.additional_gids);
  plan.groups.assign(more.begin(), more.end());
  return {};
}

}  // namespace

std::string run_variable(const std::string& run) { return "SRT_SANDBOX_RUN=" + run; }

std::vector<std::string> ProcessPlan::command_line() const {
  std::vector<std::string> words = {kSandboxExec, "-p", profile, program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

Result<ProcessPlan> plan_process(const oci::Process& process, const std::string& run) {
  ProcessPlan plan;
  const auto& args = oci::items(process.args);
  if (args.empty()) return fail("config.json: /process/args", "is empty");
  plan.cwd = process.cwd;
  plan.environment = oci::items(process.env);
  std::erase_if(plan.environment,
                [](const std::string& entry) { return entry.starts_with("SRT_SANDBOX_RUN="); });
  plan.environment.push_back(run_variable(run));
  SRT_ASSIGN(plan.program, find_program(args[0], plan));
  plan.arguments.assign(args.begin() + 1, args.end());
  SRT_TRY(take_user(process.user.value_or(oci::User()), plan));
  for (const oci::Rlimit& limit : oci::items(process.rlimits)) {
    const auto* known = std::find_if(kRlimits.begin(), kRlimits.end(),
                                     [&](const RlimitName& one) { return one.name == limit.type; });
    if (known == kRlimits.end()) {
      return fail("config.json: /process/rlimits", "macOS has no " + limit.type, "remove it");
    }
    plan.rlimits.push_back({known->resource, {limit_of(limit.soft), limit_of(limit.hard)}});
  }
  plan.terminal = process.terminal.value_or(false);
  plan.console_size = process.console_size;
  return plan;
}

}  // namespace srt::platform::darwin
