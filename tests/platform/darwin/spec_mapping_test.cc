#include "platform/darwin/spec_mapping.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "oci/parse.h"
#include "tests/platform/darwin/random_policy.h"

using namespace srt;                    // NOLINT: a test
using namespace srt::platform::darwin;  // NOLINT
using namespace srt::test;              // NOLINT

namespace {

std::string contents(const std::string& path) {
  std::ifstream in(std::string(SRT_SOURCE) + "/" + path);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

oci::Spec spec_of(const std::string& members) {
  const auto spec = oci::parse_spec(R"({"ociVersion": "1.2.0", )" + members + "}", "config.json");
  INFO((spec ? std::string() : to_string(spec.error())));
  REQUIRE(spec);
  return *spec;
}

constexpr const char* kRoot = R"("root": {"path": "/", "readonly": true})";

MappedSpec mapped(const std::string& members, bool guarded = false) {
  auto result = map_spec(spec_of(members), {}, guarded);
  INFO((result ? std::string() : to_string(result.error())));
  REQUIRE(result);
  return *result;
}
std::string error_of(const std::string& members) {
  const auto result = map_spec(spec_of(members), {}, false);
  return result ? "" : to_string(result.error());
}
Sbpl profile_of_spec(const std::string& members) { return profile_of(mapped(members).access); }

std::string with(const std::string& member) { return std::string(kRoot) + ", " + member; }

}  // namespace

TEST_CASE(
    "every property of the specification has a line in the table, and every line a property") {
  std::istringstream properties(contents("tests/oci/data/properties.tsv"));
  std::vector<std::string> pointers;
  for (std::string line; std::getline(properties, line);) {
    pointers.push_back(line.substr(0, line.find('\t')));
  }
  REQUIRE(pointers.size() > 250);
  for (const std::string& pointer : pointers) {
    INFO(pointer);
    const bool parent = std::any_of(
        property_mappings().begin(), property_mappings().end(),
        [&](const PropertyMapping& mapping) { return mapping.pointer.starts_with(pointer + "/"); });
    CHECK((parent || find_mapping(pointer) != nullptr));
  }
  for (const PropertyMapping& mapping : property_mappings()) {
    INFO(mapping.pointer);
    CHECK(std::find(pointers.begin(), pointers.end(), mapping.pointer) != pointers.end());
    CHECK_FALSE(mapping.how.empty());
    CHECK(mapping.alternative.empty() == (mapping.treatment != Treatment::kRefused));
  }
}

TEST_CASE("docs/macos.md has the table as it is") {
  // build/PRESET/bin/darwin_mapping_table prints it.
  CHECK(contents("docs/macos.md").find(mapping_table()) != std::string::npos);
}

TEST_CASE("only the host's own tree can be shared") {
  CHECK_THAT(error_of(R"("root": {"path": "rootfs"})"),
             Catch::Contains("config.json: /root/path") && Catch::Contains("set it to \"/\""));
  oci::Spec without = spec_of(kRoot);
  without.root.reset();
  CHECK_FALSE(map_spec(without, {}, false));
  CHECK(mapped(R"("root": {"path": "/"})").access.host.filesystem.unrestricted);
}

TEST_CASE("mounts become rules about paths") {
  const Sbpl sbpl = profile_of_spec(with(R"("mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/work", "type": "none", "source": "/work", "options": ["rbind", "rw"]},
    {"destination": "/work/fixed", "type": "bind", "source": "/work/fixed", "options": ["ro"]},
    {"destination": "/work/fixed/open", "source": "/work/fixed/open", "options": ["bind"]},
    {"destination": "/Users", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]},
    {"destination": "/Users/u/lib", "source": "/Users/u/lib", "options": ["bind", "ro"]},
    {"destination": "/tmp", "source": "/private/tmp", "options": ["bind", "rw"]}])"));
  CHECK(may(sbpl, "file-write-create", "/work/a"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/work/fixed/a"));
  CHECK(may(sbpl, "file-write-create", "/work/fixed/open/a"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/etc/a"));
  CHECK_FALSE(may(sbpl, "file-read-data", "/Users/u/.ssh/id"));
  CHECK(may(sbpl, "file-read-data", "/Users/u/lib/a"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/Users/u/lib/a"));
  CHECK(may(sbpl, "file-write-create", "/tmp/a"));
  // A container without a policy protects no names.
  CHECK(may(sbpl, "file-write-create", "/work/.bashrc"));
}

TEST_CASE("a later mount covers what was mounted in its place before") {
  const Sbpl sbpl = profile_of_spec(with(R"("mounts": [
    {"destination": "/work/a", "source": "/work/a", "options": ["bind", "rw"]},
    {"destination": "/work", "source": "/work", "options": ["bind", "ro"]}])"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/work/a/x"));
}

TEST_CASE("mounts that would show something else are refused, with a way out") {
  for (const char* mount :
       {R"({"destination": "/data", "source": "/srv/data", "options": ["bind"]})",
        R"({"destination": "/data", "source": "data", "options": ["bind"]})",
        R"({"destination": "/data", "type": "tmpfs", "source": "tmpfs"})",
        R"({"destination": "/data", "type": "overlay", "source": "overlay"})",
        R"({"destination": "/data", "type": "bind"})",
        R"({"destination": "/d", "source": "/d", "options": ["bind", "idmap"]})"}) {
    INFO(mount);
    const std::string error = error_of(with(std::string(R"("mounts": [)") + mount + "]"));
    CHECK_THAT(error, Catch::Contains("config.json: /mounts/0") && Catch::Contains("("));
  }
}

TEST_CASE("masked and read-only paths") {
  const Sbpl sbpl = profile_of_spec(R"("root": {"path": "/"}, "linux": {
    "maskedPaths": ["/secret", "/proc/kcore"], "readonlyPaths": ["/usr"]})");
  CHECK_FALSE(may(sbpl, "file-read-data", "/secret/x"));
  CHECK_FALSE(may(sbpl, "file-read-data", "/SECRET"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/usr/x"));
  CHECK(may(sbpl, "file-write-create", "/opt/x"));
}

TEST_CASE("namespaces: a new network is none") {
  CHECK(mapped(kRoot).access.network == Network::kHost);
  const std::string isolated =
      with(R"("linux": {"namespaces": [{"type": "network"}, {"type": "pid"}]})");
  CHECK(mapped(isolated).access.network == Network::kNone);
  CHECK(mapped(isolated, true).access.network == Network::kGuard);
  CHECK(mapped(kRoot, true).access.network == Network::kGuard);
  CHECK(mapped(isolated).warnings.size() == 1);
  CHECK_THAT(error_of(with(R"("linux": {"namespaces": [{"type": "network", "path": "/n"}]})")),
             Catch::Contains("/linux/namespaces/0/path"));
}

TEST_CASE("what cannot hold is refused, what does not matter is told once") {
  struct Case {
    const char* member;
    const char* pointer;
  };
  const Case kRefused[] = {
      {R"("linux": {"resources": {"memory": {"limit": 1048576}}})", "/linux/resources"},
      {R"("linux": {"sysctl": {"net.ipv4.ip_forward": "1"}})", "/linux/sysctl"},
      {R"("linux": {"namespaces": [{"type": "user"}],
                    "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
                    "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]})",
       "/linux/gidMappings"},
      {R"("linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/s"}})",
       "/linux/seccomp/listenerPath"},
      {R"("process": {"cwd": "/", "args": ["a"], "apparmorProfile": "p"})",
       "/process/apparmorProfile"},
      {R"("process": {"cwd": "/", "args": ["a"], "rlimits": [{"type": "RLIMIT_NICE", "hard": 1, "soft": 1}]})",
       "/process/rlimits/0/type"},
  };
  for (const Case& one : kRefused) {
    INFO(one.member);
    CHECK_THAT(error_of(with(one.member)),
               Catch::Contains(one.pointer) && Catch::Contains("macOS"));
  }
  // Empty, it asks for nothing.
  CHECK(error_of(with(R"("linux": {"resources": {}, "devices": []})")).empty());
  const MappedSpec ignored = mapped(with(R"("hostname": "h", "linux": {"cgroupsPath": "/c",
    "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"]}},
    "process": {"cwd": "/", "args": ["a"], "capabilities": {"bounding": ["CAP_KILL", "CAP_CHOWN"]}})"));
  CHECK(ignored.warnings.size() == 4);
  CHECK(ignored.access.cwd == "/");
}

TEST_CASE("a policy and a spec both limit") {
  platform::HostAccess host;
  host.filesystem.layers.push_back(
      {true, {{platform::PathEffect::kAllowWrite, "/work", {}, {}, std::string::npos, false}}});
  const auto result = map_spec(
      spec_of(R"("root": {"path": "/"}, "linux": {"readonlyPaths": ["/work/a"]})"), host, true);
  REQUIRE(result);
  MappedSpec both = *result;
  both.access.guard_port = 1;
  const Sbpl sbpl = profile_of(both.access);
  CHECK(may(sbpl, "file-write-create", "/work/b"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/work/a/b"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/opt/b"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/work/.bashrc"));
}
