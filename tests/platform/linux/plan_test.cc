// Plans are values made without side effect: what a config.json becomes is looked at here, whether the
// kernel then does it in tests/conformance.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>

#include "oci/template.h"
#include "platform/linux/content.h"
#include "platform/linux/user_namespace.h"
#include "tests/platform/linux/child.h"

namespace srt::platform {
namespace {

// A bundle with an empty rootfs, removed at the end.
struct TempBundle {
  TempBundle() {
    char name[] = "/tmp/srt-plan-test.XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    bundle.dir = name;
    REQUIRE(mkdir((bundle.dir + "/rootfs").c_str(), 0755) == 0);
    bundle.spec = geteuid() == 0 ? oci::default_spec() : oci::rootless_spec(geteuid(), getegid());
    bundle.spec.process->terminal = false;
  }
  ~TempBundle() { std::filesystem::remove_all(bundle.dir); }

  Result<Plan> plan() const {
    CreateOptions options;
    options.id = "plan-test";
    return make_plan(bundle, options);
  }
  std::string refusal() const {
    auto made = plan();
    return made ? "" : made.error().object + ": " + made.error().why;
  }
  oci::Linux& os() { return *bundle.spec.linux_; }
  void drop(oci::NamespaceType type) {
    std::erase_if(*os().namespaces, [&](const oci::Namespace& one) { return one.type == type; });
  }
  Bundle bundle;
};

std::string words(const Plan& plan) {
  std::string line;
  for (const BwrapOp& op : plan.content().base) {
    for (const std::string& word : op.words) line += word + " ";
  }
  return line;
}

TEST_CASE("The same bundle gives the same plan, and leaves nothing behind") {
  TempBundle temp;
  auto first = temp.plan(), second = temp.plan();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->to_json() == second->to_json());
  CHECK(first->content().init == second->content().init);
  CHECK_FALSE(std::filesystem::exists("/sys/fs/cgroup/pids/plan-test"));
  CHECK(std::filesystem::is_empty(temp.bundle.dir + "/rootfs"));
}

TEST_CASE("bwrap makes the net, ipc and uts namespaces, and never sees a path inside the rootfs") {
  TempBundle temp;
  auto plan = temp.plan();
  REQUIRE(plan);
  std::string line = words(*plan);
  CHECK(line.find("--unshare-ipc ") != std::string::npos);
  CHECK(line.find("--unshare-uts ") != std::string::npos);
  CHECK(line.find(temp.bundle.dir) == std::string::npos);
  // Killed with the runtime only where the container's pid namespace takes its child along.
  CHECK((line.find("--die-with-parent ") == 0) == !plan->content().bwrap_first);
}

TEST_CASE("Without a mount namespace of its own a container is refused") {
  TempBundle temp;
  temp.drop(oci::NamespaceType::kMount);
  CHECK(temp.refusal().find("no mount namespace") != std::string::npos);
  temp.os().namespaces->push_back({oci::NamespaceType::kMount, "/proc/self/ns/mnt"});
  CHECK(temp.refusal().find("cannot be joined") != std::string::npos);
}

TEST_CASE("Settings that would change the host are refused") {
  TempBundle temp;
  temp.bundle.spec.hostname.reset();
  temp.drop(oci::NamespaceType::kIpc);
  temp.drop(oci::NamespaceType::kUts);
  std::erase_if(*temp.bundle.spec.mounts,
                [](const oci::Mount& mount) { return mount.type == "mqueue"; });
  REQUIRE(temp.plan());
  temp.os().sysctl = std::map<std::string, std::string>{{"kernel.shmmax", "1"}};
  CHECK(temp.refusal().find("/linux/sysctl/kernel.shmmax") == 0);
  temp.os().sysctl = std::map<std::string, std::string>{{"vm.swappiness", "1"}};
  CHECK(temp.refusal().find("belongs to no namespace") != std::string::npos);
  temp.os().sysctl.reset();
  temp.bundle.spec.hostname = "changed";
  CHECK(temp.refusal().find("/hostname") == 0);
  temp.bundle.spec.hostname.reset();
  temp.bundle.spec.domainname = "changed";
  CHECK(temp.refusal().find("/domainname") == 0);
}

TEST_CASE("A user namespace without id 0 is refused") {
  TempBundle temp;
  temp.drop(oci::NamespaceType::kUser);
  temp.os().namespaces->push_back({oci::NamespaceType::kUser, std::nullopt});
  temp.os().uid_mappings = {{{1, geteuid(), 1}}};
  temp.os().gid_mappings = {{{0, getegid(), 1}}};
  CHECK(temp.refusal().find("no mapping for container uid 0") != std::string::npos);
  temp.os().uid_mappings = {{{0, geteuid(), 1}}};
  temp.os().gid_mappings = {{{1, getegid(), 1}}};
  CHECK(temp.refusal().find("no mapping for container gid 0") != std::string::npos);
}

TEST_CASE("With the host's tree as rootfs the whole mount plan is bwrap's arguments") {
  TempBundle temp;
  temp.bundle.spec.root->path = "/";
  temp.bundle.spec.root->readonly = true;
  temp.os().devices.reset();
  temp.bundle.spec.mounts = std::vector<oci::Mount>{
      {"/proc", "proc", "proc", std::nullopt, std::nullopt, std::nullopt},
      {"/dev", "tmpfs", "tmpfs", std::nullopt, std::nullopt, std::nullopt},
      {"/tmp", "tmpfs", "tmpfs", {{"mode=1777", "size=1m"}}, std::nullopt, std::nullopt},
      {"/tmp/made/here", "bind", "/usr", {{"rbind", "ro"}}, std::nullopt, std::nullopt}};
  auto plan = temp.plan();
  REQUIRE(plan);
  std::string line = words(*plan);
  size_t at = 0;
  for (const char* part :
       {"--ro-bind / / ", "--dev /dev ", "--perms 01777 --size 1048576 --tmpfs /tmp ",
        "--ro-bind /usr /tmp/made/here "}) {
    INFO(part << " in " << line);
    size_t found = line.find(part, at);
    CHECK(found != std::string::npos);
    at = found == std::string::npos ? at : found;
  }
  CHECK(plan->content().init.passthrough);
  // srt-holder needs no procfs where it can be a file, and the file goes.
  CHECK(line.find("--proc") == std::string::npos);
  CHECK(line.find("--file @holder /dev/srt-holder -- /dev/srt-holder @socket") !=
        std::string::npos);
  CHECK(plan->content().init.holder_file == "/dev/srt-holder");
  // All but the procfs, which bwrap can only make for its own pid namespace.
  REQUIRE(plan->content().init.mounts.size() == 1);
  CHECK(plan->content().init.mounts[0].type == "proc");
  std::vector<std::string> readonly = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                       "/proc/sysrq-trigger"};
  // What is root's alone, where root inside is root outside.
  if (plan->content().user.writer == MapWriter::kNobody && in_initial_user_namespace()) {
    for (const char* path : {"/proc/acpi", "/proc/driver", "/proc/mtrr", "/proc/scsi"}) {
      readonly.emplace_back(path);
    }
  }
  CHECK(plan->content().init.readonly == readonly);

