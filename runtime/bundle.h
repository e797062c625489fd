// A bundle as create wants it: found, read, valid.
#pragma once

#include <string>

#include "oci/error.h"
#include "platform/platform.h"

namespace srt::runtime {

// `dir` becomes absolute and free of links, so that the state names the same place for everyone.
// `config`: another file than the folder's config.json; a relative name is one in that folder.
Result<platform::Bundle> load_bundle(const std::string& dir, const std::string& config = {});

// Whether `path` is a folder with a config.json in it.
bool is_bundle(const std::string& path);

// root.path against the bundle.
std::string absolute_rootfs(const platform::Bundle& bundle);

}  // namespace srt::runtime
