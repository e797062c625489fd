// srt-broker's life, from its descriptors to its end; see shim/srt-broker/main.cc for the order.
#pragma once

#include <memory>

#include "oci/error.h"
#include "platform/broker_config.h"
#include "platform/fd.h"
#include "platform/linux/broker/service.h"

namespace srt::platform {

// The descriptors that srt-broker starts with.
enum BrokerFd : int {
  kBrokerConfig = 3,  // sealed memory: BrokerConfig as JSON
  kBrokerControl,     // SEQPACKET, to the runtime
  kBrokerListener,    // stream; the container's first process sends the listener on it
  kBrokerViolations,  // NDJSON is appended
  kBrokerNeighbours,  // the folder whose lock the user's brokers share (neighbours.h)
  kBrokerMore,        // perhaps: listening; who connects sends another listener, of an `exec`
  kBrokerFdEnd,
};

// Messages on kBrokerControl; the first byte tells.
inline constexpr char kBrokerReady = 'R';
inline constexpr char kBrokerFailed = 'F';  // + why, for a person
inline constexpr char kBrokerCommit = 'C';  // with a pidfd of the container's first process

// ---- what srt-broker does to itself, single-threaded, in this order

// The host's /proc, kept from before the join.
Result<UniqueFd> open_host_proc();
// Waits for kBrokerCommit; an end of the runtime before it is an error.
Result<UniqueFd> receive_first_process(int control);
// Waits for the seccomp listener, which comes when everything is mounted and the program is about to
// run; an end of the container before it is an error.
Result<UniqueFd> receive_listener(int socket, int first_process);
// Into the sandbox's namespaces but for that of its processes, as its user; without capabilities, but that to read its
// processes, which is not effective (PtraceCapability).
Result<void> enter_sandbox(int first_process, const BrokerConfig& config);
Result<void> note_root(Vantage& vantage);
Result<void> note_user(Service& service);
Result<void> note_network(Service& service);

// Serves on `threads` threads until the first process has ended, and as many more for each listener that
// comes by `more` (-1: none).
Result<void> serve(Service& service, UniqueFd listener, int first_process, int more,
                   unsigned threads);
// What came on a connection of `more`: a listener; nothing where the exec failed before.
UniqueFd receive_further_listener(int connection);

}  // namespace srt::platform
