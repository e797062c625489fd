// What a monitor that an attacker has taken over can still do: tried by one.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "platform/monitor.h"
#include "tests/platform/linux/child.h"

namespace srt::platform {
namespace {

// A folder that everybody may write into: what refuses a file there is not its mode.
class OpenFolder {
 public:
  OpenFolder() {
    char name[] = "/tmp/srt-confined.XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
    REQUIRE(chmod(name, 0777) == 0);
    REQUIRE(mkdir((path_ + "/audit").c_str(), 0700) == 0);
  }
  ~OpenFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The exit status of a process that is confined as a monitor and then does `work`.
int confined(const std::function<int(int audit)>& work) {
  OpenFolder folder;
  const int audit = open((folder.path() + "/audit").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(audit >= 0);
  const std::string elsewhere = folder.path() + "/elsewhere";
  const int status = test::run_forked([&] {
    if (!confine_monitor(audit)) return 90;
    return work(audit);
  });
  close(audit);
  CHECK(access(elsewhere.c_str(), F_OK) != 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 91;
}

bool has_landlock() { return syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) > 0; }

// 0: each of the calls failed, with EPERM; else the number of the first that did not.
int all_refused(const std::vector<std::function<long()>>& calls, int error = EPERM) {
  int number = 0;
  for (const auto& call : calls) {
    ++number;
    errno = 0;
    if (call() != -1 || errno != error) return number;
  }
  return 0;
}

}  // namespace

TEST_CASE("a confined monitor has no capability and gains none") {
  CHECK(confined([](int) {
          __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
          __user_cap_data_struct sets[2];
          if (syscall(SYS_capget, &header, sets) == 0) return 1;  // not among the calls
          if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 2;
          if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) return 3;
          return 0;
        }) == 0);
}

TEST_CASE("a confined monitor writes into its audit folder and nowhere else") {
  if (!has_landlock()) {
    WARN("skipped: this kernel has no Landlock");
    return;
  }
  CHECK(confined([](int audit) {
          const int log = openat(audit, "audit.log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
          if (log < 0 || write(log, "x", 1) != 1) return 1;
          if (renameat(audit, "audit.log", audit, "audit.log.1") != 0) return 2;
          if (unlinkat(audit, "audit.log.1", 0) != 0) return 3;
          if (openat(audit, "../elsewhere", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0) return 4;
          if (errno != EACCES) return 5;
          return 0;
        }) == 0);
}

TEST_CASE("who connects for a monitor makes unix sockets, and does nothing else") {
  const int status = test::run_forked([] {
    if (!confine_connector()) return 90;
    if (socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 92;
    return all_refused({
        [] { return long{socket(AF_INET, SOCK_STREAM, 0)}; },
        [] { return long{socket(AF_NETLINK, SOCK_RAW, 0)}; },
        [] { return long{open("/etc/passwd", O_RDONLY)}; },
        [] { return long{unshare(CLONE_NEWUSER)}; },
        [] { return long{execl("/bin/true", "true", nullptr)}; },
        [] { return long{kill(getppid(), 0)}; },
        [] { return long{fork()}; },
        [] { return syscall(SYS_bind, -1, nullptr, 0); },
    });
  });
  CHECK((WIFEXITED(status) ? WEXITSTATUS(status) : 89) == 0);
}

TEST_CASE("a confined monitor makes no namespace, runs no program, touches no process") {
  CHECK(confined([](int) {
          char* const arguments[] = {const_cast<char*>("true"), nullptr};
          const pid_t parent = getppid();
          return all_refused({
              [] { return long{unshare(CLONE_NEWUSER)}; },
              [] { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, 0, 0); },
              [] { return syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, nullptr, nullptr, 0, 0); },
              [&] { return long{execve("/bin/true", arguments, nullptr)}; },
              [&] { return long{kill(parent, 0)}; },
              [&] { return ptrace(PTRACE_ATTACH, parent, nullptr, nullptr); },
              [] { return long{mkdir("/tmp/srt-confined-folder", 0700)}; },
              [] { return syscall(SYS_bpf, 0, nullptr, 0); },
              [] { return syscall(SYS_io_uring_setup, 1, nullptr); },
              [] { return syscall(SYS_process_vm_readv, getppid(), nullptr, 0, nullptr, 0, 0); },
          });
        }) == 0);
  CHECK(confined([](int) {
          return all_refused({[] { return syscall(SYS_clone3, nullptr, 0); }}, ENOSYS);
        }) == 0);
}

TEST_CASE("a confined monitor opens no socket that a network namespace does not hold") {
  CHECK(confined([](int) {
          return all_refused({
              [] { return long{socket(AF_VSOCK, SOCK_STREAM, 0)}; },
              [] { return long{socket(AF_ALG, SOCK_SEQPACKET, 0)}; },
              [] { return long{socket(AF_PACKET, SOCK_RAW, 0)}; },
              [] { return long{socket(AF_BLUETOOTH, SOCK_RAW, 0)}; },
          });
        }) == 0);
}

TEST_CASE("a confined monitor can still do its work") {
  CHECK(confined([](int) {
          int number = 0;
          std::thread([&] { number = 7; }).join();  // the resolver's
          if (number != 7) return 1;
          for (int family : {AF_INET, AF_INET6, AF_UNIX}) {
            const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (fd < 0 && errno != EAFNOSUPPORT) return 2;
            if (fd >= 0) close(fd);
          }
          int pair[2];
          if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 4;
          addrinfo* found = nullptr;
          addrinfo hints{};
          hints.ai_flags = AI_NUMERICHOST;
          if (getaddrinfo("127.0.0.1", nullptr, &hints, &found) != 0) return 3;
          freeaddrinfo(found);
          return 0;
        }) == 0);
}

}  // namespace srt::platform
