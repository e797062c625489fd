// A pattern of a filesystem rule as a regular expression.
//
//   Glob glob("/Users/u/p", "**/.env", Glob::Case::kAny);
//   glob.cover()                   // ^/Users/u/p/(.*/)?\.[Ee][Nn][Vv](/.*)?$
//   glob.cover_below("/Users/u/p/a")   // ^/Users/u/p/a/((.*/)?\.[Ee]…)(/.*)?$
//
// The syntax and its meaning are those of the settings: * ? [abc] [a-z] within one component, ** across, "**/"
// also nothing at all; no character escapes or negates another. "?" is a character, of however many bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace srt::platform::darwin {

class Glob {
 public:
  enum class Case { kExact, kAny };  // of the pattern; `base` is always taken as it is

  // nullopt: it cannot be said (a set of "/" alone, which matches nothing).
  static std::optional<Glob> parse(std::string_view base, std::string_view rest, Case letters);

  // What it matches, and all below.
  std::string cover() const;
  // Of that, what has a match that ends below `place`; `place` lies at or below base(). nullopt: nothing.
  std::optional<std::string> cover_below(std::string_view place) const;
  // Whether `place` itself is matched.
  bool matches(std::string_view place) const;
  // Whether `place` is matched, or lies below a match.
  bool covers(std::string_view place) const;

  // A folder on the way to a match: what is moved away from there, or to there, changes its name under the
  // rule.
  struct Step {
    std::string regex;  // what stands there
    bool wild = false;  // it is no name of its own: files there are no business of the rule
    bool deep = false;  // any folder below the step before
  };
  std::vector<Step> steps() const;
  bool at_any_depth() const;  // begins with "**/"

  const std::string& base() const { return base_; }
  const std::string& rest() const { return rest_; }

 private:
  // Ranges of characters (oci/utf8.h), both ends included.
  using Set = std::vector<std::pair<char32_t, char32_t>>;
  struct Token {
    enum class Kind {
      kText,      // stands for itself
      kOneOf,     // `regex`; `set` says which characters
      kStar,      // within a component
      kAnything,  // "**"
      kFolders,   // "**/"
    };
    Kind kind = Kind::kText;
    char32_t character = 0;
    std::string bytes;  // of `character`
    Set set;
    std::string regex;
  };
  using States = std::vector<bool>;

  Glob() = default;
  std::optional<Set> read_set(size_t open) const;
  std::string regex_of(size_t first, size_t end) const;
  std::string front() const;  // of the expression: base, anchored
  void enter(States& states, size_t at) const;
  States step(const States& states, char32_t c) const;
  States states_after(std::string_view text) const;
  bool accepts(const Token& token, char32_t c) const;

  std::string base_, rest_;
  Case letters_ = Case::kExact;
  std::vector<Token> tokens_;
};

}  // namespace srt::platform::darwin
