// Where messages go: errors, warnings and, with --debug, what the runtime does.
//
// Engines read the file of --log back: with the format json each line is runc's record,
// {"level":"error","msg":"…","time":"…"}. Without a file, messages go to stderr as one line each.
// Writing never fails loudly: a full disk must not end a container.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::runtime {

class Log {
 public:
  enum class Level { kDebug, kInfo, kWarning, kError };
  enum class Format { kText, kJson };

  // To stderr, as that program's words.
  explicit Log(std::string program = "srt-runtime") : program_(std::move(program)) {}
  // Appends to `path`, which is made if need be.
  static Result<Log> open(const std::string& path, Format format, bool debug);

  void write(Level level, std::string_view message) const;
  void debug(std::string_view message) const { write(Level::kDebug, message); }
  void warn(std::string_view message) const { write(Level::kWarning, message); }

  bool to_file() const { return static_cast<bool>(file_); }
  bool debugging() const { return debug_; }
  void set_debug(bool debug) { debug_ = debug; }
  // What a message on stderr is about ("create web: "); a file of --log is one container's anyway.
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }

 private:
  UniqueFd file_;
  Format format_ = Format::kText;
  bool debug_ = false;
  std::string program_, prefix_;
};

// As RFC 3339 in UTC with nanoseconds: "2026-01-31T12:00:00.123456789Z".
std::string timestamp(const timespec& time);
std::string timestamp();  // now

}  // namespace srt::runtime
