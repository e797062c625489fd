#include "runtime/command_seccomp.h"

#include <cerrno>
#include <cstdint>

#include "platform/broker.h"
#include "runtime/core_files.h"

namespace srt::runtime {
namespace {

using oci::SeccompAction;
using oci::SeccompArg;
using oci::SeccompOperator;
using oci::SeccompSyscall;

SeccompSyscall refuse(std::vector<std::string> names, uint32_t error = EPERM) {
  SeccompSyscall rule;
  rule.names = std::move(names);
  rule.action = SeccompAction::kErrno;
  rule.errno_ret = error;
  return rule;
}

SeccompSyscall refuse_where(std::vector<std::string> names, SeccompArg arg,
                            uint32_t error = EPERM) {
  SeccompSyscall rule = refuse(std::move(names), error);
  rule.args = {arg};
  return rule;
}

SeccompArg masked(uint32_t index, uint64_t mask, uint64_t value) {
  return {index, mask, value, SeccompOperator::kMaskedEq};
}

// As <sched.h>: the namespaces that clone(2) and unshare(2) make.
constexpr uint64_t kNamespaceFlags[] = {
    0x00020000,  // CLONE_NEWNS
    0x02000000,  // CLONE_NEWCGROUP
    0x04000000,  // CLONE_NEWUTS
    0x08000000,  // CLONE_NEWIPC
    0x10000000,  // CLONE_NEWUSER
    0x20000000,  // CLONE_NEWPID
    0x40000000,  // CLONE_NEWNET
};
constexpr uint64_t kNewTime = 0x00000080;  // CLONE_NEWTIME, of unshare(2) only

// Families that a network namespace scopes, and unix sockets. All others are refused: AF_VSOCK reaches
// the hypervisor, AF_BLUETOOTH the radio.
constexpr uint64_t kUnix = 1, kInet = 2, kInet6 = 10, kNetlink = 16, kPacket = 17,
                   kHighestFamily = 63;

void refuse_families(std::vector<SeccompSyscall>& rules, bool unix_sockets) {
  for (uint64_t family = 0; family <= kHighestFamily; ++family) {
    if (family == kInet || family == kInet6 || family == kNetlink || family == kPacket) continue;
    if (family == kUnix && unix_sockets) continue;
    // The kernel looks at 32 bits of an int: what stands above them must not hide it.
    rules.push_back(refuse_where({"socket"}, masked(0, 0xffffffff, family),
                                 family == kUnix ? EPERM : EAFNOSUPPORT));
  }
  // Those to come, bit by bit: with masks alone it is plain that no two rules hold at once, and the
  // profile needs no libseccomp (seccomp_table.h).
  for (uint64_t bit = uint64_t{1} << 31; bit > kHighestFamily; bit >>= 1) {
    rules.push_back(refuse_where({"socket"}, masked(0, bit, bit), EAFNOSUPPORT));
  }
}

void refuse_namespaces(std::vector<SeccompSyscall>& rules) {
  for (uint64_t flag : kNamespaceFlags) {
    rules.push_back(refuse_where({"clone", "unshare"}, masked(0, flag, flag)));
  }
  // Where clone(2) has the signal that tells of the child's end.
  rules.push_back(refuse_where({"unshare"}, masked(0, kNewTime, kNewTime)));
  // Its flags lie behind a pointer, where no filter can look; libc then takes clone(2).
  rules.push_back(refuse({"clone3"}, ENOSYS));
  rules.push_back(
      refuse({"setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree",
              "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"}));
}

void refuse_terminal_tricks(std::vector<SeccompSyscall>& rules) {
  constexpr uint64_t kTiocsti = 0x5412, kTioclinux = 0x541c;
  // They outlast the command: nobody can open the terminal any more, or read from it (and line disciplines are where
  // CVE-2017-2636 and its like were).
  constexpr uint64_t kTiocexcl = 0x540c, kTiocsetd = 0x5423;
  for (uint64_t command : {kTiocsti, kTioclinux, kTiocexcl, kTiocsetd}) {
    // CVE-2017-5226; the kernel looks at the low 32 bits only (CVE-2019-10063).
    rules.push_back(refuse_where({"ioctl"}, masked(1, 0xffffffff, command)));
  }
}

// A lease needs no more than reading a file of one's own, and holds up everybody else who opens that, for 45 seconds
// each time.
void refuse_leases(std::vector<SeccompSyscall>& rules) {
  constexpr uint64_t kSetLease = 1024, kSetDelegation = 1024 + 16;  // <linux/fcntl.h>
  for (uint64_t command : {kSetLease, kSetDelegation}) {
    rules.push_back(refuse_where({"fcntl"}, masked(1, 0xffffffff, command)));
  }
}

}  // namespace

oci::Seccomp command_seccomp(const CommandSeccomp& options) {
  oci::Seccomp profile;
  profile.default_action = SeccompAction::kAllow;
  std::vector<SeccompSyscall> rules;
  // io_uring does what the other rules refuse, without a system call for each.
  rules.push_back(refuse({"io_uring_setup", "io_uring_enter", "io_uring_register"}, ENOSYS));
  rules.push_back(refuse({"bpf",
                          "perf_event_open",
                          "userfaultfd",
                          "keyctl",
                          "add_key",
                          "request_key",
                          "open_by_handle_at",
                          "lookup_dcookie",
                          "quotactl",
                          "quotactl_fd",
                          "kexec_load",
                          "kexec_file_load",
                          "init_module",
                          "finit_module",
                          "delete_module",
                          "create_module",
                          "acct",
                          "swapon",
                          "swapoff",
                          "reboot",
                          "syslog",
                          "settimeofday",
                          "clock_settime",
                          "clock_adjtime",
                          "adjtimex",
                          "sethostname",
                          "setdomainname",
                          "nfsservctl",
                          "vhangup",
                          "iopl",
                          "ioperm",
                          "modify_ldt",
                          "vm86",
                          "vm86old",
                          "uselib",
                          "ustat",
                          "sysfs",
                          "_sysctl",
                          "fanotify_init",
                          "name_to_handle_at",
                          "mbind",
                          "migrate_pages",
                          "move_pages",
                          "pidfd_getfd",
                          "kcmp"}));
  if (!options.nested_user_namespaces) refuse_namespaces(rules);
  refuse_families(rules, options.unix_sockets || options.broker);
  refuse_terminal_tricks(rules);
  keep_core_limit(rules);
  refuse_leases(rules);
  if (options.broker) {
    profile.flags = {oci::SeccompFlag::kWaitKillableRecv, oci::SeccompFlag::kSpecAllow};
    profile.listener_path = "/srt-broker";  // for people: the socket is handed over, not connected
    std::vector<SeccompSyscall> calls = platform::brokered_calls(*options.broker);
    rules.insert(rules.end(), calls.begin(), calls.end());
  }
  profile.syscalls = std::move(rules);
  return profile;
}

}  // namespace srt::runtime
