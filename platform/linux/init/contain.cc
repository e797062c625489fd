#include "platform/linux/init/contain.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/become.h"
#include "platform/linux/init/console.h"
#include "platform/linux/init/descriptor.h"
#include "platform/linux/init/devices.h"
#include "platform/linux/init/egress.h"
#include "platform/linux/init/file_rules.h"
#include "platform/linux/init/masks.h"
#include "platform/linux/init/memory.h"
#include "platform/linux/init/mounts.h"
#include "platform/linux/init/procfs.h"
#include "platform/linux/init/program.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/rootfs_path.h"
#include "platform/linux/init/run_hooks.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/init/talk.h"

namespace srt::init {
namespace {

int as_fd(int64_t number) { return static_cast<int>(number); }

// CVE-2016-9962: nobody inside may look into us or our descriptors until the program runs.
void harden_self(const Inherited& fds) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) die("srt-init", "become non-dumpable");
  // CVE-2024-21626: nothing that the caller left open reaches the program.
  auto first = static_cast<unsigned>(3 + fds.preserved);
  if (close_range(first, ~0u, CLOSE_RANGE_CLOEXEC) != 0) die("descriptors", "close_range");
  for (unsigned fd = 3; fd < first; ++fd) {
    int flags = fcntl(static_cast<int>(fd), F_GETFD);
    if (flags >= 0) (void)fcntl(static_cast<int>(fd), F_SETFD, flags & ~FD_CLOEXEC);
  }
  // Ignored signals survive execve: the program starts with the defaults.
  for (int number = 1; number < 65; ++number) {
    if (number != SIGKILL && number != SIGSTOP) (void)signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The child goes on; it is the runtime's child, not ours, so that engines can wait for it.
void give_birth(const Plan& plan) {
  clone_args args{};
  args.flags = CLONE_PARENT;
  pid_t child = sys::clone3(args);
  if (child < 0) die("process", "clone3");
  if (child == 0) return;
  FixedText<24> pid;
  pid << static_cast<uint64_t>(child);
  tell(as_fd(plan.fds.channel), Message::kChild, pid);
  _exit(0);
}

// CVE-2019-5736: a pid namespace that exists has neighbours, who see in /proc/PID/exe what a newcomer
// runs. So we go in as the sealed copy that we are, and the process that is born there takes over.
void enter_pid_namespace(const Plan& plan) {
  if (plan.fds.pid_namespace < 0) return;
  if (setns(as_fd(plan.fds.pid_namespace), CLONE_NEWPID) != 0) die("pid namespace", "join it");
  give_birth(plan);
  close(as_fd(plan.fds.pid_namespace));
}

// A runtime that is killed takes bwrap with it, but not bwrap's child, which then waits for its parent
// for ever: so we listen for the runtime's end too. Ours ends the pid namespace, and so that child.
void await_holder(const Plan& plan) {
  pollfd both[] = {{as_fd(plan.fds.holder), POLLIN, 0}, {as_fd(plan.fds.channel), 0, 0}};
  sys::retry([&] { return poll(both, 2, -1); });
  if (both[0].revents == 0) _exit(1);  // a hang-up is reported unasked
}

// A way into the holder's mounts that outlives it: bwrap is long in ending. Before Linux 6.11 its pidfd,
// which does not.
#ifndef PIDFD_GET_MNT_NAMESPACE
#define PIDFD_GET_MNT_NAMESPACE _IO(0xFF, 3)
#endif
int let_holder_go(const Plan& plan, int holder) {
  const int mounts = ioctl(holder, PIDFD_GET_MNT_NAMESPACE, 0);
  if (mounts < 0) return holder;
  close(holder);
  (void)shutdown(as_fd(plan.fds.holder), SHUT_RDWR);
  return mounts;
}

// The namespaces that bwrap made, but for its mounts: the host's are still needed. The result leads to
// them.
int join_holder(const Plan& plan) {
  await_holder(plan);
  int holder = receive_descriptor(as_fd(plan.fds.holder));
  if (holder < 0) die("bwrap", "ended before the namespaces were made", 0);
  const auto namespaces = static_cast<int>(plan.holder_namespaces & ~uint64_t{CLONE_NEWNS});
  if (namespaces != 0 && setns(holder, namespaces) != 0) die("bwrap", "join its namespaces");
  return let_holder_go(plan, holder);
}

void enter_holder_tree(const Plan& plan, int mounts) {
  if (setns(mounts, CLONE_NEWNS) != 0) die("bwrap", "join its mounts");
  close(mounts);
  close(as_fd(plan.fds.holder));  // a holder that was kept until now ends
  if (!plan.holder_file.empty() && unlinkat(AT_FDCWD, plan.holder_file.data(), 0) != 0) {
    die("bwrap", Line() << "remove " << plan.holder_file);
  }
}

// Only now: a cgroup namespace shows its maker's cgroup as the root.
void enter_cgroup_namespace(const Plan& plan) {
  if (plan.cgroup_namespace && unshare(CLONE_NEWCGROUP) != 0) die("cgroup namespace", "unshare");
}

// pivot_root(".", "."): the old root comes to lie on top of the new one and is taken off.
void pivot_into_rootfs(const Plan& plan, int root) {
  if (plan.passthrough) return;
  if (fchdir(root) != 0) die("/root/path", "enter the rootfs");
  if (sys::pivot_root(".", ".") != 0) die("/root/path", "pivot_root");
  if (umount2(".", MNT_DETACH) != 0) die("/root/path", "detach the old root");
  if (chdir("/") != 0) die("/root/path", "chdir /");
}

void make_working_directory(const Plan& plan, int root) {
  if (plan.passthrough) return;
  // A read-only tree cannot be helped; entering it later says what is wrong.
  int at = open_or_make_in_root(root, plan.process.cwd, Missing::kDirectory);
  if (at >= 0) close(at);
}

// The runtime has looked at the tree from inside and says what the rules are in it.
void hold_file_rules(const Plan& plan, const Trees& trees, int root) {
  if (!plan.file_rules) return;
  const int channel = as_fd(plan.fds.channel);
  tell(channel, Message::kStanding);
  platform::FileRules<Viewed> rules;
  Reader reader(await(channel, Message::kFileRules));
  reader.read(rules);
  if (reader.failed()) die("filesystem rules", "came in half", 0);
  apply_file_rules(rules, root, trees.unreadable);
}

void set_sysctls(const Plan& plan) {
  if (plan.sysctl.empty()) return;
  int proc = private_procfs();
  if (proc < 0) die("/linux/sysctl", "mount a private procfs");
  for (const Sysctl<Viewed>& entry : plan.sysctl) {
    FixedText<512> path;
    path << "sys/" << entry.path;
    int fd = sys::openat2(proc, path.c_str(), O_WRONLY, 0,
                          RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    if (fd < 0 || write(fd, entry.value.data(), entry.value.size()) !=
                      static_cast<ssize_t>(entry.value.size())) {
      die(Line() << "/linux/sysctl/" << entry.path, Line() << "write \"" << entry.value << "\"");
    }
    close(fd);
  }
}

void set_names(const Plan& plan) {
  if (plan.set_hostname && sethostname(plan.hostname.data(), plan.hostname.size()) != 0) {
    die("/hostname", "sethostname");
  }
  if (plan.set_domainname && setdomainname(plan.domainname.data(), plan.domainname.size()) != 0) {
    die("/domainname", "setdomainname");
  }
}

// The master goes to the engine's socket, or back to the runtime (the result) in the foreground.
int set_up_terminal(const Plan& plan, int root, bool bind) {
  const Process<Viewed>& process = plan.process;
  if (process.own_session || process.terminal) setsid();
  if (!process.terminal) return -1;
  Console console = open_console(process, root);
  if (bind) bind_console(console.slave, root);
  if (plan.fds.console >= 0) {
    constexpr std::string_view kName = "/dev/ptmx";
    if (!send_descriptor(as_fd(plan.fds.console), kName.data(), kName.size(), console.master)) {
      die("--console-socket", "send the pty");
    }
    close(as_fd(plan.fds.console));
    close(console.master);
    console.master = -1;
  }
  adopt_console(console.slave);
  close(console.slave);
  return console.master;
}

// A relative name is one below the program's own working directory.
const char* look_up_program(const Process<Viewed>& process) {
  bool there = chdir(process.cwd.data()) == 0;  // entering it for good comes later, and is checked
  const char* program = find_program(process);
  if (there && chdir("/") != 0) die("/root/path", "chdir /");
  return program;
}

// The first process of a pid namespace is spared all signals that it does not handle; created but not started it
// still has to end, as runc's does. The program starts with the defaults: execve takes handlers away.
void end_by_signals() {
  for (int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
    (void)signal(number, [](int received) { _exit(128 + received); });
  }
}

void wait_for_start(const Plan& plan) {
  char byte;
  if (sys::retry([&] { return read(as_fd(plan.fds.start_gate), &byte, 1); }) != 1) _exit(1);
  close(as_fd(plan.fds.start_gate));
}

Release<Viewed> await_release(int channel) {
  Release<Viewed> release;
  Reader reader(await(channel, Message::kCommit));
  reader.read(release);
  return release;
}

}  // namespace

void contain(const Plan& plan) {
  int channel = as_fd(plan.fds.channel);
  set_report(ReportTo::kChannel, channel);
  harden_self(plan.fds);
  if (plan.process.die_with_runtime) (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);

  enter_pid_namespace(plan);
  Trees trees = clone_trees(plan);
  make_mounts(plan, trees, MountsToMake::kIndependent);
  int holder_mounts = join_holder(plan);
  await(channel, Message::kGo);  // our cgroup is joined
  enter_cgroup_namespace(plan);
  make_mounts(plan, trees, MountsToMake::kAll);
  enter_holder_tree(plan, holder_mounts);             // and host paths are gone
  open_egress(plan.egress, as_fd(plan.fds.monitor));  // while CAP_NET_ADMIN is there
  int root = attach_rootfs(plan, trees);
  check_pinned(plan, root);
  mount_all(plan, trees, root);
  make_devices(plan, trees, root);
  make_symlinks(plan, root);
  make_working_directory(plan, root);
  tell(channel, Message::kBuilt);

  std::string_view creating = await(channel, Message::kEnter);
  // Before the pivot: the spec.
  run_hooks(plan.create_container, "createContainer", creating, plan.bundle.data(), nullptr);
  pivot_into_rootfs(plan, root);
  set_sysctls(plan);  // through our own procfs, so before or after masks
  set_names(plan);
  int terminal = set_up_terminal(plan, root, !plan.passthrough);
  mask_paths(plan, trees, root);
  protect_readonly_paths(plan, root);
  seal_late_readonly(plan, root);  // nothing is made in the tree after this
  seal_root(plan, root);
  hold_file_rules(plan, trees, root);  // over all that was mounted, by hooks and engines too
  close(root);
  check_ids(plan.process);
  const char* program = look_up_program(plan.process);
  const char** environment = make_environment(plan.process);
  leave_keyring(plan.process);
  refuse_interfaces(plan.egress);  // all hooks that could bring one in have run
  await_guard(plan.egress, as_fd(plan.fds.monitor));
  end_by_signals();  // before anybody hears that we are there: a signal that came sooner would be lost
  tell(channel, Message::kReady, {}, terminal);
  if (terminal >= 0) close(terminal);

  Release<Viewed> release = await_release(channel);
  set_report(ReportTo::kStartReport, as_fd(plan.fds.start_report));
  close(channel);
  wait_for_start(plan);
  become_program(plan.process, program, environment, as_fd(plan.fds.seccomp_agent),
                 release.seccomp_state, plan.start_container, release.hook_state);
}

void enter(const Plan& plan) {
  int channel = as_fd(plan.fds.channel);
  set_report(ReportTo::kChannel, channel);
  harden_self(plan.fds);

  // All of the container's namespaces that are not already ours, in one call: the kernel takes the
  // user namespace first.
  auto namespaces = static_cast<int>(plan.target_namespaces);
  if (namespaces != 0 && setns(as_fd(plan.fds.target), namespaces) != 0) {
    die("namespaces", "join the container's");
  }
  if ((namespaces & CLONE_NEWUSER) != 0 && (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)) {
    die("user namespace", "become its root");
  }
  close(as_fd(plan.fds.target));
  if (chdir("/") != 0) die("/root/path", "chdir /");

  // The program's process must be born in the pid namespace, and be the caller's child, not ours.
  give_birth(plan);
  await(channel, Message::kGo);  // the runtime knows our pid
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) die("/root/path", "open /");
  int terminal = set_up_terminal(plan, root, false);
  check_ids(plan.process);
  const char* program = look_up_program(plan.process);
  const char** environment = make_environment(plan.process);
  leave_keyring(plan.process);
  tell(channel, Message::kReady, {}, terminal);
  if (terminal >= 0) close(terminal);
  close(root);
  Release<Viewed> release = await_release(channel);
  become_program(plan.process, program, environment, as_fd(plan.fds.seccomp_agent),
                 release.seccomp_state, {}, {});
}

}  // namespace srt::init
