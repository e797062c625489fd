// What every room returns when something can fail.
//
//   Result<Bundle> load(const std::string& dir) {
//     if (!is_directory(dir)) return fail("bundle " + dir, "is not a directory");
//     ...
//   }
//
// An Error is written for the person who reads one line on stderr:
//   srt-runtime: create web: /mounts/3/destination: must be absolute, got "tmp" (write "/tmp")
//                            ^ object                ^ why                     ^ mend
// Nothing here throws; an Error owns its strings and may cross threads, never a fork.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace srt {

struct Error {
  std::string
      object;  // what it is about: a path, a JSON pointer, a layer ("seccomp", "cgroup memory")
  std::string why;      // what went wrong, errno text included where there is one
  std::string mend;     // one line: what the user can do about it; empty where nothing is known
  int code = 0;         // errno, 0 where there is none
  int exit_status = 1;  // what a program should end with: 126/127 for a program that cannot be run

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;

// "object: why (mend)"; parts that are empty are left out.
std::string to_string(const Error& error);

// The value to return where a Result is expected.
tl::unexpected<Error> fail(std::string object, std::string why, std::string mend = {});
// As fail(), with errno's text behind `what` ("open: Permission denied") and its number in `code`.
tl::unexpected<Error> fail_errno(std::string object, std::string_view what, int code = errno,
                                 std::string mend = {});
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace srt

// SRT_TRY(expr): leave the function with expr's error if it has one.
#define SRT_TRY(expr)                                                                             \
  do {                                                                                            \
    if (auto srt_result = (expr); !srt_result) return ::srt::fail(std::move(srt_result).error()); \
  } while (false)

#define SRT_CONCAT_(a, b) a##b
#define SRT_CONCAT(a, b) SRT_CONCAT_(a, b)
// SRT_ASSIGN(auto fd, open_it()): as SRT_TRY, and keeps the value.
#define SRT_ASSIGN(decl, expr) SRT_ASSIGN_(SRT_CONCAT(srt_assign_, __LINE__), decl, expr)
#define SRT_ASSIGN_(tmp, decl, expr)                    \
  auto tmp = (expr);                                    \
  if (!tmp) return ::srt::fail(std::move(tmp).error()); \
  decl = std::move(tmp).value()
