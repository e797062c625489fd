// What the judgement asks of the file system.
#pragma once

#include <string>
#include <vector>

namespace srt::platform {

enum class FileKind { kNone, kRegular, kFolder, kSymlink, kOther };

// What the broker can see of the file system; always asked about canonical paths.
class Facts {
 public:
  virtual ~Facts() = default;
  virtual FileKind kind(const std::string& path) const = 0;   // symlinks are not followed
  virtual bool made_here(const std::string& path) const = 0;  // by this sandbox, in this run
  virtual std::vector<std::string> names_in(const std::string& folder) const = 0;
};

}  // namespace srt::platform
