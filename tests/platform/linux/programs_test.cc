#include "platform/linux/programs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "platform/fd.h"

namespace srt::platform {
namespace {

// A program in a folder of its own, both gone at the end.
struct Sample {
  std::string folder, path;
  Sample() {
    char name[] = "/tmp/srt-program-XXXXXX";
    REQUIRE(mkdtemp(name));
    folder = name;
    path = folder + "/tool";
    UniqueFd(creat(path.c_str(), 0755));
    chmod(folder.c_str(), 0755);
  }
  ~Sample() {
    unlink(path.c_str());
    rmdir(folder.c_str());
  }
};

}  // namespace

TEST_CASE("bwrap is found where the distribution puts it, whatever PATH says") {
  const std::string before = getenv("PATH") ? getenv("PATH") : "";
  Sample sample;
  setenv("PATH", sample.folder.c_str(), 1);
  auto path = find_program(Program::kBwrap);
  setenv("PATH", before.c_str(), 1);
  if (!path) {
    WARN("skipped: " << to_string(path.error()));
    return;
  }
  CHECK((*path)[0] == '/');
  CHECK(path->find(sample.folder) == std::string::npos);
}

TEST_CASE("a program that others may write is not run") {
  if (geteuid() != 0) {
    WARN("skipped: only root can make a program that root owns");
    return;
  }
  Sample sample;
  CHECK(check_trusted_file(sample.path, false));
  chmod(sample.path.c_str(), 0775);
  CHECK(!check_trusted_file(sample.path, false));
  chmod(sample.path.c_str(), 0757);
  CHECK(!check_trusted_file(sample.path, false));
  chmod(sample.path.c_str(), 0755);
  chmod(sample.folder.c_str(), 01777);  // sticky does not help: names can be added
  CHECK(!check_trusted_file(sample.path, false));
  chmod(sample.folder.c_str(), 0755);
  chmod(sample.path.c_str(), 0644);
  CHECK(!check_trusted_file(sample.path, false));
}

TEST_CASE("a program of another user is not run, the overflow uid only where root has no name") {
  if (geteuid() != 0) {
    WARN("skipped: only root can give files away");
    return;
  }
  Sample sample;
  REQUIRE(chown(sample.path.c_str(), 1234, 0) == 0);
  CHECK(!check_trusted_file(sample.path, false));
  CHECK(!check_trusted_file(sample.path, true));
  REQUIRE(chown(sample.path.c_str(), 65534, 0) == 0);
  CHECK(!check_trusted_file(sample.path, false));
  CHECK(check_trusted_file(sample.path, true));
  REQUIRE(chown(sample.path.c_str(), 0, 0) == 0);
  REQUIRE(chown(sample.folder.c_str(), 1234, 0) == 0);
  CHECK(!check_trusted_file(sample.path, false));
}

TEST_CASE("a missing program is an error with ENOENT") {
  auto missing = check_trusted_file("/nonexistent/tool", false);
  REQUIRE(!missing);
  CHECK(missing.error().code == ENOENT);
}

}  // namespace srt::platform
