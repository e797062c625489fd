// What the file broker decides by: data only, made by the runtime, read by srt-broker.
//
// Paths are absolute and canonical as the sandbox sees them. That a place is writable at all is for the
// sandbox's mounts to say; the rules here take away from it, name by name.
#pragma once

#include <string>
#include <vector>

namespace srt::platform {

// A symlink that lies where a protected name is looked for, when the sandbox started: what is done below
// `target` is judged as if it were done below `name`.
struct PathAlias {
  std::string target;
  std::string name;
  bool operator==(const PathAlias&) const = default;
};

struct BrokerRules {
  std::vector<std::string> write_roots;
  std::vector<std::string> denied;        // globs: `*`, `**`, `?`, `[abc]`; with all that is below
  std::vector<std::string> denied_exact;  // as spelled, no glob; with all that is below
  // May not be read, as spelled: each keeps its place, and so do the folders that it is in. Else the rule would
  // hide nothing in the next run. What is below is for the mounts to say.
  std::vector<std::string> hidden;
  std::vector<std::string> settings_files;  // in force: they, and the folders they are in, stay
  std::vector<std::string> opened;          // {path, literal: true}: protected paths that are not
  std::vector<PathAlias> aliases;           // find_aliases() adds those of the write roots' tops
  bool protect_names = true;                // the table of protected_names.h, in every write root
  bool allow_git_config = false;

  // Opening for writing is judged though nothing can be written: no mount keeps anybody from a FIFO, nor from a
  // file that is a descriptor of the caller's (/proc/self/fd/0 leads past them).
  bool police_files = false;

  bool police_sockets = true;             // connect(2) and bind(2) of unix sockets
  std::vector<std::string> unix_sockets;  // may be connected to; with all that is below
  bool abstract_sockets = false;          // the network namespace is the sandbox's own
  bool operator==(const BrokerRules&) const = default;
};

}  // namespace srt::platform
