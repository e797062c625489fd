// srt-runtime events: the audit events of a container's egress guard, or what it uses, as NDJSON.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/fd.h"
#include "platform/file_watch.h"
#include "platform/platform.h"
#include "runtime/audit_files.h"
#include "runtime/lifecycle.h"
#include "shim/srt-runtime/usage_events.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {
    {"f,follow", "", "go on with new events until the container ends"},
    {"stats", "", "print what the container uses, once"},
    {"interval", "TIME", "print it so often (500ms, 5s, 1m), and when it runs out of memory"},
};
constexpr uint32_t kOldest = 64;

// Copies what has come since the last call; false when stdout has gone.
class Tail {
 public:
  explicit Tail(UniqueFd file) : file_(std::move(file)) {}

  Result<bool> carry() {
    char buffer[65536];
    for (;;) {
      ssize_t n = read(file_.get(), buffer, sizeof buffer);
      if (n < 0) return fail_errno("audit log", "read");
      if (n == 0) return true;
      SRT_ASSIGN(int status, print(std::string_view(buffer, static_cast<size_t>(n))));
      if (status != 0) return false;
    }
  }
  // Rotated: what follows stands in a new file.
  bool is_newest(int dir) const {
    struct stat mine, newest;
    return fstat(file_.get(), &mine) == 0 &&
           fstatat(dir, runtime::kAuditFile, &newest, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_ino == newest.st_ino;
  }

 private:
  UniqueFd file_;
};

UniqueFd open_log(int dir, uint32_t age) {
  return UniqueFd(openat(dir, runtime::audit_file(age).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
}

Result<void> follow(int dir, Tail tail, const platform::Handle& handle) {
  SRT_ASSIGN(platform::FileWatch watch, platform::FileWatch::open(dir, runtime::kAuditFile));
  Result<UniqueFd> init = platform::open_init(handle);
  for (bool alive = true;; alive = init && alive) {
    SRT_ASSIGN(bool wanted, tail.carry());
    if (!wanted) return {};
    if (!tail.is_newest(dir)) {
      if (UniqueFd newest = open_log(dir, 0)) {
        tail = Tail(std::move(newest));
        continue;
      }
    }
    if (!alive || !init) return {};
    pollfd events[] = {{watch.fd(), POLLIN, 0}, {init->get(), POLLIN, 0}};
    if (poll(events, 2, -1) < 0 && errno != EINTR) return fail_errno("audit log", "wait");
    watch.next();
    if (events[1].revents != 0) alive = false;  // once more, for the last events
  }
}

Result<int> usage_events(const Invocation& call, const runtime::Inspected& found) {
  const Arguments& given = call.arguments;
  if (given.on("follow")) {
    return fail("--follow", "is for the events of an egress guard",
                "for what the container uses there is --interval");
  }
  if (found.status == runtime::Status::kStopped) return fail("", "container not running");
  SRT_ASSIGN(const auto interval, parse_interval(given.text("interval", "5s")));
  if (given.on("stats")) {
    SRT_TRY(print_usage(found.record.id, found.record.handle));
  } else {
    SRT_TRY(follow_usage(found.record.id, found.record.handle, interval));
  }
  return 0;
}

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_ASSIGN(runtime::Inspected found, runtime::inspect(store, id));
  const bool of_usage = call.arguments.on("stats") || call.arguments.given("interval");
  // As runc, whose events these are; with a guard, its are what is asked for.
  if (of_usage || found.record.policy_hash.empty()) return usage_events(call, found);
  std::string path = store.folder_of(id) + "/" + runtime::kAuditFolder;
  UniqueFd dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return fail_errno(path, "open");
  for (uint32_t age = kOldest; age > 0; --age) {
    if (UniqueFd old = open_log(dir.get(), age)) SRT_TRY(Tail(std::move(old)).carry());
  }
  UniqueFd newest = open_log(dir.get(), 0);
  if (!newest) return fail_errno(path, "open its newest file");
  Tail tail(std::move(newest));
  if (call.arguments.on("follow")) {
    SRT_TRY(follow(dir.get(), std::move(tail), found.record.handle));
  } else {
    SRT_TRY(tail.carry());
  }
  return 0;
}

}  // namespace

const Verb kEvents{
    "events",
    "ID",
    "print what the egress guard allowed and denied, or what the container uses",
    "  srt-runtime events web\n  srt-runtime events --follow web | jq .host\n"
    "  srt-runtime events --stats web | jq .data.memory.usage\n"
    "One JSON object a line. A container without an egress policy: what it uses, every "
    "5 s.\n",
    kOptions,
    1,
    1,
    run};

}  // namespace srt::shim
