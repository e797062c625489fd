// srt: one command in a sandbox. Options, then the command; everything else is runtime/.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "platform/last_will.h"
#include "runtime/callers_proxy.h"
#include "runtime/command_bundle.h"
#include "runtime/explain.h"
#include "runtime/host_access.h"
#include "runtime/lifecycle.h"
#include "runtime/proxy_environment.h"
#include "runtime/sandbox_policy.h"
#include "shim/foreground.h"
#include "shim/options.h"
#include "shim/srt/control.h"
#include "shim/srt/hiding.h"
#include "shim/srt/streams.h"
#include "shim/srt/summary.h"
#include "shim/standard_descriptors.h"
#include "shim/version.h"

extern char** environ;

namespace srt::shim {
namespace {

constexpr int kCannotSandbox = 125;

constexpr Option kOptions[] = {
    {"s,settings", "FILE", "the rules, in place of ~/.srt-settings.json"},
    {"c,command", "COMMAND", "run COMMAND with a shell"},
    {"allow-domain", "DOMAIN", "may be reached: host, *.a.b, host:port", Option::kRepeated},
    {"deny-domain", "DOMAIN", "may not, whatever else is said", Option::kRepeated},
    {"allow-write", "PATH", "may be written, with all below it", Option::kRepeated},
    {"deny-read", "PATH", "may not be read", Option::kRepeated},
    {"control-fd", "N", "read new settings from descriptor N, one JSON document a line",
     Option::kNumber},
    {"docker-image", "IMAGE", "not supported: use podman with srt-runtime"},
    {"violations", "FILE", "write what was blocked there, one JSON object a line"},
    {"v,verbose", "", "say at the end what was blocked"},
    {"d,debug", "", "say what is done and why"},
    {"V,version", "", "print the version"},
};

std::string help() {
  return "srt - runs a command in a sandbox: it reads everything but secrets, writes only what is\n"
         "allowed, and reaches only the hosts that are named\n\n"
         "Usage: srt [options] COMMAND [ARGUMENT…]\n"
         "       srt [options] 'SHELL COMMAND'\n"
         "       srt explain [options]      what is allowed, and which file says so\n\n"
         "Options:\n" +
         describe_options(kOptions) +
         "\nSettings are read from ~/.srt-settings.json; without that file there is no network "
         "and\n"
         "nothing can be written.\n\n"
         "Example: srt --allow-write . --allow-domain registry.npmjs.org npm install\n"
         "         srt 'npm test && git diff'\n";
}

int report(const Error& error, int status) {
  std::fprintf(stderr, "srt: %s\n", to_string(error).c_str());
  return status;
}

bool wants_debug(const Arguments& arguments) {
  const char* variable = std::getenv("SRT_DEBUG");
  return arguments.on("debug") || (variable && variable[0] != '\0');
}

std::string working_directory() {
  std::unique_ptr<char, void (*)(void*)> path(getcwd(nullptr, 0), std::free);
  return path ? path.get() : "";
}

std::string home_directory() {
  const char* home = std::getenv("HOME");
  return home && home[0] == '/' ? home : "";
}

std::vector<std::string> caller_environment() {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
  return environment;
}

runtime::LayerSources sources_of(const Arguments& arguments, const std::string& cwd) {
  runtime::LayerSources sources;
  sources.cwd = cwd;
  sources.home = home_directory();
  if (arguments.given("settings")) sources.settings_file = arguments.text("settings");
  for (const std::string& entry : caller_environment()) {
    size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = entry.substr(0, equals);
    if (name.starts_with("SRT_") || runtime::is_proxy_variable(name)) {
      sources.environment.emplace(name, entry.substr(equals + 1));  // getenv(3) finds the first
    }
  }
  sources.flags = {arguments.list("allow-domain"), arguments.list("deny-domain"),
                   arguments.list("allow-write"), arguments.list("deny-read")};
  return sources;
}

// One argument with blanks is a shell command, several are a program and its arguments.
Result<std::vector<std::string>> command_of(const Arguments& arguments) {
  std::vector<std::string> words = arguments.rest();
  if (arguments.given("command")) {
    // `srt -c "$COMMAND"` without that variable: a success would say that it ran.
    if (arguments.text("command").empty()) return fail("-c", "names no command");
    std::vector<std::string> argv = {"bash", "-c", arguments.text("command")};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
  }
  if (words.empty()) return fail("", "no command is given", "srt --help shows how");
  if (words.size() == 1 && words[0].find_first_of(" \t\n") != std::string::npos) {
    return std::vector<std::string>{"bash", "-c", words[0]};
  }
  return words;
}

Result<runtime::ContainerId> new_id() {
  return runtime::ContainerId::parse("srt-" + std::to_string(getpid()) + "-" +
                                     std::to_string(arc4random()));
}

constexpr std::string_view kForget = "--forget";

// srt --forget STATE_FOLDER ID: what is left of a run that was killed. Not for people: the next run of theirs
// sweeps as well.
int forget(const std::string& folder, const std::string& id) {
  const Result<runtime::Store> store = runtime::Store::open(folder);
  const Result<runtime::ContainerId> known = runtime::ContainerId::parse(id);
  if (!store || !known) return kCannotSandbox;
  const runtime::Log log("srt");
  const Result<void> removed =
      runtime::remove(*store, *known, {.force = true, .hooks = false}, log);
  store->remove_if_empty();
  return removed ? 0 : kCannotSandbox;
}

// What this sandbox leaves in the state folder goes with this, however run_command() ends.
class Leftovers {
 public:
  Leftovers(const runtime::Store& store, const runtime::ContainerId& id, const runtime::Log& log)
      : store_(store), id_(id), log_(log) {}
  Leftovers(const Leftovers&) = delete;
  Leftovers& operator=(const Leftovers&) = delete;
  ~Leftovers() {
    Result<void> removed = runtime::remove(store_, id_, {.force = true, .hooks = false}, log_);
    if (!removed) log_.warn("clean up: " + to_string(removed.error()));
    store_.remove_if_empty();
  }

