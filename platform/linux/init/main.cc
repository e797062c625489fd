// srt-init: the first process of a container until the user's program takes its place.
//
//   srt-init contain PLAN_FD   first process
//   srt-init enter PLAN_FD     one more process in a container that runs
//   srt-init outlive PIPE_FD PROGRAM_FD ARGUMENT…
//                              runs the program once nobody holds the pipe's other end (platform/last_will.h)
//
// Static and small, and always run from a sealed memory copy, so that neither /proc/PID/exe nor a
// bind mount ever shows the inside a file of the host (CVE-2019-5736). Nobody starts it by hand.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "platform/linux/init/contain.h"
#include "platform/linux/init/report.h"

namespace srt::init {
namespace {

Plan read_plan(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0 || st.st_size == 0) _exit(1);
  auto size = static_cast<size_t>(st.st_size);
  void* bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) _exit(1);
  close(fd);
  Plan plan;
  Reader reader({static_cast<const char*>(bytes), size});
  reader.read(plan);
  if (reader.failed()) _exit(1);
  return plan;
}

// Here and not in the program that will be run: we wait for as long as the container lives, and are small.
int outlive(int pipe, int program, char** argv) {
  char byte;
  while (read(pipe, &byte, 1) < 0 && errno == EINTR) {
  }
  char* environment[] = {nullptr};
  (void)syscall(SYS_execveat, program, "", argv, environment, AT_EMPTY_PATH);
  return 127;
}

}  // namespace
}  // namespace srt::init

int main(int argc, char** argv) {
  using namespace srt::init;
  if (argc > 4 && std::string_view(argv[1]) == "outlive") {
    return outlive(atoi(argv[2]), atoi(argv[3]), argv + 4);
  }
  if (argc != 3) {
    constexpr std::string_view kText = "srt-init is started by srt-runtime only\n";
    (void)!write(2, kText.data(), kText.size());
    return 2;
  }
  std::string_view mode = argv[1];
  int fd = atoi(argv[2]);
  if (mode == "contain") contain(read_plan(fd));
  if (mode == "enter") enter(read_plan(fd));
  return 2;
}
