// Plans for hosts that are made up: nothing is written, and only the tests of ordinary users look
// at a real folder, laid out like a hierarchy.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include <catch2/catch.hpp>

#include "platform/linux/cgroup.h"
#include "platform/linux/device_filter.h"
#include "tests/platform/linux/child.h"

namespace srt::platform {
namespace {

const CgroupHost kV1{CgroupLayout::kV1,
                     {{"memory", "/sys/fs/cgroup/memory", "/user.slice"},
                      {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/"},
                      {"devices", "/sys/fs/cgroup/devices", "/user.slice"},
                      {"name=systemd", "/sys/fs/cgroup/systemd", "/user.slice/session-1.scope"}},
                     {"memory", "cpu", "cpuacct", "devices"}};
const CgroupHost kHybrid{CgroupLayout::kHybrid,
                         {{"pids", "/sys/fs/cgroup/pids", "/"},
                          {"devices", "/sys/fs/cgroup/devices", "/"},
                          {"", "/sys/fs/cgroup/unified", "/"}},
                         {"pids", "devices"}};
const CgroupHost kV2{CgroupLayout::kV2,
                     {{"", "/sys/fs/cgroup", "/user.slice/session-1.scope"}},
                     {"cpu", "memory", "pids"}};

CgroupPlan plan(const CgroupHost& host, const std::string& path,
                const oci::Resources* resources = nullptr, bool root = true) {
  auto made = plan_cgroup(host, "web", path, resources, root);
  INFO((made ? "" : to_string(made.error())));
  REQUIRE(made);
  return *made;
}

Error error(const CgroupHost& host, const std::string& path,
            const oci::Resources* resources = nullptr, bool root = true) {
  auto made = plan_cgroup(host, "web", path, resources, root);
  REQUIRE(!made);
  return made.error();
}

using Directories = std::map<std::string, std::string>;

// A folder that stands for the mount point of a hierarchy.
struct FakeHierarchy {
  std::filesystem::path top;
  FakeHierarchy() {
    char name[] = "/tmp/srt-hierarchy-XXXXXX";
    REQUIRE(mkdtemp(name));
    top = name;
    add("");
  }
  ~FakeHierarchy() { std::filesystem::remove_all(top); }
  void add(const std::string& place) {
    std::filesystem::create_directories(top / place);
    UniqueFd procs(creat((top / place / "cgroup.procs").c_str(), 0644));
  }
  void forbid(const std::string& place) {
    chmod((top / place).c_str(), 0555);
    chmod((top / place / "cgroup.procs").c_str(), 0444);
  }
};

}  // namespace

TEST_CASE("an absolute path is below the root of every hierarchy") {
  CHECK(plan(kV1, "/engine/web").directories ==
        Directories{{"memory", "/sys/fs/cgroup/memory/engine/web"},
                    {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/engine/web"},
                    {"devices", "/sys/fs/cgroup/devices/engine/web"},
                    {"name=systemd", "/sys/fs/cgroup/systemd/engine/web"}});
  CHECK(plan(kHybrid, "/engine/web").directories ==
        Directories{{"pids", "/sys/fs/cgroup/pids/engine/web"},
                    {"devices", "/sys/fs/cgroup/devices/engine/web"},
                    {"", "/sys/fs/cgroup/unified/engine/web"}});
  CHECK(plan(kV2, "/engine/web").directories == Directories{{"", "/sys/fs/cgroup/engine/web"}});
}

TEST_CASE("a relative path, or the id, is below the caller on v1 and beside it on v2") {
  for (const char* path : {"", "web"}) {
    CHECK(plan(kV1, path).directories ==
          Directories{{"memory", "/sys/fs/cgroup/memory/user.slice/web"},
                      {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/web"},
                      {"devices", "/sys/fs/cgroup/devices/user.slice/web"},
                      {"name=systemd", "/sys/fs/cgroup/systemd/user.slice/session-1.scope/web"}});
    CHECK(plan(kHybrid, path).directories.at("") == "/sys/fs/cgroup/unified/web");
    CHECK(plan(kV2, path).directories == Directories{{"", "/sys/fs/cgroup/user.slice/web"}});
  }
}

TEST_CASE("no path leaves the hierarchy") {
  CHECK(plan(kV2, "/../../etc/web").directories.at("") == "/sys/fs/cgroup/etc/web");
  CHECK(plan(kV2, "../../../etc").directories.at("") == "/sys/fs/cgroup/user.slice/etc");
  CHECK(plan(kV2, "/a//./b/../c/").directories.at("") == "/sys/fs/cgroup/a/c");
}

TEST_CASE("a place whose end would end the caller or the host is refused") {
  CHECK(error(kV2, "/").object == "/linux/cgroupsPath");
  CHECK(error(kV2, "/x/..").object == "/linux/cgroupsPath");
  CHECK(error(kV2, "/user.slice").object == "/linux/cgroupsPath");
  CHECK(error(kV2, "session-1.scope").object == "/linux/cgroupsPath");
  CHECK(error(kV1, "/user.slice").object == "/linux/cgroupsPath");
  plan(kV2, "/user.slice/session-1.scope2");  // a neighbour of a longer name is another place
}

TEST_CASE("limits are written where their controller is") {
  oci::Resources resources;
  resources.devices = {{{.allow = true, .access = "rwm"}}};
  resources.memory = oci::MemoryResources{.limit = 1000};
  resources.cpu = oci::CpuResources{.shares = 512};
  CHECK(plan(kV1, "/web", &resources).writes ==
        std::vector<CgroupWrite>{
            {"/sys/fs/cgroup/memory/web/memory.limit_in_bytes", "1000",
             "/linux/resources/memory/limit"},
            {"/sys/fs/cgroup/cpu,cpuacct/web/cpu.shares", "512", "/linux/resources/cpu/shares"}});
  CHECK(plan(kV2, "/web", &resources).writes ==
        std::vector<CgroupWrite>{
            {"/sys/fs/cgroup/web/memory.max", "1000", "/linux/resources/memory/limit"},
            {"/sys/fs/cgroup/web/cpu.weight", "59", "/linux/resources/cpu/shares"}});
}

TEST_CASE("devices are kept away by writes on v1 and by a program on v2") {
  const CgroupPlan v1 = plan(kV1, "/web");
  REQUIRE(v1.writes.size() == 12);
  CHECK(v1.writes[0].file == "/sys/fs/cgroup/devices/web/devices.deny");
  CHECK(v1.writes[0].value == "a");
  CHECK(!v1.writes[0].optional);
  CHECK(v1.writes[1].file == "/sys/fs/cgroup/devices/web/devices.allow");
  CHECK(v1.writes[1].optional);  // below a parent that lacks the device
  CHECK(v1.device_program.empty());
  const CgroupPlan v2 = plan(kV2, "/web");
  CHECK(v2.writes.empty());
  CHECK(v2.device_program == device_program(make_device_filter(nullptr).value()));
  CgroupHost without = kHybrid;
  without.hierarchies.erase(without.hierarchies.begin() + 1);
  CHECK(error(without, "/web").object == "/linux/resources/devices");
}

TEST_CASE("a limit without a controller is an error, what asks for none is not") {
  oci::Resources resources;
  resources.memory = oci::MemoryResources{.limit = 1000};
  const Error missing = error(kHybrid, "/web", &resources);
  CHECK(missing.object == "/linux/resources/memory/limit");
  CHECK(missing.why.find("memory controller") != std::string::npos);
  resources.memory = oci::MemoryResources{.limit = -1, .swap = -1};
  resources.cpu = oci::CpuResources{.shares = 1024, .quota = -1};
  plan(kHybrid, "/web", &resources);
}

TEST_CASE("an ordinary user without a writable cgroup goes on, unless a limit is asked for") {
  const CgroupPlan without = plan(kV2, "", nullptr, false);
  CHECK(without.directories.empty());
  REQUIRE(without.notes.size() == 1);
  oci::Resources resources;
  resources.devices = {{{.allow = false, .access = "rwm"}}};
  resources.pids = oci::PidsResources{.limit = -1};
  resources.cpu = oci::CpuResources{.shares = 1024};
  CHECK(plan(kV2, "", &resources, false).notes.size() == 2);
  resources.pids = oci::PidsResources{.limit = 100};
  const Error refused = error(kV2, "", &resources, false);
  CHECK(refused.object == "/linux/resources/pids/limit");
  CHECK(refused.mend.find("Delegate") != std::string::npos);
  // A host without any: root's devices could not be kept away.
  CHECK(plan({}, "", nullptr, false).notes.size() == 1);
  CHECK(error({}, "").object == "/linux/resources/devices");
}

TEST_CASE("an ordinary user uses what is delegated") {
  FakeHierarchy fake;
  fake.add("user.slice/app.slice/run.scope");
  fake.add("user.slice/app.slice");
  fake.add("user.slice");
  CgroupHost host{CgroupLayout::kV2, {{"", fake.top, "/user.slice/app.slice/run.scope"}}, {"pids"}};
  for (const char* place : {"", "user.slice", "user.slice/app.slice"}) fake.forbid(place);
  auto directories = [&] {
    const int status = test::run_forked([&] {
      // Root may write everywhere: look as somebody else.
      if (geteuid() == 0 && setresuid(1234, 1234, 1234) != 0) return 99;
      auto made = plan_cgroup(host, "web", "", nullptr, false);
      return made ? static_cast<int>(made->directories.size()) : 98;
    });
    return WEXITSTATUS(status);
  };
  CHECK(directories() == 0);
  chmod((fake.top / "user.slice/app.slice").c_str(), 0777);
  CHECK(directories() == 0);  // the common ancestor's cgroup.procs is what moving needs
  chmod((fake.top / "user.slice/app.slice/cgroup.procs").c_str(), 0666);
  CHECK(directories() == 1);
  chmod((fake.top / "user.slice/app.slice/cgroup.procs").c_str(), 0444);
  // v1 asks only for the new cgroup itself.
  host.layout = CgroupLayout::kV1;
  host.hierarchies[0].controllers = "pids";
  host.hierarchies[0].own = "/user.slice/app.slice";
  CHECK(directories() == 1);
}

TEST_CASE("cgroup plan: what limits nothing and tells of nobody can be left out") {
  oci::Resources resources;
  resources.pids.emplace().limit = 10;
  CgroupPlan hybrid = plan(kHybrid, "", &resources);
  leave_out_unused(hybrid);
  CHECK(hybrid.directories == Directories{{"", "/sys/fs/cgroup/unified/web"},
                                          {"pids", "/sys/fs/cgroup/pids/web"},
                                          {"devices", "/sys/fs/cgroup/devices/web"}});
  hybrid = plan(kHybrid, "");
  leave_out_unused(hybrid);
  CHECK_FALSE(hybrid.directories.contains("pids"));
  // Without a freezer and without v2 any of them may be what tells who is in it.
  CgroupPlan v1 = plan(kV1, "");
  const size_t all = v1.directories.size();
  leave_out_unused(v1);
  CHECK(v1.directories.size() == all);
}

}  // namespace srt::platform
