// SOCKS5 messages (RFC 1928, 1929) as pure functions over a growing buffer of hostile bytes; fuzzed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace srt::proxy {

enum class SocksParse { kNeedMore, kDone, kMalformed };

struct SocksGreeting {
  SocksParse state = SocksParse::kNeedMore;
  size_t used = 0;                                   // bytes of the buffer that it took
  bool no_authentication = false, password = false;  // offered
};
SocksGreeting parse_socks_greeting(std::string_view bytes);

enum class SocksCommand : uint8_t { kConnect = 1, kBind = 2, kUdpAssociate = 3 };
enum class SocksReply : uint8_t {
  kSucceeded = 0,
  kGeneralFailure = 1,
  kNotAllowed = 2,
  kNetworkUnreachable = 3,
  kHostUnreachable = 4,
  kRefused = 5,
  kTtlExpired = 6,
  kCommandNotSupported = 7,
  kAddressTypeNotSupported = 8
};

struct SocksRequest {
  SocksParse state = SocksParse::kNeedMore;
  size_t used = 0;
  uint8_t command = 0;
  std::string host;  // address as text, or the name's bytes as sent (canonical_host() judges them)
  uint16_t port = 0;
  SocksReply error = SocksReply::kGeneralFailure;  // kMalformed: what to answer
};
SocksRequest parse_socks_request(std::string_view bytes);

// Username and password of RFC 1929, for a token that may be required.
struct SocksPassword {
  SocksParse state = SocksParse::kNeedMore;
  size_t used = 0;
  std::string user, password;
};
SocksPassword parse_socks_password(std::string_view bytes);

std::string print_socks_method(uint8_t method);   // 0, 2 or 0xff
std::string print_socks_reply(SocksReply reply);  // bound address 0.0.0.0:0

}  // namespace srt::proxy
