// The path that a judgement is about, taken apart.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "platform/linux/broker/facts.h"
#include "platform/path_pattern.h"

namespace srt::platform {

struct Question {
  std::string path;
  PathComponents exact;   // views of `path`
  PathComponents folded;  // views of `path` and of `spellings`
  std::vector<std::string> spellings;
  bool dotted = false;  // some component may begin with a dot, as all protected names do
  const Facts* facts = nullptr;

  Question(std::string text, const Facts& known);
  Question(Question&&) = delete;  // the views would dangle

  std::string first(size_t count) const;  // the path of the first `count` components
  bool exists(const std::string& at) const { return facts->kind(at) != FileKind::kNone; }
  bool made_here(size_t count) const { return facts->made_here(first(count)); }
};

}  // namespace srt::platform
