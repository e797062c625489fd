#include "runtime/callers_proxy.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/settings_network.h"

namespace srt::runtime {
namespace {

constexpr std::array<const char*, 2> kHttp = {"HTTP_PROXY", "http_proxy"};
constexpr std::array<const char*, 2> kHttps = {"HTTPS_PROXY", "https_proxy"};
constexpr std::array<const char*, 2> kDirect = {"NO_PROXY", "no_proxy"};

struct Variable {
  const char* name = nullptr;
  std::string value;
};

Variable first_of(const std::map<std::string, std::string>& environment,
                  const std::array<const char*, 2>& names) {
  for (const char* name : names) {
    const auto at = environment.find(name);
    if (at != environment.end() && !at->second.empty()) return {name, at->second};
  }
  return {};
}

std::optional<proxy::ParentProxy> parsed(const Variable& variable,
                                         std::vector<std::string>& notes) {
  if (variable.name == nullptr) return {};
  auto parent = parse_parent_proxy(variable.value);
  if (parent) return std::move(*parent);
  notes.push_back(std::string("environment variable ") + variable.name +
                  " is not used: " + parent.error());
  return {};
}

}  // namespace

bool is_proxy_variable(const std::string& name) {
  const auto is_one = [&](const auto& names) {
    return std::find(names.begin(), names.end(), std::string_view(name)) != names.end();
  };
  return is_one(kHttp) || is_one(kHttps) || is_one(kDirect);
}

void use_callers_proxy(const std::map<std::string, std::string>& environment,
                       proxy::EgressPolicy& policy, std::vector<std::string>& notes) {
  if (policy.external_http_port || policy.external_socks_port) return;
  if (!policy.parent_http && !policy.parent_https) {
    policy.parent_http = parsed(first_of(environment, kHttp), notes);
    const Variable https = first_of(environment, kHttps);
    policy.parent_https = https.name ? parsed(https, notes) : policy.parent_http;
  }
  if (!policy.parent_http && !policy.parent_https) return;
  if (policy.parent_bypass.empty()) {
    policy.parent_bypass = split_list(first_of(environment, kDirect).value);
  }
}

}  // namespace srt::runtime
