#include "platform/linux/id_maps.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/linux/init/sys.h"

namespace srt::platform {

std::string id_map_text(const std::vector<oci::IdMapping>& mappings) {
  std::string text;
  for (const oci::IdMapping& map : mappings) {
    text += std::to_string(map.container_id) + " " + std::to_string(map.host_id) + " " +
            std::to_string(map.size) + "\n";
  }
  return text;
}

namespace {

Result<void> write_map(pid_t pid, const char* file, const std::vector<oci::IdMapping>& mappings,
                       const char* pointer) {
  auto written = write_file("/proc/" + std::to_string(pid) + "/" + file, id_map_text(mappings));
  if (written) return {};
  Error error = std::move(written).error();
  error.object = pointer;
  error.mend = "the host ids must be mapped for the caller, and ranges must not overlap";
  return fail(std::move(error));
}

// newuidmap or newgidmap under way.
struct Helper {
  std::string program;
  const char* pointer;
  pid_t pid = -1;
  UniqueFd words;  // its stderr
};

Result<void> start(Helper& helper, pid_t target, const std::vector<oci::IdMapping>& mappings) {
  std::vector<std::string> words = {helper.program, std::to_string(target)};
  for (const oci::IdMapping& map : mappings) {
    words.push_back(std::to_string(map.container_id));
    words.push_back(std::to_string(map.host_id));
    words.push_back(std::to_string(map.size));
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  char* environment[] = {nullptr};  // setuid programs get nothing of the caller's
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return fail_errno("pipe", "");
  helper.words.reset(pipe_fds[0]);
  UniqueFd output(pipe_fds[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output.get(), 2);
  int error =
      posix_spawn(&helper.pid, helper.program.c_str(), &actions, nullptr, argv.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail_errno(helper.program, "start", error);
  return {};
}

Result<void> finish(Helper& helper) {
  char words[512];
  size_t size = 0;
  ssize_t n;
  while (size < sizeof words && (n = sys::retry([&] {
                                   return read(helper.words.get(), words + size,
                                               sizeof words - size);
                                 })) > 0) {
    size += static_cast<size_t>(n);
  }
  int status = 0;
  sys::retry([&] { return waitpid(helper.pid, &status, 0); });
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string said(words, size);
  while (!said.empty() && said.back() == '\n') said.pop_back();
  for (char& c : said) c = c == '\n' ? ' ' : c;
  return fail(
      helper.pointer, said.empty() ? helper.program + " failed" : said,
      "the ranges must be the caller's in /etc/subuid and /etc/subgid: usermod --add-subuids "
      "100000-165535 --add-subgids 100000-165535 USER");
}

}  // namespace

Result<void> write_id_maps(const UserNamespacePlan& user, pid_t pid) {
  switch (user.writer) {
    case MapWriter::kNobody:
    case MapWriter::kStage: return {};  // the stage writes it (stage.cc)
    case MapWriter::kRuntime:
      SRT_TRY(write_map(pid, "uid_map", user.uids, "/linux/uidMappings"));
      return write_map(pid, "gid_map", user.gids, "/linux/gidMappings");
    case MapWriter::kHelpers: break;
  }
  // Side by side: each costs several milliseconds.
  Helper uids{user.newuidmap, "/linux/uidMappings"}, gids{user.newgidmap, "/linux/gidMappings"};
  SRT_TRY(start(uids, pid, user.uids));
  auto second = start(gids, pid, user.gids);
  auto first = finish(uids);
  if (second) second = finish(gids);
  return !first ? first : second;
}

}  // namespace srt::platform
