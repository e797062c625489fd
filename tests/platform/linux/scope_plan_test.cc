#include "platform/linux/scope_plan.h"

#include <string>

#include <catch2/catch.hpp>

#include "platform/linux/cgroup_limits.h"

namespace srt::platform {
namespace {

const oci::StringMap kNoAnnotations;

Result<ScopePlan> plan(const std::string& path, bool root = true,
                       const oci::StringMap& annotations = kNoAnnotations) {
  const std::string id = "web";
  return plan_scope({.id = id,
                     .cgroups_path = path,
                     .annotations = annotations,
                     .is_host_root = root,
                     .host_uid = 1000});
}

const ScopeProperty* find(const std::vector<ScopeProperty>& properties, std::string_view name) {
  for (const ScopeProperty& property : properties) {
    if (property.name == name) return &property;
  }
  return nullptr;
}

uint64_t amount(const std::vector<ScopeProperty>& properties, std::string_view name) {
  const ScopeProperty* property = find(properties, name);
  REQUIRE(property);
  REQUIRE(property->type == "t");
  return std::get<uint64_t>(property->value);
}

TEST_CASE("a scope is where SLICE:PREFIX:NAME says, below the manager that makes it") {
  struct Case {
    const char* path;
    bool root;
    const char* cgroup;
  };
  const Case cases[] = {
      {"", true, "/system.slice/srt-web.scope"},
      {"", false, "/user.slice/user-1000.slice/user@1000.service/user.slice/srt-web.scope"},
      {"system.slice:docker:abc", true, "/system.slice/docker-abc.scope"},
      {"machine.slice:libpod:abc", true, "/machine.slice/libpod-abc.scope"},
      {"a-b-c.slice:p:n", true, "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"},
      {"-.slice:p:n", true, "/p-n.scope"},
      {":p:n", true, "/system.slice/p-n.scope"},
      {"x.slice::n", true, "/x.slice/n.scope"},
      {"x.slice::n.scope", true, "/x.slice/n.scope"},
      {"user.slice:libpod:abc", false,
       "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-abc.scope"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.path, one.root);
    const Result<ScopePlan> made = plan(one.path, one.root);
    REQUIRE(made);
    CHECK(made->cgroup == one.cgroup);
    CHECK(made->cgroup.ends_with("/" + made->unit));
  }
}

TEST_CASE("what is no place of a scope is refused, and never another place in the hierarchy") {
  for (const char* path :
       {"/docker/abc", "a:b", "a.slice:b:c:d", "a.slice:b:", "nothing:p:n", "../x.slice:p:n",
        "a/b.slice:p:n", "-a.slice:p:n", "a-.slice:p:n", "a--b.slice:p:n", ".slice:p:n",
        "x.slice:p:../../n", "x.slice:../p:n", "x.slice:p:n n", "x.slice:p:n+"}) {
    CAPTURE(path);
    const Result<ScopePlan> made = plan(path);
    REQUIRE(!made);
    CHECK(made.error().object == "/linux/cgroupsPath");
  }
  CHECK(!plan("x.slice:p:" + std::string(256, 'n')));
}

TEST_CASE("limits are the unit's properties too") {
  oci::Resources resources;
  resources.memory.emplace();
  resources.memory->limit = 64 << 20;
  resources.memory->reservation = 32 << 20;
  resources.memory->swap = 96 << 20;
  resources.cpu.emplace();
  resources.cpu->quota = 12345;
  resources.cpu->period = 100000;
  resources.cpu->shares = 1024;
  resources.cpu->cpus = "0-2,9";
  resources.pids.emplace();
  resources.pids->limit = 100;
  const auto limits = cgroup_limits(resources, CgroupVersions{.v2 = true});
  REQUIRE(limits);
  const auto properties = scope_properties(*limits);
  CHECK(amount(properties, "MemoryMax") == 64u << 20);
  CHECK(amount(properties, "MemoryLow") == 32u << 20);
  CHECK(amount(properties, "MemorySwapMax") == 32u << 20);
  CHECK(amount(properties, "CPUWeight") == 100);
  CHECK(amount(properties, "CPUQuotaPerSecUSec") == 130000);  // rounded up to a whole per cent
  CHECK(amount(properties, "CPUQuotaPeriodUSec") == 100000);
  CHECK(amount(properties, "TasksMax") == 100);
  const ScopeProperty* cpus = find(properties, "AllowedCPUs");
  REQUIRE(cpus);
  CHECK(std::get<std::vector<uint8_t>>(cpus->value) == std::vector<uint8_t>{0b00000111, 0b10});
}

TEST_CASE("no limit is systemd's infinity") {
  const std::vector<CgroupLimit> limits = {
      {"memory", "memory.max", "max", "", true, false, "", ""},
      {"cpu", "cpu.max", "max 50000", "", true, false, "", ""}};
  const auto properties = scope_properties(limits);
  CHECK(amount(properties, "MemoryMax") == UINT64_MAX);
  CHECK(amount(properties, "CPUQuotaPerSecUSec") == UINT64_MAX);
  CHECK(amount(properties, "CPUQuotaPeriodUSec") == 50000);
}

TEST_CASE("annotations set properties, but for those that make the scope the container's") {
  const oci::StringMap annotations(std::map<std::string, std::string>{
      {"org.systemd.property.TimeoutStopSec", "uint64 7"},
      {"org.systemd.property.CollectMode", "'inactive-or-failed'"},
      {"org.systemd.property.SendSIGHUP", "true"},
      {"org.systemd.property.Nice", "-5"},
      {"other", "x"}});
  const Result<ScopePlan> made = plan("", true, annotations);
  REQUIRE(made);
  CHECK(amount(made->properties, "TimeoutStopUSec") == 7'000'000);
  const ScopeProperty* mode = find(made->properties, "CollectMode");
  REQUIRE(mode);
  CHECK(std::get<std::string>(mode->value) == "inactive-or-failed");
  REQUIRE(find(made->properties, "SendSIGHUP"));
  CHECK(find(made->properties, "SendSIGHUP")->type == "b");
  REQUIRE(find(made->properties, "Nice"));
  CHECK(std::get<int64_t>(find(made->properties, "Nice")->value) == -5);
  for (const auto& [key, value] : std::map<std::string, std::string>{{"Slice", "'x.slice'"},
                                                                     {"Delegate", "false"},
                                                                     {"PIDs", "5"},
                                                                     {"", "1"},
                                                                     {"Bad-Name", "1"},
                                                                     {"Nice", ""},
                                                                     {"Nice", "[1]"},
                                                                     {"X", "'a'b'"},
                                                                     {"X", "uint32 4294967296"},
                                                                     {"TimeoutStopSec", "x"}}) {
    CAPTURE(key, value);
    const oci::StringMap one(
        std::map<std::string, std::string>{{"org.systemd.property." + key, value}});
    CHECK(!plan("", true, one));
  }
}

}  // namespace
}  // namespace srt::platform
