#include "proxy/masked_secret.h"

#include <algorithm>
#include <optional>

#include "proxy/base64.h"

namespace srt::proxy {
namespace {

using Fitting = std::vector<const MaskedSecret*>;

bool has_stand_in(std::string_view text, const Fitting& secrets) {
  return std::any_of(secrets.begin(), secrets.end(), [&](const MaskedSecret* one) {
    return text.find(one->stand_in) != std::string_view::npos;
  });
}

// What is put in is not looked at again.
std::string replaced(std::string_view text, const Fitting& secrets) {
  std::string out;
  while (true) {
    size_t first = std::string_view::npos;
    const MaskedSecret* found = nullptr;
    for (const MaskedSecret* one : secrets) {
      const size_t at = text.find(one->stand_in);
      if (at >= first) continue;
      first = at;
      found = one;
    }
    if (found == nullptr) return out.append(text);
    out.append(text.substr(0, first)).append(found->secret);
    text.remove_prefix(first + found->stand_in.size());
  }
}

// What stands behind "Basic ", which is spelt as one likes.
std::optional<std::string_view> basic_credentials(std::string_view value) {
  constexpr std::string_view kScheme = "basic";
  if (value.size() <= kScheme.size() || value[kScheme.size()] != ' ') return std::nullopt;
  for (size_t i = 0; i < kScheme.size(); ++i) {
    if ((value[i] | 0x20) != kScheme[i]) return std::nullopt;
  }
  value.remove_prefix(kScheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

}  // namespace

bool MaskedSecret::is_for(const Host& host) const {
  return std::all_of(hosts.begin(), hosts.end(), [&](const std::vector<DomainPattern>& list) {
    return std::any_of(list.begin(), list.end(), [&](const DomainPattern& pattern) {
      return pattern.matches(host, pattern.port.value_or(0));
    });
  });
}

std::string MaskedSecrets::put_into(std::string_view value,
                                    std::initializer_list<const Host*> hosts) const {
  Fitting fitting;
  for (const MaskedSecret& one : all) {
    const bool fits = std::all_of(hosts.begin(), hosts.end(),
                                  [&](const Host* host) { return one.is_for(*host); });
    if (fits) fitting.push_back(&one);
  }
  if (fitting.empty()) return std::string(value);
  if (const auto credentials = basic_credentials(value)) {
    const std::optional<std::string> decoded = base64_decoded(*credentials);
    if (decoded && has_stand_in(*decoded, fitting)) {
      return "Basic " + base64(replaced(*decoded, fitting));
    }
  }
  return replaced(value, fitting);
}

bool can_be_sent(std::string_view secret) {
  return !secret.empty() && secret.front() != ' ' && secret.back() != ' ' &&
         std::all_of(secret.begin(), secret.end(),
                     [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

}  // namespace srt::proxy
