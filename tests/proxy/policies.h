// Policies in one line, for tests.
#pragma once

#include <initializer_list>
#include <string>

#include "proxy/decision.h"
#include "proxy/policy.h"

namespace srt::proxy {

RuleLayer layer(std::initializer_list<std::string> allowed,
                std::initializer_list<std::string> denied = {},
                const std::string& origin = "srt.json");
EgressPolicy policy(std::initializer_list<std::string> allowed,
                    std::initializer_list<std::string> denied = {});

Host host(std::string_view text);          // must be one
IpAddress address(std::string_view text);  // must be one
Verdict ask(const EgressPolicy& policy, std::string_view host, uint16_t port = 443);

}  // namespace srt::proxy
