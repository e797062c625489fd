#include "platform/darwin/profile.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "oci/diagnostics.h"
#include "oci/utf8.h"

namespace srt::platform::darwin {
namespace {

using Kind = Filter::Kind;

constexpr std::string_view kOperations[] = {
    "default",
    "appleevent-send",
    "distributed-notification-post",
    "file-ioctl",
    "file-read*",
    "file-read-data",
    "file-read-metadata",
    "file-write*",
    "file-write-create",
    "file-write-data",
    "file-write-flags",
    "file-write-mode",
    "file-write-owner",
    "file-write-times",
    "file-write-unlink",
    "file-write-xattr",
    "iokit-get-properties",
    "iokit-open",
    "ipc-posix-sem",
    "ipc-posix-shm",
    "lsopen",
    "mach-lookup",
    "mach-priv-task-port",
    "network-bind",
    "network-inbound",
    "network-outbound",
    "process-exec",
    "process-fork",
    "process-info*",
    "pseudo-tty",
    "signal",
    "sysctl-read",
    "sysctl-write",
    "system-socket",
    "user-preference-read",
};
static_assert(std::size(kOperations) == static_cast<size_t>(Operation::kUserPreferenceRead) + 1);

std::string_view constant_of(VnodeType type) {
  switch (type) {
    case VnodeType::kRegularFile: return "REGULAR-FILE";
    case VnodeType::kDirectory: return "DIRECTORY";
    case VnodeType::kSymlink: return "SYMLINK";
    case VnodeType::kCharacterDevice: return "CHARACTER-DEVICE";
  }
  return "";
}

std::string endpoint(IpHost host, uint16_t port) {
  return std::string(host == IpHost::kAny ? "*" : "localhost") + ":" +
         (port == 0 ? "*" : std::to_string(port));
}

struct Word {
  std::string_view name;
  bool quoted;  // the text is a string, else a constant of ours
};

// For filters that are one word and one text.
Word word_of(Kind kind) {
  switch (kind) {
    case Kind::kLiteral: return {"literal", true};
    case Kind::kSubpath: return {"subpath", true};
    case Kind::kPrefix: return {"prefix", true};
    case Kind::kRegex: return {"regex", true};
    case Kind::kVnodeType: return {"vnode-type", false};
    case Kind::kTarget: return {"target", false};
    case Kind::kGlobalName: return {"global-name", true};
    case Kind::kGlobalNamePrefix: return {"global-name-prefix", true};
    case Kind::kSysctlName: return {"sysctl-name", true};
    case Kind::kSysctlNamePrefix: return {"sysctl-name-prefix", true};
    case Kind::kIokitRegistryEntryClass: return {"iokit-registry-entry-class", true};
    case Kind::kIokitUserClientClass: return {"iokit-user-client-class", true};
    case Kind::kSocketDomain: return {"socket-domain", false};
    case Kind::kSocketProtocol: return {"socket-protocol", false};
    case Kind::kRemoteIp: return {"remote ip", true};
    case Kind::kLocalIp: return {"local ip", true};
    case Kind::kRemoteUnixSocket: return {"remote unix-socket", false};
    case Kind::kLocalUnixSocket: return {"local unix-socket", false};
    case Kind::kAll: return {"require-all", false};
    case Kind::kAny: return {"require-any", false};
    case Kind::kNot: return {"require-not", false};
  }
  return {"", false};
}

bool names_path(Kind kind) {
  return kind == Kind::kLiteral || kind == Kind::kSubpath || kind == Kind::kPrefix;
}

bool holds(const Filter& filter, Kind kind) {
  return filter.kind == kind || std::any_of(filter.parts.begin(), filter.parts.end(),
                                            [&](const Filter& part) { return holds(part, kind); });
}

class Printer {
 public:
  Result<std::string> run(const Profile& profile) {
    text_ = "(version 1)\n";
    for (const Rule& rule : profile.rules) {
      SRT_TRY(print(rule));
      if (text_.size() > kMaxProfile) {
        return fail("sandbox profile",
                    "would be larger than " + std::to_string(kMaxProfile) + " bytes",
                    "name fewer paths, or folders instead of what is in them");
      }
    }
    return std::move(text_);
  }

 private:
  Result<void> print(const Rule& rule) {
    if (rule.operations.empty()) return fail("sandbox profile", "a rule without an operation");
    text_ += rule.action == Action::kAllow ? "(allow" : "(deny";
    for (const Operation operation : rule.operations) {
      text_ += ' ';
      text_ += name_of(operation);
    }
    for (const Filter& filter : rule.filters) {
      // A rule whose filters are left out is one without: it would hold for everything.
      if (filter.is_everything() || filter.is_nothing()) {
        return fail("sandbox profile", "a filter that says nothing");
      }
      const bool outbound = std::find(rule.operations.begin(), rule.operations.end(),
                                      Operation::kNetworkOutbound) != rule.operations.end();
      if (outbound && holds(filter, Kind::kLocalIp)) {
        return fail("sandbox profile", "a local address on network-outbound admits everything");
      }
      text_ += rule.filters.size() > 1 ? "\n  " : " ";
      SRT_TRY(print(filter));
    }
    if (!rule.message.empty()) {
      SRT_TRY(check(rule.message));
      text_ += " (with message " + quote(rule.message) + ")";
    }
    text_ += ")\n";
    return {};
  }