 private:
  const runtime::Store& store_;
  const runtime::ContainerId& id_;
  const runtime::Log& log_;
};

runtime::CreateRequest request_for(const runtime::ContainerId& id,
                                   const runtime::Command& command) {
  runtime::CreateRequest request{.id = id, .bundle = {}, .options = {}, .pid_file = {}};
  request.detach = false;
  request.options.foreground = true;
  request.options.reaper = true;
  request.options.die_with_caller = true;
  request.options.few_cgroups = true;
  request.options.own_tmpdir = true;
  if (!command.host_root) request.options.own_ids = {{command.uid, command.gid}};
  return request;
}

Result<int> control_fd(const Arguments& arguments) {
  if (!arguments.given("control-fd")) return -1;
  const auto fd = static_cast<int>(arguments.number("control-fd"));
  if (fd < 3) return fail("--control-fd", "must be 3 or more");
  if (fcntl(fd, F_GETFL) < 0) return fail_errno("--control-fd " + std::to_string(fd), "use");
  // Rules that nobody reads, those that close among them, would be lost without a word. Nothing is taken
  // by this; EBADF: it is open for writing alone, or as a place (O_PATH). A folder is none to read, either.
  char none = 0;
  if (read(fd, &none, 0) < 0 && errno != EAGAIN && errno != EINTR) {
    const std::string object = "--control-fd " + std::to_string(fd);
    if (errno == EBADF) return fail(object, "is not open for reading");
    return fail_errno(object, "read");
  }
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);  // the command must not write its own policy
  return fd;
}

// There is no way but to set another one. The command's, that is: ours must leave us the state that we write.
uint32_t own_umask() {
  const mode_t mask = umask(077);
  umask(mask & 077);
  return mask;
}

// `nohup srt …`, `trap '' TERM; srt …`: as execve hands them on. Not those from the keyboard: a shell
// without job control ignores them for what it starts in the background, and kill(1) must end us all the same.
uint64_t signals_ignored_by_caller() {
  uint64_t set = 0;
  for (int number = 1; number < NSIG; ++number) {
    if (number == SIGINT || number == SIGQUIT || number == SIGCHLD) continue;
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
      set |= uint64_t{1} << (number - 1);
    }
  }
  return set;
}

