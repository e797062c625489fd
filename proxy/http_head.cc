#include "proxy/http_head.h"

#include <algorithm>
#include <array>

#include "proxy/http_token.h"

namespace srt::proxy {
namespace {

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == text.npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

// All values of a field; names are compared without case.
std::vector<std::string_view> values(const HeaderFields& fields, std::string_view name) {
  std::vector<std::string_view> found;
  for (const auto& [field, value] : fields) {
    if (lower(field) == name) found.push_back(trimmed(value));
  }
  return found;
}

// The members of a list field, over all its lines, in lower case (RFC 9110 §5.6.1).
std::vector<std::string> members(const HeaderFields& fields, std::string_view name) {
  std::vector<std::string> all;
  for (std::string_view value : values(fields, name)) {
    for (bool more = true; more;) {
      const size_t comma = std::min(value.find(','), value.size());
      if (const std::string_view one = trimmed(value.substr(0, comma)); !one.empty())
        all.push_back(lower(one));
      more = comma < value.size();
      if (more) value.remove_prefix(comma + 1);
    }
  }
  return all;
}

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string request_line_defect(std::string_view line) {
  const size_t method = line.find(' ');
  const size_t target = line.rfind(' ');
  if (method == line.npos || target == method) return "a request line without three parts";
  const std::string_view name = line.substr(0, method);
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_character))
    return "a malformed method";
  const std::string_view middle = line.substr(method + 1, target - method - 1);
  if (middle.empty() || middle.find(' ') != middle.npos) return "a space in the request target";
  const std::string_view version = line.substr(target + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return "an HTTP version other than 1.0 and 1.1";
  return {};
}

std::string field_defect(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return "a folded header line";  // RFC 9112 §5.2
  const size_t colon = line.find(':');
  if (colon == line.npos || colon == 0) return "a header line without a name";
  const std::string_view name = line.substr(0, colon);
  if (name.back() == ' ' || name.back() == '\t') return "a space before a colon";  // RFC 9112 §5.1
  if (!std::all_of(name.begin(), name.end(), is_token_character)) return "a malformed header name";
  return {};
}

RequestCheck fault(RequestFault what, std::string detail) { return {what, std::move(detail), {}}; }

// RFC 9112 §6: whoever reads the length in another way than the next hop lets a second request through
// unseen (CL.TE, TE.CL, TE.TE).
std::string length_defect(const HeaderFields& fields, unsigned version, std::string_view method) {
  const std::vector<std::string_view> lengths = values(fields, "content-length");
  if (lengths.size() > 1) return "two Content-Length";
  if (!lengths.empty()) {
    const std::string_view length = lengths.front();
    const bool digits = length.find_first_not_of("0123456789") == length.npos;
    if (length.empty() || length.size() > 18 || !digits) return "a malformed Content-Length";
  }
  // RFC 9110 §9.3.6: it has no content. What one hop reads as that the next reads as the tunnel's bytes.
  const bool empty =
      lengths.empty() || lengths.front().find_first_not_of('0') == lengths.front().npos;
  if (method == "CONNECT" && (!empty || !values(fields, "transfer-encoding").empty())) {
    return "CONNECT with content";
  }
  if (values(fields, "transfer-encoding").empty()) return {};
  if (!lengths.empty()) return "Content-Length together with Transfer-Encoding";
  if (version < 11) return "Transfer-Encoding in HTTP/1.0";
  // "gzip, chunked" says what the content is: what is framed anew as "chunked" alone would be another one. And the
  // coding before it may be none that the next hop knows.
  if (members(fields, "transfer-encoding") != std::vector<std::string>{"chunked"}) {
    return "a Transfer-Encoding other than \"chunked\"";
  }
  return {};
}

// Where the request line alone says that the request goes. `origin_form` is empty where it says nothing.
struct Where {
  std::optional<HostPort> authority;
  std::string origin_form;
};

tl::unexpected<std::string> bad_target(std::string text) { return tl::unexpected(std::move(text)); }

tl::expected<Where, std::string> read_absolute_form(std::string_view target,
                                                    std::string_view method) {
  const size_t scheme_end = target.find("://");
  if (scheme_end == target.npos) return bad_target("not the absolute-form that a proxy needs");
  const std::string scheme = lower(target.substr(0, scheme_end));
  if (scheme == "https")
    return bad_target("https:// in the clear: use CONNECT, so that TLS ends at the server");
  if (scheme != "http") return bad_target("a scheme other than http");
  std::string_view rest = target.substr(scheme_end + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  // "http://ok.com@evil.com/", "http://evil.com\@ok.com/": readers disagree where the host is.
  if (authority.find('@') != authority.npos) return bad_target("a user in the target");
  const tl::expected<HostPort, HostError> host = canonical_host_port(authority);
  if (!host) return bad_target(std::string("host: ") + to_string(host.error()));
  Where where{*host, std::string(rest.substr(end))};
  if (where.origin_form.empty()) where.origin_form = method == "OPTIONS" ? "*" : "/";
  if (where.origin_form.front() == '?') where.origin_form.insert(0, "/");
  return where;
}

tl::expected<Where, std::string> read_target(std::string_view method, std::string_view target,
                                             bool implied) {
  if (target.empty() || std::any_of(target.begin(), target.end(),
                                    [](unsigned char c) { return is_control(c) || c == ' '; }))
    return bad_target("a control character or a space in the target");
  if (target.find('#') != target.npos) return bad_target("a fragment in the target");
  if (method == "CONNECT") {
    if (implied) return bad_target("CONNECT inside a connection to a server");
    const tl::expected<HostPort, HostError> host = canonical_host_port(target);
    if (!host) return bad_target(std::string("host: ") + to_string(host.error()));
    if (!host->port) return bad_target("CONNECT without a port");
    return Where{*host, ""};
  }
  if (!implied) return read_absolute_form(target, method);
  const bool origin_form = target.front() == '/' || (target == "*" && method == "OPTIONS");
  if (!origin_form) return bad_target("not the origin-form that a server needs");
  return Where{std::nullopt, std::string(target)};
}

}  // namespace

std::string head_defect(std::string_view raw) {
  if (!raw.ends_with("\r\n\r\n")) return "a head without its end";
  raw.remove_suffix(2);
  bool first = true;
  while (!raw.empty()) {
    const size_t size = raw.find("\r\n");
    const std::string_view line = raw.substr(0, size);
    raw.remove_prefix(size + 2);
    if (line.empty()) return "an empty line in the head";
    for (unsigned char c : line) {
      if (c == '\r') return "a bare CR";
      if (c == '\n') return "a bare LF";
      if (c == '\0') return "a NUL";
      if (is_control(c) && (c != '\t' || first)) return "a control character";
    }
    if (std::string defect = first ? request_line_defect(line) : field_defect(line);
        !defect.empty())
      return defect;
    first = false;
  }
  return first ? "an empty head" : "";
}

RequestCheck check_request(std::string_view method, std::string_view target, unsigned version,
                           const HeaderFields& fields, const std::optional<Destination>& implied) {
  if (version != 10 && version != 11)
    return fault(RequestFault::kBadTarget, "an HTTP version other than 1.0 and 1.1");
  if (std::string defect = length_defect(fields, version, method); !defect.empty())
    return fault(RequestFault::kAmbiguousLength, std::move(defect));
  const tl::expected<Where, std::string> where = read_target(method, target, implied.has_value());
  if (!where) return fault(RequestFault::kBadTarget, where.error());

  const std::vector<std::string_view> hosts = values(fields, "host");
  if (hosts.size() > 1) return fault(RequestFault::kDuplicateHost, "two Host headers");
  if (hosts.empty() && (version == 11 || implied))
    return fault(RequestFault::kMissingHost, "no Host header");
  std::optional<HostPort> host;
  if (!hosts.empty()) {
    const tl::expected<HostPort, HostError> parsed = canonical_host_port(hosts.front());
    if (!parsed) return fault(RequestFault::kBadHost, to_string(parsed.error()));
    host = *parsed;
  }

  RequestCheck check;
  check.target.connect = method == "CONNECT";
  check.target.origin_form = where->origin_form;
  Destination& to = check.target.destination;
  const auto mismatch = [&] {
    return fault(RequestFault::kHostMismatch,
                 "Host is " + host->host.to_text() + ", the target " + to.host.to_text());
  };
  if (implied) {
    to = *implied;
    if (host->port && *host->port != to.port) return mismatch();
    if (host->host == to.host) return check;
    // A name for a connection to an address: the server would choose by it, so it is decided, too.
    if (to.host.is_name() || !host->host.is_name()) return mismatch();
    to.host = host->host;
    return check;
  }
  to = {where->authority->host, where->authority->port.value_or(80)};
  if (!host) return check;
  // CONNECT has no default port; a client may leave it out of Host.
  const uint16_t host_port = host->port.value_or(check.target.connect ? to.port : 80);
  if (host->host != to.host || host_port != to.port) return mismatch();
  return check;
}

std::vector<std::string> hop_by_hop(const HeaderFields& fields, bool websocket) {
  std::vector<std::string> names = {"connection", "keep-alive", "te", "trailer", "http2-settings"};
  if (!websocket) names.push_back("upgrade");
  for (const auto& [field, value] : fields) {
    std::string name = lower(field);
    if (name.starts_with("proxy-") && !contains(names, name)) names.push_back(std::move(name));
  }
  // What we judged must arrive: "Connection: host, content-length" takes nothing away.
  constexpr std::array<std::string_view, 3> kKept = {"host", "content-length", "transfer-encoding"};
  for (std::string& name : members(fields, "connection")) {
    const bool kept = std::find(kKept.begin(), kKept.end(), name) != kKept.end() ||
                      (websocket && (name == "upgrade" || name.starts_with("sec-websocket-")));
    if (!kept && !contains(names, name)) names.push_back(std::move(name));
  }
  return names;
}

bool asks_for_websocket(const HeaderFields& fields) {
  const std::vector<std::string> upgrades = members(fields, "upgrade");
  return upgrades.size() == 1 && upgrades.front() == "websocket" &&
         contains(members(fields, "connection"), "upgrade") &&
         values(fields, "sec-websocket-key").size() == 1;
}

}  // namespace srt::proxy
