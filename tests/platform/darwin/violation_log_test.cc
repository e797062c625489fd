#include "platform/darwin/violation_log.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace srt::platform::darwin;  // NOLINT: a test

namespace {

// As `log stream --style compact` prints them.
const std::string kFront = "2026-01-31 12:00:00.123 E  kernel[0:1a2b3c] (Sandbox) ";

std::string operation_of(const std::string& line) {
  const auto violation = parse_violation(line, "srt_1");
  return violation ? violation->operation : "";
}

}  // namespace

TEST_CASE("a violation is told with its program, operation and target") {
  const auto read = parse_violation(
      kFront + "Sandbox: cat(4711) deny(1) file-read-data /Users/u/.ssh/id_ed25519", "srt_1");
  REQUIRE(read);
  CHECK(*read == Violation{"cat", 4711, "file-read-data", "/Users/u/.ssh/id_ed25519", 0});
  const auto suffixed = parse_violation(
      kFront + "Sandbox: git(1) deny(1) file-write-create /w/a b/.git/hooks srt_1\r", "srt_1");
  REQUIRE(suffixed);
  CHECK(suffixed->target == "/w/a b/.git/hooks");
  const auto bare = parse_violation(kFront + "Sandbox: x(2) deny(1) pseudo-tty", "srt_1");
  REQUIRE(bare);
  CHECK(bare->target.empty());
  const auto service =
      parse_violation(kFront + "Sandbox: open(7) deny(1) mach-lookup com.apple.lsd.mapdb", "");
  REQUIRE(service);
  CHECK(service->target == "com.apple.lsd.mapdb");
  const auto many = parse_violation(
      kFront + "12 duplicate reports for Sandbox: node(5) deny(1) sysctl-read kern.x", "srt_1");
  REQUIRE(many);
  CHECK(many->repeated == 12);
  const auto name = parse_violation(
      kFront + "Sandbox: Google Chrome He(9) deny(1) file-read-metadata /a", "srt_1");
  REQUIRE(name);
  CHECK(name->program == "Google Chrome He");
}

TEST_CASE("other lines are no violations") {
  const std::string front = kFront;
  const std::string kOther[] = {
      "",
      "srt_1",
      "Timestamp                       Ty Process[PID:TID]",
      front,
      front + "Sandbox: cat(4711) allow file-read-data /a",
      front + "Sandbox: cat deny(1) file-read-data /a",
      front + "Sandbox: cat() deny(1) file-read-data /a",
      front + "Sandbox: cat(x) deny(1) file-read-data /a",
      front + "Sandbox: cat(99999999999) deny(1) file-read-data /a",
      front + "Sandbox: (1) deny(1) file-read-data /a",
      front + "Sandbox: cat(1) deny() file-read-data /a",
      front + "Sandbox: cat(1) deny(1) ",
      front + "Sandbox: cat(1) deny(1) FILE /a",
      front + "Sandbox: cat(1) deny(1) " + std::string(100, 'a') + " /a",
      front + "Sandbox: " + std::string(100, 'c') + "(1) deny(1) file-read-data /a",
      // The rest of a name with a newline in it.
      "Sandbox: bash(1) deny(1) file-read-data /etc/master.passwd",
  };
  for (const std::string& line : kOther) {
    INFO(line);
    CHECK_FALSE(parse_violation(line, "srt_1"));
  }
}

TEST_CASE("names that look like reports change no field before them") {
  const auto target = parse_violation(
      kFront + "Sandbox: cat(4711) deny(1) file-read-data /w/Sandbox: bash(1) deny(1) x /y",
      "srt_1");
  REQUIRE(target);
  CHECK(target->pid == 4711);
  CHECK(target->operation == "file-read-data");
  CHECK(target->target == "/w/Sandbox: bash(1) deny(1) x /y");
  const auto program =
      parse_violation(kFront + "Sandbox: a(b)(4711) deny(1) file-read-data /x", "srt_1");
  REQUIRE(program);
  CHECK(program->program == "a(b)");
  CHECK(program->pid == 4711);
}

TEST_CASE("the stream comes in pieces of any size") {
  const std::string text = "Filtering the log data using …\n" + kFront +
                           "Sandbox: a(1) deny(1) file-read-data /one\nsrt_1\n" + kFront +
                           "Sandbox: b(2) deny(1) network-outbound 192.0.2.1:443\nsrt_1\n" +
                           kFront + "Sandbox: unfinished(3) deny(1) file-re";
  for (const size_t size : {size_t{1}, size_t{7}, text.size()}) {
    ViolationLog log("srt_1");
    std::vector<std::string> programs;
    for (size_t at = 0; at < text.size(); at += size) {
      for (const Violation& violation : log.feed(std::string_view(text).substr(at, size))) {
        programs.push_back(violation.program + " " + violation.target);
      }
    }
    CHECK(programs == std::vector<std::string>{"a /one", "b 192.0.2.1:443"});
  }
}

TEST_CASE("a line without an end is held no longer than its limit") {
  ViolationLog log("srt_1");
  const std::string front = kFront + "Sandbox: a(1) deny(1) file-read-data /";
  CHECK(log.feed(front).empty());
  for (int i = 0; i < 100; ++i) CHECK(log.feed(std::string(1000, 'x')).empty());
  const auto found = log.feed("\n" + kFront + "Sandbox: b(2) deny(1) file-read-data /b\n");
  REQUIRE(found.size() == 2);
  CHECK(found[0].target.size() < ViolationLog::kMaxLine);
  CHECK(found[1].target == "/b");
}

TEST_CASE("the log is asked for one run's violations") {
  const auto arguments = log_stream_arguments("srt_1");
  CHECK(arguments.back() == "eventMessage ENDSWITH \"srt_1\"");
  CHECK(operation_of(kFront + "Sandbox: a(1) deny(1) file-write-unlink /x") == "file-write-unlink");
}
