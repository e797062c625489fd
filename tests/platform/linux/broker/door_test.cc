#include "platform/linux/broker/door.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "platform/linux/broker/service.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

int listen_for_getppid() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return static_cast<int>(
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

// A process whose two threads call getppid(2) `each` times; its exit status is 0 if all were answered 7.
struct Callers {
  explicit Callers(int each) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    pid = fork();
    if (pid == 0) {
      const int listener = listen_for_getppid();
      (void)send_with_descriptor(ends[1], std::string_view("", 1), listener);
      close(listener);
      bool good[2] = {true, true};
      auto call = [&](int who) {
        for (int i = 0; i < each; ++i) good[who] &= syscall(SYS_getppid) == 7;
      };
      std::thread other(call, 1);
      call(0);
      other.join();
      _exit(good[0] && good[1] ? 0 : 1);
    }
    close(ends[1]);
    fd.reset(ends[0]);
  }
  ~Callers() {
    if (pid > 0) (void)status();
  }
  UniqueFd listener() const {
    char byte;
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (recvmsg(fd.get(), &message, MSG_CMSG_CLOEXEC) != 1) return UniqueFd();
    int received = -1;
    std::memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
    return UniqueFd(received);
  }
  int status() {
    int status = -1;
    (void)waitpid(std::exchange(pid, -1), &status, 0);
    return status;
  }

  pid_t pid = -1;
  UniqueFd fd;
};

TEST_CASE("all calls are answered, however many threads stand at the door") {
  for (size_t count : {1, 2, 4}) {
    Callers callers(2000);
    UniqueFd listener = callers.listener();
    REQUIRE(listener);
    Door door(std::move(listener));
    std::atomic<int> answered{0};
    std::vector<std::thread> threads;
    for (size_t i = 0; i < count; ++i) {
      threads.emplace_back([&] {
        seccomp_notif notification;
        while (door.receive(notification)) {
          answer_with_value(door.listener(), notification.id, 7);
          ++answered;
        }
      });
    }
    CHECK(callers.status() == 0);
    for (std::thread& thread : threads) thread.join();  // they leave with the last caller
    CHECK(answered == 4000);
  }
}

// The first one gets no answer before the second one has got its own: with one thread that would be never.
TEST_CASE("a call that is held up holds up no other one") {
  Callers callers(1);
  UniqueFd listener = callers.listener();
  REQUIRE(listener);
  Door door(std::move(listener));
  std::atomic<int> received{0};
  auto serve = [&] {
    seccomp_notif notification;
    while (door.receive(notification)) {
      if (++received == 1) {
        for (int seen = 1; seen < 2; seen = received) received.wait(seen);
      }
      received.notify_all();
      answer_with_value(door.listener(), notification.id, 7);
    }
  };
  std::thread one(serve), two(serve);
  CHECK(callers.status() == 0);
  one.join();
  two.join();
  CHECK(received == 2);
}

}  // namespace
}  // namespace srt::platform
