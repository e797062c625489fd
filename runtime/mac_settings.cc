#include "runtime/mac_settings.h"

#include <algorithm>
#include <optional>

namespace srt::runtime {
namespace {

std::vector<std::string> services_of(const Settings& settings) {
  if (!settings.network) return {};
  return settings.network->allow_mach_lookup.value_or(std::vector<std::string>());
}

// "com.example.*" covers what begins so, another such entry included.
bool covers(const std::string& entry, const std::string& service) {
  if (!entry.ends_with('*')) return entry == service;
  return service.starts_with(entry.substr(0, entry.size() - 1));
}

template <class Get>
bool merge_flag(const std::vector<PolicyDocument>& documents, Get get) {
  bool value = false, bounded = false;
  for (const PolicyDocument& document : documents) {
    const std::optional<bool> said = get(document.settings);
    switch (document.author) {
      case PolicyAuthor::kOperator: bounded |= said != true; break;
      case PolicyAuthor::kUser:
        if (said) value = *said;
        break;
      case PolicyAuthor::kBundle:
      case PolicyAuthor::kProject:
        if (said == false) value = false;
        break;
    }
  }
  return value && !bounded;
}

}  // namespace

MacSettings merge_mac_settings(const std::vector<PolicyDocument>& documents) {
  MacSettings merged;
  merged.apple_events =
      merge_flag(documents, [](const Settings& settings) { return settings.allow_apple_events; });
  merged.weaker_network_isolation = merge_flag(
      documents, [](const Settings& settings) { return settings.enable_weaker_network_isolation; });
  merged.terminals =
      merge_flag(documents, [](const Settings& settings) { return settings.allow_pty; });
  for (const PolicyDocument& document : documents) {
    if (document.author != PolicyAuthor::kUser) continue;
    for (const std::string& service : services_of(document.settings)) {
      merged.mach_services.push_back(service);
    }
  }
  for (const PolicyDocument& document : documents) {
    if (document.author != PolicyAuthor::kOperator || !document.settings.network) continue;
    const std::vector<std::string> ceiling = services_of(document.settings);
    std::erase_if(merged.mach_services, [&](const std::string& service) {
      return std::none_of(ceiling.begin(), ceiling.end(),
                          [&](const std::string& entry) { return covers(entry, service); });
    });
  }
  return merged;
}

}  // namespace srt::runtime
