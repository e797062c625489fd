// The addresses that our DNS hands out: one v4 (198.18.0.0/15, RFC 2544) and one v6 (a ULA /64) per name,
// remembered, so that a connection to one says which name was meant.
//
// Bounded: when full, the name that was used longest ago and has no live connection goes. Not
// thread-safe; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "proxy/ip_address.h"

namespace srt::proxy {

class SyntheticAddresses {
 public:
  explicit SyntheticAddresses(size_t limit = 16384);

  struct Pair {
    IpAddress v4, v6;
  };
  // Empty: every entry is pinned.
  std::optional<Pair> give(const std::string& name);
  std::optional<std::string> name_of(const IpAddress& address);
  static bool is_synthetic(const IpAddress& address);  // in one of the two ranges

  // A live connection keeps its entry. Pins nest.
  void pin(const std::string& name);
  void unpin(const std::string& name);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint32_t index = 0;
    size_t pins = 0;
    std::list<std::string>::iterator age;
  };
  size_t limit_;
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_map<uint32_t, std::string> by_index_;
  std::list<std::string> oldest_first_;
  uint32_t next_ = 1;
};

}  // namespace srt::proxy
