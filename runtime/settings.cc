#include "runtime/settings.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "oci/json.h"
#include "oci/read.h"
#include "oci/write.h"
#include "runtime/settings_fields.h"
#include "runtime/settings_permissions.h"

namespace srt::runtime {
namespace {

// A program that we run, or a file that we write, is named in full: what a relative path means would
// depend on where the caller stands.
void check_absolute(const oci::Path& path, const std::optional<std::string>& file,
                    oci::Diagnostics& diagnostics) {
  if (file && !file->starts_with('/')) {
    diagnostics.add_new(path, "must be an absolute path, got " + oci::in_quotes(*file));
  }
}

void check_windows(const oci::Path& path, const WindowsSettings& windows,
                   oci::Diagnostics& diagnostics) {
  constexpr size_t kLongestUser = 20;  // of a local account
  if (windows.sandbox_user &&
      (windows.sandbox_user->empty() || windows.sandbox_user->size() > kLongestUser)) {
    diagnostics.add_new(path / "sandboxUser", "must have 1 to 20 characters");
  }
  if (windows.srt_win && windows.srt_win->path.empty()) {
    diagnostics.add_new(path / "srtWin" / "path", "must not be empty");
  }
  if (!windows.proxy_port_range) return;
  const std::vector<uint16_t>& range = *windows.proxy_port_range;
  if (range.size() != 2 || range[0] == 0 || range[0] > range[1] || range[1] - range[0] > 64) {
    diagnostics.add_new(path / "proxyPortRange", "must be [LOW, HIGH], at most 64 apart");
  }
}

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) {
    return c == '_' || std::isalpha(static_cast<unsigned char>(c));
  };
  return !name.empty() && letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9');
  });
}

// "deny" is a rule like others. "mask" hands a stand-in to the command and puts the secret into its requests
// on their way out, for which TLS would have to be opened.
class CredentialsCheck {
 public:
  explicit CredentialsCheck(oci::Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void run(const oci::Path& path, const CredentialSettings& credentials) {
    for (size_t i = 0; credentials.files && i < credentials.files->size(); ++i) {
      check_file(path / "files" / i, (*credentials.files)[i]);
    }
    for (size_t i = 0; credentials.env_vars && i < credentials.env_vars->size(); ++i) {
      check_variable(path / "envVars" / i, (*credentials.env_vars)[i]);
    }
    refuse(credentials.aws_pairs && !credentials.aws_pairs->empty(), path / "awsPairs");
    refuse(credentials.sigv4 && !credentials.sigv4->empty(), path / "sigv4");
    refuse(credentials.allow_plaintext_inject == true, path / "allowPlaintextInject");
  }

 private:
  void refuse(bool present, const oci::Path& path) {
    if (present) diagnostics_.add_new(path, "is not supported yet: TLS is never opened here");
  }

  void check_file(const oci::Path& path, const Credential& file) {
    if (!file.path) diagnostics_.add_new(path / "path", "is required");
    if (file.path && file.path->empty()) diagnostics_.add_new(path / "path", "must not be empty");
    if (file.name) diagnostics_.add_new(path / "name", "is not a known key (a file has a path)");
    check_mode(path, file);
  }

  void check_variable(const oci::Path& path, const Credential& variable) {
    if (!variable.name) diagnostics_.add_new(path / "name", "is required");
    if (variable.name && !is_variable_name(*variable.name)) {
      diagnostics_.add_new(path / "name",
                           "must have letters, digits and \"_\" alone, no digit first, got " +
                               oci::in_quotes(*variable.name));
    }
    if (variable.path)
      diagnostics_.add_new(path / "path", "is not a known key (a variable has a name)");
    check_mode(path, variable);
  }

  void check_mode(const oci::Path& path, const Credential& credential) {
    switch (credential.mode) {
      case CredentialMode::kDeny: return;
      case CredentialMode::kMask:
        diagnostics_.add_new(
            path / "mode", "\"mask\" is not supported yet: TLS is never opened here; \"deny\" is");
    }
  }

  oci::Diagnostics& diagnostics_;
};

void check_settings(const oci::Path& path, const Settings& settings,
                    oci::Diagnostics& diagnostics) {
  if (settings.network) check_network(path / "network", *settings.network, diagnostics);
  if (settings.filesystem) check_filesystem(path / "filesystem", *settings.filesystem, diagnostics);
  if (settings.credentials) {
    CredentialsCheck(diagnostics).run(path / "credentials", *settings.credentials);
  }
  check_range(path / "mandatoryDenySearchDepth", settings.mandatory_deny_search_depth, 1, 10,
              diagnostics);
  check_absolute(path / "bwrapPath", settings.bwrap_path, diagnostics);
  check_absolute(path / "socatPath", settings.socat_path, diagnostics);
  check_absolute(path / "javaAgentJarPath", settings.java_agent_jar_path, diagnostics);
  if (settings.windows) check_windows(path / "windows", *settings.windows, diagnostics);
  if (settings.resources) {
    check_range(path / "resources" / "pids", settings.resources->pids, 1, 1u << 22, diagnostics);
  }
  if (settings.audit) {
    check_absolute(path / "audit" / "file", settings.audit->file, diagnostics);
    check_range(path / "audit" / "keep", settings.audit->keep, 0, 1000, diagnostics);
  }
  if (settings.permissions) {
    check_permissions(path / "permissions", *settings.permissions, diagnostics);
  }
}

}  // namespace

oci::Checked<Settings> parse_settings(std::string_view json, const std::string& file) {
  oci::Diagnostics diagnostics(file);
  Settings settings;
  if (json.size() > kMaxSettings) {
    diagnostics.add(std::string(), "must be at most " + std::to_string(kMaxSettings) +
                                       " bytes, got " + std::to_string(json.size()));
  } else if (std::optional<oci::Document> document = oci::Document::parse(json, diagnostics)) {
    const oci::Path root;
    oci::Reader(diagnostics, oci::Openness::kClosed).read(root, document->root(), settings);
    check_settings(root, settings, diagnostics);
  }
  if (!diagnostics.empty()) return tl::unexpected(std::move(diagnostics));
  return settings;
}

std::string print_settings(const Settings& settings) {
  return oci::write_document(settings, oci::Layout::kCompact);
}

}  // namespace srt::runtime
