// srt-broker: decides and performs the creating and writing calls of one sandbox; see
// platform/linux/broker/.
//
// Started by srt-runtime with descriptors of fixed numbers, outside of the sandbox's pid namespace. The
// order below is the security argument: the rules are read before the sandbox is entered, and whatever
// is of the host and could be held open is let go before the first call is looked at.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "platform/broker_config.h"
#include "platform/fd.h"
#include "platform/linux/broker/path_aliases.h"
#include "platform/linux/broker/serve.h"

namespace srt::broker {
namespace {

using namespace srt::platform;  // NOLINT: a program of one file

void close_on_exec_all() {
  for (int fd = kBrokerConfig; fd < kBrokerFdEnd; ++fd) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// Files pass through us on their way to the callers.
void raise_descriptor_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Result<BrokerConfig> read_config() {
  SRT_ASSIGN(std::string json, read_file("/proc/self/fd/" + std::to_string(kBrokerConfig)));
  close(kBrokerConfig);
  return parse_broker_config(json);
}

// Calls that are served at the same time where `exec` brings more callers; others wait.
constexpr size_t kMoreCalls = 16;

Result<Neighbours> join_neighbours(size_t calls) {
  if (fcntl(kBrokerNeighbours, F_GETFD) < 0) return Neighbours();
  UniqueFd folder(kBrokerNeighbours);
  return Neighbours::of(folder.get(), calls);
}

void say(const std::string& message) {
  (void)send(kBrokerControl, message.data(), std::min<size_t>(message.size(), 500), MSG_NOSIGNAL);
}

Result<void> run() {
  close_on_exec_all();
  raise_descriptor_limit();
  SRT_ASSIGN(BrokerConfig config, read_config());
  SRT_TRY(Judge::make(config.rules));  // what is wrong with the rules is said before anything runs
  UniqueFd violations(kBrokerViolations);
  const int more = fcntl(kBrokerMore, F_GETFD) < 0 ? -1 : kBrokerMore;
  SRT_ASSIGN(Neighbours neighbours, join_neighbours(config.threads + (more < 0 ? 0 : kMoreCalls)));
  SRT_ASSIGN(UniqueFd proc, open_host_proc());
  say({kBrokerReady});
  SRT_ASSIGN(UniqueFd first_process, receive_first_process(kBrokerControl));
  // Now: the program may yet get a user namespace of its own, which nobody could be joined from.
  SRT_TRY(enter_sandbox(first_process.get(), config));
  for (PathAlias& alias : find_aliases(config.rules))
    config.rules.aliases.push_back(std::move(alias));
  SRT_ASSIGN(Judge judge, Judge::make(config.rules));
  Service service(config, std::move(judge), std::move(violations));
  service.vantage.proc = std::move(proc);
  service.neighbours = std::move(neighbours);
  SRT_TRY(note_root(service.vantage));
  service.vantage.fixed_root = config.fixed_root;
  if (config.devices) {
    oci::Resources resources;
    resources.devices = std::move(config.devices);
    SRT_ASSIGN(service.devices, make_device_filter(&resources));
  }
  SRT_TRY(note_user(service));
  SRT_TRY(note_network(service));
  say({kBrokerReady});
  SRT_ASSIGN(UniqueFd listener, receive_listener(kBrokerListener, first_process.get()));
  SRT_TRY(serve(service, std::move(listener), first_process.get(), more, config.threads));
  std::fflush(nullptr);
  _exit(0);  // the threads are in the middle of what nobody waits for any more
}

}  // namespace
}  // namespace srt::broker

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  srt::Result<void> ended = srt::broker::run();
  if (ended) return 0;
  srt::broker::say(srt::platform::kBrokerFailed + to_string(ended.error()));
  return 1;
}
