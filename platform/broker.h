// srt-broker: the process beside a sandbox that decides and performs its creating and writing calls
// (linux/broker/). Where names are protected that do not exist, no mount can say so. Only where
// confinement() is kOwnTree.
//
//   SRT_ASSIGN(Broker broker, Broker::reserve());
//   sidecars.broker = broker.take_agent_socket();   // Launch::spawn()
//   SRT_TRY(broker.start({.container = id, .config = json, …}));   // beside bwrap, or once its rules are known
//   …
//   SRT_TRY(broker.await_ready());
//   SRT_TRY(broker.commit(launch.handle()));        // before launch.commit()
//
// It ends with the container's first process, and before commit() with the caller; its death makes the
// calls fail.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/broker_config.h"
#include "platform/fd.h"
#include "platform/platform.h"

namespace srt::platform {

struct BrokerOptions {
  std::string container;  // id
  BrokerConfig config;
  int violations = -1;  // opened for appending: NDJSON
  int neighbours = -1;  // a folder that all sandboxes of the user share, and none of them reaches
  int more = -1;        // listening: brings the listeners of further processes of the container
};

// The filter's rules that hand the broker's calls on. For a profile whose default is to allow (a call that
// another rule of the same profile names without conditions would never get here).
std::vector<oci::SeccompSyscall> brokered_calls(const BrokerRules& rules);

class Broker {
 public:
  static Result<Broker> reserve();
  // Forks: the caller must be single-threaded.
  Result<void> start(const BrokerOptions& options);
  Broker(Broker&&) noexcept;
  Broker& operator=(Broker&&) noexcept;
  ~Broker();  // without commit() it ends

  // The end of the container's first process, for the seccomp listener.
  UniqueFd take_agent_socket();
  Result<void> await_ready();
  Result<void> commit(const Handle& container);
  void note(Handle& handle) const;  // so that destroy() finds it

 private:
  struct Impl;
  Broker();
  std::unique_ptr<Impl> impl_;
};

}  // namespace srt::platform
