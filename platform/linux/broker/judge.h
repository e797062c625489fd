// The judgement: what may be done to a path. Pure but for the facts that it asks for.
//
//   SRT_ASSIGN(Judge judge, Judge::make(rules));
//   Verdict verdict = judge.deed(Act::kMakeFile, "/w/.bashrc", facts);   // refuse, "**/.bashrc"
//   Verdict verdict = judge.move({"/w/a", "/w/.git", FileKind::kFolder}, facts);
//
// Paths are canonical: no symlink, no "..". An act that the kernel will refuse by itself (a name that
// is not there, or that is) is allowed, so that the caller sees the kernel's own error. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "platform/broker_rules.h"
#include "platform/linux/broker/act.h"
#include "platform/linux/broker/facts.h"
#include "platform/linux/broker/question.h"
#include "platform/path_pattern.h"
#include "platform/protected_names.h"

namespace srt::platform {

// What a file must be found to hold before it gets its name.
enum class Content { kGitConfig, kGitModules, kGitLink, kGitPointer };

struct Verdict {
  enum class Kind { kAllow, kVet, kRefuse };
  Kind kind = Kind::kAllow;
  Content content = Content::kGitConfig;  // kVet
  std::string rule;                       // kRefuse, kVet: for the person who reads the violation
  bool note = false;                      // kAllow: once made, remember that it was made here
};

struct Move {
  std::string from, to;
  FileKind kind = FileKind::kRegular;  // of `from`
};

class Judge {
 public:
  static Result<Judge> make(const BrokerRules& rules);

  Verdict deed(Act act, const std::string& path, const Facts& facts) const;
  // An exchange is two moves.
  Verdict move(const Move& move, const Facts& facts) const;

  bool in_write_root(std::string_view path) const;
  // One whose config and hooks are protected: what a `.git` file may point at.
  bool is_git_directory(const std::string& path) const;
  const std::vector<std::string>& write_roots() const { return write_roots_; }

 private:
  struct Rule {
    PathPattern pattern;
    Protection protection;
    std::string text;
    bool guards_links = true;
    bool below = true;  // what lies in it, too
  };

  Verdict spelled(Act act, const std::string& path, const Facts& facts) const;
  Verdict denied(Act act, const Question& question) const;
  Verdict protected_by_name(Act act, const Question& question) const;
  Verdict by_rule(const Rule& rule, size_t at, Act act, const Question& question) const;
  Verdict editor(const Rule& rule, size_t at, Act act, const Question& question) const;
  Verdict git_file(const Rule& rule, size_t at, Act act, const Question& question) const;
  Verdict bare_repository(Act act, const Question& question) const;
  bool is_known_git_dir(const Question& question, size_t count) const;
  Verdict carried_along(const Move& move, const Question& from, const Question& to) const;

  std::vector<std::string> write_roots_, opened_;
  std::vector<PathAlias> aliases_;
  std::vector<Rule> denied_, names_;
};

}  // namespace srt::platform
