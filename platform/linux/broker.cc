#include "platform/broker.h"

#include <sys/socket.h>
#include <unistd.h>

#include "platform/linux/broker/serve.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/init_program.h"
#include "platform/sidecar.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

constexpr const char* kLayer = "file broker";

}  // namespace

struct Broker::Impl {
  UniqueFd control, agent, served;  // `served`: the broker's end of `agent`, until it has started
  Sidecar process;
};

Broker::Broker() : impl_(std::make_unique<Impl>()) {}
Broker::Broker(Broker&&) noexcept = default;
Broker& Broker::operator=(Broker&&) noexcept = default;
Broker::~Broker() = default;

Result<Broker> Broker::reserve() {
  SRT_ASSIGN(auto agent, make_socket_pair(SOCK_STREAM));
  Broker broker;
  broker.impl_->agent = std::move(agent.first);
  broker.impl_->served = std::move(agent.second);
  return broker;
}

Result<void> Broker::start(const BrokerOptions& options) {
  SRT_ASSIGN(auto control, make_socket_pair(SOCK_SEQPACKET));
  SRT_ASSIGN(UniqueFd config, seal_bytes("srt-broker-config", to_json(options.config)));
  (void)lseek(config.get(), 0, SEEK_SET);
  SRT_ASSIGN(impl_->process,
             Sidecar::spawn("srt-broker", {options.container},
                            {config.get(), control.second.get(), impl_->served.get(),
                             options.violations, options.neighbours, options.more}));
  impl_->served.reset();
  impl_->control = std::move(control.first);
  return {};
}

UniqueFd Broker::take_agent_socket() { return std::move(impl_->agent); }

Result<void> Broker::await_ready() {
  char message[512];
  ssize_t n = sys::retry(
      [&] { return recv(impl_->control.get(), message, sizeof message, MSG_CMSG_CLOEXEC); });
  if (n >= 1 && message[0] == kBrokerReady) return {};
  if (n >= 2 && message[0] == kBrokerFailed) {
    return fail(kLayer, std::string(message + 1, static_cast<size_t>(n - 1)));
  }
  return fail(kLayer, "srt-broker ended before it served", "reinstall srt-runtime");
}

// Answered once it has entered the sandbox: after that the program's own user namespace may come.
Result<void> Broker::commit(const Handle& container) {
  SRT_ASSIGN(UniqueFd pidfd, open_init(container));
  SRT_TRY(
      send_with_descriptor(impl_->control.get(), std::string_view(&kBrokerCommit, 1), pidfd.get()));
  SRT_TRY(await_ready());
  impl_->process.commit();
  return {};
}

void Broker::note(Handle& handle) const {
  handle.broker = impl_->process.pid();
  handle.broker_start = impl_->process.start_time();
}

}  // namespace srt::platform
