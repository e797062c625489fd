#include "runtime/settings.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "oci/json.h"
#include "oci/read.h"
#include "oci/write.h"
#include "proxy/domain_pattern.h"
#include "runtime/extract_pattern.h"
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

// As Windows counts.
size_t utf16_size(std::string_view utf8) {
  size_t units = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

// "01234567-89ab-cdef-0123-456789abcdef"
bool is_guid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::equal(text.begin(), text.end(), kForm.begin(), kForm.end(), [](char c, char form) {
    return form == '-' ? c == '-' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
  });
}

void check_windows(const oci::Path& path, const WindowsSettings& windows,
                   oci::Diagnostics& diagnostics) {
  constexpr size_t kLongestUser = 20;  // of a local account
  if (windows.sandbox_user &&
      (windows.sandbox_user->empty() || utf16_size(*windows.sandbox_user) > kLongestUser)) {
    diagnostics.add_new(path / "sandboxUser", "must have 1 to 20 characters");
  }
  const auto check_guid = [&](const char* key, const std::optional<std::string>& guid) {
    if (guid && !is_guid(*guid)) {
      diagnostics.add_new(path / key, "must be a GUID, got " + oci::in_quotes(*guid));
    }
  };
  check_guid("sublayerGuid", windows.sublayer_guid);
  check_guid("wfpSublayerGuid", windows.wfp_sublayer_guid);
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

// "deny" is a rule like others. "mask" hands a stand-in to the command, and the guard puts the secret into its
// requests on their way out.
class CredentialsCheck {
 public:
  CredentialsCheck(const Settings& settings, oci::Diagnostics& diagnostics)
      : settings_(settings), diagnostics_(diagnostics) {}

  void run(const oci::Path& path, const CredentialSettings& credentials) {
    for (size_t i = 0; credentials.files && i < credentials.files->size(); ++i) {
      check_file(path / "files" / i, (*credentials.files)[i]);
    }
    for (size_t i = 0; credentials.env_vars && i < credentials.env_vars->size(); ++i) {
      check_variable(path / "envVars" / i, (*credentials.env_vars)[i]);
    }
    refuse(credentials.aws_pairs && !credentials.aws_pairs->empty(), path / "awsPairs");
  }

 private:
  void refuse(bool present, const oci::Path& path) {
    if (present) diagnostics_.add_new(path, "is not supported yet");
  }

  void check_file(const oci::Path& path, const Credential& file) {
    if (!file.path) diagnostics_.add_new(path / "path", "is required");
    if (file.path && file.path->empty()) diagnostics_.add_new(path / "path", "must not be empty");
    if (file.path && file.mode == CredentialMode::kDeny &&
        !(settings_.filesystem && settings_.filesystem->disabled == true)) {
      check_denied_path(path / "path", {*file.path, false}, diagnostics_);
    }
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
    check_mask(path, credential);
    switch (credential.mode) {
      case CredentialMode::kDeny: return;
      case CredentialMode::kMask: check_whole(path, credential);
    }
  }

  void check_whole(const oci::Path& path, const Credential& credential) {
    const auto refuse_with_mask = [&](bool present, const char* key) {
      if (present) diagnostics_.add_new(path / key, "is not supported yet with mode \"mask\"");
    };
    refuse_with_mask(credential.extract.has_value(), "extract");
    refuse_with_mask(credential.decode.has_value(), "decode");
    if (credential.path && looks_like_glob(*credential.path)) {
      diagnostics_.add_new(path / "path", "must be one file's, not a pattern, with mode \"mask\"");
    }
  }

  // Of no effect with "deny", but a mistake all the same.
  void check_mask(const oci::Path& path, const Credential& credential) {
    if (const auto& claims = credential.mask_claims) {
      if (!credential.decode) diagnostics_.add_new(path / "maskClaims", "needs decode");
      if (claims->empty()) diagnostics_.add_new(path / "maskClaims", "must not be empty");
      for (size_t i = 0; i < claims->size(); ++i) {
        if ((*claims)[i].empty())
          diagnostics_.add_new(path / "maskClaims" / i, "must not be empty");
      }
    }
    if (credential.extract) {
      if (const auto problem = extract_problem(*credential.extract)) {
        diagnostics_.add_new(path / "extract", "is not a pattern that finds a secret: " + *problem);
      }
    }
    if (!credential.inject_hosts) return;
    for (size_t i = 0; i < credential.inject_hosts->size() && !diagnostics_.full(); ++i) {
      check_inject_host(path / "injectHosts" / i, (*credential.inject_hosts)[i]);
    }
  }

  void check_inject_host(const oci::Path& path, const std::string& text) {
    const auto host = proxy::DomainPattern::parse_portless(text);
    if (!host) return diagnostics_.add_new(path, host.error());
    if (!settings_.network) return;
    check_is_opened(path, *host);
    for (const std::string& allowed : settings_.network->allowed_domains) {
      auto pattern = proxy::DomainPattern::parse(allowed, proxy::PatternList::kAllow);
      if (!pattern) continue;  // told where it stands
      pattern->port.reset();
      if (pattern->covers(*host)) return;
    }
    diagnostics_.add_new(path, oci::in_quotes(text) + " is not in network.allowedDomains");
  }

  void check_is_opened(const oci::Path& path, const proxy::DomainPattern& host) {
    const auto& tls = settings_.network->tls_terminate;
    if (!tls || !tls->exclude_domains) return;
    for (const std::string& text : *tls->exclude_domains) {
      const auto excluded = proxy::DomainPattern::parse(text, proxy::PatternList::kAllow);
      if (!excluded || !excluded->covers(host)) continue;
      diagnostics_.add_new(path, oci::in_quotes(host.text) + " is in network.tlsTerminate." +
                                     "excludeDomains: nothing can be put into what is not opened");
    }
  }

  const Settings& settings_;
  oci::Diagnostics& diagnostics_;
};

// See SettingsForm::kUsers.
void check_full_names(const oci::Path& path, const std::vector<std::string>& patterns,
                      oci::Diagnostics& diagnostics) {
  for (size_t i = 0; i < patterns.size() && !diagnostics.full(); ++i) {
    const std::string_view host = std::string_view(patterns[i]).substr(0, patterns[i].find(':'));
    if (host.starts_with('[') || host == "*" || host == "localhost") continue;
    if (std::count(patterns[i].begin(), patterns[i].end(), ':') > 1) continue;  // an IPv6 address
    if (host.find('.') != std::string_view::npos) continue;
    diagnostics.add_new(path / i, oci::in_quotes(patterns[i]) +
                                      " has no dot: write the host in full, or \"localhost\"");
  }
}

void check_settings(const oci::Path& path, const Settings& settings,
                    oci::Diagnostics& diagnostics) {
  if (settings.network) check_network(path / "network", *settings.network, diagnostics);
  if (settings.filesystem) check_filesystem(path / "filesystem", *settings.filesystem, diagnostics);
  if (settings.credentials) {
    CredentialsCheck(settings, diagnostics).run(path / "credentials", *settings.credentials);
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

oci::Checked<Settings> parse_settings(std::string_view json, const std::string& file,
                                      SettingsForm form) {
  oci::Diagnostics diagnostics(file);
  Settings settings;
  if (json.size() > kMaxSettings) {
    diagnostics.add(std::string(), "must be at most " + std::to_string(kMaxSettings) +
                                       " bytes, got " + std::to_string(json.size()));
  } else if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    diagnostics.add(std::string(), "is empty: put settings in it, or delete it");
  } else if (std::optional<oci::Document> document = oci::Document::parse(json, diagnostics)) {
    const oci::Path root;
    oci::Reader(diagnostics, oci::Openness::kClosed).read(root, document->root(), settings);
    check_settings(root, settings, diagnostics);
    if (form == SettingsForm::kUsers && settings.network) {
      const oci::Path network = root / "network";
      check_full_names(network / "allowedDomains", settings.network->allowed_domains, diagnostics);
      check_full_names(network / "deniedDomains", settings.network->denied_domains, diagnostics);
      if (const auto& mitm = settings.network->mitm_proxy) {
        check_full_names(network / "mitmProxy" / "domains", mitm->domains, diagnostics);
      }
    }
  }
  if (!diagnostics.empty()) return tl::unexpected(std::move(diagnostics));
  return settings;
}

std::string print_settings(const Settings& settings) {
  return oci::write_document(settings, oci::Layout::kCompact);
}

}  // namespace srt::runtime
