#include "runtime/atomic_file.h"

#include <fcntl.h>

#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "tests/runtime/temp_dir.h"

using srt::runtime::replace_file_at;
using srt::test::TempDir;
namespace fs = std::filesystem;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

size_t entries(const TempDir& dir) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(dir.path()), {}));
}

}  // namespace

TEST_CASE("A file is made, then replaced, and nothing is left beside it") {
  TempDir dir;
  for (const char* text : {"old", "new and longer", ""}) {
    REQUIRE(replace_file_at(AT_FDCWD, dir / "state", text, 0600));
    CHECK(text_of(dir / "state") == text);
    CHECK(entries(dir) == 1);
  }
}

TEST_CASE("A reader of the old file keeps it") {
  TempDir dir;
  REQUIRE(replace_file_at(AT_FDCWD, dir / "state", "old", 0600));
  std::ifstream reader(dir / "state");
  REQUIRE(replace_file_at(AT_FDCWD, dir / "state", "new", 0600));
  CHECK(std::string{std::istreambuf_iterator<char>(reader), {}} == "old");
}

TEST_CASE("A link is replaced, not what it leads to") {
  TempDir dir;
  std::ofstream(dir / "target") << "kept";
  fs::create_symlink("target", dir / "state");
  REQUIRE(replace_file_at(AT_FDCWD, dir / "state", "new", 0600));
  CHECK(text_of(dir / "target") == "kept");
  CHECK(fs::is_regular_file(fs::symlink_status(dir / "state")));
}

TEST_CASE("A folder in the file's place stays, with what it holds") {
  TempDir dir;
  fs::create_directory(dir / "state");
  std::ofstream(dir / "state/inside") << "kept";
  auto done = replace_file_at(AT_FDCWD, dir / "state", "new", 0600);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == EISDIR);
  CHECK(text_of(dir / "state/inside") == "kept");
  CHECK(entries(dir) == 1);
}
