#include "platform/linux/birth.h"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tuple>
#include <utility>

#include "platform/linux/id_maps.h"
#include "platform/linux/init_program.h"
#include "platform/linux/namespaces.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

// bwrap's command line with the numbers that its descriptors have got.
std::vector<std::string> command_line(const Plan::Content& plan, int holder, int socket) {
  std::vector<std::string> words = {plan.bwrap};
  auto fill = [](std::string word, const std::string& name, int fd) {
    size_t at = word.find(name);
    if (at != std::string::npos) word.replace(at, name.size(), std::to_string(fd));
    return word;
  };
  for (const BwrapOp& op : plan.base) {
    // Only our own words can hold a name: paths of the bundle are absolute.
    for (const std::string& word : op.words) {
      bool ours = word[0] == '@' || word == "/proc/self/fd/@holder";
      words.push_back(ours ? fill(fill(word, "@holder", holder), "@socket", socket) : word);
    }
  }
  return words;
}

std::vector<char*> as_argv(std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return argv;
}

// Every descriptor that the plan names.
std::vector<int> descriptors_of(const init::InitPlan<wire::Owned>& init) {
  std::vector<int> fds;
  auto add = [&](int64_t fd) {
    if (fd >= 0) fds.push_back(static_cast<int>(fd));
  };
  for (int64_t fd : {init.fds.channel, init.fds.holder, init.fds.start_gate, init.fds.start_report,
                     init.fds.console, init.fds.seccomp_agent, init.fds.pid_namespace,
                     init.fds.monitor, init.rootfs_tree}) {
    add(fd);
  }
  for (const auto& mount : init.mounts) {
    add(mount.tree);
    add(mount.idmap);
  }
  return fds;
}

}  // namespace

Result<void> Birth::make_sockets() {
  SRT_ASSIGN(auto to_init, make_socket_pair(SOCK_STREAM));
  SRT_ASSIGN(auto between, make_socket_pair(SOCK_STREAM));
  SRT_ASSIGN(auto to_stage, make_socket_pair(SOCK_SEQPACKET));
  int errors[2];
  if (pipe2(errors, O_CLOEXEC) != 0) return fail_errno("pipe", "");
  std::tie(init_channel, channel) = std::move(to_init);
  std::tie(holder_of_init, holder_of_bwrap) = std::move(between);
  std::tie(stage_socket, stage_end) = std::move(to_stage);
  bwrap_errors.reset(errors[0]);
  errors_end.reset(errors[1]);
  return {};
}

Result<void> Birth::meet(Sidecars sidecars) {
  if (!content.console_socket.empty()) {
    SRT_ASSIGN(console, connect_unix(content.console_socket, "--console-socket"));
  }
  monitor = std::move(sidecars.monitor);
  if (sidecars.broker) {
    agent = std::move(sidecars.broker);
  } else if (content.has_seccomp_agent) {
    SRT_ASSIGN(agent, connect_unix(content.seccomp_listener, "/linux/seccomp/listenerPath"));
  }
  return {};
}

// The namespaces that are joined by path: the user and pid namespaces have steps of their own.
Result<void> Birth::open_joined() {
  for (const JoinedNamespace& join : content.joins) {
    SRT_ASSIGN(UniqueFd fd, open_namespace("/linux/namespaces", join.path));
    int flag = static_cast<int>(kind_of(join.type).clone_flag);
    if (join.type == oci::NamespaceType::kUser) {
      stage.joined_user = fd.get();
    } else if (join.type == oci::NamespaceType::kPid) {
      joined_pid = fd.get();
    } else {
      joins.push_back({fd.get(), flag, join.path.c_str()});
    }
    joined.push_back(std::move(fd));
  }
  stage.joins = joins.data();
  stage.join_count = joins.size();
  return {};
}

Result<void> Birth::equip_bwrap() {
  SRT_ASSIGN(holder_program, make_holder_program());
  bwrap_fds = {holder_program.get(), holder_of_bwrap.get()};
  bwrap_words = command_line(content, holder_program.get(), holder_of_bwrap.get());
  bwrap_argv = as_argv(bwrap_words);
  stage.runtime = stage_end.get();
  stage.parent = getpid();
  stage.bwrap_errors = errors_end.get();
  stage.bwrap_fds = bwrap_fds.data();
  stage.bwrap_fd_count = bwrap_fds.size();
  stage.bwrap_argv = bwrap_argv.data();
  return {};
}

Result<void> Birth::equip_init() {
  SRT_ASSIGN(init_program, open_init_program());
  SRT_ASSIGN(trees, make_early_trees(content, init));
  init.fds.channel = channel.get();
  init.fds.holder = holder_of_init.get();
  init.fds.start_gate = start_gate.get();
  init.fds.start_report = start_report.get();
  init.fds.console = console.get();
  init.fds.seccomp_agent = agent.get();
  init.fds.pid_namespace = joined_pid;
  init.fds.monitor = monitor.get();
  SRT_ASSIGN(init_plan, seal_bytes("srt-plan", wire::encode(init)));
  init_fds = descriptors_of(init);
  init_fds.push_back(init_plan.get());
  init_words = {"srt-init", "contain", std::to_string(init_plan.get())};
  init_argv = as_argv(init_words);
  stage.init_program = init_program.get();
  stage.init_fds = init_fds.data();
  stage.init_fd_count = init_fds.size();
  stage.init_argv = init_argv.data();
  return {};
}

void Birth::describe_first_process() {
  stage.new_user = content.user.writer != MapWriter::kNobody;
  if (content.user.writer == MapWriter::kStage) {
    uid_map = id_map_text(content.user.uids);
    gid_map = id_map_text(content.user.gids);
    stage.uid_map = uid_map.c_str();
    stage.gid_map = gid_map.c_str();
  }
  stage.new_pid = (content.unshare & CLONE_NEWPID) != 0;
  stage.keeps_mounts = content.keeps_mounts;
  stage.new_time = (content.unshare & CLONE_NEWTIME) != 0;
  stage.has_time_offsets = !content.time_offsets.empty();
  stage.cgroup = &cgroup;
  if (content.oom_score_adj) {
    oom_score_adj = std::to_string(*content.oom_score_adj);
    stage.oom_score_adj = oom_score_adj.c_str();
  }
  stage.rlimits = content.rlimits.data();
  stage.rlimit_count = content.rlimits.size();
}

}  // namespace srt::platform
