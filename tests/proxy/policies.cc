#include "policies.h"

#include <catch2/catch.hpp>

namespace srt::proxy {
namespace {

std::vector<Rule> rules(std::initializer_list<std::string> texts, PatternList list,
                        const std::string& origin) {
  std::vector<Rule> result;
  for (const std::string& text : texts) {
    const auto pattern = DomainPattern::parse(text, list);
    if (!pattern) FAIL(pattern.error());
    result.push_back({*pattern, origin, ""});
  }
  return result;
}

}  // namespace

RuleLayer layer(std::initializer_list<std::string> allowed,
                std::initializer_list<std::string> denied, const std::string& origin) {
  return {rules(allowed, PatternList::kAllow, origin), rules(denied, PatternList::kDeny, origin)};
}

EgressPolicy policy(std::initializer_list<std::string> allowed,
                    std::initializer_list<std::string> denied) {
  EgressPolicy made;
  made.layers = {layer(allowed, denied)};
  return made;
}

Host host(std::string_view text) {
  const auto parsed = canonical_host(text);
  if (!parsed) FAIL(text << ": " << to_string(parsed.error()));
  return *parsed;
}

IpAddress address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  if (!parsed) FAIL(text << " is no address");
  return *parsed;
}

Verdict ask(const EgressPolicy& policy, std::string_view to, uint16_t port) {
  return decide(policy, {host(to), port});
}

}  // namespace srt::proxy
