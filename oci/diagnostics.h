// What is wrong with a document: every problem of a file, not only the first.
//
//   Diagnostics found("config.json");
//   Path root;
//   found.add(root / "mounts" / 3 / "destination", "must be absolute, got \"tmp\"");
//   if (!found.empty()) return tl::unexpected(std::move(found));
//   to_string(found) == "config.json: /mounts/3/destination: must be absolute, got \"tmp\""
//
// A hostile file can hold millions of mistakes: only the first kMaxProblems are kept, and
// kMaxPrinted of them printed. Text from the file is made printable here, so that a message cannot
// carry terminal escapes. Not thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"

namespace srt::oci {

// A JSON pointer (RFC 6901) under construction, as a chain of stack frames: it costs nothing until
// a problem is reported. A Path points at the one it was made from, which must outlive it: pass
// `path / "a" / 1` on within the same expression, and name only one step at a time.
class Path {
 public:
  Path() = default;  // the whole document
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  Path operator/(std::string_view key) const { return Path(this, key, 0); }
  Path operator/(size_t index) const { return Path(this, {}, index); }

  std::string pointer() const;

 private:
  Path(const Path* parent, std::string_view key, size_t index)
      : parent_(parent), key_(key), index_(index) {}

  const Path* parent_ = nullptr;
  std::string_view key_;  // data() is null for an index
  size_t index_ = 0;
};

struct Problem {
  std::string pointer;  // "" is the whole document
  std::string text;     // what was found and what was wanted
  bool operator==(const Problem&) const = default;
};

class Diagnostics {
 public:
  static constexpr size_t kMaxProblems = 200;
  static constexpr size_t kMaxPrinted = 100;

  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  void add(const Path& path, std::string text);
  void add(std::string pointer, std::string text);
  // As add(), unless there already is a problem at this place, above it or below it: a rule that is
  // checked on a value that could not be read would only repeat that.
  void add_new(const Path& path, std::string text);
  // Whether nothing was reported at this place, above it or below it; false too once full().
  bool clean(const Path& path) const;
  // Whether more problems would be lost.
  bool full() const { return problems_.size() == kMaxProblems; }

  bool empty() const { return problems_.empty(); }
  const std::string& file() const { return file_; }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::string file_;
  std::vector<Problem> problems_;
};

// One line a problem, without a newline at the end.
std::string to_string(const Diagnostics& diagnostics);
// The same as an Error: `object` is the file, `why` the rest of the text.
Error to_error(const Diagnostics& diagnostics);

template <class T>
using Checked = tl::expected<T, Diagnostics>;

// Text for error messages, cut after about `limit` bytes: control characters and what is not UTF-8
// are written as escapes. in_quotes() escapes quotes and backslashes too.
std::string printable(std::string_view text, size_t limit = 80);
std::string in_quotes(std::string_view text, size_t limit = 80);

// The allowed name that `text` was most likely meant to be; empty where none is near.
std::string_view nearest(std::string_view text, const std::string_view* names, size_t count);
// `must be one of "a", "b", got "bb" (did you mean "b"?)`
std::string not_one_of(std::string_view text, const std::string_view* names, size_t count);

}  // namespace srt::oci

namespace srt {
// Lets SRT_TRY and SRT_ASSIGN carry a Checked<T> into a Result.
inline tl::unexpected<Error> fail(const oci::Diagnostics& diagnostics) {
  return fail(to_error(diagnostics));
}
}  // namespace srt
