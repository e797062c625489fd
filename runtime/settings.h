// The policy document: what a person writes in srt.json, in ~/.srt-settings.json or in the annotation
// dev.srt.policy, as plain structs.
//
//   oci::Checked<Settings> settings = parse_settings(text, "srt.json");
//   if (!settings) … to_string(settings.error()) …
//       // srt.json: /filesystem/alowWrite: is not a known key (did you mean "allowWrite"?)
//
// Closed: an unknown key, null, a key that is not honoured yet and a value out of its range are errors,
// all of them reported at once, because a rule that silently does not hold is worse than none. What a
// document means is said by runtime/policy.h; here it is only read. Nothing throws; pure functions.
//
// `network` and `filesystem` may each be left out: the document then says nothing about
// that side. A section that is there has all its required lists.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/diagnostics.h"
#include "runtime/settings_filesystem.h"
#include "runtime/settings_network.h"
#include "runtime/settings_quantities.h"

namespace srt::runtime {

enum class CredentialMode { kDeny, kMask };
enum class ExtractNoMatch { kWarn, kDeny, kError };
enum class CredentialEncoding { kJwt };
enum class UnsignedAws { kDeny, kPassthrough };

// One of `files`, which have a path, or of `envVars`, which have a name.
struct Credential {
  std::optional<std::string> path;
  std::optional<std::string> name;
  CredentialMode mode = CredentialMode::kDeny;
  std::optional<std::string> extract;
  std::optional<ExtractNoMatch> on_extract_no_match;
  std::optional<CredentialEncoding> decode;
  std::optional<std::vector<std::string>> mask_claims;
  std::optional<bool> mask_duplicates;
  std::optional<std::vector<std::string>> inject_hosts;
  bool operator==(const Credential&) const = default;
};

struct AwsPair {
  std::string access_key_id_var;
  std::string secret_access_key_var;
  std::optional<std::string> session_token_var;
  bool operator==(const AwsPair&) const = default;
};

// Requests that could not be signed anew.
struct SigV4Settings {
  std::optional<UnsignedAws> streaming, presigned, sigv4a;
  bool operator==(const SigV4Settings&) const = default;
};

// Mode "deny": a file may not be read, a variable is not inside. Mode "mask": inside is a stand-in, for which the guard
// puts the secret into requests (masked_credentials.h); whole values only, `extract` and `decode` are refused with it.
struct CredentialSettings {
  std::optional<std::vector<Credential>> files;
  std::optional<std::vector<Credential>> env_vars;
  std::optional<bool> allow_plaintext_inject;
  std::optional<std::vector<AwsPair>> aws_pairs;
  std::optional<SigV4Settings> sigv4;
  bool operator==(const CredentialSettings&) const = default;
};

struct RipgrepSettings {
  std::string command;
  std::optional<std::vector<std::string>> args;
  std::optional<std::string> argv0;
  bool operator==(const RipgrepSettings&) const = default;
};

struct SeccompSettings {
  std::optional<std::string> apply_path;
  std::optional<std::string> argv0;
  bool operator==(const SeccompSettings&) const = default;
};

struct GitSettings {
  std::optional<std::vector<std::string>> safe_directories;
  bool operator==(const GitSettings&) const = default;
};

enum class WindowsBackend { kMxc, kSrtWin };
struct SrtWinSettings {
  std::string path;
  bool operator==(const SrtWinSettings&) const = default;
};
struct WindowsSettings {
  std::optional<WindowsBackend> backend;
  std::optional<std::string> sandbox_user;
  std::optional<std::string> sublayer_guid;
  std::optional<std::string> wfp_sublayer_guid;
  std::optional<std::vector<uint16_t>> proxy_port_range;
  std::optional<SrtWinSettings> srt_win;
  bool operator==(const WindowsSettings&) const = default;
};

struct DockerSettings {
  std::optional<std::string> image;
  std::optional<std::string> name;
  std::optional<std::string> workdir;
  std::optional<std::map<std::string, std::string>> env;
  std::optional<std::vector<std::string>> volumes;
  std::optional<std::string> network_mode;
  std::optional<bool> auto_remove;
  std::optional<std::string> user;
  std::optional<CpuCount> cpu_limit;
  std::optional<ByteCount> memory_limit;
  bool operator==(const DockerSettings&) const = default;
};

struct ResourceSettings {
  std::optional<ByteCount> memory;
  std::optional<CpuCount> cpus;
  std::optional<uint32_t> pids;
  bool operator==(const ResourceSettings&) const = default;
};

struct AuditSettings {
  std::optional<std::string> file;     // absolute; none: audit.log in the state directory
  std::optional<ByteCount> max_bytes;  // the file is rotated when it would grow over it
  std::optional<uint32_t> keep;        // rotated files that stay beside it
  bool operator==(const AuditSettings&) const = default;
};

// Another spelling of the rules: "WebFetch(domain:github.com)", "Read(.)", "Edit(./src)",
// "UnixSocket(/p)".
struct PermissionSettings {
  std::optional<std::vector<std::string>> allow;
  std::optional<std::vector<std::string>> deny;
  bool operator==(const PermissionSettings&) const = default;
};

struct Settings {
  std::optional<std::string> schema;  // for editors
  std::optional<NetworkSettings> network;
  std::optional<FilesystemSettings> filesystem;
  std::optional<CredentialSettings> credentials;
  // Command pattern ("*": all) → violations that are not reported.
  std::optional<std::map<std::string, std::vector<std::string>>> ignore_violations;
  std::optional<bool> enable_weaker_nested_sandbox;
  std::optional<bool> allow_nested_user_namespaces;
  std::optional<bool> enable_weaker_network_isolation;
  std::optional<bool> allow_apple_events;
  std::optional<RipgrepSettings> ripgrep;
  std::optional<uint32_t> mandatory_deny_search_depth;  // 1 to 10
  std::optional<bool> allow_pty;
  std::optional<SeccompSettings> seccomp;
  std::optional<std::string> bwrap_path;
  std::optional<std::string> socat_path;
  std::optional<std::string> java_agent_jar_path;
  std::optional<GitSettings> git;
  std::optional<WindowsSettings> windows;
  std::optional<DockerSettings> docker;
  std::optional<ResourceSettings> resources;
  std::optional<AuditSettings> audit;
  std::optional<PermissionSettings> permissions;
  bool operator==(const Settings&) const = default;
};

inline constexpr size_t kMaxSettings = size_t{1} << 20;  // bytes of one document

enum class SettingsForm {
  kAny,  // a bundle's policy, an operator's, a project's
  // A user's own settings, which the npm package reads as well: as there, hosts are written in full. "intranet"
  // would be what the resolver's search domains make of it, and "16909060" is an address in disguise.
  kUsers,
};

// `file` names the document in messages.
oci::Checked<Settings> parse_settings(std::string_view json, const std::string& file,
                                      SettingsForm form = SettingsForm::kAny);

// One line of JSON; parse_settings() of it gives an equal Settings.
std::string print_settings(const Settings& settings);

}  // namespace srt::runtime
