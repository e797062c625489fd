// No calls are brokered on macOS: the profile knows names that do not exist yet.
#include "platform/broker.h"

namespace srt::platform {

struct Broker::Impl {};

std::vector<oci::SeccompSyscall> brokered_calls(const BrokerRules&) { return {}; }

Result<Broker> Broker::reserve() {
  return fail("file broker", "is not needed, and not there, on macOS");
}
Result<void> Broker::start(const BrokerOptions&) { return {}; }

Broker::Broker() = default;
Broker::Broker(Broker&&) noexcept = default;
Broker& Broker::operator=(Broker&&) noexcept = default;
Broker::~Broker() = default;
UniqueFd Broker::take_agent_socket() { return UniqueFd(); }
Result<void> Broker::await_ready() { return {}; }
Result<void> Broker::commit(const Handle&) { return {}; }
void Broker::note(Handle&) const {}

}  // namespace srt::platform
