// What this sandbox made in this run: folders, and files with names that editors and agents read.
// Known by device, inode and time of birth, so that a number that is given out again is not taken for
// it. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_set>

struct statx;

namespace srt::platform {

class MadeHere {
 public:
  // By descriptor (name ""), or by name in a folder; symlinks are not followed.
  void note(int folder, const char* name);
  bool has(int folder, const char* name) const;

 private:
  struct Identity {
    uint64_t device, inode;
    int64_t birth;  // nanoseconds
    bool operator==(const Identity&) const = default;
  };
  struct Hash {
    size_t operator()(const Identity& id) const {
      return static_cast<size_t>((id.inode ^ id.device << 32) * 0x9e3779b97f4a7c15) ^
             static_cast<size_t>(id.birth);
    }
  };
  static bool identify(int folder, const char* name, Identity& identity);

  mutable std::mutex mutex_;
  std::unordered_set<Identity, Hash> identities_;
};

}  // namespace srt::platform
