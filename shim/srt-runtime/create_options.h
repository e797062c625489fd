// What `create` and `run` have in common: their options, and which words are bundle and id.
#pragma once

#include "oci/error.h"
#include "runtime/creation.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {

// An array initialiser: both verbs list them before their own.
#define SRT_CREATE_OPTIONS                                                                    \
  {"b,bundle", "DIR", "the folder that holds config.json (default: the working directory)"},  \
      {"f,config", "FILE", "this file instead of the bundle's config.json, as crun has it"},  \
      {"console-socket", "PATH", "socket that is sent the master of the program's terminal"}, \
      {"pidfd-socket", "PATH", "socket that is sent a pidfd of the program"},                 \
      {"policy", "FILE", "a ceiling for what the bundle's own egress policy may allow"},      \
      {"pid-file", "FILE", "write the program's pid there"},                                  \
      {"preserve-fds", "N", "pass descriptors 3 to 3+N-1 on", Option::kNumber},               \
      {"no-pivot", "", "do not use pivot_root, for a root file system in RAM"}, {             \
    "no-new-keyring", "", "keep the caller's session keyring"                                 \
  }

inline constexpr std::string_view kCreateUsage = "[BUNDLE] [ID]";

// BUNDLE; BUNDLE ID; -b BUNDLE [ID]; ID (the working directory is the bundle). A single word is the
// bundle if it is a folder with a config.json, and there is an id to be made up from its name; where
// it must be given (runtime.md "Create"), the word is that.
enum class IdIs { kMadeUp, kGiven };
Result<runtime::CreateRequest> create_request(const Invocation& call, IdIs id);

}  // namespace srt::shim
