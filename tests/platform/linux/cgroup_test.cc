// Real cgroups on this host, whatever its layout, and a v2-only view of it in a private mount
// namespace where there is a v2 hierarchy.
#include "platform/linux/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include <catch2/catch.hpp>

#include "platform/platform.h"
#include "tests/platform/linux/child.h"

namespace srt::platform {
namespace {

using test::Child;

std::string unique_id(const char* name) {
  static int count = 0;
  return "srt-test-" + std::string(name) + "-" + std::to_string(getpid()) + "-" +
         std::to_string(count++);
}

// A made cgroup that goes with the test.
struct Made {
  CgroupPlan plan;
  ~Made() {
    (void)signal_cgroup(plan.directories, SIGKILL);
    (void)remove_cgroup(plan.directories);
  }
};

bool can_make_cgroups(const CgroupHost& host) {
  if (!is_host_root()) {
    WARN("skipped: only root can make cgroups here");
    return false;
  }
  if (host.layout == CgroupLayout::kNone) {
    WARN("skipped: no cgroup hierarchy is mounted");
    return false;
  }
  return true;
}

CgroupHost this_host() {
  auto host = read_cgroup_host();
  REQUIRE(host);
  return *host;
}

std::string contents(const std::string& path) {
  auto text = read_file(path);
  INFO((text ? "" : to_string(text.error())));
  REQUIRE(text);
  return text->substr(0, text->find('\n'));
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// This host as if it had its v2 hierarchy only.
std::optional<CgroupHost> v2_host() {
  CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return {};
  if (host.layout == CgroupLayout::kV1) {
    WARN("skipped: this host has no cgroup v2 hierarchy");
    return {};
  }
  std::erase_if(host.hierarchies, [](const auto& one) { return !one.controllers.empty(); });
  host.layout = CgroupLayout::kV2;
  std::istringstream names(contents(host.hierarchies[0].mount_point + "/cgroup.controllers"));
  host.controllers = {std::istream_iterator<std::string>(names), {}};
  return host;
}

void make(Made& made, const CgroupHost& host, const char* name,
          const oci::Resources* resources = nullptr, const std::string& below = "") {
  const std::string id = unique_id(name);
  auto plan = plan_cgroup(host, id, below.empty() ? "/" + id : below + "/" + id, resources, true);
  INFO((plan ? "" : to_string(plan.error())));
  REQUIRE(plan);
  made.plan = *plan;
  auto done = make_cgroup(made.plan);
  INFO((done ? "" : to_string(done.error())));
  REQUIRE(done);
}

void join(const Made& made, pid_t pid) {
  auto joined = join_cgroup(made.plan.directories, pid);
  INFO((joined ? "" : to_string(joined.error())));
  REQUIRE(joined);
}

}  // namespace

TEST_CASE("the caller's cgroups are found with their mounts") {
  const CgroupHost host = this_host();
  for (const CgroupHierarchy& one : host.hierarchies) {
    INFO(one.controllers << " " << one.mount_point << " " << one.own);
    CHECK(exists(one.mount_point + "/cgroup.procs"));
    CHECK(!contents(one.mount_point + one.own + "/cgroup.procs").empty());
  }
}

TEST_CASE("a process joins every hierarchy and the directories go when it has ended") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  Made made;
  make(made, host, "join");
  REQUIRE(made.plan.directories.size() == host.hierarchies.size());
  Child child;
  join(made, child.pid());
  for (const auto& [controllers, directory] : made.plan.directories) {
    INFO(controllers);
    CHECK(contents(directory + "/cgroup.procs") == std::to_string(child.pid()));
  }
  CHECK(cgroup_processes(made.plan.directories).value() == std::vector<pid_t>{child.pid()});
  REQUIRE(signal_cgroup(made.plan.directories, SIGKILL));
  CHECK(WTERMSIG(child.wait()) == SIGKILL);
  REQUIRE(remove_cgroup(made.plan.directories));
  for (const auto& [controllers, directory] : made.plan.directories) CHECK(!exists(directory));
  // Twice is no error.
  CHECK(signal_cgroup(made.plan.directories, SIGKILL));
  CHECK(remove_cgroup(made.plan.directories));
}

TEST_CASE("a process born into its cgroup is in every hierarchy") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  Made made;
  make(made, host, "born");
  auto entry = open_cgroup(made.plan.directories);
  REQUIRE(entry);
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  bool in_v2 = false;
  const pid_t pid = clone_into_cgroup(*entry, 0, SIGCHLD, in_v2);
  if (pid == 0) {
    const int error = enter_cgroup(*entry);
    (void)!write(ends[1], &error, sizeof error);
    for (;;) pause();
  }
  REQUIRE(pid > 0);
  CHECK(in_v2);
  int error = -1;
  CHECK(read(ends[0], &error, sizeof error) == sizeof error);
  CHECK(error == 0);
  for (const auto& [controllers, directory] : made.plan.directories) {
    INFO(controllers);
    CHECK(contents(directory + "/cgroup.procs") == std::to_string(pid));
  }
  REQUIRE(signal_cgroup(made.plan.directories, SIGKILL));
  waitpid(pid, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("limits are in the kernel's files") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  if (host.layout == CgroupLayout::kV2) {
    WARN("skipped: file names of v1 and hybrid hosts");
    return;
  }
  oci::Resources resources;
  resources.memory = oci::MemoryResources{.limit = 64 << 20,
                                          .reservation = 32 << 20,
                                          .swap = 128 << 20,
                                          .swappiness = 10,
                                          .disable_oom_killer = true};
  resources.pids = oci::PidsResources{.limit = 7};
  resources.cpu = oci::CpuResources{
      .shares = 512, .quota = 50000, .burst = 10000, .period = 100000, .cpus = "0", .mems = "0"};
  Made made;
  make(made, host, "limits", &resources);
  auto file = [&](const std::string& controller, const std::string& name) {
    return contents(made.plan.directories.at(controller) + "/" + name);
  };
  CHECK(file("memory", "memory.limit_in_bytes") == std::to_string(64 << 20));
  CHECK(file("memory", "memory.soft_limit_in_bytes") == std::to_string(32 << 20));
  CHECK(file("memory", "memory.memsw.limit_in_bytes") == std::to_string(128 << 20));
  CHECK(file("memory", "memory.swappiness") == "10");
  CHECK(file("memory", "memory.oom_control") == "oom_kill_disable 1");
  CHECK(file("pids", "pids.max") == "7");
  CHECK(file("cpuset", "cpuset.cpus") == "0");
  const std::string cpu = made.plan.directories.count("cpu") ? "cpu" : "cpu,cpuacct";
  CHECK(file(cpu, "cpu.shares") == "512");
  CHECK(file(cpu, "cpu.cfs_quota_us") == "50000");
  CHECK(file(cpu, "cpu.cfs_burst_us") == "10000");
}

TEST_CASE("pids.limit holds forks back") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  oci::Resources resources;
  resources.pids = oci::PidsResources{.limit = 1};
  Made made;
  make(made, host, "pids", &resources);
  int gate[2];
  REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
  Child child([&](int out) {
    char c;
    close(gate[1]);
    (void)!read(gate[0], &c, 1);
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    (void)!write(out, pid < 0 && errno == EAGAIN ? "n" : "y", 1);
  });
  join(made, child.pid());
  close(gate[1]);
  CHECK(child.said(1) == "n");
  close(gate[0]);
}

