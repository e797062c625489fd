// Entries of `permissions`: another spelling of network and filesystem rules.
//
//   parse_permission("WebFetch(domain:github.com)") → {Kind::kWebFetch, "github.com"}
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "oci/diagnostics.h"
#include "runtime/settings.h"

namespace srt::runtime {

struct Permission {
  enum class Kind {
    kWebFetch,    // allowedDomains, deniedDomains
    kRead,        // allowRead, denyRead
    kEdit,        // allowWrite, denyWrite
    kUnixSocket,  // allowUnixSockets; cannot be denied: nothing is open that is not listed
  };
  Kind kind = Kind::kRead;
  std::string argument;
  bool operator==(const Permission&) const = default;
};

tl::expected<Permission, std::string> parse_permission(std::string_view text);

void check_permissions(const oci::Path& path, const PermissionSettings& permissions,
                       oci::Diagnostics& diagnostics);

}  // namespace srt::runtime
