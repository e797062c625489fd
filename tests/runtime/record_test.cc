#include "runtime/record.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "oci/state.h"
#include "tests/runtime/temp_dir.h"

using namespace srt::runtime;

namespace {

Record sample() {
  Record record;
  record.oci_version = "1.3.0";
  record.id = "web";
  record.phase = Phase::kCreated;
  record.bundle = "/srv/web";
  record.rootfs = "/srv/web/rootfs";
  record.created = "2026-01-31T12:00:00.123456789Z";
  record.owner = "root";
  record.annotations = {{"a", "1"}, {"b", "\"quoted\"\n"}};
  record.poststop_hooks = true;
  record.handle.init = 4711;
  record.handle.init_start = 18446744073709551615u;
  record.handle.own_pid_namespace = true;
  record.handle.cgroups = {{"", "/sys/fs/cgroup/web"}, {"memory", "/sys/fs/cgroup/memory/web"}};
  record.handle.mount_namespace = 4026531840;
  record.handle.rdt_group = "/sys/fs/resctrl/web";
  return record;
}

std::string with(std::string_view from, std::string_view to) {
  std::string json = to_json(sample());
  size_t at = json.find(from);
  REQUIRE(at != std::string::npos);
  return json.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a record is read back as it was written") {
  auto read = parse_record(to_json(sample()), "web/state.json");
  REQUIRE(read);
  CHECK(*read == sample());
}

// What a build of 2026 before "run", "guardPort", "ownTmpdir" and "fileRules" wrote.
TEST_CASE("the record of a container that an older build made is read") {
  constexpr const char* kOlder =
      R"({"ociVersion":"1.0.2","id":"web","phase":"running","pid":4711,"bundle":"/srv/web",)"
      R"("rootfs":"/srv/web/rootfs","created":"2026-01-31T12:00:00.123456789Z","owner":"root",)"
      R"("annotations":{},"poststartHooks":false,"poststopHooks":true,"handle":{"initStart":12,)"
      R"("ownPidNamespace":true,"cgroups":{"":"/sys/fs/cgroup/web"},"mountNamespace":7,)"
      R"("rdtGroup":"","monitor":0,"monitorStart":0,"broker":0,"brokerStart":0},)"
      R"("policyHash":"","guardLevel":"","policyCeiling":""})";
  auto read = parse_record(kOlder, "web/state.json");
  REQUIRE(read);
  CHECK(read->handle.init == 4711);
  CHECK(read->handle.init_start == 12);
  CHECK(read->poststop_hooks);
  CHECK(read->handle.run.empty());
  CHECK(read->handle.guard_port == 0);
  CHECK(read->handle.own_tmpdir.empty());
  CHECK_FALSE(read->file_rules);
  // And written back with them.
  CHECK(parse_record(to_json(*read), "web/state.json") == *read);
}

TEST_CASE("what later builds added to a record is still checked where it is there") {
  auto read = parse_record(with("\"guardPort\":0", "\"guardPort\":70000"), "web/state.json");
  REQUIRE_FALSE(read);
  CHECK(to_string(read.error()).find("/handle/guardPort") != std::string::npos);
}

TEST_CASE("a damaged record is refused, and the error names file and property") {
  struct {
    std::string json, names;
  } cases[] = {
      {"", ""},
      {"{", ""},
      {"null", ""},
      {to_json(sample()).substr(0, 100), ""},
      {to_json(sample()) + "x", ""},
      {with("\"pid\":4711", "\"pid\":-1"), "/pid"},
      {with("\"pid\":4711", "\"pid\":4294967296"), "/pid"},
      {with("\"pid\":4711", "\"pid\":\"4711\""), "/pid"},
      {with("\"pid\":4711", "\"pid\":4711,\"pid\":1"), "/pid"},
      {with("\"phase\":\"created\"", "\"phase\":\"creatd\""), "/phase"},
      {with("\"owner\":\"root\",", ""), "/owner"},
      {with("\"initStart\":18446744073709551615", "\"initStart\":1.5"), "/handle/initStart"},
      {with("\"cgroups\":{", "\"cgroups\":[],\"x\":{"), "/handle/cgroups"},
      {with("\"handle\":{", "\"handle\":null,\"x\":{"), "/handle"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.json);
    auto read = parse_record(one.json, "web/state.json");
    REQUIRE_FALSE(read);
    CHECK(read.error().object == "web/state.json");
    CHECK(read.error().why.find(one.names) != std::string::npos);
  }
}

TEST_CASE("hooks get the specification's state, without a pid once the container is stopped") {
  auto running = srt::oci::parse_state(state_for_hooks(sample(), Status::kPaused), "stdin");
  REQUIRE(running);
  CHECK(running->status == srt::oci::Status::kRunning);
  CHECK(running->pid == 4711);
  CHECK(running->annotations == sample().annotations);
  auto stopped = srt::oci::parse_state(state_for_hooks(sample(), Status::kStopped), "stdin");
  REQUIRE(stopped);
  CHECK_FALSE(stopped->pid);
}

TEST_CASE("callers get runc's state: pid 0 when stopped, rootfs, created and owner beside") {
  Record record = sample();
  record.annotations.clear();
  CHECK(state_for_caller(record, Status::kStopped, srt::oci::Layout::kCompact) ==
        R"({"ociVersion":"1.3.0","id":"web","pid":0,"status":"stopped","bundle":"/srv/web",)"
        R"("rootfs":"/srv/web/rootfs","created":"2026-01-31T12:00:00.123456789Z","owner":"root"})");
  CHECK(state_for_caller(record, Status::kPaused, srt::oci::Layout::kCompact)
            .find(R"("pid":4711,"status":"paused")") != std::string::npos);
}

TEST_CASE("a user's name is found in passwd, and a number serves where there is none") {
  srt::test::TempDir dir;
  std::ofstream(dir / "passwd") << "root:x:0:0:root:/root:/bin/sh\n\nbroken\nbroken:x\n"
                                   "tenth:x:100:1::/:/bin/sh\none:x:10:10::/:/bin/sh\nlast:x:7:7";
  CHECK(user_name(0, dir / "passwd") == "root");
  CHECK(user_name(10, dir / "passwd") == "one");
  CHECK(user_name(100, dir / "passwd") == "tenth");
  CHECK(user_name(7, dir / "passwd") == "last");
  CHECK(user_name(1, dir / "passwd") == "#1");
  CHECK(user_name(0, dir / "absent") == "#0");
}