// A limit that this host's v2 hierarchy has a controller for; hybrid hosts seldom have any there.
std::optional<oci::Resources> some_v2_limit(const CgroupHost& host) {
  auto has = [&](const char* name) {
    return std::find(host.controllers.begin(), host.controllers.end(), name) !=
           host.controllers.end();
  };
  oci::Resources resources;
  if (has("memory")) {
    resources.unified = std::map<std::string, std::string>{{"memory.high", "67108864"}};
  } else if (has("hugetlb")) {
    resources.unified = std::map<std::string, std::string>{{"hugetlb.2MB.max", "0"}};
  } else {
    WARN("skipped: the v2 hierarchy has neither memory nor hugetlb");
    return {};
  }
  return resources;
}

TEST_CASE("v2 controllers are passed on from the top to where a limit needs one") {
  const auto host = v2_host();
  if (!host) return;
  const auto resources = some_v2_limit(*host);
  if (!resources) return;
  const auto& [file, value] = *resources->unified->begin();
  const std::string parents = "/" + unique_id("parents");
  const std::string root = host->hierarchies[0].mount_point;
  const std::string before = contents(root + "/cgroup.subtree_control");
  const std::string top = root + parents;
  {
    Made made;
    make(made, *host, "limit", &*resources, parents + "/deep");
    CHECK(contents(made.plan.directories.at("") + "/" + file) == value);
    const std::string controller = file.substr(0, file.find('.'));
    CHECK(contents(top + "/cgroup.subtree_control").find(controller) != std::string::npos);
    CHECK(contents(top + "/deep/cgroup.subtree_control").find(controller) != std::string::npos);
  }
  rmdir((top + "/deep").c_str());
  CHECK(rmdir(top.c_str()) == 0);
  if (before.empty()) {  // leave the host as it was
    const std::string now = contents(root + "/cgroup.subtree_control");
    std::istringstream names(now);
    for (std::string name; names >> name;) {
      (void)write_file(root + "/cgroup.subtree_control", "-" + name);
    }
  }
}

