#include "platform/darwin/sandbox_profile.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "oci/diagnostics.h"
#include "platform/darwin/base_rules.h"
#include "platform/darwin/filesystem_filters.h"
#include "platform/darwin/filesystem_layers.h"

namespace srt::platform::darwin {
namespace {

// The system's resolver: it asks the network for whoever connects.
constexpr const char* kResolver = "/var/run/mDNSResponder";

class RuleList {
 public:
  // `filter` that is nothing makes no rule, and one that is everything a rule without filters.
  void allow(std::vector<Operation> operations, Filter filter) {
    if (filter.is_nothing()) return;
    std::vector<Filter> filters;
    if (!filter.is_everything()) filters.push_back(std::move(filter));
    profile_.rules.push_back({Action::kAllow, std::move(operations), std::move(filters), {}});
  }
  void add(std::vector<Rule> rules) {
    for (Rule& rule : rules) profile_.rules.push_back(std::move(rule));
  }
  Profile take() && { return std::move(profile_); }

 private:
  Profile profile_;
};

void add_filesystem(const FilesystemFilters& files, RuleList& rules) {
  const auto but = [](const Filter& filter, std::vector<Filter> not_these) {
    return Filter::all({filter, Filter::negation(Filter::any(std::move(not_these)))});
  };
  rules.allow({Operation::kFileRead}, files.read);
  rules.allow({Operation::kFileReadMetadata}, files.look_up);
  // The linker looks at the root folder before the program's first instruction. Its names, no more.
  if (!files.read.is_everything()) rules.allow({Operation::kFileRead}, Filter::literal("/"));
  rules.allow({Operation::kFileWriteData, Operation::kFileWriteFlags, Operation::kFileWriteMode,
               Operation::kFileWriteOwner, Operation::kFileWriteTimes, Operation::kFileWriteXattr},
              files.write);
  rules.allow({Operation::kFileWriteCreate}, but(files.write, {files.not_made}));
  rules.allow({Operation::kFileWriteUnlink}, but(files.write, {files.not_removed}));
  rules.allow({Operation::kFileWrite}, but(files.write, {files.not_made, files.not_removed}));
}

// Binding makes a file, connecting writes to one.
void add_unix_sockets(const Access& access, const FilesystemFilters& files, RuleList& rules) {
  const bool all = access.host.all_unix_sockets || access.network == Network::kHost;
  std::vector<Filter> hidden = {any_below(access.own_folders)};
  if (access.network != Network::kHost) hidden.push_back(any_below({kResolver}));
  const Filter places =
      Filter::all({all ? Filter::subpath("/") : any_below(access.host.unix_sockets),
                   Filter::negation(Filter::any(std::move(hidden)))});
  if (places.is_nothing()) return;
  if (access.network != Network::kHost) {
    rules.allow({Operation::kSystemSocket}, Filter::socket_domain("AF_UNIX"));
  }
  rules.allow({Operation::kNetworkOutbound}, Filter::remote_unix_socket(places));
  const Filter bindable = Filter::all({places, files.write, Filter::negation(files.not_made)});
  if (!bindable.is_nothing()) {
    rules.allow({Operation::kNetworkBind}, Filter::local_unix_socket(bindable));
  }
}

void add_network(const Access& access, RuleList& rules) {
  switch (access.network) {
    case Network::kNone: break;
    case Network::kGuard:
      rules.allow({Operation::kNetworkOutbound},
                  Filter::remote_ip(IpHost::kLocalhost, access.guard_port));
      break;
    case Network::kHost:
      rules.allow({Operation::kSystemSocket}, Filter::all({}));
      rules.allow({Operation::kNetworkOutbound}, Filter::remote_ip(IpHost::kAny, 0));
      rules.allow({Operation::kNetworkBind, Operation::kNetworkInbound},
                  Filter::local_ip(IpHost::kAny, 0));
      return;
  }
  if (!access.host.local_binding) return;
  // Not on the host's other addresses: whoever is on the network could come in, and be answered.
  rules.allow({Operation::kNetworkBind, Operation::kNetworkInbound},
              Filter::local_ip(IpHost::kLocalhost, 0));
  rules.allow({Operation::kNetworkOutbound}, Filter::remote_ip(IpHost::kLocalhost, 0));
}

Result<void> check(const Access& access) {
  const bool plain = std::all_of(access.log_suffix.begin(), access.log_suffix.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  // It becomes part of a predicate as well.
  if (!plain) return fail("log suffix", "may have letters, digits and \"_\" only");
  if (access.network == Network::kGuard && access.guard_port == 0) {
    return fail("egress guard", "has no port");
  }
  for (const std::string& socket : access.host.unix_sockets) SRT_TRY(check_resolved(socket));
  for (const std::string& service : access.host.mach_services) {
    // "*" alone would be every service, launchd's among them.
    if (service.empty() || service.find('*') < service.size() - 1 || service == "*") {
      return fail("allowMachLookup " + oci::in_quotes(service),
                  "is not the name of a service, or the beginning of one with a \"*\" at its end");
    }
  }
  return {};
}

}  // namespace

Result<Profile> sandbox_profile(const Access& access) {
  SRT_TRY(check(access));
  SRT_ASSIGN(const FilesystemFilters files, filesystem_filters(access));
  RuleList rules;
  rules.add({{Action::kDeny, {Operation::kDefault}, {}, access.log_suffix}});
  rules.add(base_rules());
  rules.add(asked_rules(access.host));
  add_filesystem(files, rules);
  add_network(access, rules);
  add_unix_sockets(access, files, rules);
  return std::move(rules).take();
}

}  // namespace srt::platform::darwin
