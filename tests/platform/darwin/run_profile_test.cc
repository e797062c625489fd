#include "platform/darwin/run_profile.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "oci/parse.h"
#include "tests/platform/darwin/random_policy.h"

using namespace srt;                    // NOLINT: a test
using namespace srt::platform::darwin;  // NOLINT
using namespace srt::test;              // NOLINT
using Catch::Matchers::Contains;
using srt::platform::Handle;

namespace {

oci::Spec whole_tree() {
  const auto spec = oci::parse_spec(R"({
    "ociVersion": "1.2.0",
    "root": {"path": "/", "readonly": false},
    "process": {"args": ["/bin/sh"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
    "linux": {"namespaces": [{"type": "network"}]}})",
                                    "config.json");
  REQUIRE(spec);
  return *spec;
}

Handle a_run() {
  Handle run;
  run.run = "00c0ffee";
  run.guard_port = 3128;
  return run;
}

std::string text_of(const std::string& state_folder, const Handle& run) {
  auto profile = run_profile({whole_tree(), {}, run, true, state_folder});
  INFO((profile ? std::string() : to_string(profile.error())));
  REQUIRE(profile);
  return profile->text;
}

Sbpl read(const std::string& text) {
  auto sbpl = Sbpl::read(text);
  REQUIRE(sbpl);
  return std::move(*sbpl);
}

// A wait status as the kernel has it: wait(2).
int exited(int code) { return code << 8; }
constexpr int kAborted = 6;

}  // namespace

TEST_CASE("the runtime's state is neither read nor written, though all else may be") {
  const Sbpl open = read(text_of("", a_run()));
  const Sbpl sbpl = read(text_of("/var/db/srt", a_run()));
  const std::string socket = "/private/var/db/srt/box/monitor.sock";
  for (const char* operation : {"file-read-data", "file-write-data", "file-write-create"}) {
    INFO(operation);
    CHECK(may(open, operation, socket));
    CHECK_FALSE(may(sbpl, operation, socket));
    CHECK(may(sbpl, operation, "/private/var/db/other"));
  }
}

TEST_CASE("a state folder that is reached over a link is hidden where it lies") {
  std::string folder = (std::filesystem::temp_directory_path() / "srt-profile-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  std::filesystem::create_directory(folder + "/real");
  std::filesystem::create_symlink("real", folder + "/link");
  const std::string real = std::filesystem::canonical(folder + "/real").string();
  const Sbpl sbpl = read(text_of(folder + "/link", a_run()));
  CHECK_FALSE(may(sbpl, "file-read-data", resolved(real + "/box/monitor.sock")));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a run's own profile has its port, and its name in the log") {
  const std::string text = text_of("/var/db/srt", a_run());
  CHECK_THAT(text, Contains("localhost:3128") && Contains("srt_00c0ffee"));
}

TEST_CASE("what sandbox-exec says of a profile is told from what the program does") {
  CHECK(profile_complaint(exited(65), "sandbox-exec: <input string>:3:7: unbound variable: no\n") ==
        "<input string>:3:7: unbound variable: no");
  CHECK(profile_complaint(exited(71), "sandbox-exec: sandbox_apply: Operation not permitted\n") ==
        "sandbox_apply: Operation not permitted");
  CHECK(profile_complaint(exited(1), "sandbox-exec: two lines\nsandbox-exec: no more\n") ==
        "two lines");
  CHECK(profile_complaint(exited(65), "sandbox-exec: " + std::string(5000, 'x')).size() == 300);
  SECTION("a program that the rules do not let be run is no fault of the profile") {
    CHECK(profile_complaint(exited(71),
                            "sandbox-exec: execvp() of '/usr/bin/true' failed: "
                            "Operation not permitted\n")
              .empty());
    CHECK(profile_complaint(kAborted, "").empty());
    CHECK(profile_complaint(exited(1), "dyld: no library\n").empty());
  }
  SECTION("nothing is wrong") {
    CHECK(profile_complaint(exited(0), "").empty());
    CHECK(profile_complaint(exited(0), "sandbox-exec: of interest to nobody\n").empty());
  }
}
