// A path pattern, matched component by component.
//
//   PathPattern pattern = PathPattern::parse("**/.git/hooks");
//   pattern.match(components("/w/a/.git/hooks/pre-push")).complete  // true: at or below a match
//   pattern.match(components("/w/a/.git")).states                   // what is still to come
//
// `**` stands for any number of components, `*`, `?` and `[abc]` for what is within one. No character
// escapes another and no set negates, as in the settings' documentation. A pattern matches all that is
// below its match. Runs in O(segments × components): no backtracking over `**`, so
// that a hostile path costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace srt::platform {

using PathComponents = std::vector<std::string_view>;

PathComponents components(std::string_view path);  // without empty ones

// Within one component; never matches '/'.
bool glob_matches(std::string_view glob, std::string_view name);

// A `**` beside other text ("a**b", "**.pem") stands for slashes too: the patterns that say the same with
// a `**` only by itself. nullopt: more than kMaxSpread of them.
std::optional<std::vector<std::string>> spread(std::string_view glob);
inline constexpr size_t kMaxSpread = 64;

// A glob that matches this path and no other.
std::string quote_glob(std::string_view path);

class PathPattern {
 public:
  // kLiteral: nothing is special, as `{path, literal: true}` says.
  enum class Reading { kGlob, kLiteral };

  // nullopt: more segments than a match can keep track of (kMaxSegments).
  static std::optional<PathPattern> parse(std::string_view text, Reading reading = Reading::kGlob);
  static constexpr size_t kMaxSegments = 62;

  struct Match {
    bool complete = false;
    size_t at = 0;        // complete: after so many components
    uint64_t states = 0;  // else: which segments can come next, bit by bit
    uint64_t named =
        0;  // of these, those that the last component was named for, not swallowed by `**`
  };
  Match match(const PathComponents& path) const;

  // Whether `name`, below a path that left `states`, gets nearer to a match.
  bool continues(uint64_t states, std::string_view name) const;

  const std::string& text() const { return text_; }
  size_t literal_prefix() const;  // leading segments without wildcards

 private:
  struct Segment {
    enum class Kind { kName, kGlob, kAnyDepth };
    Kind kind;
    std::string text;
  };
  uint64_t skip_any_depth(uint64_t states) const;
  uint64_t advance(uint64_t states,
                   std::string_view name) const;  // past the segments it is named by
  uint64_t step(uint64_t states, std::string_view name) const;
  bool fits(const Segment& segment, std::string_view name) const;

  std::string text_;
  std::vector<Segment> segments_;
};

}  // namespace srt::platform
