// Random filesystem rules over a few names, and what they are as a profile. Every run draws the same.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "platform/darwin/access.h"
#include "runtime/filesystem_rules.h"
#include "tests/platform/darwin/sbpl_evaluator.h"

namespace srt::test {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  // Not std::uniform_int_distribution, which draws differently from library to library.
  size_t below(size_t bound) { return static_cast<size_t>(engine_()) % bound; }
  bool one_in(size_t n) { return below(n) == 0; }
  template <class List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  std::mt19937 engine_;
};

// Below one of three folders, /tmp among them; deep enough for every pattern.
std::string random_path(Dice& dice, size_t deepest = 4);

enum class Patterns { kNone, kSome };
runtime::FilesystemRules random_rules(Dice& dice, Patterns patterns);
// Two places that can be written, and one pattern that denies in one of them.
runtime::FilesystemRules one_denied_pattern(Dice& dice);
std::string describe(const runtime::FilesystemRules& rules);

// Without protected names; fails the test where it cannot be made.
platform::darwin::Access access_of(const runtime::FilesystemRules& rules);
Sbpl profile_of(const platform::darwin::Access& access);

// Both readings agree and no rule of the other kind matches, or the test fails.
bool allows(const Sbpl& sbpl, const SbplRequest& request);
bool may(const Sbpl& sbpl, const std::string& operation, const std::string& path,
         const std::string& vnode_type = "REGULAR-FILE");
// Both ends.
bool may_rename(const Sbpl& sbpl, const std::string& from, const std::string& to,
                const std::string& vnode_type = "REGULAR-FILE");

// As the kernel has it: /tmp/a is /private/tmp/a.
std::string resolved(const std::string& path);

}  // namespace srt::test
