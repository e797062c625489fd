// Bundle and options → plan. No side effect.
#include <stdlib.h>
#include <unistd.h>

#include <climits>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "oci/names.h"
#include "platform/darwin/content.h"
#include "platform/darwin/run_profile.h"

namespace srt::platform {
namespace {

std::string random_name() {
  uint64_t bits = 0;
  arc4random_buf(&bits, sizeof bits);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

// Of this user alone, and resolved: rules name resolved paths.
Result<std::string> temporary_folder() {
  char path[PATH_MAX], resolved[PATH_MAX];
  const size_t size = confstr(_CS_DARWIN_USER_TEMP_DIR, path, sizeof path);
  if (size == 0 || size > sizeof path || realpath(path, resolved) == nullptr) {
    return fail_errno("the user's folder for temporary files", "find");
  }
  return std::string(resolved);
}

void set(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const std::string& entry) {
    return entry.starts_with(name) && entry.substr(name.size(), 1) == "=";
  });
  environment.push_back(name + "=" + value);
}

Result<void> check_options(const CreateOptions& options) {
  if (!options.pidfd_socket.empty()) {
    return fail("--pidfd-socket", "macOS has no pidfds", "leave it out");
  }
  if (options.systemd_cgroup) {
    return fail("--systemd-cgroup", "macOS has no control groups", "leave it out");
  }
  return {};
}

}  // namespace

Result<Plan> make_plan(const Bundle& bundle, const CreateOptions& options) {
  SRT_TRY(check_options(options));
  auto content = std::make_shared<Plan::Content>();
  if (!bundle.spec.process) return fail("config.json: /process", "is needed on macOS");
  content->id = options.id;
  content->bundle = bundle.dir;
  content->oci_version = bundle.spec.oci_version;
  content->annotations = bundle.spec.annotations;
  if (bundle.spec.hooks) {
    content->create_container_hooks = oci::items(bundle.spec.hooks->create_container);
    content->start_container_hooks = oci::items(bundle.spec.hooks->start_container);
  }
  Handle& run = content->foreseen;
  run.run = random_name();
  if (options.egress) run.guard_port = options.egress->guard_port;
  oci::Process process = *bundle.spec.process;
  if (options.own_tmpdir) {
    SRT_ASSIGN(const std::string folder, temporary_folder());
    run.own_tmpdir = folder + "/srt." + run.run;
    if (!process.env) process.env.emplace();
    set(*process.env, "TMPDIR", run.own_tmpdir);
  }
  SRT_ASSIGN(content->process, darwin::plan_process(process, run.run));
  SRT_ASSIGN(darwin::RunProfile profile,
             darwin::run_profile({bundle.spec, options.host_access, run, options.egress.has_value(),
                                  options.state_folder}));
  content->process.profile = std::move(profile.text);
  content->warnings = std::move(profile.warnings);
  content->process.ignored_signals = options.ignored_signals;
  content->console_socket = options.console_socket;
  content->preserve_fds = options.preserve_fds;
  content->foreground = options.foreground;
  content->die_with_caller = options.die_with_caller;
  return Plan(std::move(content));
}

Handle Plan::foreseen() const { return content_->foreseen; }
const std::vector<std::string>& Plan::warnings() const { return content_->warnings; }
const std::vector<std::string>& Plan::debug_notes() const { return content_->notes; }

std::string Plan::to_text() const {
  const darwin::ProcessPlan& process = content_->process;
  std::string text = "container " + content_->id + " from " + content_->bundle + "\n\n";
  text += "profile\n" + process.profile + "\n\nsandbox-exec -p PROFILE\n  " + process.program;
  for (const std::string& word : process.arguments) text += " " + word;
  text += "\n  in " + process.cwd + "\n";
  if (process.uid) {
    text += "  as " + std::to_string(*process.uid) + ":" + std::to_string(process.gid) + "\n";
  }
  if (content_->foreseen.guard_port != 0) {
    text += "  guard on a port of 127.0.0.1 that is taken when it is made\n";
  }
  for (const std::string& warning : content_->warnings) text += "warning: " + warning + "\n";
  return text;
}

std::string Plan::to_json() const {
  using Json = nlohmann::ordered_json;
  const darwin::ProcessPlan& process = content_->process;
  Json json;
  json["id"] = content_->id;
  json["bundle"] = content_->bundle;
  json["profile"] = process.profile;
  json["program"] = process.program;
  json["arguments"] = process.arguments;
  json["environment"] = process.environment;
  json["cwd"] = process.cwd;
  if (process.uid) {
    json["user"] = {{"uid", *process.uid}, {"gid", process.gid}, {"groups", process.groups}};
  }
  json["warnings"] = content_->warnings;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace srt::platform
