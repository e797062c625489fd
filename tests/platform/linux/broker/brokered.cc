// brokered [--same-user-namespace] CONFIG VIOLATIONS COMMAND…: runs a command under srt-broker with
// nothing else around it but namespaces: user (unless asked not to), mount and pid. CONFIG is a
// BrokerConfig as JSON; sandboxes whose CONFIG is in the same folder are neighbours. Ends with the command's status; 125: could not be set up.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "platform/broker.h"
#include "platform/broker_config.h"
#include "platform/linux/broker/call.h"
#include "platform/linux/broker/serve.h"
#include "platform/linux/seccomp.h"
#include "platform/unix_socket.h"

namespace {

using namespace srt;            // NOLINT: a program of one file
using namespace srt::platform;  // NOLINT

constexpr int kNotSetUp = 125;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "brokered: %s: %s\n", what.c_str(), std::strerror(errno));
  _exit(kNotSetUp);
}

void write_to(const std::string& path, const std::string& text) {
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || write(file.get(), text.data(), text.size()) < 0) die(path);
}

SeccompProgram compile(const BrokerRules& rules) {
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::kAllow;
  profile.listener_path = "srt-broker";
  profile.flags = {oci::SeccompFlag::kWaitKillableRecv, oci::SeccompFlag::kSpecAllow};
  profile.syscalls = brokered_calls(rules);
  Result<SeccompProgram> program = compile_seccomp(profile);
  if (!program) die(to_string(program.error()));
  return *program;
}

pid_t start_broker(const char* program, int config, int control, int listener, int violations,
                   int neighbours) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  int from[] = {config, control, listener, violations, neighbours};
  for (int& fd : from) fd = fcntl(fd, F_DUPFD, 20);
  for (int fd = kBrokerConfig; fd < kBrokerMore; ++fd) dup2(from[fd - kBrokerConfig], fd);
  close_range(kBrokerMore, ~0u, 0);  // no `exec` here
  execl(program, program, nullptr);
  die(program);
}

// sendmsg(2) is one of the calls that wait for the broker, which waits for the listener: whoever sends that
// shares our descriptors, but not the filter. Gets the listener's number by `number`.
pid_t start_sender(int socket, int number) {
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
  if (pid != 0) return pid;
  int listener;
  if (read(number, &listener, sizeof listener) != sizeof listener) _exit(1);
  _exit(send_with_descriptor(socket, "{}", listener) ? 0 : 1);
}

[[noreturn]] void run_command(const SeccompProgram& program, int socket, char** argv) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("no_new_privs");
  sock_fprog filter{static_cast<unsigned short>(program.filter.size()),
                    const_cast<sock_filter*>(program.filter.data())};
  int number[2];
  if (pipe2(number, O_CLOEXEC) != 0) die("pipe");
  const pid_t sender = start_sender(socket, number[0]);
  if (sender < 0) die("clone");
  const int listener =
      static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program.flags, &filter));
  if (listener < 0) die("seccomp");
  int status;
  if (write(number[1], &listener, sizeof listener) != sizeof listener ||
      waitpid(sender, &status, 0) != sender || status != 0) {
    die("send the listener");
  }
  close_range(3, ~0u, 0);
  execvp(argv[0], argv);
  die(argv[0]);
}

[[noreturn]] void first_process(const SeccompProgram& program, int socket, int go, char** argv) {
  char byte;
  if (read(go, &byte, 1) != 1) _exit(kNotSetUp);
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) die("mount /");
  if (mount("proc", "/proc", "proc", 0, nullptr) != 0) die("mount /proc");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  for (int cap = 0; cap <= CAP_LAST_CAP; ++cap) (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  if (syscall(SYS_capset, &header, none) != 0) die("capset");
  const pid_t command = fork();
  if (command == 0) run_command(program, socket, argv);
  close_range(3, ~0u, 0);
  for (;;) {
    int status;
    const pid_t pid = wait(&status);
    if (pid < 0 && errno != EINTR) _exit(kNotSetUp);
    if (pid == command) {
      _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
  }
}

int wait_for(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int argc, char** argv) {
  const bool own_users = argc < 2 || std::strcmp(argv[1], "--same-user-namespace") != 0;
  if (!own_users) ++argv, --argc;
  if (argc < 4) die("usage: brokered [--same-user-namespace] CONFIG VIOLATIONS COMMAND…");
  std::ifstream file(argv[1]);
  const std::string json((std::istreambuf_iterator<char>(file)), {});
  Result<BrokerConfig> config = parse_broker_config(json);
  if (!config) die(to_string(config.error()));
  const SeccompProgram program = compile(config->rules);

  UniqueFd memory(memfd_create("config", MFD_CLOEXEC));
  if (write(memory.get(), json.data(), json.size()) < 0) die("memfd");
  UniqueFd violations(open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!violations) die(argv[2]);
  UniqueFd neighbours(open(std::filesystem::path(argv[1]).parent_path().c_str(),
                           O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!neighbours) die("open the folder of CONFIG");
  auto control = *make_socket_pair(SOCK_SEQPACKET);
  auto listener = *make_socket_pair(SOCK_STREAM);
  int go[2];
  if (pipe2(go, O_CLOEXEC) != 0) die("pipe");

  const char* broker_program = std::getenv("SRT_BROKER");
  if (broker_program == nullptr) die("SRT_BROKER is not set");
  const pid_t broker = start_broker(broker_program, memory.get(), control.second.get(),
                                    listener.second.get(), violations.get(), neighbours.get());
  control.second.reset();
  listener.second.reset();
  char answer[512];
  if (recv(control.first.get(), answer, sizeof answer, 0) < 1 || answer[0] != kBrokerReady) {
    die("srt-broker is not ready");
  }
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_PIDFD | (own_users ? CLONE_NEWUSER : 0);
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const auto first = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  if (first < 0) die("clone3");
  if (first == 0) {
    close(go[1]);
    first_process(program, listener.first.get(), go[0], argv + 3);
  }
  if (own_users) {
    const std::string proc = "/proc/" + std::to_string(first);
    auto same = [](unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1\n"; };
    write_to(proc + "/setgroups", "deny");
    write_to(proc + "/uid_map", same(getuid()));
    write_to(proc + "/gid_map", same(getgid()));
  }
  listener.first.reset();
  if (!send_with_descriptor(control.first.get(), {&kBrokerCommit, 1}, pidfd)) die("commit");
  if (write(go[1], "", 1) != 1) die("go");
  const int status = wait_for(first);
  const ssize_t said = recv(control.first.get(), answer, sizeof answer, MSG_DONTWAIT);
  if (said > 1) std::fprintf(stderr, "srt-broker: %.*s\n", static_cast<int>(said) - 1, answer + 1);
  const int ended = wait_for(broker);
  if (ended != 0) std::fprintf(stderr, "brokered: srt-broker ended with %d\n", ended);
  return status;
}