  Result<void> print(const Filter& filter) {
    const Word word = word_of(filter.kind);
    text_ += '(';
    text_ += word.name;
    if (word.quoted) {
      SRT_TRY(check(filter.text));
      if (names_path(filter.kind) && !filter.text.starts_with('/')) {
        return fail("sandbox profile", "path " + oci::in_quotes(filter.text) + " is not absolute");
      }
      text_ += ' ' + quote(filter.text);
    } else if (!filter.text.empty()) {
      text_ += ' ' + filter.text;
    }
    for (const Filter& part : filter.parts) {
      if (part.is_everything() || part.is_nothing()) {
        return fail("sandbox profile", "a filter that says nothing");
      }
      text_ += ' ';
      SRT_TRY(print(part));
    }
    text_ += ')';
    return {};
  }

  static Result<void> check(std::string_view string) {
    if (string.empty()) return fail("sandbox profile", "an empty string");
    const auto what = [&] { return "sandbox profile: " + oci::in_quotes(string.substr(0, 200)); };
    // To C, which reads the compiled rule, the name would end there.
    if (string.find('\0') != string.npos) return fail(what(), "holds a NUL");
    if (quote(string).size() > kMaxProfileString) {
      return fail(what(),
                  "is longer than the " + std::to_string(kMaxProfileString) +
                      " bytes that sandbox-exec reads",
                  "name a folder above it, or a shorter pattern");
    }
    return {};
  }

  std::string text_;
};

// `unit` is what changes nothing, `zero` what decides alone.
Filter combine(Kind kind, std::vector<Filter> parts) {
  Filter made{kind, {}, {}};
  for (Filter& part : parts) {
    const bool unit = kind == Kind::kAll ? part.is_everything() : part.is_nothing();
    const bool zero = kind == Kind::kAll ? part.is_nothing() : part.is_everything();
    if (unit) continue;
    if (zero) return std::move(part);
    if (part.kind == kind) {
      std::move(part.parts.begin(), part.parts.end(), std::back_inserter(made.parts));
    } else {
      made.parts.push_back(std::move(part));
    }
  }
  if (made.parts.size() != 1) return made;
  Filter only = std::move(made.parts.front());
  return only;
}

}  // namespace

std::string_view name_of(Operation operation) {
  return kOperations[static_cast<size_t>(operation)];
}

Filter Filter::literal(std::string path) { return {Kind::kLiteral, std::move(path), {}}; }
Filter Filter::subpath(std::string path) { return {Kind::kSubpath, std::move(path), {}}; }
Filter Filter::prefix(std::string path) { return {Kind::kPrefix, std::move(path), {}}; }
Filter Filter::regex(std::string expression) { return {Kind::kRegex, std::move(expression), {}}; }
Filter Filter::vnode_type(VnodeType type) {
  return {Kind::kVnodeType, std::string(constant_of(type)), {}};
}
Filter Filter::same_sandbox() { return {Kind::kTarget, "same-sandbox", {}}; }
Filter Filter::named(Kind kind, std::string text) { return {kind, std::move(text), {}}; }
Filter Filter::socket_domain(std::string_view constant) {
  return {Kind::kSocketDomain, std::string(constant), {}};
}
Filter Filter::socket_protocol(unsigned number) {
  return {Kind::kSocketProtocol, std::to_string(number), {}};
}
Filter Filter::remote_ip(IpHost host, uint16_t port) {
  return {Kind::kRemoteIp, endpoint(host, port), {}};
}
Filter Filter::local_ip(IpHost host, uint16_t port) {
  return {Kind::kLocalIp, endpoint(host, port), {}};
}
Filter Filter::remote_unix_socket(Filter path) {
  return {Kind::kRemoteUnixSocket, {}, {std::move(path)}};
}
Filter Filter::local_unix_socket(Filter path) {
  return {Kind::kLocalUnixSocket, {}, {std::move(path)}};
}
Filter Filter::all(std::vector<Filter> parts) { return combine(Kind::kAll, std::move(parts)); }
Filter Filter::any(std::vector<Filter> parts) { return combine(Kind::kAny, std::move(parts)); }
Filter Filter::negation(Filter part) {
  if (part.is_everything()) return {Kind::kAny, {}, {}};
  if (part.is_nothing()) return {Kind::kAll, {}, {}};
  if (part.kind == Kind::kNot) {
    Filter inner = std::move(part.parts.front());
    return inner;
  }
  return {Kind::kNot, {}, {std::move(part)}};
}

// Bytes that cannot be seen, and those that are no UTF-8, as \xHH: two digits, never more are read.
std::string quote(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "\"";
  for (size_t i = 0; i < bytes.size();) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const size_t length = oci::utf8_sequence(bytes.substr(i));
    if (length > 1) {
      text += bytes.substr(i, length);
      i += length;
      continue;
    }
    ++i;
    if (byte == '"' || byte == '\\') {
      text += {'\\', static_cast<char>(byte)};
    } else if (byte == '\n') {
      text += "\\n";
    } else if (byte == '\t') {
      text += "\\t";
    } else if (byte == '\r') {
      text += "\\r";
    } else if (byte < 0x20 || byte >= 0x7f) {
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      text += static_cast<char>(byte);
    }
  }
  return text + '"';
}

Result<std::string> print(const Profile& profile) { return Printer().run(profile); }

}  // namespace srt::platform::darwin
