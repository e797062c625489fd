#include "platform/linux/broker/call.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string>

namespace srt::platform {
namespace {

using oci::SeccompAction;
using oci::SeccompArg;
using oci::SeccompOperator;

#if defined(__x86_64__)
constexpr uint32_t kNativeArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kNativeArch = AUDIT_ARCH_AARCH64;
#else
#error "the numbers of this architecture's system calls are not known here"
#endif

// The kernel looks at 32 bits of these arguments, so a filter must not look at more.
SeccompArg masked(uint32_t index, uint64_t mask, uint64_t value) {
  SeccompArg arg;
  arg.index = index;
  arg.op = SeccompOperator::kMaskedEq;
  arg.value = mask;
  arg.value_two = value;
  return arg;
}

oci::SeccompSyscall rule(std::vector<std::string> names, SeccompAction action,
                         std::vector<SeccompArg> args = {}) {
  oci::SeccompSyscall rule;
  rule.names = std::move(names);
  rule.action = action;
  if (!args.empty()) rule.args = std::move(args);
  return rule;
}

oci::SeccompSyscall refuse(std::vector<std::string> names, int code,
                           std::vector<SeccompArg> args = {}) {
  oci::SeccompSyscall refused = rule(std::move(names), SeccompAction::kErrno, std::move(args));
  refused.errno_ret = static_cast<uint32_t>(code);
  return refused;
}

#ifndef SYS_fchmodat2  // Linux 6.6
#define SYS_fchmodat2 452
#endif

// Conditions on the same argument are alternatives (seccomp.cc).
std::vector<SeccompArg> opens_for_writing(uint32_t flags) {
  return {masked(flags, O_ACCMODE, O_WRONLY), masked(flags, O_ACCMODE, O_RDWR),
          masked(flags, O_CREAT, O_CREAT), masked(flags, O_TRUNC, O_TRUNC)};
}

// They make and remove names too, by ioctl(2), for anybody (linux/btrfs.h).
constexpr uint32_t kSubvolumeCommands[] = {
    0x50009401,  // BTRFS_IOC_SNAP_CREATE
    0x5000940e,  // BTRFS_IOC_SUBVOL_CREATE
    0x5000940f,  // BTRFS_IOC_SNAP_DESTROY
    0x50009417,  // BTRFS_IOC_SNAP_CREATE_V2
    0x50009418,  // BTRFS_IOC_SUBVOL_CREATE_V2
    0x5000943f,  // BTRFS_IOC_SNAP_DESTROY_V2
};

// They change what a file is by a descriptor that is open for reading, and copy it up where it lies in
// an overlay; tools take "not supported" for an answer.
constexpr uint32_t kAttributeCommands[] = {
    0x40086602,  // FS_IOC_SETFLAGS
    0x40046602,  // FS_IOC32_SETFLAGS
    0x401c5820,  // FS_IOC_FSSETXATTR
    0x40806685,  // FS_IOC_ENABLE_VERITY
};

void add_file_rules(std::vector<oci::SeccompSyscall>& rules) {
  rules.push_back(rule({"open"}, SeccompAction::kNotify, opens_for_writing(1)));
  rules.push_back(rule({"openat"}, SeccompAction::kNotify, opens_for_writing(2)));
  rules.push_back(
      rule({"creat", "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat", "link",
            "linkat", "unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "truncate"},
           SeccompAction::kNotify));
  // A hook that is no program yet becomes one, a denied file readable for others.
  rules.push_back(rule({"chmod", "fchmod", "fchmodat", "fchmodat2", "setxattr", "lsetxattr",
                        "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"},
                       SeccompAction::kNotify));
  rules.push_back(refuse({"openat2", "setxattrat", "removexattrat", "file_setattr"}, ENOSYS));
  for (uint32_t command : kSubvolumeCommands) {
    rules.push_back(refuse({"ioctl"}, EPERM, {masked(1, 0xffffffff, command)}));
  }
  for (uint32_t command : kAttributeCommands) {
    rules.push_back(refuse({"ioctl"}, EOPNOTSUPP, {masked(1, 0xffffffff, command)}));
  }
}

void add_socket_rules(std::vector<oci::SeccompSyscall>& rules) {
  rules.push_back(rule({"connect"}, SeccompAction::kNotify));
  // Each datagram can carry an address of its own: send_calls.cc.
  SeccompArg has_address;
  has_address.index = 4;
  has_address.op = SeccompOperator::kNe;
  rules.push_back(rule({"sendto"}, SeccompAction::kNotify, {has_address}));
  rules.push_back(rule({"sendmsg", "sendmmsg"}, SeccompAction::kNotify));
}

}  // namespace

std::vector<oci::SeccompSyscall> brokered_calls(const BrokerRules& rules) {
  std::vector<oci::SeccompSyscall> calls = {
      rule({"bind", "umask"}, SeccompAction::kNotify),
      // A handle names a file past every path. A page that its owner fills in only when it likes
      // would hold up whoever reads a path from it.
      refuse({"open_by_handle_at", "userfaultfd"}, EPERM),
      refuse({"io_uring_setup", "io_uring_enter", "io_uring_register"}, ENOSYS),
  };
  if (!rules.write_roots.empty() || rules.police_files) add_file_rules(calls);
  if (rules.police_sockets) add_socket_rules(calls);
  return calls;
}

namespace {

// fsetxattr(2) and its relatives: the same arguments, the file as a path, a link, or a descriptor.
Call attribute_call(Call::Kind kind, const seccomp_data& data, bool follow, bool by_descriptor) {
  const auto& arg = data.args;
  Call call{.kind = kind, .name = {AT_FDCWD, arg[0]}, .other = {AT_FDCWD, arg[1]}};
  if (by_descriptor) call.name = {static_cast<int>(arg[0]), 0};
  call.by_descriptor = by_descriptor;
  call.flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  if (kind != Call::Kind::kSetAttribute) return call;
  call.address = arg[2];
  call.address_size = arg[3];
  call.attribute_flags = static_cast<int>(arg[4]);
  return call;
}

}  // namespace

std::optional<Call> decode(const seccomp_data& data) {
  if (data.arch != kNativeArch) return std::nullopt;
  const auto& arg = data.args;
  auto number = [&](int i) { return static_cast<int>(arg[i]); };
  auto mode = [&](int i) { return static_cast<mode_t>(arg[i]); };
  using Kind = Call::Kind;
  switch (data.nr) {
    case SYS_openat:
      return Call{
          .kind = Kind::kOpen, .name = {number(0), arg[1]}, .flags = arg[2], .mode = mode(3)};
    case SYS_mkdirat:
      return Call{.kind = Kind::kMakeFolder, .name = {number(0), arg[1]}, .mode = mode(2)};
    case SYS_mknodat:
      return Call{
          .kind = Kind::kMakeNode, .name = {number(0), arg[1]}, .mode = mode(2), .device = arg[3]};
    case SYS_symlinkat:
      return Call{.kind = Kind::kSymlink, .name = {number(1), arg[2]}, .other = {AT_FDCWD, arg[0]}};
    case SYS_linkat:
      return Call{.kind = Kind::kLink,
                  .name = {number(0), arg[1]},
                  .other = {number(2), arg[3]},
                  .flags = arg[4]};
    case SYS_unlinkat:
      return Call{.kind = Kind::kRemove, .name = {number(0), arg[1]}, .flags = arg[2]};
    case SYS_renameat2:
      return Call{.kind = Kind::kRename,
                  .name = {number(0), arg[1]},
                  .other = {number(2), arg[3]},
                  .flags = arg[4]};
#ifdef SYS_renameat
    case SYS_renameat:
      return Call{.kind = Kind::kRename, .name = {number(0), arg[1]}, .other = {number(2), arg[3]}};
#endif
    case SYS_umask: return Call{.kind = Kind::kUmask};
    case SYS_truncate:
      return Call{.kind = Kind::kTruncate,
                  .name = {AT_FDCWD, arg[0]},
                  .length = static_cast<int64_t>(arg[1])};
    case SYS_fchmod:
      return Call{
          .kind = Kind::kMode, .name = {number(0), 0}, .by_descriptor = true, .mode = mode(1)};
    case SYS_fchmodat:
      return Call{.kind = Kind::kMode, .name = {number(0), arg[1]}, .mode = mode(2)};
    case SYS_fchmodat2:
      return Call{
          .kind = Kind::kMode, .name = {number(0), arg[1]}, .flags = arg[3], .mode = mode(2)};
    case SYS_setxattr: return attribute_call(Kind::kSetAttribute, data, true, false);
    case SYS_lsetxattr: return attribute_call(Kind::kSetAttribute, data, false, false);
    case SYS_fsetxattr: return attribute_call(Kind::kSetAttribute, data, true, true);
    case SYS_removexattr: return attribute_call(Kind::kRemoveAttribute, data, true, false);
    case SYS_lremovexattr: return attribute_call(Kind::kRemoveAttribute, data, false, false);
    case SYS_fremovexattr: return attribute_call(Kind::kRemoveAttribute, data, true, true);
    case SYS_bind:
    case SYS_connect:
      return Call{.kind = data.nr == SYS_bind ? Kind::kBind : Kind::kConnect,
                  .socket = number(0),
                  .address = arg[1],
                  .address_size = static_cast<uint32_t>(arg[2])};
    case SYS_sendto:
      return Call{.kind = Kind::kSendTo,
                  .flags = arg[3],
                  .socket = number(0),
                  .address = arg[4],
                  .address_size = static_cast<uint32_t>(arg[5]),
                  .data = arg[1],
                  .size = arg[2]};
    case SYS_sendmsg:
      return Call{.kind = Kind::kSendMessage, .flags = arg[2], .socket = number(0), .data = arg[1]};
    case SYS_sendmmsg:
      return Call{.kind = Kind::kSendMessages,
                  .flags = arg[3],
                  .socket = number(0),
                  .data = arg[1],
                  .size = arg[2] & 0xffffffff};
#ifdef __x86_64__
    case SYS_open:
      return Call{
          .kind = Kind::kOpen, .name = {AT_FDCWD, arg[0]}, .flags = arg[1], .mode = mode(2)};
    case SYS_creat:
      return Call{.kind = Kind::kOpen,
                  .name = {AT_FDCWD, arg[0]},
                  .flags = O_CREAT | O_WRONLY | O_TRUNC,
                  .mode = mode(1)};
    case SYS_chmod: return Call{.kind = Kind::kMode, .name = {AT_FDCWD, arg[0]}, .mode = mode(1)};
    case SYS_mkdir:
      return Call{.kind = Kind::kMakeFolder, .name = {AT_FDCWD, arg[0]}, .mode = mode(1)};
    case SYS_mknod:
      return Call{
          .kind = Kind::kMakeNode, .name = {AT_FDCWD, arg[0]}, .mode = mode(1), .device = arg[2]};
    case SYS_symlink:
      return Call{.kind = Kind::kSymlink, .name = {AT_FDCWD, arg[1]}, .other = {AT_FDCWD, arg[0]}};
    case SYS_link:
      return Call{.kind = Kind::kLink, .name = {AT_FDCWD, arg[0]}, .other = {AT_FDCWD, arg[1]}};
    case SYS_unlink: return Call{.kind = Kind::kRemove, .name = {AT_FDCWD, arg[0]}};
    case SYS_rmdir:
      return Call{.kind = Kind::kRemove, .name = {AT_FDCWD, arg[0]}, .flags = AT_REMOVEDIR};
    case SYS_rename:
      return Call{.kind = Kind::kRename, .name = {AT_FDCWD, arg[0]}, .other = {AT_FDCWD, arg[1]}};
#endif
    default: return std::nullopt;
  }
}

}  // namespace srt::platform
