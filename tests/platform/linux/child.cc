#include "tests/platform/linux/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace srt::test {

Child::Child(const std::function<void(int)>& work) {
  int ends[2], ready[2];
  if (pipe2(ends, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) abort();
  out_.reset(ends[0]);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int number : {SIGTERM, SIGINT, SIGHUP}) signal(number, SIG_DFL);  // Catch has its own
    close(ready[0]);
    close(ready[1]);
    if (work) work(ends[1]);
    close(ends[1]);
    for (;;) pause();
  }
  close(ends[1]);
  close(ready[1]);
  char c;
  (void)!read(ready[0], &c, 1);  // its end of file: signals have their defaults
  close(ready[0]);
}

Child::~Child() {
  if (reaped_) return;
  kill(pid_, SIGKILL);
  wait();
}

std::string Child::said(size_t bytes) {
  std::string text;
  char c;
  while (text.size() < bytes && read(out_.get(), &c, 1) == 1) text += c;
  return text;
}

int Child::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  reaped_ = true;
  return status;
}

int run_forked(const std::function<int()>& work) {
  const pid_t pid = fork();
  if (pid == 0) _exit(work());
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

}  // namespace srt::test
