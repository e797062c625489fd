#include "runtime/default_seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <catch2/catch.hpp>

#include "oci/print.h"
#include "runtime/command_bundle.h"
#include "runtime/command_seccomp.h"
#include "tests/platform/linux/bpf_evaluator.h"
#include "tests/runtime/temp_dir.h"

namespace srt::runtime {
namespace {

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW, kNotify = SECCOMP_RET_USER_NOTIF,
                   kKill = SECCOMP_RET_KILL_THREAD, kEperm = SECCOMP_RET_ERRNO | EPERM,
                   kEnosys = SECCOMP_RET_ERRNO | ENOSYS, kFamily = SECCOMP_RET_ERRNO | EAFNOSUPPORT;

std::string read(const std::string& name) {
  const std::ifstream file(std::string(SRT_SECCOMP_FILES) + "/" + name, std::ios::binary);
  REQUIRE(file);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

struct Filter {
  std::vector<sock_filter> code;
  uint32_t token, audit;

  Filter(const std::string& profile, bool arm)
      : token(arm ? SCMP_ARCH_AARCH64 : SCMP_ARCH_X86_64),
        audit(arm ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64) {
    const std::string bytes = read(profile + (arm ? "-aarch64.bpf" : "-x86_64.bpf"));
    code.resize(bytes.size() / sizeof(sock_filter));
    REQUIRE(code.size() * sizeof(sock_filter) == bytes.size());
    std::memcpy(code.data(), bytes.data(), bytes.size());
  }
  uint32_t raw(int number, uint32_t arch, const std::vector<uint64_t>& args = {}) const {
    seccomp_data data{};
    data.nr = number;
    data.arch = arch;
    std::copy(args.begin(), args.end(), data.args);
    const auto verdict = test::evaluate(code, data);
    REQUIRE(verdict);
    return *verdict;
  }
  // nullopt: the architecture has no such call.
  std::optional<uint32_t> call(const char* name, const std::vector<uint64_t>& args = {}) const {
    const int number = seccomp_syscall_resolve_name_arch(token, name);
    REQUIRE(number != __NR_SCMP_ERROR);
    if (number < 0) return {};
    return raw(number, audit, args);
  }
  void expect(uint32_t verdict, std::initializer_list<const char*> names,
              const std::vector<uint64_t>& args = {}) const {
    for (const char* name : names) {
      CAPTURE(name, args, token);
      CHECK(call(name, args).value_or(verdict) == verdict);
    }
  }
};

// Every test, for the filter of each architecture and of each profile.
template <class Check>
void for_each_filter(Check check) {
  for (const char* profile : {"default", "default-brokered"}) {
    for (bool arm : {false, true}) check(Filter(profile, arm), profile == std::string("default"));
  }
}

SandboxPolicy policy_of(const std::string& root, const std::string& settings) {
  std::ofstream(root + "/.srt-settings.json") << settings;
  LayerSources sources;
  sources.home = sources.cwd = root;
  sources.operator_file = root + "/none";
  Result<SandboxPolicy> policy = sandbox_policy(sources);
  INFO((policy ? std::string() : to_string(policy.error())));
  REQUIRE(policy);
  return *policy;
}

std::string loaded_profile(const std::string& root, const std::string& settings) {
  Command command{.argv = {"true"}, .cwd = root};
  Result<platform::Bundle> bundle = command_bundle(policy_of(root, settings), command, {}, root);
  INFO((bundle ? std::string() : to_string(bundle.error())));
  REQUIRE(bundle);
  return oci::print(*bundle->spec.linux_->seccomp);
}

}  // namespace

TEST_CASE("vendor/seccomp is current: the target seccomp_profiles writes it") {
  const Result<std::vector<ProfileFile>> files = default_seccomp_files();
  REQUIRE(files);
  std::set<std::string> names;
  for (const ProfileFile& file : *files) {
    INFO(file.name);
    CHECK((read(file.name) == file.content));
    names.insert(file.name);
  }
  for (const auto& entry : std::filesystem::directory_iterator(SRT_SECCOMP_FILES)) {
    INFO(entry.path());
    CHECK(names.contains(entry.path().filename().string()));
  }
}

// libseccomp takes ten times as long for it, at each start of `srt`.
TEST_CASE("the default profile needs no libseccomp: every call takes few steps") {
  for_each_filter([](const Filter& filter, bool) {
    size_t most = 0;
    for (int number = 0; number < 500; ++number) {
      if (number == seccomp_syscall_resolve_name_arch(filter.token, "socket")) continue;
      most = std::max(most, test::steps(filter.code, {.nr = number, .arch = filter.audit}));
    }
    CHECK(most < 56);  // clone(2) has a condition for each namespace, ioctl(2) for each command
  });
}

TEST_CASE("vendor/seccomp is what a command gets") {
  const test::TempDir dir;
  const std::string root = std::filesystem::canonical(dir.path()).string();
  const auto files = [](const std::string& writable) {
    return R"({"network":{"allowedDomains":[],"deniedDomains":[]},
               "filesystem":{"denyRead":[],"denyWrite":[],"allowWrite":[)" +
           writable + "]}}";
  };
  // Also where nothing can be written: a FIFO can, past every mount.
  CHECK(loaded_profile(root, files("")) == read("default-brokered.json"));
  const auto disabled = [](const std::string& network) {
    return R"({"filesystem":{"disabled":true,"denyRead":[],"denyWrite":[],"allowWrite":[]},
               "network":{"allowedDomains":[],"deniedDomains":[])" +
           network + "}}";
  };
  CHECK(loaded_profile(root, disabled("")) ==
        oci::print(command_seccomp({.broker = platform::BrokerRules()})));
  CHECK(loaded_profile(root, disabled(R"(,"allowAllUnixSockets":true)")) ==
        oci::print(command_seccomp({.unix_sockets = true})));
  CHECK(loaded_profile(root, files("\".\"")) == read("default-brokered.json"));
}

TEST_CASE("unix sockets: none where no broker says to what they connect") {
  for_each_filter([](const Filter& filter, bool unbrokered) {
    filter.expect(unbrokered ? kEperm : kAllow, {"socket"}, {AF_UNIX, SOCK_STREAM});
    filter.expect(unbrokered ? kAllow : kNotify, {"connect", "bind"});
    filter.expect(unbrokered ? kEperm : kAllow, {"socket"}, {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC});
    // The kernel looks at the lower half of the family only.
    filter.expect(unbrokered ? kEperm : kAllow, {"socket"},
                  {(uint64_t{1} << 32) | AF_UNIX, SOCK_RAW});
    // Each message can carry an address of its own.
    filter.expect(unbrokered ? kAllow : kNotify, {"sendmsg", "sendmmsg"});
    filter.expect(unbrokered ? kAllow : kNotify, {"sendto"}, {3, 0, 0, 0, 0x7000, 16});
    filter.expect(kAllow, {"sendto"}, {3, 0, 0, 0, 0, 0});
  });
}

TEST_CASE("only families that a network namespace scopes") {
  for_each_filter([](const Filter& filter, bool) {
    for (uint64_t family : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET}) {
      filter.expect(kAllow, {"socket"}, {family, SOCK_STREAM});
    }
    for (uint64_t family = 0; family < 70; ++family) {
      const uint64_t kept[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};
      if (std::find(std::begin(kept), std::end(kept), family) != std::end(kept)) continue;
      filter.expect(kFamily, {"socket"}, {family, SOCK_STREAM});
    }
    filter.expect(kFamily, {"socket"}, {AF_VSOCK, SOCK_STREAM});
    filter.expect(kFamily, {"socket"}, {(uint64_t{1} << 63) | AF_VSOCK, SOCK_STREAM});
    filter.expect(kFamily, {"socket"}, {0xffffffff});
  });
}

TEST_CASE("no namespaces, mounts or other roots") {
  for_each_filter([](const Filter& filter, bool) {
    for (uint64_t flag : {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
                          CLONE_NEWNET, CLONE_NEWCGROUP}) {
      filter.expect(kEperm, {"clone", "unshare"}, {flag});
      filter.expect(kEperm, {"clone", "unshare"}, {flag | CLONE_FS | CLONE_FILES});
    }
    filter.expect(kEperm, {"unshare"}, {0x80});  // CLONE_NEWTIME
    filter.expect(kAllow, {"clone"}, {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_THREAD | SIGCHLD});
    filter.expect(kAllow, {"clone"}, {0x80 | SIGCHLD});  // a signal's number, there
    filter.expect(kAllow, {"fork", "vfork"});
    filter.expect(kAllow, {"unshare"}, {CLONE_FILES});
    filter.expect(kEnosys, {"clone3"});  // libc falls back to clone(2)
    filter.expect(kEperm,
                  {"setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree",
                   "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"});
  });
}

TEST_CASE("no way around the filter and no calls that reach the kernel's far corners") {
  for_each_filter([](const Filter& filter, bool) {
    filter.expect(kEnosys, {"io_uring_setup", "io_uring_enter", "io_uring_register"});
    filter.expect(kEperm, {"keyctl",
                           "add_key",
                           "request_key",
                           "bpf",
                           "perf_event_open",
                           "userfaultfd",
                           "open_by_handle_at",
                           "name_to_handle_at",
                           "kexec_load",
                           "kexec_file_load",
                           "init_module",
                           "finit_module",
                           "delete_module",
                           "pidfd_getfd",
                           "kcmp",
                           "iopl",
                           "ioperm",
                           "modify_ldt",
                           "reboot",
                           "swapon",
                           "syslog",
                           "settimeofday",
                           "quotactl",
                           "fanotify_init"});
    filter.expect(kAllow, {"read", "write", "execve", "mmap", "futex", "ptrace", "getrandom"});
  });
}

TEST_CASE("the limit of core files stays one, whoever sets another is told that it is set") {
  constexpr uint32_t kDone = SECCOMP_RET_ERRNO;
  constexpr uint64_t kHigh = uint64_t{1} << 32;
  for_each_filter([](const Filter& filter, bool) {
    filter.expect(kDone, {"setrlimit"}, {RLIMIT_CORE, 1});
    filter.expect(kDone, {"setrlimit"}, {RLIMIT_CORE | kHigh, 1});
    filter.expect(kDone, {"prlimit64"}, {0, RLIMIT_CORE, 1});
    filter.expect(kDone, {"prlimit64"}, {0, RLIMIT_CORE | kHigh, kHigh, 1});
    filter.expect(kAllow, {"prlimit64"}, {0, RLIMIT_CORE, 0, 1});
    filter.expect(kAllow, {"prlimit64"}, {0, RLIMIT_NOFILE, 1});
    filter.expect(kAllow, {"setrlimit"}, {RLIMIT_NOFILE, 1});
    filter.expect(kAllow, {"getrlimit"}, {RLIMIT_CORE, 1});
  });
}

TEST_CASE("nobody else is held up by a lease") {
  constexpr uint64_t kSetLease = 1024, kHigh = uint64_t{1} << 32;
  for_each_filter([](const Filter& filter, bool) {
    filter.expect(kEperm, {"fcntl"}, {0, kSetLease, 1});
    filter.expect(kEperm, {"fcntl"}, {0, kSetLease | kHigh, 1});
    filter.expect(kAllow, {"fcntl"}, {0, F_DUPFD_CLOEXEC, kSetLease});
  });
}

// CVE-2017-5226, and CVE-2019-10063: the kernel looks at the lower half of the command only.
TEST_CASE("nothing is typed into the terminal for others to read") {
  constexpr uint64_t kTiocsti = 0x5412, kTioclinux = 0x541c, kTcgets = 0x5401;
  for_each_filter([](const Filter& filter, bool) {
    for (uint64_t command : {kTiocsti, kTioclinux}) {
      filter.expect(kEperm, {"ioctl"}, {0, command});
      filter.expect(kEperm, {"ioctl"}, {0, command | uint64_t{1} << 32});
      filter.expect(kEperm, {"ioctl"}, {0, command | uint64_t{0xffffffff} << 32});
    }
    filter.expect(kAllow, {"ioctl"}, {0, kTcgets});
  });
}

TEST_CASE("nobody is locked out of the terminal") {
  constexpr uint64_t kTiocexcl = 0x540c, kTiocnxcl = 0x540d, kTiocsetd = 0x5423, kTiocgetd = 0x5424;
  for_each_filter([](const Filter& filter, bool) {
    for (uint64_t command : {kTiocexcl, kTiocsetd}) {
      filter.expect(kEperm, {"ioctl"}, {0, command});
      filter.expect(kEperm, {"ioctl"}, {0, command | uint64_t{1} << 32});
    }
    for (uint64_t command : {kTiocnxcl, kTiocgetd}) filter.expect(kAllow, {"ioctl"}, {0, command});
  });
}

// Another architecture's numbers mean other calls: int 0x80 and x32 on x86_64, 32-bit arm on aarch64.
TEST_CASE("calls of another architecture end the caller") {
  for_each_filter([](const Filter& filter, bool) {
    for (uint32_t arch :
         std::initializer_list<uint32_t>{AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_I386,
                                         AUDIT_ARCH_ARM, AUDIT_ARCH_ARMEB, AUDIT_ARCH_RISCV64}) {
      if (arch == filter.audit) continue;
      for (int number : {0, 1, 4, 102, 120, 310, 359, 425}) {
        CAPTURE(arch, number);
        CHECK(filter.raw(number, arch) == kKill);
      }
    }
    if (filter.audit != AUDIT_ARCH_X86_64) return;
    constexpr int kX32 = 0x40000000;
    for (int number : {0, 1, 41, 56, 165, 425, 512, 547}) {
      CAPTURE(number);
      CHECK(filter.raw(number | kX32, AUDIT_ARCH_X86_64) == kKill);
    }
  });
}

TEST_CASE("what creates or writes goes to the broker where there is one") {
  for (bool arm : {false, true}) {
    const Filter filter("default-brokered", arm);
    filter.expect(kNotify, {"creat", "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat",
                            "link", "linkat", "unlink", "unlinkat", "rmdir", "rename", "renameat",
                            "renameat2", "truncate", "umask"});
    filter.expect(kNotify, {"openat"}, {0, 0, O_WRONLY});
    filter.expect(kNotify, {"open"}, {0, O_RDWR});
    filter.expect(kNotify, {"openat"}, {0, 0, O_RDONLY | O_CREAT});
    filter.expect(kNotify, {"openat"}, {0, 0, O_RDONLY | O_TRUNC});
    filter.expect(kAllow, {"openat"}, {0, 0, O_RDONLY | O_CLOEXEC});
    filter.expect(kEnosys, {"openat2"});
  }
}

}  // namespace srt::runtime
