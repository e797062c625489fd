// Filesystem rules as far as mounts cannot say them (filesystem_mounts.h): names that do not exist yet, and patterns.
#pragma once

#include <string>
#include <vector>

#include "platform/broker_rules.h"
#include "runtime/filesystem_rules.h"

namespace srt::runtime {

// What is left to a broker that decides creating and writing calls: all denyWrite rules and denyRead
// patterns, and with them the folders that can be written.
struct BrokerRules {
  std::vector<std::string> write_roots;  // mounted writable, resolved
  std::vector<PathRule> deny_write;      // paths (and the links that led there), and patterns
  std::vector<PathRule> deny_read;       // patterns, and paths that do not exist
  std::vector<std::string> hidden;    // of denyRead, in folders that can be written; links as well
  std::vector<PathRule> allow_write;  // patterns: no mount opens what does not exist yet
  std::vector<PathRule>
      allow_protected;  // {"literal": true}: the user's own opening of a protected name
};
BrokerRules broker_rules(const FilesystemRules& rules);
// The same as srt-broker takes them.
platform::BrokerRules rules_for_broker(const FilesystemRules& rules);

}  // namespace srt::runtime
