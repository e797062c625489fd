// Reads a policy document from disk: opened once, a regular file, at most kMaxSettings bytes.
#pragma once

#include <optional>
#include <string>

#include "oci/error.h"

namespace srt::runtime {

enum class PolicyAuthor {
  kBundle,    // whoever made the bundle
  kOperator,  // root, or the user who runs us: nobody else may be able to write the file
  kUser,      // of the command `srt`: settings at home, environment, flags
  kProject,   // a folder's own settings: earlier sandboxed code may have written them
};

Result<std::string> read_policy_file(const std::string& path, PolicyAuthor author);

// The same, and empty where there is no such file. Any other reason is an error: a policy that cannot be
// read must not become none.
Result<std::optional<std::string>> read_policy_file_if_any(const std::string& path,
                                                           PolicyAuthor author);

}  // namespace srt::runtime
