// What becomes of each property of config.json on macOS: one table, by which specs are judged and from
// which docs/macos.md is made.
//
//   SRT_ASSIGN(MappedSpec mapped, map_spec(bundle.spec, options.host_access));
//   for (const std::string& warning : mapped.warnings) …      // each once
//   mapped.access.private_folder = …; mapped.access.guard_port = …;
//   SRT_ASSIGN(Profile profile, sandbox_profile(mapped.access));
//
// The program shares the host's tree: root.path is "/", and mounts have equal source and destination.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "platform/darwin/access.h"

namespace srt::platform::darwin {

enum class Treatment {
  kMapped,
  kRefused,
  kIgnored,  // with a warning, once
};

struct PropertyMapping {
  std::string_view
      pointer;  // JSON pointer into config.json; it stands for all below it without a line
  Treatment treatment;
  std::string_view how;          // what it becomes, why it is refused, why it has no effect
  std::string_view alternative;  // of a refused one: what to do instead
};

// In the specification's order.
std::span<const PropertyMapping> property_mappings();
// The longest pointer that `pointer` lies at or below; null: there is none.
const PropertyMapping* find_mapping(std::string_view pointer);

struct MappedSpec {
  Access access;  // but for private_folder, guard_port and log_suffix, which a run has
  std::vector<std::string> warnings;
  bool operator==(const MappedSpec&) const = default;
};

// `host` is the policy's; the spec's own mounts, maskedPaths and readonlyPaths are added as a layer.
// `guarded`: an egress guard stands beside the program. The error names the property, the reason and the
// alternative.
Result<MappedSpec> map_spec(const oci::Spec& spec, const HostAccess& host, bool guarded);

// The table as Markdown, for docs/macos.md.
std::string mapping_table();

}  // namespace srt::platform::darwin
