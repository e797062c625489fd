// What srt-monitor is started with: one JSON document, by descriptor.
#pragma once

#include <string>
#include <string_view>

#include "oci/error.h"
#include "proxy/masked_secret.h"
#include "runtime/policy.h"

namespace srt::runtime {

struct MonitorConfig {
  std::string container;
  EffectivePolicy policy;
  std::string token;  // proxy::GuardOptions::token
  proxy::MaskedSecrets secrets;
};

std::string to_json(const MonitorConfig& config);  // has the policy's secrets, and these
Result<MonitorConfig> parse_monitor_config(std::string_view json);

}  // namespace srt::runtime
