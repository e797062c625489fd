#include "tests/proxy/guard/tunnel.h"

#include <catch2/catch.hpp>

namespace srt::proxy::tests {

using Catch::Matchers::StartsWith;

Peer connect_through(RunningGuard& guard, const std::string& place) {
  Peer client = Peer::connect("127.0.0.1", guard.proxy_port());
  client.send("CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n\r\n");
  REQUIRE_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  return client;
}

std::string socks_request(uint8_t command, const std::string& name, uint16_t port) {
  std::string request("\x05\x01\x00", 3);
  request += std::string("\x05", 1) + static_cast<char>(command) + std::string("\x00\x03", 2);
  request += static_cast<char>(name.size());
  return request + name + static_cast<char>(port >> 8) + static_cast<char>(port & 0xff);
}

int socks_reply(Peer& client) {
  REQUIRE(client.read_exactly(2) == std::string("\x05\x00", 2));
  const std::string reply = client.read_exactly(10);
  return reply.size() == 10 ? reply[1] : -1;
}

}  // namespace srt::proxy::tests
