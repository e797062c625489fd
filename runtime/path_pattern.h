// A pattern of a filesystem rule: "/home/u/p/**/.env", "/src/*.[ch]".
//
//   *      any characters of one component, a leading dot included      ?   one of them ("é" is one)
//   **     any characters, across components; "**/" also nothing at all  [a-z]  one of; no "!" or "^" negates
// Brackets that spell no set stand for themselves: "[]", and "[user-id]", where a range runs backwards.
//
// Matched by running a set of states over the path: linear in its length whatever the pattern (written
// as a backtracking matcher, "/a/*x*x*x*x*y" would cost minutes), and a walk feeds only the names.
// No character escapes another: a name that looks like a pattern is written {"path": …, "literal": true}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace srt::runtime {

class PathPattern {
 public:
  // `base` is absolute and taken as it is; `rest`, what follows it and one "/", is the pattern.
  PathPattern(std::string base, std::string rest);

  const std::string& base() const { return base_; }
  const std::string& rest() const { return rest_; }
  std::string text() const;  // for people
  // What the name of every match ends with; may be empty. A walk needs no more of most names.
  const std::string& tail() const { return tail_; }

  bool matches(std::string_view path) const;
  // The length of the longest part of `path` that is matched and ends where a component ends: what is
  // below a match is covered by it. 0: not covered.
  size_t covered(std::string_view path) const;

  // For a walk below base(): what has been read so far, base() itself at the beginning.
  using States = std::vector<bool>;
  States begin() const;
  States below(const States& folder, std::string_view name) const;  // "/" and the name read
  bool accepts(const States& states) const { return states.back(); }
  // Whether something below what was read can still match.
  bool may_continue(const States& states) const;

  bool operator==(const PathPattern& other) const {
    return base_ == other.base_ && rest_ == other.rest_;
  }

 private:
  struct Token {
    enum class Kind {
      kCharacter,
      kOneOf,     // of `set`
      kStar,      // within a component
      kAnything,  // "**"
      kOptional,  // "**/": skips itself and the next
      kFolders,   // …: everything up to a "/"
    };
    Kind kind = Kind::kCharacter;
    char32_t character = 0;
    std::u32string set;  // pairs of first and last; none: any character
  };

  size_t add_set(size_t open);  // 0: no set
  void enter(States& states, size_t at) const;
  States step(const States& states, char32_t c) const;

  std::string base_;
  std::string rest_;
  std::string tail_;
  std::vector<Token> tokens_;
};

}  // namespace srt::runtime
