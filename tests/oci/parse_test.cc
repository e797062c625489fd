#include "oci/parse.h"

#include <catch2/catch.hpp>

#include "oci/print.h"
#include "oci/read.h"
#include "tests/oci/documents.h"

namespace srt::oci {
namespace {

using nlohmann::json;

TEST_CASE("the smallest file that can be started is valid") {
  CHECK(verdict(R"({"ociVersion":"1.0.0","root":{"path":"rootfs"}})") == "");
  CHECK(verdict(R"({"ociVersion":"1.0.0","root":{"path":"rootfs"},
                    "process":{"cwd":"/","args":["sh"],"user":{"uid":0,"gid":0}}})") == "");
}

TEST_CASE("all problems of a file are reported, in its order and the rules' after") {
  CHECK(verdict(R"({"ociVersion": 1, "process": {"cwd": "tmp", "args": "sh"},
                    "mounts": [{"destination": "/a"}, {}, {"destination": ""}],
                    "linux": {"namespaces": [{"type": "netwrok"}], "rootfsPropagation": "both"}})") ==
        "config.json: /ociVersion: must be a string, got 1\n"
        "config.json: /process/args: must be an array, got \"sh\"\n"
        "config.json: /mounts/1/destination: is required\n"
        "config.json: /linux/namespaces/0/type: must be one of \"pid\", \"network\", \"mount\", "
        "\"ipc\", \"uts\", \"user\", \"cgroup\", \"time\", got \"netwrok\" (did you mean "
        "\"network\"?)\n"
        "config.json: /linux/rootfsPropagation: must be one of \"private\", \"rprivate\", "
        "\"shared\", \"rshared\", \"slave\", \"rslave\", \"unbindable\", \"runbindable\", got "
        "\"both\"\n"
        "config.json: /root: is required\n"
        "config.json: /process/cwd: must be absolute, got \"tmp\"\n"
        "config.json: /mounts/2/destination: must not be empty");
}

TEST_CASE("a document that is not an object is one error") {
  for (const char* text : {"[]", "null", "7", "\"x\"", "true"}) {
    INFO(text);
    CHECK(verdict(text).starts_with("config.json: must be an object, got "));
    CHECK(verdict(text).find('\n') == std::string::npos);
  }
}

TEST_CASE("of many problems a hundred are printed") {
  json document = every_property();
  for (int i = 0; i < 150; ++i) document["mounts"].push_back(i);
  CHECK(
      verdict(document).ends_with("\nconfig.json: /mounts/101: must be an object, got 99\n"
                                  "config.json: and 50 more"));
}

TEST_CASE("any one list has at most 100,000 entries") {
  const auto environment = [](size_t count) {
    json document = every_property();
    document["process"]["env"] = std::vector<std::string>(count, "A=1");
    return document;
  };
  CHECK(verdict(environment(100'000)) == "");
  CHECK(verdict(environment(100'001)) ==
        "config.json: /process/env: must have at most 100000 entries, got 100001");
  json document = every_property();
  json& annotations = document["annotations"];
  for (int i = 0; i < 100'000; ++i) annotations[std::to_string(i)] = "";
  CHECK(verdict(document) ==
        "config.json: /annotations: must have at most 100000 entries, got 100002");
}

TEST_CASE("empty lists stay empty lists, absent ones absent") {
  const std::string text =
      R"({"ociVersion":"1.3.0","root":{"path":"rootfs"},"mounts":[],"hooks":{"poststop":[]},)"
      R"("annotations":{},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}}})";
  const Checked<Spec> spec = parse_spec(text, "config.json");
  REQUIRE(spec);
  CHECK(print(*spec, Layout::kCompact) == text);
}

TEST_CASE("names that engines write beyond the schema are known") {
  for (const char* propagation : {"rprivate", "rshared", "rslave", "runbindable"}) {
    CHECK(verdict(with(every_property(), "/linux/rootfsPropagation", json(propagation).dump())) ==
          "");
  }
}

TEST_CASE("an unbuffered device is a character device that prints back as it was") {
  const Checked<Spec> spec = parse_spec(every_property().dump(), "config.json");
  REQUIRE(spec);
  const Device& device = (*spec->linux_->devices)[1];
  CHECK(device.type == DeviceType::kChar);
  CHECK(device.unbuffered);
}

TEST_CASE("a closed document refuses unknown properties and null, an open one steps over them") {
  const std::string text = R"({"destination":"/a","optoins":[],"source":null})";
  CHECK(read_document<Mount>(text, "m"));
  const Checked<Mount> closed = read_document<Mount>(text, "m", Openness::kClosed);
  REQUIRE_FALSE(closed);
  CHECK(to_string(closed.error()) ==
        "m: /optoins: is not a known key (did you mean \"options\"?)\n"
        "m: /source: must be a string, got null");
  CHECK(read_document<Mount>(R"({"destination":"/a"})", "m", Openness::kClosed));
}

TEST_CASE("a duplicate name is reported with everything else") {
  CHECK(verdict(R"({"ociVersion":"1.0.0","root":{"path":"a","path":"b"},"hostname":1})") ==
        "config.json: /root/path: is there twice\n"
        "config.json: /hostname: must be a string, got 1");
}

TEST_CASE("process and resources are read on their own, with pointers of their own") {
  const Checked<Process> process =
      parse_process(R"({"cwd":"/","args":["id"],"oomScoreAdj":2000})", "process.json");
  REQUIRE_FALSE(process);
  CHECK(to_string(process.error()) ==
        "process.json: /oomScoreAdj: must be between -1000 and 1000, got 2000");
  const Checked<Resources> resources =
      parse_resources(R"({"memory":{"limit":-2},"unified":{"a/b":"1"}})", "resources.json");
  REQUIRE_FALSE(resources);
  CHECK(to_string(resources.error()) ==
        "resources.json: /memory/limit: must be between -1 and 9223372036854775807, got -2\n"
        "resources.json: /unified/a~1b: must be the name of a cgroup file, got \"a/b\"");
  const std::string text = every_property()["process"].dump();
  const Checked<Process> whole = parse_process(text, "process.json");
  REQUIRE(whole);
  CHECK(json::parse(print(*whole)) == json::parse(text));
  const Checked<Resources> right = parse_resources(R"({"pids":{"limit":7}})", "resources.json");
  REQUIRE(right);
  CHECK(print(*right, Layout::kCompact) == R"({"pids":{"limit":7}})");
}

}  // namespace
}  // namespace srt::oci
