// A file system of names only, for judgements without one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "platform/linux/broker/facts.h"

namespace srt::platform {

class MemoryFiles final : public Facts {
 public:
  MemoryFiles& add(const std::string& path, FileKind kind = FileKind::kRegular) {
    for (size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      kinds_.try_emplace(path.substr(0, slash), FileKind::kFolder);
    }
    kinds_[path] = kind;
    return *this;
  }
  MemoryFiles& folder(const std::string& path) { return add(path, FileKind::kFolder); }
  MemoryFiles& here(const std::string& path) {
    made_.insert(path);
    return *this;
  }

  FileKind kind(const std::string& path) const override {
    const auto found = kinds_.find(path);
    return found == kinds_.end() ? FileKind::kNone : found->second;
  }
  bool made_here(const std::string& path) const override { return made_.contains(path); }
  std::vector<std::string> names_in(const std::string& folder) const override {
    std::vector<std::string> names;
    for (const auto& [path, kind] : kinds_) {
      if (path.size() <= folder.size() + 1 || !path.starts_with(folder + "/")) continue;
      const std::string name = path.substr(folder.size() + 1);
      if (name.find('/') == std::string::npos) names.push_back(name);
    }
    return names;
  }

 private:
  std::map<std::string, FileKind> kinds_;
  std::set<std::string> made_;
};

}  // namespace srt::platform
