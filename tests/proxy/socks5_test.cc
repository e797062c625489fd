#include "proxy/socks5.h"

#include <catch2/catch.hpp>

#include "proxy/host.h"

using namespace srt::proxy;  // NOLINT: a test

namespace {

template <size_t N>
std::string bytes(const char (&text)[N]) {
  return std::string(text, N - 1);
}

std::string name_request(std::string_view name) {
  return bytes("\x05\x01\x00\x03") + static_cast<char>(name.size()) + std::string(name) +
         bytes("\x01\xbb");
}

}  // namespace

TEST_CASE("a greeting says which methods are offered") {
  const SocksGreeting both = parse_socks_greeting(bytes("\x05\x02\x00\x02rest"));
  CHECK(both.state == SocksParse::kDone);
  CHECK(both.used == 4);
  CHECK(both.no_authentication);
  CHECK(both.password);
  CHECK_FALSE(parse_socks_greeting(bytes("\x05\x01\x02")).no_authentication);
  CHECK_FALSE(parse_socks_greeting(bytes("\x05\x01\x01")).password);
  for (std::string part : {bytes(""), bytes("\x05"), bytes("\x05\x02\x00")}) {
    CHECK(parse_socks_greeting(part).state == SocksParse::kNeedMore);
  }
  // SOCKS4, SOCKS4a, no method at all, HTTP
  for (std::string bad : {bytes("\x04\x01\x00\x50\x00\x00\x00\x01\x00"), bytes("\x04"),
                          bytes("\x05\x00"), bytes("GET ")}) {
    CHECK(parse_socks_greeting(bad).state == SocksParse::kMalformed);
  }
}

TEST_CASE("a request carries a name or an address") {
  const SocksRequest name = parse_socks_request(name_request("example.com") + "x");
  CHECK(name.state == SocksParse::kDone);
  CHECK(name.used == 18);
  CHECK(name.command == 1);
  CHECK(name.host == "example.com");
  CHECK(name.port == 443);
  const SocksRequest v4 = parse_socks_request(bytes("\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50"));
  CHECK(v4.host == "127.0.0.1");
  CHECK(v4.port == 80);
  const SocksRequest v6 = parse_socks_request(
      bytes("\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50"));
  CHECK(v6.state == SocksParse::kDone);
  CHECK(v6.host == "2001:db8::1");
  const SocksRequest mapped = parse_socks_request(
      bytes("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\x00\x00\x01\x00\x50"));
  CHECK(mapped.host == "127.0.0.1");
}

TEST_CASE("a request may come in pieces, at any place") {
  const std::string whole = name_request("example.com");
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(parse_socks_request(whole.substr(0, size)).state == SocksParse::kNeedMore);
  }
  CHECK(parse_socks_request(whole).state == SocksParse::kDone);
}

TEST_CASE("a malformed request is answered with its error") {
  const std::pair<std::string, SocksReply> table[] = {
      {bytes("\x04\x01\x00\x50"), SocksReply::kGeneralFailure},
      {bytes("\x05\x01\x01\x01\x7f\x00\x00\x01\x00\x50"), SocksReply::kGeneralFailure},
      {bytes("\x05\x01\x00\x02"), SocksReply::kAddressTypeNotSupported},
      {bytes("\x05\x01\x00\x05"), SocksReply::kAddressTypeNotSupported},
      {bytes("\x05\x01\x00\x03\x00\x00\x50"), SocksReply::kNotAllowed},  // a name of no bytes
      {bytes("\x05\x01\x00\x01\x01\x02\x03\x04\x00\x00"), SocksReply::kNotAllowed},  // port 0
  };
  for (const auto& [request, reply] : table) {
    CHECK(parse_socks_request(request).state == SocksParse::kMalformed);
    CHECK(parse_socks_request(request).error == reply);
  }
}

TEST_CASE("a name keeps its bytes, and what is no host is refused as one") {
  for (std::string name : {bytes("ok.com\0.evil.com"), bytes("ok.com\0"), bytes("\0"), bytes("a b"),
                           bytes("a\r\nb"), bytes("%6f"), bytes("a..b")}) {
    const SocksRequest request = parse_socks_request(name_request(name));
    CHECK(request.state == SocksParse::kDone);
    CHECK(request.host == name);
    CHECK_FALSE(canonical_host(request.host));
  }
  CHECK(canonical_host(parse_socks_request(name_request("0x7f.1")).host)->to_text() == "127.0.0.1");
}

TEST_CASE("other commands are read, so that they can be refused") {
  CHECK(parse_socks_request(bytes("\x05\x02\x00\x01\x01\x02\x03\x04\x00\x50")).command == 2);
  const SocksRequest udp = parse_socks_request(bytes("\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00"));
  CHECK(udp.state == SocksParse::kDone);
  CHECK(udp.command == 3);
}

TEST_CASE("a password is read as RFC 1929 has it") {
  const SocksPassword password = parse_socks_password(bytes("\x01\x02me\x03pwdX"));
  CHECK(password.state == SocksParse::kDone);
  CHECK(password.user == "me");
  CHECK(password.password == "pwd");
  CHECK(password.used == 8);
  for (size_t size = 0; size < 8; ++size) {
    CHECK(parse_socks_password(bytes("\x01\x02me\x03pwd").substr(0, size)).state ==
          SocksParse::kNeedMore);
  }
  CHECK(parse_socks_password(bytes("\x05")).state == SocksParse::kMalformed);
}

TEST_CASE("answers have the form of RFC 1928") {
  CHECK(print_socks_method(0xff) == bytes("\x05\xff"));
  CHECK(print_socks_reply(SocksReply::kNotAllowed) == bytes("\x05\x02\x00\x01\0\0\0\0\0\0"));
  CHECK(print_socks_reply(SocksReply::kSucceeded) == bytes("\x05\x00\x00\x01\0\0\0\0\0\0"));
}
