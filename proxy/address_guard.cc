#include "proxy/address_guard.h"

#include <algorithm>
#include <array>

namespace srt::proxy {
namespace {

struct Refused {
  const char* network;
  const char* reason;
};

// The more telling reason first. Metadata services hand out credentials to whoever can connect (the
// Capital One breach of 2019), so they are named although most are link-local anyway.
constexpr Refused kRefused[] = {
    {"169.254.169.254", "cloud metadata"},  // AWS, GCP, Azure, OCI, DigitalOcean, OpenStack
    {"169.254.170.2", "cloud metadata"},    // AWS ECS task credentials
    {"169.254.170.23", "cloud metadata"},   // AWS EKS pod identity
    {"100.100.100.200", "cloud metadata"},  // Alibaba
    {"168.63.129.16", "cloud metadata"},    // Azure's wire server
    {"192.0.0.192", "cloud metadata"},      // Oracle, classic
    {"fd00:ec2::/32", "cloud metadata"},    // AWS
    {"fd20:ce::254", "cloud metadata"},     // GCP
    {"fd00:42::42", "cloud metadata"},      // Scaleway
    {"fe80::a9fe:a9fe", "cloud metadata"},  // OpenStack
    {"127.0.0.0/8", "loopback"},            // RFC 1122 §3.2.1.3
    {"::1", "loopback"},                    //
    {"0.0.0.0/8", "unspecified"},           // connects to this host on Linux ("0.0.0.0 day", 2024)
    {"::", "unspecified"},                  //
    {"169.254.0.0/16", "link-local"},       // RFC 3927
    {"fe80::/10", "link-local"},            // RFC 4291
    {"224.0.0.0/4", "multicast"},           // RFC 5771
    {"ff00::/8", "multicast"},              //
    {"255.255.255.255", "broadcast"},       //
};

struct RefusedNetwork {
  IpNetwork network;
  const char* reason;
};

const std::vector<RefusedNetwork>& refused_networks() {
  static const std::vector<RefusedNetwork> networks = [] {
    std::vector<RefusedNetwork> parsed;
    for (const Refused& refused : kRefused) {
      parsed.push_back({IpNetwork::parse(refused.network).value(), refused.reason});
    }
    return parsed;
  }();
  return networks;
}

IpAddress v4_at(const IpAddress& address, const std::array<size_t, 4>& places) {
  uint32_t value = 0;
  for (size_t place : places) value = value << 8 | address.bytes()[place];
  return IpAddress::v4(value);
}

// The address, and each v4 address that a translator or tunnel on the way could make of it.
std::vector<IpAddress> reached_by(const IpAddress& address) {
  // Whose prefix is how long is the operator's choice in 64:ff9b:1::/48 (RFC 8215); the places are those
  // of RFC 6052 §2.2, around the zero byte 8. A guess of 0.x.y.z is the wrong guess.
  static const IpNetwork local_nat64 = IpNetwork::parse("64:ff9b:1::/48").value();
  static const IpNetwork teredo = IpNetwork::parse("2001::/32").value();
  std::vector<IpAddress> all{address};
  if (local_nat64.contains(address)) {
    for (const std::array<size_t, 4>& places :
         {std::array<size_t, 4>{12, 13, 14, 15}, {6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}}) {
      if (address.bytes()[places[0]] != 0) all.push_back(v4_at(address, places));
    }
    return all;
  }
  if (const auto inner = address.inner_v4(); inner && *inner != address) all.push_back(*inner);
  if (teredo.contains(address)) all.push_back(v4_at(address, {4, 5, 6, 7}));  // its server
  return all;
}

bool is_localhost(const IpAddress& address) {
  std::array<uint8_t, 16> one{};
  one.back() = 1;
  return address == IpAddress::v4(0x7f000001) || address == IpAddress::v6(one);
}

// Whether each layer allows the address as an address: "localhost" is none.
bool lists_literally(const EgressPolicy& policy, const IpAddress& address, uint16_t port) {
  return !policy.layers.empty() &&
         std::all_of(policy.layers.begin(), policy.layers.end(), [&](const RuleLayer& layer) {
           return std::any_of(layer.allowed.begin(), layer.allowed.end(), [&](const Rule& rule) {
             return rule.pattern.kind == DomainPattern::Kind::kExact &&
                    !rule.pattern.host.is_name() && rule.pattern.matches(Host{address}, port);
           });
         });
}

AddressVerdict refused(std::string reason) { return {false, std::move(reason)}; }

}  // namespace

AddressVerdict judge_address(const EgressPolicy& policy, const Verdict& verdict,
                             const IpAddress& address, uint16_t port,
                             const std::vector<IpAddress>& own) {
  const std::vector<IpAddress> reached = reached_by(address);
  for (const IpAddress& one : reached) {
    for (const RuleLayer& layer : policy.layers) {
      for (const Rule& rule : layer.denied) {
        if (rule.pattern.matches(Host{one}, port))
          return refused("denied by \"" + rule.pattern.text + "\"");
      }
    }
  }
  // Whoever may dial the address itself gains nothing by a name that leads to it.
  if (lists_literally(policy, address, port)) return {true, ""};
  for (const IpAddress& one : reached) {
    for (const IpNetwork& network : policy.denied_addresses) {
      if (network.contains(one))
        return refused("in deniedResolvedAddresses (" + network.to_text() + ")");
    }
  }
  // Not for what a resolver makes of "localhost": those two are all that was chosen.
  if (verdict.localhost && is_localhost(address)) return {true, ""};
  // "localhost:3000" opens its two addresses as well.
  if (verdict.explicit_address && decide(policy, {Host{address}, port}).explicit_address) {
    return {true, ""};
  }
  for (const IpAddress& one : reached) {
    for (const RefusedNetwork& entry : refused_networks()) {
      if (entry.network.contains(one)) return refused(entry.reason);
    }
    if (std::find(own.begin(), own.end(), one) != own.end())
      return refused("an address of this host");
  }
  return {true, ""};
}

}  // namespace srt::proxy
