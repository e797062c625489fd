#include "proxy/parent_tunnel.h"

#include <algorithm>
#include <string_view>

#include "proxy/authority.h"
#include "proxy/socket_io.h"

namespace srt::proxy {
namespace {

constexpr size_t kLongestHead = 16 * 1024;

// At least `size` bytes in from_upstream.
Awaitable<bool> read_at_least(Connection& connection, size_t size) {
  while (connection.from_upstream.size() < size) {
    const auto got =
        co_await read_some(connection, connection.upstream, connection.from_upstream, kLongestHead);
    if (!got || *got == 0) co_return false;
  }
  co_return true;
}

Awaitable<std::string> connect_over_http(Connection& connection, std::string authorization) {
  const std::string target = authority(connection.destination());
  std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!authorization.empty()) request += "Proxy-Authorization: " + authorization + "\r\n";
  request += "\r\n";
  if (!co_await send_all(connection, connection.upstream, request)) co_return "gone";
  std::string& head = connection.from_upstream;
  size_t end = std::string::npos;
  while ((end = head.find("\r\n\r\n")) == std::string::npos) {
    if (head.size() > kLongestHead) co_return "malformed answer";
    if (!co_await read_at_least(connection, head.size() + 1)) co_return "no answer";
  }
  const std::string_view line = std::string_view(head).substr(0, head.find("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12) co_return "malformed answer";
  const std::string status(line.substr(9, 3));
  head.erase(0, end + 4);  // what follows is already the destination's
  if (status[0] == '2') co_return "";
  const bool digits =
      std::all_of(status.begin(), status.end(), [](char c) { return c >= '0' && c <= '9'; });
  co_return digits ? "answered " + status : "malformed answer";
}

void append_port(std::string& bytes, uint16_t port) {
  bytes += static_cast<char>(port >> 8);
  bytes += static_cast<char>(port & 0xff);
}

std::string socks_connect(const Destination& destination) {
  std::string request{'\x05', '\x01', '\0'};
  if (destination.host.is_name()) {
    const std::string& name = destination.host.name();  // at most 253 bytes
    request += '\x03';
    request += static_cast<char>(name.size());
    request += name;
  } else {
    const IpAddress& address = destination.host.address();
    const auto& bytes = address.bytes();
    request += address.is_v4() ? '\x01' : '\x04';
    request.append(bytes.begin() + (address.is_v4() ? 12 : 0), bytes.end());
  }
  append_port(request, destination.port);
  return request;
}

Awaitable<std::string> connect_over_socks(Connection& connection) {
  const std::string greeting{'\x05', '\x01', '\0'};
  if (!co_await send_all(connection, connection.upstream, greeting)) co_return "gone";
  std::string& answer = connection.from_upstream;
  if (!co_await read_at_least(connection, 2)) co_return "no answer";
  if (answer[0] != '\x05' || answer[1] != '\0') co_return "wants authentication";
  answer.erase(0, 2);
  const std::string request = socks_connect(connection.destination());
  if (!co_await send_all(connection, connection.upstream, request)) co_return "gone";
  if (!co_await read_at_least(connection, 5)) co_return "no answer";
  if (answer[0] != '\x05') co_return "malformed answer";
  const int code = static_cast<unsigned char>(answer[1]);
  if (code != 0) co_return "answered " + std::to_string(code);
  size_t address = 0;
  switch (answer[3]) {
    case 1: address = 4; break;
    case 3: address = 1 + static_cast<unsigned char>(answer[4]); break;
    case 4: address = 16; break;
    default: co_return "malformed answer";
  }
  if (!co_await read_at_least(connection, 4 + address + 2)) co_return "no answer";
  answer.erase(0, 4 + address + 2);
  co_return "";
}

}  // namespace

Awaitable<std::string> open_parent_tunnel(Connection& connection, Route route) {
  switch (route.kind) {
    case Route::Kind::kDirect: break;
    case Route::Kind::kHttpProxy:
    case Route::Kind::kUnixProxy:
      co_return co_await connect_over_http(connection, route.authorization);
    case Route::Kind::kSocksProxy: co_return co_await connect_over_socks(connection);
  }
  co_return "";
}

}  // namespace srt::proxy