// The guard's listeners are ours only in here: where it stands on the host's loopback, a copy that we kept
// would let clients connect, and wait, to a guard that has died.
Result<runtime::Created> create_command(runtime::Entry entry, runtime::CreateRequest request,
                                        platform::Bundle bundle,
                                        const runtime::SandboxPolicy& policy,
                                        const runtime::EffectivePolicy& network,
                                        const runtime::Command& command, runtime::Masking masking,
                                        const std::string& folder, const runtime::Log& log) {
  SRT_TRY(runtime::write_command_files(entry, bundle, masking.files));
  SRT_ASSIGN(runtime::Egress egress, runtime::Egress::with(network, bundle, folder));
  egress.carry(std::move(masking.secrets));
  // Also where nothing passes: the host's proxies, and their passwords, are not the command's.
  if (!network.present) runtime::set_proxy_environment(*bundle.spec.process->env, network.egress);
  request.start_follows = true;
  request.broker = runtime::command_broker(policy, command);
  request.options.brokered = request.broker.has_value();
  request.options.host_access = runtime::host_access(policy);
  request.tls = policy.tls_authority;
  if (request.tls) {
    runtime::add_callers_roots(*request.tls, command.environment, command.cwd);
  }
  return runtime::create_in(std::move(entry), request, bundle, egress, runtime::FileRules(), log);
}

Result<int> run_command(const runtime::SandboxPolicy& policy, const runtime::LayerSources& sources,
                        const Arguments& arguments, std::vector<std::string> argv) {
  runtime::Log log("srt");
  log.set_debug(wants_debug(arguments));
  if (policy.tls_authority) SRT_TRY(platform::Terminator::available());
  SRT_ASSIGN(const int control_fd, shim::control_fd(arguments));
  SRT_TRY(check_streams(policy));
  UniqueFd report;
  if (arguments.given("violations")) {
    SRT_ASSIGN(report, open_report(arguments.text("violations")));
  }
  runtime::Command command{.argv = std::move(argv),
                           .cwd = sources.cwd,
                           .environment = caller_environment(),
                           .uid = getuid(),
                           .gid = getgid(),
                           .umask = own_umask(),
                           .host_root = platform::is_host_root()};
  SRT_ASSIGN(
      runtime::Masking masking,
      runtime::mask(policy.masked, policy.flags.allow_plaintext_inject, command.environment));
  const uint64_t ignored = signals_ignored_by_caller();
  std::signal(SIGXFSZ,
              SIG_IGN);  // `ulimit -f`: a state that cannot be written is an error that is said
  SRT_ASSIGN(Foreground foreground, Foreground::take(ignored));
  SRT_ASSIGN(runtime::Store store, runtime::Store::open(""));
  runtime::sweep(store, log);
  SRT_ASSIGN(runtime::ContainerId id, new_id());
  SRT_ASSIGN(const platform::LastWill will,
             platform::LastWill::make({"srt", std::string(kForget), store.path(), id.str()}));
  SRT_ASSIGN(runtime::Entry entry, store.reserve(id));
  const Leftovers leftovers(store, id, log);

  runtime::EffectivePolicy network = policy.network;
  network.present = policy.names_network || control_fd >= 0;
  runtime::CreateRequest request = request_for(id, command);
  request.options.ignored_signals = ignored;
  request.options.state_folder = store.path();
  const std::string folder = store.folder_of(id);
  SRT_ASSIGN(platform::Bundle bundle,
             runtime::command_bundle(policy, command, masking.files, folder));
  Hiding hiding(policy, bundle);
  SRT_ASSIGN(runtime::Created created,
             create_command(std::move(entry), std::move(request), std::move(bundle), policy,
                            network, command, std::move(masking), folder, log));
  SRT_TRY(runtime::start(store, created, log));

  Control control(control_fd, [&](const std::string& document) -> Result<void> {
    runtime::LayerSources replaced = sources;
    replaced.replacement = document;
    SRT_ASSIGN(runtime::SandboxPolicy next, runtime::sandbox_policy(replaced));
    if (next.tls_authority != policy.tls_authority) {
      return fail("network/tlsTerminate",
                  "its authority, and whether there is one, cannot change while the sandbox runs");
    }
    return runtime::replace_policy(store, id, next.network);
  });
  const platform::Handle handle = created.record.handle;
  std::optional<Error> ungoverned;  // rules that could not be read
  const auto govern = [&] {
    Result<bool> more = control.take();
    if (more) return *more;
    ungoverned = std::move(more).error();
    (void)platform::signal_all(handle, SIGKILL);
    return false;
  };
  Result<int> status = foreground.attend(
      {.child = handle.init,
       .terminal = {},
       .shares_session = true,
       .behind_reaper = true,
       .also_watched = {{control_fd, govern}},
       .when_settled = [&] { return hiding.begin(handle); },
       .signal = [&](int signal) { (void)platform::signal_init(handle, signal); },
       .signal_all = [&](int signal) { (void)platform::signal_all(handle, signal); }});
  Violations violations = read_violations(folder);
  ignore(violations, policy.ignore_violations, command.argv);
  if (report) SRT_TRY(write_violations(violations, report.get()));
  summarise(violations, arguments.on("verbose"));
  if (ungoverned) return fail(std::move(*ungoverned));
  if (hiding.seen) return fail(std::move(*hiding.seen));
  return status;
}

