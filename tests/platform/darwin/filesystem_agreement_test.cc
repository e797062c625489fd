// The verdict of a generated profile is the policy's own, for random rules and random paths.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/path_pattern.h"
#include "tests/platform/darwin/random_policy.h"

using namespace srt;        // NOLINT: a test
using namespace srt::test;  // NOLINT

namespace {

using runtime::Access;
using runtime::FilesystemRules;
using runtime::PathList;
using runtime::PathPattern;

bool closes(PathList list) { return list == PathList::kDenyRead || list == PathList::kDenyWrite; }

// Where a profile may be narrower than the policy, and why:
//   - a name denied at any depth of one folder is denied in all folders that can be written
//   - a pattern from "/" on is taken to mean what lies behind /tmp as well, if it denies
//   - of two patterns that cover a path, Seatbelt cannot say which one covers more: the denying one wins
bool may_be_narrower(const FilesystemRules& rules, const std::string& path) {
  for (const auto& layer : rules.layers) {
    bool denied = false, opened = false;
    for (const auto& rule : layer.rules) {
      if (!rule.pattern) continue;
      if (rule.pattern->covered(path) > 0) (closes(rule.list) ? denied : opened) = true;
      const std::string& base = rule.pattern->base();
      if (base == "/" && rule.pattern->covered(path) > 0 && path.starts_with("/tmp")) return true;
      const std::string rest = rule.pattern->text().substr(base == "/" ? 1 : base.size() + 1);
      if (closes(rule.list) && rest.starts_with("**/") &&
          PathPattern("/", rest).covered(path) > 0) {
        return true;
      }
    }
    if (denied && opened) return true;
  }
  return false;
}

void agree(const FilesystemRules& rules, const Sbpl& sbpl, const std::string& path) {
  const Access policy = rules.access(path);
  const bool read = may(sbpl, "file-read-data", path), write = may(sbpl, "file-write-data", path);
  INFO(describe(rules) << path << ": policy reads " << policy.read << ", writes " << policy.write
                       << "; profile reads " << read << ", writes " << write);
  if (read != policy.read || write != policy.write) {
    CHECK(may_be_narrower(rules, path));
    CHECK((policy.read || !read));
    CHECK((policy.write || !write));
  }
  // Whoever may not write may not make or remove either.
  for (const char* type : {"REGULAR-FILE", "DIRECTORY", "SYMLINK"}) {
    CHECK((write || !may(sbpl, "file-write-create", path, type)));
    CHECK((write || !may(sbpl, "file-write-unlink", path, type)));
    CHECK((write || !may(sbpl, "file-write-xattr", path, type)));
  }
}

// Of rules without patterns: what would take a rule's place with it, or brings another.
bool is_kept(const FilesystemRules& rules, const std::string& path) {
  for (const auto& layer : rules.layers) {
    for (const auto& rule : layer.rules) {
      if (closes(rule.list) && (path == "/" || rule.path.starts_with(path + "/"))) return true;
    }
  }
  return false;
}

// A link there would lead the rule elsewhere.
bool is_top(const FilesystemRules& rules, const std::string& path) {
  for (const auto& layer : rules.layers) {
    for (const auto& rule : layer.rules) {
      if (rule.list == PathList::kAllowWrite && rule.path == path) return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("what may be read and written is what the policy says") {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    Dice dice(seed);
    const FilesystemRules rules = random_rules(dice, Patterns::kSome);
    const Sbpl sbpl = profile_of(access_of(rules));
    for (int i = 0; i < 60; ++i) agree(rules, sbpl, random_path(dice));
  }
}

TEST_CASE(
    "without patterns nothing is narrower, and only what a rule hangs on is kept in its place") {
  for (unsigned seed = 1000; seed < 1150; ++seed) {
    Dice dice(seed);
    const FilesystemRules rules = random_rules(dice, Patterns::kNone);
    const Sbpl sbpl = profile_of(access_of(rules));
    for (int i = 0; i < 60; ++i) {
      const std::string path = random_path(dice);
      const Access policy = rules.access(path);
      const bool kept = is_kept(rules, path);
      INFO(describe(rules) << path);
      CHECK(may(sbpl, "file-read-data", path) == policy.read);
      CHECK(may(sbpl, "file-write-data", path) == policy.write);
      CHECK(may(sbpl, "file-write-mode", path) == policy.write);
      CHECK(may(sbpl, "file-write-create", path) == (policy.write && !kept));
      CHECK(may(sbpl, "file-write-create", path, "SYMLINK") ==
            (policy.write && !kept && !is_top(rules, path)));
      CHECK(may(sbpl, "file-write-unlink", path, "DIRECTORY") == (policy.write && !kept));
    }
  }
}
