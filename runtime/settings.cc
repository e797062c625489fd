#include "runtime/settings.h"

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

void check_range(const oci::Path& path, const std::optional<uint32_t>& number, uint32_t min,
                 uint32_t max, oci::Diagnostics& diagnostics) {
  if (!number || (*number >= min && *number <= max)) return;
  diagnostics.add_new(path, "must be between " + std::to_string(min) + " and " +
                                std::to_string(max) + ", got " + std::to_string(*number));
}

void check_windows(const oci::Path& path, const WindowsSettings& windows,
                   oci::Diagnostics& diagnostics) {
  if (!windows.proxy_port_range) return;
  const std::vector<uint16_t>& range = *windows.proxy_port_range;
  if (range.size() != 2 || range[0] == 0 || range[0] > range[1] || range[1] - range[0] > 64) {
    diagnostics.add_new(path / "proxyPortRange", "must be [LOW, HIGH], at most 64 apart");
  }
}

bool asks_for_nothing(const CredentialSettings& credentials) {
  const auto empty = [](const auto& list) { return !list || list->empty(); };
  return empty(credentials.files) && empty(credentials.env_vars) && empty(credentials.aws_pairs) &&
         empty(credentials.sigv4) && credentials.allow_plaintext_inject != true;
}

void check_settings(const oci::Path& path, const Settings& settings,
                    oci::Diagnostics& diagnostics) {
  if (settings.network) check_network(path / "network", *settings.network, diagnostics);
  if (settings.filesystem) check_filesystem(path / "filesystem", *settings.filesystem, diagnostics);
  if (settings.credentials && !asks_for_nothing(*settings.credentials)) {
    diagnostics.add_new(path / "credentials",
                        "is not supported yet: to keep a file from being read, list it in "
                        "filesystem.denyRead");
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
