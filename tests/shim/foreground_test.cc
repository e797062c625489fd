#include "shim/foreground.h"

#include <sys/ioctl.h>
#include <termios.h>

#include <algorithm>

#include "tests/shim/caller.h"

using srt::UniqueFd;
using srt::shim::Attended;
using srt::shim::Foreground;
using srt::test::Caller;

namespace {

// What `run` does, with `sh -c script` in place of a container's program.
int stand_in(const char* script, bool own_terminal) {
  auto foreground = Foreground::take();
  if (!foreground) return 200;
  int master = -1;
  pid_t child = own_terminal ? forkpty(&master, nullptr, nullptr, nullptr) : fork();
  if (child == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execl("/bin/sh", "sh", "-c", script, nullptr);
    _exit(201);
  }
  auto send = [child](int signal) { kill(child, signal); };
  auto status = foreground->attend({.child = child,
                                    .terminal = UniqueFd(master),
                                    .shares_session = !own_terminal,
                                    .signal = send,
                                    .signal_all = send});
  return status ? *status : 202;
}

auto with_terminal(const char* script) {
  return [script] { return stand_in(script, true); };
}
auto without_terminal(const char* script) {
  return [script] { return stand_in(script, false); };
}

constexpr auto kPipes = Caller::Stdio::kPipes;
constexpr auto kTerminal = Caller::Stdio::kTerminal;

}  // namespace

TEST_CASE("the program's exit status is ours, and 128 plus the signal that ended it") {
  CHECK(Caller(kPipes, without_terminal("exit 42")).wait() == 42);
  CHECK(Caller(kPipes, without_terminal("kill -KILL $$")).wait() == 137);
  CHECK(Caller(kPipes, with_terminal("exit 7")).wait() == 7);
}

TEST_CASE("everything that a program wrote to its terminal comes out, however slowly it is read") {
  // 2 MiB of lines through a pipe of one page: everything between must wait, and nothing be
  // dropped. The last word is written just before the end.
  Caller caller(kPipes, with_terminal("yes 0123456789abcdef | head -n 120000; printf end"));
  REQUIRE(fcntl(caller.terminal(), F_SETPIPE_SZ, 4096) == 4096);
  std::string all = caller.rest();
  CHECK(std::count(all.begin(), all.end(), '\n') == 120000);
  CHECK(all.ends_with("end"));
  CHECK(caller.wait() == 0);
}

TEST_CASE("what is piped in reaches the program's terminal, with its end") {
  Caller caller(kPipes, with_terminal("stty -echo; echo ready; cat; echo done"));
  REQUIRE(caller.expect("ready"));
  caller.type("one line\n");
  caller.end_input();
  CHECK(caller.expect("one line\r\ndone"));
  CHECK(caller.wait() == 0);
}

TEST_CASE("a reader that goes away hangs the program's terminal up") {
  int out[2];
  REQUIRE(pipe2(out, O_CLOEXEC) == 0);
  UniqueFd reader(out[0]), writer(out[1]);
  Caller caller(kPipes, [&] {
    dup2(writer.get(), 1);
    reader.reset();
    writer.reset();
    return stand_in("while :; do echo x; done", true);
  });
  writer.reset();
  char byte;
  REQUIRE(read(reader.get(), &byte, 1) == 1);
  reader.reset();
  CHECK(caller.wait() == 128 + SIGHUP);
}

TEST_CASE("signals sent to us reach the program") {
  const char* script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done";
  for (bool own_terminal : {false, true}) {
    Caller caller(kPipes, [&] { return stand_in(script, own_terminal); });
    REQUIRE(caller.expect("ready"));
    kill(caller.pid(), SIGTERM);
    CHECK(caller.wait() == 5);
  }
}

TEST_CASE("the caller's terminal is raw while the program has its own, and restored after") {
  Caller caller(kTerminal, [] {
    termios before{}, after{};
    tcgetattr(0, &before);
    int status = stand_in("echo ready; read line; echo got $line; exit 3", true);
    tcgetattr(0, &after);
    return before.c_lflag == after.c_lflag && before.c_oflag == after.c_oflag ? status : 100;
  });
  REQUIRE(caller.expect("ready"));
  termios now{};
  REQUIRE(tcgetattr(caller.terminal(), &now) == 0);
  CHECK((now.c_lflag & (ICANON | ECHO | ISIG)) == 0);
  caller.type("hello\r");
  CHECK(caller.expect("got hello"));
  CHECK(caller.wait() == 3);
}

TEST_CASE("Ctrl-C goes through to the program's own terminal") {
  Caller caller(kTerminal,
                with_terminal("trap 'exit 9' INT; echo ready; while :; do sleep 0.01; done"));
  REQUIRE(caller.expect("ready"));
  caller.type("\003");
  CHECK(caller.wait() == 9);
}

TEST_CASE("the program's terminal has the caller's size, and follows it") {
  Caller caller(kTerminal, with_terminal("trap 'stty size' WINCH; echo ready; while :; do sleep "
                                         "0.01; done"));
  REQUIRE(caller.expect("ready"));
  winsize size{.ws_row = 33, .ws_col = 77, .ws_xpixel = 0, .ws_ypixel = 0};
  REQUIRE(ioctl(caller.terminal(), TIOCSWINSZ, &size) == 0);
  CHECK(caller.expect("33 77"));
}

TEST_CASE("without a terminal of its own the program gets Ctrl-C from the caller's, once") {
  Caller caller(kTerminal, without_terminal("n=0; trap 'n=$((n+1)); echo int$n' INT; echo ready; "
                                            "while [ $n -lt 2 ]; do sleep 0.01; done; exit 4"));
  REQUIRE(caller.expect("ready"));
  caller.type("\003");
  REQUIRE(caller.expect("int1"));
  CHECK(caller.seen().find("int2") == std::string::npos);
  caller.type("\003");
  CHECK(caller.wait() == 4);
}

TEST_CASE("a program that ignores Ctrl-C is killed by the second, and the first says so") {
  Caller caller(kTerminal,
                without_terminal("trap '' INT; echo ready; while :; do sleep 0.01; done"));
  REQUIRE(caller.expect("ready"));
  caller.type("\003");
  REQUIRE(caller.expect("once more kills it"));
  caller.type("\003");
  CHECK(caller.wait() == 137);
}

TEST_CASE("Ctrl-Z stops the program and us, and continuing us continues it") {
  // The test is the shell: a group of its own for the job, so that it is not orphaned.
  Caller shell(kTerminal, [] {
    std::signal(SIGTTOU, SIG_IGN);
    pid_t job = fork();
    if (job == 0) {
      setpgid(0, 0);
      tcsetpgrp(0, getpid());
      std::signal(SIGTTOU, SIG_DFL);
      _exit(stand_in("echo ready; read line; exit 6", false));
    }
    int status = 0;
    if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status)) return 100;
    if (write(1, "stopped\n", 8) != 8) return 101;
    char byte;
    tcsetpgrp(0, getpid());
    if (read(0, &byte, 1) != 1) return 102;
    tcsetpgrp(0, job);
    kill(-job, SIGCONT);
    waitpid(job, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 103;
  });
  REQUIRE(shell.expect("ready"));
  shell.type("\032");
  REQUIRE(shell.expect("stopped"));
  shell.type("\n");
  shell.type("line\n");
  CHECK(shell.wait() == 6);
}
