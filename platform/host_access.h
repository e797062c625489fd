// What a program may use of the host, where it shares the host's tree, loopback and services: on
// platforms whose confinement is a list of rules rather than namespaces and mounts. A policy as data,
// without the documents that it came from.
//
//   HostAccess access;
//   access.filesystem.layers.push_back({true, {{PathEffect::kAllowWrite, "/Users/u/project"},
//                                              {PathEffect::kDenyRead, "/Users/u", "**/.env"}}});
//
// Mounts could say most of it, but not what a pattern matches later, nor a name that does not exist yet.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace srt::platform {

// Reading: of a layer's rules that cover a path the one that covers most of it decides, a tie denies;
// what no rule covers may be read. Writing: kReadOnly against kAllowWrite likewise; kDenyWrite always
// wins, and what may not be read may not be written.
enum class PathEffect {
  kDenyRead,
  kAllowRead,
  kReadOnly,    // until a longer kAllowWrite: a mount inside a mount
  kAllowWrite,  // lets be read as well
  kDenyWrite,
};

struct PathRule {
  PathEffect effect = PathEffect::kDenyRead;
  std::string path;  // absolute, without links, "." and "..": it and all below it
  std::string
      pattern;  // not empty: what this glob (*, **, ?, [abc]) matches below `path`, and all below
  // Absolute places of the symbolic links that led to `path`, and other spellings of it: a rule that
  // denies keeps them where they are.
  std::vector<std::string> links;
  // So many bytes of `path` are on disk as they are spelled; the rest may appear in any case.
  size_t existing = std::string::npos;
  bool opens_protected = false;  // kAllowWrite: protected names at or below it, too
  bool operator==(const PathRule&) const = default;
};

// What one author says; a path may be used where every layer lets it.
struct FilesystemLayer {
  bool limits_writes = true;  // false: only denies; what may be written is left to the other layers
  std::vector<PathRule> rules;
  bool operator==(const FilesystemLayer&) const = default;
};

struct FilesystemAccess {
  bool unrestricted = false;  // the policy's wish: the host's tree as it is
  // None: no policy says anything. One that lets nothing be written is a layer without rules.
  std::vector<FilesystemLayer> layers;
  bool protect_names = true;  // shell start-up files, git's and editors' ways to run code
  bool allow_git_config = false;
  std::vector<std::string> settings_files;  // never written
  bool operator==(const FilesystemAccess&) const = default;
};

struct HostAccess {
  FilesystemAccess filesystem;
  std::vector<std::string> unix_sockets;  // absolute, resolved: connect there, or bind
  bool all_unix_sockets = false;
  bool local_binding = false;              // listen on any port, connect to any on loopback
  std::vector<std::string> mach_services;  // global names; a "*" at the end: all that begin so
  bool terminals = false;                  // may open new pseudo-terminals
  bool apple_events = false;
  bool weaker_network_isolation = false;  // trustd, for Go's verification of certificates
  bool operator==(const HostAccess&) const = default;
};

}  // namespace srt::platform
