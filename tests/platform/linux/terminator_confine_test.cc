// What an srt-tls that an attacker has taken over can still do: tried by one.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include <catch2/catch.hpp>

#include "platform/terminator.h"
#include "tests/platform/linux/child.h"

namespace srt::platform {
namespace {

int confined(const std::function<bool()>& holds) {
  const int status = test::run_forked([&] {
    if (!confine_terminator()) return 90;
    return holds() ? 0 : 1;
  });
  return WIFEXITED(status) ? WEXITSTATUS(status) : 91;
}

// ENOSYS: a call that is newer than all that are allowed.
bool refused(long result) { return result == -1 && (errno == EPERM || errno == ENOSYS); }

}  // namespace

TEST_CASE("terminator: opens, connects, starts and looks at nothing") {
  CHECK(confined([] { return refused(open("/etc/passwd", O_RDONLY)); }) == 0);
  CHECK(confined([] { return refused(syscall(SYS_openat2, AT_FDCWD, "/", nullptr, 0)); }) == 0);
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_ALG}) {
    CHECK(confined([&] { return refused(socket(family, SOCK_STREAM, 0)); }) == 0);
  }
  CHECK(confined([] { return refused(syscall(SYS_connect, 0, nullptr, 0)); }) == 0);
  CHECK(confined([] { return refused(syscall(SYS_bind, 0, nullptr, 0)); }) == 0);
  CHECK(confined([] { return refused(fork()); }) == 0);
  CHECK(confined([] { return refused(execl("/bin/true", "true", nullptr)); }) == 0);
  CHECK(confined([] { return refused(syscall(SYS_memfd_create, "x", 0)); }) == 0);
  CHECK(confined([] { return refused(kill(getppid(), SIGTERM)); }) == 0);
  CHECK(confined([] { return refused(ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr)); }) == 0);
  CHECK(confined([] { return refused(unshare(CLONE_NEWUSER)); }) == 0);
  CHECK(confined([] { return refused(syscall(SYS_io_uring_setup, 1, nullptr)); }) == 0);
  CHECK(confined([] { return refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }) == 0);
}

TEST_CASE("terminator: goes on with the sockets that it has") {
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(confined([&] {
          char byte = 0;
          return send(pair[0], "x", 1, 0) == 1 && recv(pair[1], &byte, 1, 0) == 1 && byte == 'x';
        }) == 0);
  close(pair[0]);
  close(pair[1]);
}

}  // namespace srt::platform
