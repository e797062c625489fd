// srt-runtime exec: one more program in a running container.
#include "oci/load.h"
#include "runtime/exec_process.h"
#include "runtime/lifecycle.h"
#include "shim/foreground.h"
#include "shim/srt-runtime/verb.h"
#include "shim/terminal.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {
    {"p,process", "FILE", "the process as JSON, instead of a command"},
    {"t,tty", "", "give the program a terminal"},
    {"d,detach", "", "do not wait for the program"},
    {"cwd", "DIR", "its working directory"},
    {"e,env", "NAME=VALUE", "set a variable; may be repeated", Option::kRepeated},
    {"u,user", "UID[:GID]", "run as"},
    {"g,additional-gids", "GID", "further groups; may be repeated", Option::kRepeated},
    {"c,cap", "CAPABILITY", "add a capability; may be repeated", Option::kRepeated},
    {"no-new-privs", "", "let it gain no privileges by execve"},
    {"ignore-paused", "", "also in a paused container; it runs once that is resumed"},
    {"cgroup", "[CONTROLLERS:]PATH",
     "put it into this sub-cgroup of the container; may be repeated", Option::kRepeated},
    {"pid-file", "FILE", "write its pid there"},
    {"console-socket", "PATH", "socket that is sent the master of its terminal"},
    {"pidfd-socket", "PATH", "socket that is sent a pidfd of it"},
    {"preserve-fds", "N", "pass descriptors 3 to 3+N-1 on", Option::kNumber},
    {"apparmor", "PROFILE", "AppArmor profile"},
    {"process-label", "LABEL", "SELinux label"},
};

runtime::ExecChanges changes(const Invocation& call) {
  const Arguments& given = call.arguments;
  runtime::ExecChanges wanted;
  wanted.args.assign(given.rest().begin() + 1, given.rest().end());
  // `exec ID -- cmd`
  if (!wanted.args.empty() && wanted.args[0] == "--") wanted.args.erase(wanted.args.begin());
  wanted.cwd = given.text("cwd");
  wanted.env = given.list("env");
  wanted.user = given.text("user");
  wanted.additional_gids = given.list("additional-gids");
  wanted.capabilities = given.list("cap");
  wanted.terminal = given.on("tty");
  if (given.given("no-new-privs")) wanted.no_new_privileges = given.on("no-new-privs");
  wanted.apparmor_profile = given.text("apparmor");
  wanted.selinux_label = given.text("process-label");
  return wanted;
}

Result<oci::Process> wanted_process(const Invocation& call, const runtime::Store& store,
                                    const runtime::ContainerId& id) {
  std::string file = call.arguments.text("process");
  if (!file.empty()) return oci::load_process(file);
  if (call.words() < 2) {
    return fail("", "process args cannot be empty", "usage: srt-runtime exec [options] ID COMMAND");
  }
  SRT_ASSIGN(oci::Spec spec, runtime::spec_of(store, id));
  return runtime::exec_process(spec, changes(call));
}

Result<int> run(const Invocation& call) {
  const Arguments& given = call.arguments;
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_ASSIGN(oci::Process process, wanted_process(call, store, id));
  runtime::ExecRequest request{.id = id,
                               .process = std::move(process),
                               .options = {},
                               .ignore_paused = given.on("ignore-paused"),
                               .pid_file = given.text("pid-file")};
  request.options.console_socket = given.text("console-socket");
  request.options.pidfd_socket = given.text("pidfd-socket");
  request.options.preserve_fds = given.number("preserve-fds");
  request.options.cgroups = given.list("cgroup");
  request.options.detach = given.on("detach");
  request.options.foreground = !request.options.detach && request.options.console_socket.empty();
  std::optional<winsize> size = callers_size();
  if (request.process.terminal.value_or(false) && !request.process.console_size && size) {
    request.process.console_size = oci::Box{.height = size->ws_row, .width = size->ws_col};
  }
  if (request.options.detach) {
    SRT_TRY(runtime::exec(store, request));
    return 0;
  }
  SRT_ASSIGN(Foreground foreground, Foreground::take());
  SRT_ASSIGN(runtime::Executed executed, runtime::exec(store, request));
  call.log.debug("the process is " + std::to_string(executed.child.pid));
  return foreground.attend({.child = executed.child.pid,
                            .terminal = std::move(executed.child.terminal),
                            .signal = [&](int signal) { kill(executed.child.pid, signal); },
                            .signal_all = [&](int signal) { kill(executed.child.pid, signal); }});
}

}  // namespace

const Verb kExec{"exec",
                 "ID COMMAND [ARGUMENT]…",
                 "run one more program in a running container",
                 "  srt-runtime exec web ps -ef\n"
                 "  srt-runtime exec --tty --user 1000:1000 web sh\n",
                 kOptions,
                 1,
                 kAnyNumber,
                 run,
                 255};

}  // namespace srt::shim
