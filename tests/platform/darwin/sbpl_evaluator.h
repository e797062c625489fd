// Reads the text of a Seatbelt profile and answers what it lets a program do, without macOS.
//
//   Result<Sbpl> sbpl = Sbpl::read("(version 1) (deny default) (allow file-read* (subpath \"/usr\"))");
//   sbpl->decide({.operation = "file-read-data", .path = "/usr/bin/env"}).last_match   // true
//
// Independent of the code under test: it parses what was printed. How Seatbelt weighs rules is not
// documented: two readings are answered, and `contested` says that rules of both kinds match, so that some
// reading could come to another answer.
//   last match      of the rules that match, the last one decides
//   most specific   of those, the ones that name the narrowest operation count; the last of them decides
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"

namespace srt::test {

struct SbplRequest {
  std::string operation;  // a single one: "file-read-data"
  std::string path;
  std::string vnode_type = "REGULAR-FILE";
  std::string remote, local;  // "127.0.0.1:80", "[::1]:80"
  std::string unix_socket;    // its path
  std::string socket_domain;
  std::string socket_protocol;
  std::string name;  // of a service, a sysctl, a class
  bool same_sandbox = false;
};

struct SbplVerdict {
  bool last_match = false;
  bool most_specific = false;
  bool contested = false;  // besides the default
};

class Sbpl {
 public:
  // An error: not what sandbox-exec would read, a filter or an operation that this does not know.
  static Result<Sbpl> read(std::string_view text);
  Sbpl(Sbpl&&) noexcept;
  Sbpl& operator=(Sbpl&&) noexcept;
  ~Sbpl();

  SbplVerdict decide(const SbplRequest& request) const;
  size_t rules() const;

 private:
  struct Impl;
  explicit Sbpl(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace srt::test
