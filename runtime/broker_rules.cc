#include "runtime/broker_rules.h"

#include <algorithm>

#include "platform/path_pattern.h"
#include "runtime/filesystem_mounts.h"
#include "runtime/pattern_walk.h"
#include "runtime/resolved_path.h"

namespace srt::runtime {
namespace {

// What a pattern opens is a write root like any other: the mounts are made for the same matches.
void add_matches(const FilesystemRules& rules, const PathRule& rule,
                 std::vector<std::string>& roots) {
  if (rules.access(rule.pattern->base()).write) return;  // within another one
  WalkBudget budget{.entries = kMostOpened};
  const auto matches =
      walk_patterns(rule.pattern->base(), {&*rule.pattern}, FolderLinks::kPassedOver, budget);
  if (!matches) return;  // nothing is mounted then
  for (const PatternMatch& match : *matches) {
    if (!match.is_link && rules.access(match.path).write) roots.push_back(match.path);
  }
}

// Where one of these were moved, or a folder around it, the rule would find nothing to hide the next time.
void add_hidden(const FilesystemRules& rules, BrokerRules& out) {
  const auto add = [&](const std::string& path) {
    if (std::any_of(out.write_roots.begin(), out.write_roots.end(), [&](const std::string& root) {
          return path != root && is_within(path, root);
        })) {
      out.hidden.push_back(path);
    }
  };
  for (const FilesystemLayer& layer : rules.layers) {
    for (const PathRule& rule : layer.rules) {
      if (rule.list != PathList::kDenyRead) continue;
      if (rule.exists && !rule.pattern) add(rule.path);
      for (const std::string& link : rule.links) add(link);
    }
  }
}

// The folder in front of a pattern may have a name that looks like one: "[WIP] project".
std::string broker_glob(const PathPattern& pattern) {
  return (pattern.base() == "/" ? "" : platform::quote_glob(pattern.base())) + "/" + pattern.rest();
}

}  // namespace

BrokerRules broker_rules(const FilesystemRules& rules) {
  BrokerRules out;
  if (rules.disabled) return out;
  for (const FilesystemLayer& layer : rules.layers) {
    for (const PathRule& rule : layer.rules) {
      const bool later = rule.pattern || !rule.exists;
      switch (rule.list) {
        case PathList::kDenyWrite: out.deny_write.push_back(rule); break;
        case PathList::kDenyRead:
          if (later) out.deny_read.push_back(rule);
          break;
        case PathList::kAllowRead: break;
        case PathList::kAllowWrite:
          if (rule.pattern) {
            out.allow_write.push_back(rule);
            add_matches(rules, rule, out.write_roots);
          }
          if (rule.literal && !layer.narrows_only) out.allow_protected.push_back(rule);
          if (!later && rules.access(rule.path).write) out.write_roots.push_back(rule.path);
          break;
      }
    }
  }
  std::sort(out.write_roots.begin(), out.write_roots.end());
  out.write_roots.erase(std::unique(out.write_roots.begin(), out.write_roots.end()),
                        out.write_roots.end());
  add_hidden(rules, out);
  return out;
}

platform::BrokerRules rules_for_broker(const FilesystemRules& rules) {
  const BrokerRules from = broker_rules(rules);
  platform::BrokerRules out;
  out.write_roots = from.write_roots;
  for (const PathRule& rule : from.deny_write) {
    if (rule.pattern) {
      out.denied.push_back(broker_glob(*rule.pattern));
      continue;
    }
    out.denied_exact.push_back(rule.path);
    // The links that led there: taking one away would take the rule away from its name.
    out.denied_exact.insert(out.denied_exact.end(), rule.links.begin(), rule.links.end());
  }
  for (const PathRule& rule : from.deny_read) {
    if (rule.pattern) {
      out.denied.push_back(broker_glob(*rule.pattern));
    } else {
      out.denied_exact.push_back(rule.path);
    }
  }
  out.hidden = from.hidden;
  for (const PathRule& rule : from.allow_protected) out.opened.push_back(rule.path);
  out.allow_git_config = rules.allow_git_config;
  return out;
}

}  // namespace srt::runtime
