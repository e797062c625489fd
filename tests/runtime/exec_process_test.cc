#include "runtime/exec_process.h"

#include <catch2/catch.hpp>

using namespace srt;
using runtime::exec_process;
using runtime::ExecChanges;

namespace {

using Strings = std::vector<std::string>;

oci::Spec container() {
  oci::Spec spec;
  spec.process.emplace();
  spec.process->terminal = true;
  spec.process->args = {"server"};
  spec.process->env = {"PATH=/bin"};
  spec.process->cwd = "/srv";
  spec.process->user = oci::User{.uid = 5, .gid = 6, .additional_gids = {{7}}};
  spec.process->capabilities = oci::Capabilities{
      .bounding = {{"CAP_KILL"}}, .effective = {{"CAP_KILL"}}, .inheritable = {{"CAP_KILL"}}};
  spec.process->no_new_privileges = true;
  return spec;
}

ExecChanges command() {
  ExecChanges changes;
  changes.args = {"ls", "-l"};
  return changes;
}

}  // namespace

TEST_CASE("without options exec keeps the container's process and takes its command, no terminal") {
  auto process = exec_process(container(), command());
  REQUIRE(process);
  oci::Process expected = *container().process;
  expected.args = {"ls", "-l"};
  expected.terminal = false;
  CHECK(*process == expected);
}

TEST_CASE("each option changes its property") {
  ExecChanges changes = command();
  changes.cwd = "/tmp";
  changes.env = {"A=1,2", "B="};
  changes.user = "8:9";
  changes.additional_gids = {"10", "11"};
  changes.terminal = true;
  changes.no_new_privileges = false;
  changes.apparmor_profile = "profile";
  changes.selinux_label = "label";
  auto process = exec_process(container(), changes);
  REQUIRE(process);
  CHECK(process->cwd == "/tmp");
  CHECK(process->env == Strings{"PATH=/bin", "A=1,2", "B="});
  CHECK(process->user == oci::User{.uid = 8, .gid = 9, .additional_gids = {{7, 10, 11}}});
  CHECK(process->terminal == true);
  CHECK(process->no_new_privileges == false);
  CHECK(process->apparmor_profile == "profile");
  CHECK(process->selinux_label == "label");
}

TEST_CASE("a user without a group keeps the container's group") {
  ExecChanges changes = command();
  changes.user = "8";
  auto process = exec_process(container(), changes);
  REQUIRE(process);
  CHECK(process->user->uid == 8u);
  CHECK(process->user->gid == 6u);
}

TEST_CASE("an added capability never becomes inheritable (CVE-2022-29162)") {
  ExecChanges changes = command();
  changes.capabilities = {"CAP_NET_RAW", "sys_ptrace", "CAP_KILL"};
  auto process = exec_process(container(), changes);
  REQUIRE(process);
  CHECK(process->capabilities->bounding == Strings{"CAP_KILL", "CAP_NET_RAW", "CAP_SYS_PTRACE"});
  CHECK(process->capabilities->effective == Strings{"CAP_KILL", "CAP_NET_RAW", "CAP_SYS_PTRACE"});
  CHECK(process->capabilities->permitted == Strings{"CAP_NET_RAW", "CAP_SYS_PTRACE", "CAP_KILL"});
  CHECK(process->capabilities->inheritable == Strings{"CAP_KILL"});
  // As runc: ambient only what config.json itself made inheritable.
  CHECK(process->capabilities->ambient == Strings{"CAP_KILL"});
}

TEST_CASE("what cannot be is refused, and the option is named") {
  ExecChanges changes = command();
  changes.user = "nobody";
  CHECK(exec_process(container(), changes).error().object == "--user");
  changes.user = "1:";
  CHECK(exec_process(container(), changes).error().object == "--user");
  changes = command();
  changes.additional_gids = {"-1"};
  CHECK(exec_process(container(), changes).error().object == "--additional-gids");
  changes = command();
  changes.cwd = "tmp";
  CHECK(exec_process(container(), changes).error().object == "--cwd");
  changes = command();
  changes.args.clear();
  CHECK(exec_process(container(), changes).error().why == "process args cannot be empty");
}
