#include "runtime/log.h"

#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/runtime/temp_dir.h"

using srt::runtime::Log;

namespace {
std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}
}  // namespace

TEST_CASE("the json log holds one of runc's records a line, behind what was there") {
  srt::test::TempDir dir;
  std::ofstream(dir / "log") << "before\n";
  auto log = Log::open(dir / "log", Log::Format::kJson, false);
  REQUIRE(log);
  log->write(Log::Level::kError, "exec: \"x\": not found\nin \xff");
  log->debug("not asked for");
  auto lines = lines_of(dir / "log");
  REQUIRE(lines.size() == 2);
  auto record = nlohmann::json::parse(lines[1]);
  CHECK(record["level"] == "error");
  CHECK(record["msg"] == "exec: \"x\": not found\nin \xef\xbf\xbd");
  CHECK(record["time"].get<std::string>().size() == 30);
  CHECK(record.size() == 3);
}

TEST_CASE("debug messages are there when they are asked for") {
  srt::test::TempDir dir;
  auto log = Log::open(dir / "log", Log::Format::kText, true);
  REQUIRE(log);
  log->debug("a \"word\"");
  auto lines = lines_of(dir / "log");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find(" level=debug msg=\"a \\\"word\\\"\"") != std::string::npos);
}

TEST_CASE("a log that cannot be opened is an error that names the option") {
  auto log = Log::open("/nowhere/log", Log::Format::kText, false);
  REQUIRE_FALSE(log);
  CHECK(log.error().object == "--log /nowhere/log");
}

TEST_CASE("a time is RFC 3339 with nanoseconds") {
  CHECK(srt::runtime::timestamp({.tv_sec = 0, .tv_nsec = 5}) == "1970-01-01T00:00:00.000000005Z");
  CHECK(srt::runtime::timestamp({.tv_sec = 951827696, .tv_nsec = 123456789}) ==
        "2000-02-29T12:34:56.123456789Z");
}