int run(std::span<const char* const> words) {
  if (words.size() == 3 && words[0] == kForget) return forget(words[1], words[2]);
  const bool explain = !words.empty() && std::string_view(words[0]) == "explain";
  if (explain) words = words.subspan(1);
  Result<Arguments> arguments = parse_options(kOptions, words);
  if (!arguments) return report(arguments.error(), kCannotSandbox);
  if (arguments->on("version")) {
    std::fputs(("srt of " + version_text()).c_str(), stdout);
    return 0;
  }
  if (arguments->on("help")) {
    std::fputs(help().c_str(), stdout);
    return 0;
  }
  if (arguments->given("docker-image")) {
    return report({"--docker-image", "is not supported",
                   "podman --runtime srt-runtime run IMAGE runs an image in the same sandbox"},
                  kCannotSandbox);
  }
  const std::string cwd = working_directory();
  if (cwd.empty()) return report({"working directory", "has gone"}, kCannotSandbox);
  const runtime::LayerSources sources = sources_of(*arguments, cwd);
  Result<runtime::SandboxPolicy> policy = runtime::sandbox_policy(sources);
  if (!policy) return report(policy.error(), kCannotSandbox);
  // The kernel's own name of it has no links: one that is there by now was put in its place by somebody who may write
  // around it, another sandbox of ours, and "." would be what it leads to.
  if (policy->filesystem.cwd != cwd) {
    return report({"working directory", "was replaced while it was looked at", "try again"},
                  kCannotSandbox);
  }
  if (explain && !arguments->rest().empty()) {
    return report({"explain " + oci::printable(arguments->rest().front(), 200), "takes no command",
                   "it prints what is allowed, and runs nothing"},
                  kCannotSandbox);
  }
  if (explain) {
    std::fputs(runtime::explain(*policy).c_str(), stdout);
    return 0;
  }
  if (wants_debug(*arguments)) {
    for (const std::string& note : policy->notes) std::fprintf(stderr, "srt: %s\n", note.c_str());
  }
  Result<std::vector<std::string>> argv = command_of(*arguments);
  if (!argv) return report(argv.error(), kCannotSandbox);
  if (arguments->given("control-fd")) {
    policy->control_file = name_of_file(static_cast<int>(arguments->number("control-fd")));
  }
  Result<int> status = run_command(*policy, sources, *arguments, std::move(*argv));
  if (status) return *status;
  Error error = std::move(status).error();
  if (error.exit_status == 126 || error.exit_status == 127) return report(error, error.exit_status);
  const char* announced = std::getenv("SANDBOX_RUNTIME");
  if (announced && std::string_view(announced) == "1") {
    error.mend = "this is inside of a sandbox already, where no other one can be made";
  }
  return report(error, kCannotSandbox);
}

}  // namespace
}  // namespace srt::shim

int main(int argc, char** argv) {
  if (argc < 1 || !srt::shim::open_standard_descriptors()) return 125;
  std::signal(SIGCHLD, SIG_DFL);
  return srt::shim::run({argv + 1, static_cast<size_t>(argc - 1)});
}
