// The name of a container: one or more of [A-Za-z0-9_+.-], not "." or "..", at most 1024 bytes.
//
// It becomes a folder's name, so it is checked once, here, and then carried as a type of its own.
#pragma once

#include <string>
#include <string_view>

#include "oci/error.h"

namespace srt::runtime {

class ContainerId {
 public:
  static Result<ContainerId> parse(std::string_view text);

  const std::string& str() const { return text_; }
  // What its folder is called: the id, or for one longer than a folder's name may be a head of it,
  // '@' (which no id contains) and a digest of the whole.
  std::string folder() const;

  bool operator==(const ContainerId&) const = default;

 private:
  explicit ContainerId(std::string_view text) : text_(text) {}
  std::string text_;
};

// "<name of the folder>-<6 hex digits>", for a container that was given no id.
Result<ContainerId> made_up_id(const std::string& bundle);

}  // namespace srt::runtime
