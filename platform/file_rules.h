// What filesystem rules (runtime/file_rules.h) do to a finished tree: mounts over what config.json made. Decided
// by a child that sees the tree, carried out by Launch::seal(); in between they travel encoded (wire.h).
//
// The paths are the tree's own and were resolved inside of it, before anybody else was: each with the file
// that it was then. A path that leads to another file now, or over a link, is an error (CVE-2021-30465:
// somebody who shares a volume swaps folders while we mount).
#pragma once

#include <cstdint>

namespace srt::platform {

enum class FileRuleKind : uint64_t {
  kKeep,        // the mount there stays as writable as it is, whatever is around it
  kRead,        // `source`, read-only
  kWrite,       // `source`, as writable as config.json made it
  kHideFolder,  // an empty folder, read-only
  kHideFile,    // a file that nobody can open, whatever capabilities it has
  kMemory,      // an empty folder in memory that everybody may write to
};

template <class B>
struct FileRule {
  FileRuleKind kind = FileRuleKind::kRead;
  typename B::Text path;    // absolute, without links
  typename B::Text source;  // kRead, kWrite: likewise
  // What `source` was, or of other kinds `path`; inode 0: not looked at.
  uint64_t device = 0, inode = 0;
  typename B::template List<typename B::Text> options;  // of tmpfs: kHideFolder, kMemory

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("kind", s.kind);
    v("path", s.path);
    v("source", s.source);
    v("device", s.device);
    v("inode", s.inode);
    v("options", s.options);
  }
  bool operator==(const FileRule&) const = default;
};

template <class B>
struct FileRules {
  bool root_readonly = false;                    // everything that no rule is about
  typename B::template List<FileRule<B>> rules;  // a folder comes before what lies in it

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("root_readonly", s.root_readonly);
    v("rules", s.rules);
  }
  bool operator==(const FileRules&) const = default;
};

}  // namespace srt::platform
