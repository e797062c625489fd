#include "platform/linux/host_probes.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "platform/fd.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/intercept.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

constexpr uid_t kSomeUser = 65534;

// Runs `work` in a forked process and gives what it returned.
Probe in_child(const std::function<Probe()>& work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {"pipe", errno, false};
  UniqueFd in(ends[0]), out(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return {"fork", errno, false};
  if (pid == 0) {
    const Probe result = work();
    // The step is a literal: its address is the same in the parent.
    (void)!write(out.get(), &result, sizeof result);
    _exit(0);
  }
  out.reset();
  Probe result{"probe", EPROTO, false};  // it was killed
  (void)!read(in.get(), &result, sizeof result);
  int status;
  sys::retry([&] { return waitpid(pid, &status, 0); });
  return result;
}

bool write_text(const char* path, const std::string& text) {
  return write_file(path, text).has_value();
}

// Into a new user namespace as an ordinary user, uid 0 there.
Probe enter_user_namespace() {
  if (is_host_root()) {
    if (setgroups(0, nullptr) != 0 || setresgid(kSomeUser, kSomeUser, kSomeUser) != 0 ||
        setresuid(kSomeUser, kSomeUser, kSomeUser) != 0) {
      return {"become an ordinary user", errno};
    }
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // or /proc/self/uid_map stays root's
  }
  const std::string uid = std::to_string(geteuid());
  const std::string gid = std::to_string(getegid());
  if (unshare(CLONE_NEWUSER) != 0) return {"unshare a user namespace", errno};
  if (!write_text("/proc/self/setgroups", "deny") ||
      !write_text("/proc/self/uid_map", "0 " + uid + " 1") ||
      !write_text("/proc/self/gid_map", "0 " + gid + " 1")) {
    return {"write the id map", errno};
  }
  return {};
}

// With a private mount namespace and a tmpfs on /tmp.
Probe enter_with_tmpfs() {
  if (Probe entered = enter_user_namespace(); !entered) return entered;
  if (unshare(CLONE_NEWNS) != 0) return {"unshare a mount namespace", errno};
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return {"make mounts private", errno};
  }
  if (mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) != 0) return {"mount a tmpfs", errno};
  return {};
}

Probe probe_one_namespace(int flag, const char* step) {
  return in_child([&]() -> Probe {
    if (Probe entered = enter_user_namespace(); !entered) return entered;
    return unshare(flag) == 0 ? Probe{} : Probe{step, errno};
  });
}

// The guard's own rules: nf_tables may be there, and nft_tproxy or nft_socket not.
Probe make_rules(int family) {
  UniqueFd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!netlink) return {"open a netfilter socket", errno};
  const std::string batch = intercept_batch(family);
  if (send(netlink.get(), batch.data(), batch.size(), 0) < 0) return {"send to netfilter", errno};
  // The kernel has answered in the send itself: each message, and none of them if the batch is odd.
  alignas(nlmsghdr) char answer[4096];
  bool answered = false;
  for (;;) {
    const ssize_t n = recv(netlink.get(), answer, sizeof answer, MSG_DONTWAIT);
    if (n < 0) return answered ? Probe{} : Probe{"ask netfilter", errno};
    auto size = static_cast<unsigned>(n);
    for (auto* header = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(header, size);
         header = NLMSG_NEXT(header, size)) {
      if (header->nlmsg_type != NLMSG_ERROR) continue;
      answered = true;
      const int error = static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
      if (error != 0) return {"make the nftables rules of the egress guard", -error};
    }
  }
}

// Into a network namespace of its own: for root as its containers do, which need no user namespace.
Probe enter_network_namespace() {
  if (is_host_root() && unshare(CLONE_NEWNET) == 0) return {};
  if (Probe entered = enter_user_namespace(); !entered) return entered;
  return unshare(CLONE_NEWNET) == 0 ? Probe{} : Probe{"unshare a network namespace", errno};
}

Probe load_filter(uint32_t flags) {
  sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  sock_fprog program{1, allow};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return {"set no_new_privs", errno};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0) {
    return {"load a seccomp filter", errno};
  }
  return {};
}

}  // namespace

Probe probe_user_namespaces() {
  return in_child([]() -> Probe {
    if (Probe entered = enter_with_tmpfs(); !entered) return entered;
    const int rest = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID;
    if (unshare(rest) != 0) return {"unshare net, ipc, uts and pid namespaces", errno};
    return {};
  });
}

Probe probe_nf_tables() {
  return in_child([]() -> Probe {
    Probe entered = enter_network_namespace();
    entered.tried = false;
    if (!entered) return entered;
    if (Probe v4 = make_rules(AF_INET); !v4) return v4;
    // IPv6 may be switched off altogether (ipv6.disable=1): nothing is sent over it then.
    return access("/proc/sys/net/ipv6", F_OK) == 0 ? make_rules(AF_INET6) : Probe{};
  });
}

Probe probe_overlay() {
  return in_child([]() -> Probe {
    if (Probe entered = enter_with_tmpfs(); !entered) return entered;
    for (const char* folder : {"/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/merged"}) {
      if (mkdir(folder, 0700) != 0) return {"mkdir", errno};
    }
    const char* options = "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr";
    if (mount("overlay", "/tmp/merged", "overlay", 0, options) != 0)
      return {"mount an overlay", errno};
    return {};
  });
}

Probe probe_seccomp_filter() {
  return in_child([] { return load_filter(0); });
}

Probe probe_seccomp_notification() {
  return in_child([] { return load_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER); });
}

Probe probe_time_namespace() {
  return probe_one_namespace(CLONE_NEWTIME, "unshare a time namespace");
}

Probe probe_cgroup_namespace() {
  return probe_one_namespace(CLONE_NEWCGROUP, "unshare a cgroup namespace");
}

bool has_system_call(long number) {
  // Arguments that no call can work with: none of those asked for does anything without a
  // descriptor or an address. EPERM says no more than that it is not for ordinary users.
  return syscall(number, -1, nullptr, 0, nullptr, 0, 0) >= 0 || errno != ENOSYS;
}

std::optional<std::string> output_of(const std::vector<std::string>& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  UniqueFd in(ends[0]), out(ends[1]);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return {};
  if (pid == 0) {
    dup2(out.get(), STDOUT_FILENO);
    char* environment[] = {nullptr};
    execve(argv[0], argv.data(), environment);
    _exit(127);
  }
  out.reset();
  std::string text;
  char buffer[4096];
  ssize_t n;
  while ((n = sys::retry([&] { return read(in.get(), buffer, sizeof buffer); })) > 0) {
    text.append(buffer, static_cast<size_t>(n));
  }
  int status = 0;
  sys::retry([&] { return waitpid(pid, &status, 0); });
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return {};
  return text;
}

}  // namespace srt::platform
