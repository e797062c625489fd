// How a container comes to be: from a bundle to a first process that waits for `start`
// (runtime-spec "Lifecycle", steps 1 to 5).
//
//   SRT_ASSIGN(Created created, create(store, request, log));
//
// All or nothing, also when the runtime is killed in between: each thing is written down before it is
// made, so that `delete --force` finds it.
#pragma once

#include <optional>
#include <string>

#include "oci/error.h"
#include "platform/broker.h"
#include "platform/platform.h"
#include "runtime/egress.h"
#include "runtime/file_rules.h"
#include "runtime/log.h"
#include "runtime/store.h"
#include "runtime/tls_authority.h"

namespace srt::runtime {

struct CreateRequest {
  ContainerId id;
  std::string bundle;               // the folder
  std::string config;               // empty: its config.json
  platform::CreateOptions options;  // options.id is filled in from `id`
  std::string pid_file;             // empty: none
  std::string policy_file;          // --policy: a ceiling for the bundle's own; empty: none
  // How many of options.preserve_fds are sockets as of sd_listen_fds(3): the program is told.
  unsigned listen_fds = 0;
  // Creating and writing calls are srt-broker's, by these rules (options.brokered).
  std::optional<platform::BrokerConfig> broker;
  std::optional<TlsAuthority> tls;  // TLS is opened, by srt-tls
  bool detach = true;               // the caller does not stay to relay a terminal
  // The caller starts it at once: nobody needs to read in between that it is created, and nobody else can start it.
  bool start_follows = false;
};
struct Created {
  std::optional<Entry> entry;  // locked
  Record record;
  std::optional<platform::StartGate> gate;  // with start_follows
  UniqueFd terminal;                        // foreground with a terminal: the pty's master
};
// When it fails nothing of the container is left.
Result<Created> create(const Store& store, const CreateRequest& request, const Log& log);

// As create(), from a bundle in memory, in a folder that is reserved already (and removed on failure).
Result<Created> create_in(Entry entry, const CreateRequest& request, const platform::Bundle& bundle,
                          const Egress& egress, const FileRules& files, const Log& log);

}  // namespace srt::runtime
