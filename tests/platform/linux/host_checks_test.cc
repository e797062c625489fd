#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include <catch2/catch.hpp>

#include "platform/fd.h"
#include "platform/linux/host_probes.h"
#include "platform/linux/programs.h"
#include "platform/linux/subordinate_ids.h"
#include "platform/platform.h"
#include "tests/platform/linux/child.h"

namespace srt::platform {
namespace {

HostCheck find(const std::vector<HostCheck>& checks, const std::string& what) {
  const auto found = std::find_if(checks.begin(), checks.end(),
                                  [&](const HostCheck& check) { return check.what == what; });
  REQUIRE(found != checks.end());
  return *found;
}

// Runs `work` as uid 0 of a new user namespace; false: there are none here.
bool in_user_namespace(const std::function<int()>& work, int& exit_code) {
  const std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
  const int status = test::run_forked([&] {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 99;
    if (!write_file("/proc/self/setgroups", "deny") ||
        !write_file("/proc/self/uid_map", "0 " + uid + " 1") ||
        !write_file("/proc/self/gid_map", "0 " + gid + " 1")) {
      return 99;
    }
    return work();
  });
  exit_code = WEXITSTATUS(status);
  return exit_code != 99;
}

}  // namespace

TEST_CASE("the host is asked for everything, and each lack comes with a mend") {
  const auto checks = check_host();
  for (const char* what :
       {"bubblewrap", "user namespaces", "newuidmap, newgidmap", "subordinate ids", "cgroups",
        "seccomp filters", "seccomp user notification", "kernel calls",
        "egress guard on all ports (nf_tables)"}) {
    find(checks, what);
  }
  for (const HostCheck& check : checks) {
    INFO(check.what << ": " << check.found);
    CHECK(!check.found.empty());
    CHECK((check.level == HostCheck::Level::kOk) == check.mend.empty());
  }
}

TEST_CASE("a limit of no user namespaces is named, with the command that lifts it") {
  int result = 0;
  const bool ran = in_user_namespace(
      [] {
        if (!write_file("/proc/sys/user/max_user_namespaces", "0")) return 98;
        const auto checks = check_host();
        for (const HostCheck& check : checks) {
          if (check.what != "user namespaces") continue;
          if (check.level != HostCheck::Level::kFailure || !check.required) return 1;
          if (check.found != "user.max_user_namespaces is 0") return 2;
          if (check.mend != "sysctl -w user.max_user_namespaces=15000") return 3;
          return 0;
        }
        return 4;
      },
      result);
  if (!ran || result == 98) {
    WARN("skipped: no user namespace can be made, or its limits not be set");
    return;
  }
  CHECK(result == 0);
}

// Run by the next test in a program of its own, because the answer is found once for a process.
TEST_CASE("uid 0 of a new user namespace is not the host's root", "[.inside]") {
  CHECK(geteuid() == 0);
  CHECK(!is_host_root());
  CHECK(find(check_host(), "user namespaces").level == HostCheck::Level::kOk);
  // Root's files belong to the overflow uid here, unless root's id is the one that is mapped.
  auto bwrap = find_program(Program::kBwrap);
  INFO((bwrap ? "" : to_string(bwrap.error())));
  CHECK((bwrap || bwrap.error().code == ENOENT || bwrap.error().mend.find("apt") == 0));
}

TEST_CASE("only uid 0 of the initial user namespace is the host's root") {
  if (geteuid() == 0) CHECK(is_host_root());
  int result = 0;
  const bool ran = in_user_namespace(
      [] {
        execl("/proc/self/exe", "platform_tests", "[.inside]", nullptr);
        return 98;
      },
      result);
  if (!ran) {
    WARN("skipped: no user namespace can be made");
    return;
  }
  CHECK(result == 0);
}

TEST_CASE("subordinate ids go by name and by number") {
  char path[] = "/tmp/srt-subuid-XXXXXX";
  UniqueFd fd(mkstemp(path));
  REQUIRE(fd);
  const std::string text =
      "# comment\nroot:100000:65536\n0:300000:10\nnobodyhere:1:2\nroot:x:1\n12:5:6\nroot:7\n";
  REQUIRE(write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  CHECK(subordinate_ranges(path, 0) ==
        std::vector<SubordinateRange>{{100000, 65536}, {300000, 10}});
  CHECK(subordinate_ranges(path, 12) == std::vector<SubordinateRange>{{5, 6}});
  CHECK(subordinate_ranges("/nonexistent", 0).empty());
  unlink(path);
}

TEST_CASE("features lists only what can be had here") {
  const Features has = features();
  CHECK(std::find(has.namespaces.begin(), has.namespaces.end(), "mount") != has.namespaces.end());
  CHECK(has.capabilities.front() == "CAP_CHOWN");
  CHECK(has.seccomp);
  auto contains = [](const std::vector<std::string>& list, const char* name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  CHECK(contains(has.seccomp_actions, "SCMP_ACT_ERRNO"));
  CHECK(contains(has.seccomp_archs, "SCMP_ARCH_X86_64"));
  CHECK(contains(has.mount_options, "rbind"));
  CHECK(has.seccomp_operators.size() == 7);
  CHECK(has.seccomp_known_flags.size() == 4);
  for (const std::string& flag : has.seccomp_supported_flags) {
    CHECK(contains(has.seccomp_known_flags, flag.c_str()));
  }
}

}  // namespace srt::platform
