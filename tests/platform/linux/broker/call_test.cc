#include "platform/linux/broker/call.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>

#include <catch2/catch.hpp>

#include "platform/broker.h"
#include "platform/broker_config.h"
#include "platform/linux/seccomp.h"
#include "tests/platform/linux/bpf_evaluator.h"

namespace srt::platform {
namespace {

#ifdef __x86_64__
constexpr uint32_t kArch = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif

// Newer than the headers and the libseccomp of Debian 12.
constexpr int kFchmodat2 = 452, kSetxattrat = 463, kFileSetattr = 469;

oci::Seccomp profile() {
  oci::Seccomp profile;
  profile.default_action = oci::SeccompAction::kAllow;
  profile.listener_path = "srt-broker";
  BrokerRules rules;
  rules.write_roots = {"/w"};
  profile.syscalls = brokered_calls(rules);
  return profile;
}

TEST_CASE("the filter hands on what writes, and only that") {
  struct {
    int nr;
    uint64_t args[6];
    uint32_t action;
  } cases[] = {
      {SYS_openat, {0, 0, O_RDONLY}, SECCOMP_RET_ALLOW},
      {SYS_openat, {0, 0, O_RDONLY | O_CLOEXEC | O_DIRECTORY}, SECCOMP_RET_ALLOW},
      {SYS_openat, {0, 0, O_WRONLY}, SECCOMP_RET_USER_NOTIF},
      {SYS_openat, {0, 0, O_RDWR | O_APPEND}, SECCOMP_RET_USER_NOTIF},
      {SYS_openat, {0, 0, O_RDONLY | O_CREAT}, SECCOMP_RET_USER_NOTIF},
      {SYS_openat, {0, 0, O_RDONLY | O_TRUNC}, SECCOMP_RET_USER_NOTIF},
      {SYS_openat, {0, 0, O_TMPFILE | O_RDWR}, SECCOMP_RET_USER_NOTIF},
      {SYS_openat, {0, 0, (uint64_t{7} << 32) | O_WRONLY}, SECCOMP_RET_USER_NOTIF},
      {SYS_openat2, {}, SECCOMP_RET_ERRNO | ENOSYS},
      {SYS_mkdirat, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_renameat2, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_linkat, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_symlinkat, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_unlinkat, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_mknodat, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_truncate, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_fchmod, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_fchmodat, {}, SECCOMP_RET_USER_NOTIF},
      {kFchmodat2, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_fsetxattr, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_lremovexattr, {}, SECCOMP_RET_USER_NOTIF},
      {kSetxattrat, {}, SECCOMP_RET_ERRNO | ENOSYS},
      {kFileSetattr, {}, SECCOMP_RET_ERRNO | ENOSYS},
      {SYS_ioctl, {0, 0x40086602}, SECCOMP_RET_ERRNO | EOPNOTSUPP},
      {SYS_bind, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_connect, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_io_uring_setup, {}, SECCOMP_RET_ERRNO | ENOSYS},
      {SYS_open_by_handle_at, {}, SECCOMP_RET_ERRNO | EPERM},
      {SYS_socket, {AF_UNIX, SOCK_STREAM}, SECCOMP_RET_ALLOW},
      {SYS_socket, {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC}, SECCOMP_RET_ALLOW},
      {SYS_socket, {AF_INET, SOCK_DGRAM}, SECCOMP_RET_ALLOW},
      {SYS_socketpair, {AF_UNIX, SOCK_DGRAM}, SECCOMP_RET_ALLOW},
      {SYS_sendto, {3, 0, 1, 0, 0, 0}, SECCOMP_RET_ALLOW},
      {SYS_sendto, {3, 0, 1, 0, 0x7000, 16}, SECCOMP_RET_USER_NOTIF},
      {SYS_sendto, {3, 0, 1, 0, uint64_t{1} << 32, 16}, SECCOMP_RET_USER_NOTIF},
      {SYS_sendmsg, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_sendmmsg, {}, SECCOMP_RET_USER_NOTIF},
      {SYS_ioctl, {0, 0x5000940e}, SECCOMP_RET_ERRNO | EPERM},
      {SYS_ioctl, {0, 0x5401}, SECCOMP_RET_ALLOW},
      {SYS_read, {}, SECCOMP_RET_ALLOW},
  };
  for (SeccompCompiler compiler : {SeccompCompiler::kFastest, SeccompCompiler::kLibseccomp}) {
    Result<SeccompProgram> program = compile_seccomp(profile(), compiler);
    REQUIRE(program);
    CHECK(program->notify);
    for (const auto& one : cases) {
      seccomp_data data{};
      data.nr = one.nr;
      data.arch = kArch;
      for (int i = 0; i < 6; ++i) data.args[i] = one.args[i];
      CAPTURE(one.nr, one.args[0], one.args[1], one.args[2], static_cast<int>(compiler));
      CHECK(test::evaluate(program->filter, data) == one.action);
    }
  }
}

TEST_CASE("where nothing can be written only sockets are handed on") {
  oci::Seccomp filter = profile();
  filter.syscalls = brokered_calls({});
  Result<SeccompProgram> program = compile_seccomp(filter);
  REQUIRE(program);
  const auto judged = [&](int nr, uint64_t second, uint64_t third) {
    seccomp_data data{};
    data.nr = nr;
    data.arch = kArch;
    data.args[1] = second;
    data.args[2] = third;
    return test::evaluate(program->filter, data);
  };
  CHECK(judged(SYS_openat, 0, O_WRONLY | O_CREAT) == SECCOMP_RET_ALLOW);
  CHECK(judged(SYS_unlinkat, 0, 0) == SECCOMP_RET_ALLOW);
  CHECK(judged(SYS_bind, 0, 0) == SECCOMP_RET_USER_NOTIF);
  CHECK(judged(SYS_connect, 0, 0) == SECCOMP_RET_USER_NOTIF);
  CHECK(judged(SYS_sendmsg, 0, 0) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("it compiles for the other architectures too") {
  oci::Seccomp both = profile();
  both.architectures = {oci::SeccompArch::kX86_64, oci::SeccompArch::kAarch64};
  Result<SeccompProgram> program = compile_seccomp(both);
  REQUIRE(program);
  seccomp_data data{};
  data.arch = AUDIT_ARCH_AARCH64;
  data.nr = 34;  // mkdirat
  CHECK(test::evaluate(program->filter, data) == SECCOMP_RET_USER_NOTIF);
  data.nr = 56;  // openat
  data.args[2] = O_WRONLY;
  CHECK(test::evaluate(program->filter, data) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("a call of another architecture is not ours") {
  seccomp_data data{};
  data.nr = SYS_mkdirat;
  data.arch = AUDIT_ARCH_I386;
  CHECK_FALSE(decode(data));
  data.arch = kArch;
  CHECK(decode(data));
  data.nr = SYS_read;
  CHECK_FALSE(decode(data));
}

TEST_CASE("the configuration reads back as it was written") {
  BrokerConfig config;
  config.uid = 1000;
  config.groups = {1, 2};
  config.rules.write_roots = {"/w"};
  config.rules.denied = {"/w/*.c"};
  config.rules.aliases = {{"/a", "/b"}};
  Result<BrokerConfig> again = parse_broker_config(to_json(config));
  REQUIRE(again);
  CHECK(again->uid == 1000);
  CHECK(again->groups == config.groups);
  CHECK(again->rules == config.rules);
  CHECK_FALSE(parse_broker_config("{}"));
  CHECK_FALSE(parse_broker_config("{\"uid\": -1}"));
}

}  // namespace
}  // namespace srt::platform