  // In a /dev of the host's no file is made.
  (*temp.bundle.spec.mounts)[1] = {"/dev", "bind", "/dev", {{"rbind"}}, std::nullopt, std::nullopt};
  plan = temp.plan();
  REQUIRE(plan);
  line = words(*plan);
  CHECK(line.find("--proc /proc ") != std::string::npos);
  CHECK(line.find("-- /proc/self/fd/@holder @socket") != std::string::npos);
  CHECK(plan->content().init.holder_file.empty());

  temp.bundle.spec.mounts->back().destination = "/no-such-place-on-this-host";
  CHECK(temp.refusal().find("would have to be made on the host") != std::string::npos);
}

TEST_CASE("Empty folders over the host's tree are sealed when all mounts in them are made") {
  TempBundle temp;
  temp.bundle.spec.root->path = "/";
  temp.bundle.spec.root->readonly = true;
  temp.os().devices.reset();
  temp.os().masked_paths = {{"/usr/share"}};
  temp.os().readonly_paths.reset();
  const auto mount = [](const char* destination, const char* type, const char* source,
                        std::vector<std::string> options) {
    return oci::Mount{destination, type, source, std::move(options), std::nullopt, std::nullopt};
  };
  temp.bundle.spec.mounts =
      std::vector<oci::Mount>{mount("/usr", "tmpfs", "tmpfs", {"ro", "mode=0555"}),
                              mount("/usr/made", "bind", "/etc", {"rbind", "ro"})};
  auto plan = temp.plan();
  REQUIRE(plan);
  const std::string line = words(*plan);
  INFO(line);
  const size_t made = line.find("--ro-bind /etc /usr/made ");
  CHECK(made != std::string::npos);
  CHECK(line.find("--remount-ro") == std::string::npos);
  CHECK(plan->content().init.sealed ==
        std::vector<std::string>{"/usr"});              // by srt-init, in the end
  CHECK(line.find("/usr/share") == std::string::npos);  // nothing of it is left to be hidden

  // A bind in an empty folder is the host's again.
  temp.bundle.spec.mounts->push_back(mount("/usr/made/no-such-place", "tmpfs", "tmpfs", {}));
  CHECK(temp.refusal().find("would have to be made on the host") != std::string::npos);
}

