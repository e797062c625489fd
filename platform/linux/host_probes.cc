#include "platform/linux/host_probes.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
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
#include "platform/linux/netlink_message.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

constexpr uid_t kSomeUser = 65534;

// Runs `work` in a forked process and gives what it returned.
Probe in_child(const std::function<Probe()>& work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {"pipe", errno};
  UniqueFd in(ends[0]), out(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return {"fork", errno};
  if (pid == 0) {
    const Probe result = work();
    // The step is a literal: its address is the same in the parent.
    (void)!write(out.get(), &result, sizeof result);
    _exit(0);
  }
  out.reset();
  Probe result{"probe", EPROTO};  // it was killed
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

// A netlink batch that makes the table "srt" and asks for an answer.
std::string new_table_batch() {
  auto general = [](uint8_t family, uint16_t resource) {
    return nfgenmsg{family, NFNETLINK_V0, htons(resource)};
  };
  const nfgenmsg bracket = general(AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  NetlinkMessage table(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK,
                       general(AF_INET, 0));
  table.text(NFTA_TABLE_NAME, "srt");
  return NetlinkMessage(NFNL_MSG_BATCH_BEGIN, 0, bracket).bytes() + table.bytes() +
         NetlinkMessage(NFNL_MSG_BATCH_END, 0, bracket).bytes();
}

Probe make_table() {
  UniqueFd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!netlink) return {"open a netfilter socket", errno};
  const timeval patience{2, 0};
  setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const std::string batch = new_table_batch();
  if (send(netlink.get(), batch.data(), batch.size(), 0) < 0) return {"send to netfilter", errno};
  alignas(nlmsghdr) char answer[4096];
  const ssize_t n = recv(netlink.get(), answer, sizeof answer, 0);
  if (n < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return {"ask netfilter", errno};
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (header->nlmsg_type != NLMSG_ERROR) return {"ask netfilter", EPROTO};
  const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
  return {"make an nftables table", -error->error};
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
    if (Probe entered = enter_user_namespace(); !entered) return entered;
    if (unshare(CLONE_NEWNET) != 0) return {"unshare a network namespace", errno};
    return make_table();
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
