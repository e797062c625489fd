#include "proxy/socks5.h"

#include <algorithm>

#include "proxy/ip_address.h"

namespace srt::proxy {
namespace {

constexpr uint8_t kVersion = 5;
constexpr uint8_t kPasswordVersion = 1;
constexpr uint8_t kV4 = 1, kName = 3, kV6 = 4;

uint8_t byte(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

SocksRequest malformed(SocksReply error) {
  SocksRequest request;
  request.state = SocksParse::kMalformed;
  request.error = error;
  return request;
}

std::string address_text(uint8_t type, std::string_view bytes) {
  if (type == kV4) {
    uint32_t address = 0;
    for (size_t i = 0; i < 4; ++i) address = address << 8 | byte(bytes, i);
    return IpAddress::v4(address).to_text();
  }
  std::array<uint8_t, 16> address{};
  std::copy(bytes.begin(), bytes.end(), address.begin());
  return IpAddress::v6(address).to_text();
}

}  // namespace

SocksGreeting parse_socks_greeting(std::string_view bytes) {
  SocksGreeting greeting;
  if (bytes.empty()) return greeting;
  // Version 4 has no greeting and version 4a its own way to hide a name: not spoken.
  const bool broken = byte(bytes, 0) != kVersion || (bytes.size() > 1 && byte(bytes, 1) == 0);
  if (broken) greeting.state = SocksParse::kMalformed;
  if (broken || bytes.size() < 2) return greeting;
  const size_t size = 2 + size_t{byte(bytes, 1)};
  if (bytes.size() < size) return greeting;
  const std::string_view methods = bytes.substr(2, size - 2);
  greeting.no_authentication = methods.find('\0') != methods.npos;
  greeting.password = methods.find('\2') != methods.npos;
  greeting.used = size;
  greeting.state = SocksParse::kDone;
  return greeting;
}

SocksRequest parse_socks_request(std::string_view bytes) {
  SocksRequest request;
  if (!bytes.empty() && byte(bytes, 0) != kVersion) return malformed(SocksReply::kGeneralFailure);
  if (bytes.size() < 4) return request;
  request.command = byte(bytes, 1);
  if (byte(bytes, 2) != 0) return malformed(SocksReply::kGeneralFailure);
  const uint8_t type = byte(bytes, 3);
  if (type != kV4 && type != kName && type != kV6)
    return malformed(SocksReply::kAddressTypeNotSupported);
  if (type == kName && bytes.size() < 5) return request;
  const size_t at = type == kName ? 5 : 4;
  const size_t size = type == kV4 ? 4 : type == kV6 ? 16 : byte(bytes, 4);
  if (size == 0) return malformed(SocksReply::kNotAllowed);
  if (bytes.size() < at + size + 2) return request;

  const std::string_view host = bytes.substr(at, size);
  request.host = type == kName ? std::string(host) : address_text(type, host);
  request.port = static_cast<uint16_t>(byte(bytes, at + size) << 8 | byte(bytes, at + size + 1));
  // Port 0 means something in UDP ASSOCIATE only.
  if (request.port == 0 && request.command == static_cast<uint8_t>(SocksCommand::kConnect))
    return malformed(SocksReply::kNotAllowed);
  request.used = at + size + 2;
  request.state = SocksParse::kDone;
  return request;
}

SocksPassword parse_socks_password(std::string_view bytes) {
  SocksPassword password;
  if (!bytes.empty() && byte(bytes, 0) != kPasswordVersion) {
    password.state = SocksParse::kMalformed;
    return password;
  }
  if (bytes.size() < 2) return password;
  const size_t user_end = 2 + size_t{byte(bytes, 1)};
  if (bytes.size() <= user_end) return password;
  const size_t end = user_end + 1 + byte(bytes, user_end);
  if (bytes.size() < end) return password;
  password.user = bytes.substr(2, user_end - 2);
  password.password = bytes.substr(user_end + 1, end - user_end - 1);
  password.used = end;
  password.state = SocksParse::kDone;
  return password;
}

std::string print_socks_method(uint8_t method) {
  return {static_cast<char>(kVersion), static_cast<char>(method)};
}

std::string print_socks_reply(SocksReply reply) {
  std::string text(10, '\0');  // reserved, 0.0.0.0, port 0
  text[0] = static_cast<char>(kVersion);
  text[1] = static_cast<char>(reply);
  text[3] = static_cast<char>(kV4);
  return text;
}

}  // namespace srt::proxy
