#include "proxy/host.h"

#include <algorithm>
#include <charconv>

#include "proxy/idna.h"

namespace srt::proxy {
namespace {

constexpr size_t kMaxText = 1024;  // four bytes a character, and more than any name needs
constexpr size_t kMaxName = 253;   // RFC 1035 §2.3.4 without the root's dot
constexpr size_t kMaxLabel = 63;

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }
// Letters, digits and the hyphen (RFC 1123 §2.1), and the underscore that real names have.
bool is_host_ascii(char32_t c) {
  return is_digit(c) || (c >= U'a' && c <= U'z') || c == U'-' || c == U'_' || c == U'.';
}

// Whether inet_aton(3), a URL parser or a resolver could take a name with this last label for a v4
// address: "1.2.3.256" and "evil.0x" must not reach any of them as a name.
bool ends_in_number(std::string_view name) {
  std::string_view last = name.substr(name.rfind('.') + 1);
  if (std::all_of(last.begin(), last.end(), is_digit)) return true;
  if (last.substr(0, 2) != "0x") return false;
  last.remove_prefix(2);
  return last.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

tl::expected<Host, HostError> v6_host(std::string_view text) {
  // Brackets hold v6 and nothing else; IpAddress::parse() knows no zone ids (RFC 6874): an interface of
  // ours is not the sandbox's to choose.
  if (text.find(':') == std::string_view::npos) return tl::unexpected(HostError::kAddress);
  const std::optional<IpAddress> address = IpAddress::parse(text);
  if (!address) return tl::unexpected(HostError::kAddress);
  return Host{*address};
}

tl::expected<std::string, HostError> a_label(std::u32string_view label) {
  if (label.empty() || label.size() > kMaxLabel) return tl::unexpected(HostError::kLabel);
  if (label.front() == U'-' || label.back() == U'-') return tl::unexpected(HostError::kLabel);
  const bool ascii = std::all_of(label.begin(), label.end(), [](char32_t c) { return c < 0x80; });
  std::optional<std::string> text = to_a_label(label);
  if (!text) return tl::unexpected(ascii ? HostError::kLabel : HostError::kUnicode);
  return *std::move(text);
}

}  // namespace

bool Host::is_localhost() const {
  return is_name() && (name() == "localhost" || name().ends_with(".localhost"));
}

std::string Host::to_text() const { return is_name() ? name() : address().to_text(); }

const char* to_string(HostError error) {
  switch (error) {
    case HostError::kEmpty: return "an empty host";
    case HostError::kControl: return "a character that no host has";
    case HostError::kLabel:
      return "a label that is empty, too long, or begins or ends with a hyphen";
    case HostError::kLength: return "longer than 253 characters";
    case HostError::kAddress: return "neither an address nor a name";
    case HostError::kUnicode:
      return "a character that cannot be mapped to ASCII without doubt: write the name as "
             "\"xn--…\"";
    case HostError::kPort: return "a port that is not a number from 1 to 65535";
  }
  return "";
}

tl::expected<Host, HostError> canonical_host(std::string_view text) {
  if (text.empty()) return tl::unexpected(HostError::kEmpty);
  if (text.size() > kMaxText) return tl::unexpected(HostError::kLength);
  // NUL first: "ok.com\0.evil.com" ends early for whoever reads C strings.
  const auto control = [](unsigned char c) { return c <= 0x20 || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), control)) return tl::unexpected(HostError::kControl);
  if (text.front() == '[') {
    if (text.size() < 2 || text.back() != ']') return tl::unexpected(HostError::kAddress);
    return v6_host(text.substr(1, text.size() - 2));
  }
  if (std::count(text.begin(), text.end(), ':') >= 2) return v6_host(text);

  // The whole text is mapped before it is split or read as an address: a fullwidth digit is a digit and
  // an ideographic full stop is a dot.
  const std::optional<std::u32string> mapped = map_host(text);
  if (!mapped) return tl::unexpected(HostError::kUnicode);
  std::u32string_view rest = *mapped;
  if (std::any_of(rest.begin(), rest.end(),
                  [](char32_t c) { return c < 0x80 && !is_host_ascii(c); }))
    return tl::unexpected(HostError::kControl);
  if (rest.back() == U'.') rest.remove_suffix(1);
  if (rest.empty()) return tl::unexpected(HostError::kEmpty);

  std::string name;
  for (bool more = true; more;) {
    const size_t size = std::min(rest.find(U'.'), rest.size());
    const tl::expected<std::string, HostError> label = a_label(rest.substr(0, size));
    if (!label) return tl::unexpected(label.error());
    if (!name.empty()) name += '.';
    name += *label;
    more = size < rest.size();
    if (more) rest.remove_prefix(size + 1);
  }
  if (ends_in_number(name)) {
    const std::optional<IpAddress> address = IpAddress::parse_any_spelling(name);
    if (!address) return tl::unexpected(HostError::kAddress);
    return Host{*address};
  }
  if (name.size() > kMaxName) return tl::unexpected(HostError::kLength);
  return Host{std::move(name)};
}

tl::expected<HostPort, HostError> canonical_host_port(std::string_view text) {
  // Without brackets a v6 address and a port cannot be told apart: "::1:443".
  if (text.empty() || text.front() != '[') {
    if (std::count(text.begin(), text.end(), ':') >= 2) return tl::unexpected(HostError::kAddress);
  }
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const tl::expected<Host, HostError> host = canonical_host(text.substr(0, colon));
  if (!host) return tl::unexpected(host.error());
  HostPort result{*host, std::nullopt};
  if (colon == std::string_view::npos) return result;
  const std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  if (digits.empty() || digits.size() > 5 || !std::all_of(digits.begin(), digits.end(), is_digit))
    return tl::unexpected(HostError::kPort);
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (port == 0 || port > 65535) return tl::unexpected(HostError::kPort);
  result.port = static_cast<uint16_t>(port);
  return result;
}

}  // namespace srt::proxy