TEST_CASE("A capability that nobody knows is left out with a warning") {
  TempBundle temp;
  temp.bundle.spec.process->capabilities->bounding->push_back("CAP_NO_SUCH_THING");
  auto plan = temp.plan();
  REQUIRE(plan);
  REQUIRE_FALSE(plan->warnings().empty());
  CHECK(plan->warnings().front().find("CAP_NO_SUCH_THING") != std::string::npos);
}

TEST_CASE("A capability that the runtime lacks itself is left out with a warning") {
  if (geteuid() != 0) {
    WARN("skipped: only root runs containers without a user namespace, in which it has them all");
    return;
  }
  TempBundle temp;
  oci::Capabilities& wanted = *temp.bundle.spec.process->capabilities;
  for (auto* set : {&wanted.bounding, &wanted.permitted, &wanted.effective}) {
    *set = {"CAP_KILL", "CAP_WAKE_ALARM"};
  }
  const int status = test::run_forked([&] {
    if (prctl(PR_CAPBSET_DROP, CAP_WAKE_ALARM) != 0) return 1;
    auto plan = temp.plan();
    if (!plan) return 2;
    if (plan->content().init.process.capabilities.permitted != uint64_t{1} << CAP_KILL) return 3;
    return plan->warnings().size() == 3 ? 0 : 4;
  });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("Ambient capabilities that cannot be are left out without a warning") {
  TempBundle temp;
  temp.bundle.spec.process->capabilities->inheritable.reset();
  temp.bundle.spec.process->capabilities->ambient = {"CAP_KILL"};
  auto plan = temp.plan();
  REQUIRE(plan);
  CHECK(plan->warnings().empty());
  CHECK(plan->content().init.process.capabilities.ambient == 0);
}

TEST_CASE(
    "A pids limit of zero is none in a bundle from before 1.3, where it could not be left out") {
  TempBundle temp;
  temp.bundle.spec.linux_->resources.emplace();
  temp.bundle.spec.linux_->resources->pids = oci::PidsResources{.limit = 0};
  auto limit = [&](const char* version) -> std::string {
    temp.bundle.spec.oci_version = version;
    auto plan = temp.plan();
    REQUIRE(plan);
    for (const CgroupWrite& write : plan->content().cgroup.writes) {
      if (write.file.ends_with("pids.max")) return write.value;
    }
    return "not written";
  };
  if (getuid() != 0) {
    WARN("skipped: an ordinary user's control groups may not be writable");
    return;
  }
  CHECK(limit("1.0.2-dev") == "max");
  CHECK(limit("1.2.1") == "max");
  CHECK(limit("1.3.0") == "1");
}

TEST_CASE("createContainer hooks find the rootfs at its own path") {
  TempBundle temp;
  temp.bundle.spec.hooks = oci::Hooks{};
  temp.bundle.spec.hooks->create_container = {
      {{"/bin/true", std::nullopt, std::nullopt, std::nullopt}}};
  auto plan = temp.plan();
  REQUIRE(plan);
  CHECK(plan->content().init.rootfs_at == temp.bundle.dir + "/rootfs");
  CHECK(words(*plan).find("--dev-bind / / ") != std::string::npos);
}

}  // namespace
}  // namespace srt::platform