TEST_CASE("a v2 limit below a cgroup with processes says why it cannot be") {
  const auto host = v2_host();
  if (!host) return;
  const auto resources = some_v2_limit(*host);
  if (!resources) return;
  Made busy;
  make(busy, *host, "busy");
  Child child;
  join(busy, child.pid());
  const std::string place =
      busy.plan.directories.at("").substr(host->hierarchies[0].mount_point.size()) + "/inner";
  auto plan = plan_cgroup(*host, "inner", place, &*resources, true);
  REQUIRE(plan);
  auto made = make_cgroup(*plan);
  REQUIRE(!made);
  INFO(to_string(made.error()));
  CHECK(made.error().object.find("/linux/resources/unified/") == 0);
  CHECK(made.error().why.find("has processes of its own") != std::string::npos);
  CHECK(!exists(plan->directories.at("")));
}

TEST_CASE("device rules hold for a process inside") {
  const CgroupHost hosts[] = {this_host(), v2_host().value_or(this_host())};
  if (!can_make_cgroups(hosts[0])) return;
  for (const CgroupHost& host : hosts) {
    INFO("layout " << static_cast<int>(host.layout));
    oci::Resources resources;
    resources.devices = {{{.allow = false, .access = "rwm"},
                          {.allow = true, .type = "c", .major = 1, .minor = 11, .access = "r"}}};
    Made made;
    make(made, host, "devices", &resources);
    // 1:11 kmsg (allowed for reading), 1:4 port and 1:1 mem (not allowed), 1:3 null (always).
    char folder[] = "/tmp/srt-devices-XXXXXX";
    REQUIRE(mkdtemp(folder));
    int gate[2];
    REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
    Child child([&](int out) {
      char c;
      close(gate[1]);
      (void)!read(gate[0], &c, 1);
      auto try_open = [&](int minor, int flags) {
        const std::string node = std::string(folder) + "/" + std::to_string(minor);
        if (mknod(node.c_str(), S_IFCHR | 0600, makedev(1, minor)) != 0 && errno != EEXIST) {
          (void)!write(out, "m", 1);
          return;
        }
        const int fd = open(node.c_str(), flags | O_NONBLOCK);
        (void)!write(out, fd >= 0 ? "y" : errno == EPERM ? "n" : "?", 1);
        if (fd >= 0) close(fd);
      };
      try_open(11, O_RDONLY);
      try_open(11, O_RDWR);
      try_open(3, O_RDWR);
      try_open(1, O_RDONLY);
      try_open(4, O_RDONLY);
    });
    join(made, child.pid());
    close(gate[1]);
    CHECK(child.said(5) == "ynynn");
    close(gate[0]);
    for (const char* node : {"/11", "/3", "/1", "/4"}) unlink((folder + std::string(node)).c_str());
    rmdir(folder);
  }
}

TEST_CASE("a frozen cgroup says so, and SIGKILL still ends it") {
  for (const bool v2 : {false, true}) {
    const CgroupHost host = v2 ? v2_host().value_or(CgroupHost{}) : this_host();
    if (host.layout == CgroupLayout::kNone || !can_make_cgroups(host)) return;
    Made made;
    make(made, host, "freeze");
    Child child;
    join(made, child.pid());
    CHECK(!cgroup_frozen(made.plan.directories));
    REQUIRE(freeze_cgroup(made.plan.directories, true));
    CHECK(cgroup_frozen(made.plan.directories));
    REQUIRE(signal_cgroup(made.plan.directories, SIGKILL));
    CHECK(WTERMSIG(child.wait()) == SIGKILL);
    CHECK(cgroup_processes(made.plan.directories).value().empty());
  }
}

