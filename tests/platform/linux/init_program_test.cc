#include "platform/linux/init_program.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include <catch2/catch.hpp>

#include "platform/linux/init/sys.h"

namespace srt::platform {
namespace {

constexpr int kSealed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

TEST_CASE("nobody can write to the programs that start a container", "[CVE-2019-5736]") {
  for (auto* make : {open_init_program, make_holder_program}) {
    Result<UniqueFd> program = make();
    REQUIRE(program);
    CHECK(fcntl(program->get(), F_GET_SEALS) == kSealed);
    CHECK(write(program->get(), "x", 1) == -1);
    CHECK(errno == EPERM);
  }
}

TEST_CASE("srt-holder is one piece of what bwrap copies") {
  Result<UniqueFd> program = make_holder_program();
  REQUIRE(program);
  struct stat st;
  REQUIRE(fstat(program->get(), &st) == 0);
  CHECK(st.st_size <= 8192);
}

TEST_CASE("srt-holder says who it is and ends with the other end of its socket") {
  Result<UniqueFd> program = make_holder_program();
  REQUIRE(program);
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[0]);
    std::string socket = std::to_string(ends[1]);
    char name[] = "srt-holder";
    char* words[] = {name, socket.data(), nullptr};
    char* environment[] = {nullptr};
    syscall(SYS_execveat, program->get(), "", words, environment, AT_EMPTY_PATH);
    _exit(127);
  }
  close(ends[1]);
  char byte = 0;
  CHECK(sys::retry([&] { return read(ends[0], &byte, 1); }) == 1);
  CHECK(byte == 'H');
  close(ends[0]);
  int status = -1;
  CHECK(sys::retry([&] { return waitpid(child, &status, 0); }) == child);
  CHECK(status == 0);
}

}  // namespace
}  // namespace srt::platform
