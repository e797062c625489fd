#include "platform/idle_memory.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <catch2/catch.hpp>

namespace srt::platform {
namespace {

// Resident KiB of this program's file, mapped with these permissions.
size_t resident(const std::string& permissions) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  std::ifstream smaps("/proc/self/smaps");
  size_t sum = 0;
  bool wanted = false;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::string first, second;
    words >> first >> second;
    if (first.back() != ':') wanted = second == permissions && line.ends_with(program);
    if (wanted && first == "Rss:") sum += std::stoul(second);
  }
  return sum;
}

int written = 1;

}  // namespace

TEST_CASE("idle memory: the program's file is forgotten, what was written is not") {
  written = 2;
  const std::string kept(100000, 'k');
  const size_t before = resident("r-xp");
  REQUIRE(before > 0);
  release_idle_memory();
  CHECK(resident("r-xp") < before);
  CHECK(written == 2);
  CHECK(kept == std::string(100000, 'k'));
}

}  // namespace srt::platform