TEST_CASE("a signal reaches everybody, in sub-cgroups too, and leaves the cgroup running") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  Made made;
  make(made, host, "signal");
  Child outer, inner;
  join(made, outer.pid());
  join(made, inner.pid());
  for (const auto& [controllers, directory] : made.plan.directories) {
    if (controllers == "cpuset") continue;  // would need processors first
    REQUIRE(mkdir((directory + "/below").c_str(), 0755) == 0);
    REQUIRE(write_file(directory + "/below/cgroup.procs", std::to_string(inner.pid())));
  }
  CHECK(cgroup_processes(made.plan.directories).value().size() == 2);
  REQUIRE(signal_cgroup(made.plan.directories, SIGTERM));
  CHECK(WTERMSIG(outer.wait()) == SIGTERM);
  CHECK(WTERMSIG(inner.wait()) == SIGTERM);
  CHECK(!cgroup_frozen(made.plan.directories));
  REQUIRE(remove_cgroup(made.plan.directories));
}

TEST_CASE("a fork bomb inside is ended") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  oci::Resources resources;
  resources.pids = oci::PidsResources{.limit = 60};
  for (const bool by_freezer_alone : {false, true}) {
    Made made;
    make(made, host, "bomb", &resources);
    auto directories = made.plan.directories;
    if (by_freezer_alone) directories.erase("");
    if (directories.empty()) return;  // a v2 host: there is no other freezer
    int gate[2];
    REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
    Child child([&](int out) {
      char c;
      close(gate[1]);
      (void)!read(gate[0], &c, 1);
      signal(SIGCHLD, SIG_IGN);
      (void)!write(out, "x", 1);
      for (;;) fork();  // every process that there is goes on forking
    });
    join(made, child.pid());
    close(gate[1]);
    REQUIRE(child.said(1) == "x");
    REQUIRE(signal_cgroup(directories, SIGKILL));
    CHECK(cgroup_processes(made.plan.directories).value().empty());
    close(gate[0]);
    child.wait();
    REQUIRE(remove_cgroup(made.plan.directories));
  }
}

TEST_CASE("removal waits for a process that is ending, and names one that stays") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  Made made;
  make(made, host, "remove");
  {
    Child child;
    join(made, child.pid());
    kill(child.pid(), SIGKILL);  // not reaped yet
    REQUIRE(remove_cgroup(made.plan.directories));
  }
  Made stays;
  make(stays, host, "stays");
  Child child;
  join(stays, child.pid());
  auto removed = remove_cgroup(stays.plan.directories);
  REQUIRE(!removed);
  CHECK(removed.error().code == EBUSY);
  CHECK(removed.error().why.find(std::to_string(child.pid())) != std::string::npos);
}

// What makes a container is killed between its birth and its being written down.
TEST_CASE(
    "who is in the groups of a container that was not born is another's, unless nobody else can "
    "have them") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  Made made;
  make(made, host, "unborn");
  Child child;
  join(made, child.pid());
  Handle unborn;
  unborn.cgroups = made.plan.directories;
  REQUIRE(destroy(unborn));
  for (const auto& [controllers, directory] : made.plan.directories) {
    CHECK(contents(directory + "/cgroup.procs") == std::to_string(child.pid()));
  }
  unborn.lone_cgroups = true;
  REQUIRE(destroy(unborn));
  CHECK(WTERMSIG(child.wait()) == SIGKILL);
  for (const auto& [controllers, directory] : made.plan.directories) CHECK(!exists(directory));
}

TEST_CASE("a failed make leaves nothing") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  const std::string id = unique_id("failed");
  auto plan = plan_cgroup(host, id, "/" + id + "/deep/er", nullptr, true);
  REQUIRE(plan);
  plan->writes.push_back(
      {plan->directories.begin()->second + "/no.such_file", "1", "/linux/resources/x"});
  auto made = make_cgroup(*plan);
  REQUIRE(!made);
  CHECK(to_string(made.error()).find("/linux/resources/x") != std::string::npos);
  for (const CgroupHierarchy& one : host.hierarchies) CHECK(!exists(one.mount_point + "/" + id));
}

TEST_CASE("a cgroup with processes in it is not taken over") {
  const CgroupHost host = this_host();
  if (!can_make_cgroups(host)) return;
  Made made;
  make(made, host, "strangers");
  Child child;
  join(made, child.pid());
  auto again = make_cgroup(made.plan);
  REQUIRE(!again);
  CHECK(to_string(again.error()).find(std::to_string(child.pid())) != std::string::npos);
  CHECK(exists(made.plan.directories.begin()->second));
}

}  // namespace srt::platform
