// What only macOS has: allowMachLookup, allowAppleEvents, allowPty and enableWeakerNetworkIsolation of all
// documents. Each only widens, so what the operator's document does not
// say, nobody gets, and a project's document gives nothing.
#pragma once

#include <string>
#include <vector>

#include "runtime/policy_document.h"

namespace srt::runtime {

struct MacSettings {
  std::vector<std::string> mach_services;
  bool apple_events = false;
  bool weaker_network_isolation = false;
  bool terminals = false;  // allowPty
  bool operator==(const MacSettings&) const = default;
};

MacSettings merge_mac_settings(const std::vector<PolicyDocument>& documents);

}  // namespace srt::runtime
