#include "proxy/socks_session.h"

#include <string>
#include <string_view>

#include "proxy/reach.h"
#include "proxy/socket_io.h"
#include "proxy/socks5.h"
#include "proxy/tunnel.h"

namespace srt::proxy {
namespace {

constexpr size_t kLongestMessage = 1024;  // a greeting is 257 bytes, a request 262, a password 513
constexpr uint8_t kNoAuthentication = 0, kPassword = 2, kNoMethod = 0xff;
constexpr std::string_view kPasswordTaken{"\x01\x00", 2},
    kPasswordWrong{"\x01\x01", 2};  // RFC 1929

Awaitable<bool> read_more(Connection& connection) {
  const auto got =
      co_await read_some(connection, connection.client, connection.from_client, kLongestMessage);
  co_return got&&* got > 0;
}

void parse(std::string_view bytes, SocksGreeting& greeting) {
  greeting = parse_socks_greeting(bytes);
}
void parse(std::string_view bytes, SocksPassword& password) {
  password = parse_socks_password(bytes);
}
void parse(std::string_view bytes, SocksRequest& request) { request = parse_socks_request(bytes); }

// Parses what is there, and takes a whole message out of the buffer. No coroutine: g++ 12
// miscompiles a coroutine template that would read and parse in one.
template <typename Message>
bool wants_more(Connection& connection, Message& message) {
  parse(connection.from_client, message);
  if (message.state == SocksParse::kDone) connection.from_client.erase(0, message.used);
  return message.state == SocksParse::kNeedMore;
}

Awaitable<bool> greet(Connection& connection) {
  SocksGreeting greeting;
  while (wants_more(connection, greeting)) {
    if (!co_await read_more(connection)) co_return false;
  }
  if (greeting.state != SocksParse::kDone) co_return false;
  const AccessToken& token = connection.guard->token;
  const uint8_t method = greeting.no_authentication && !token.required() ? kNoAuthentication
                         : greeting.password                             ? kPassword
                                                                         : kNoMethod;
  if (method == kNoMethod && token.required()) {
    connection.malformed(Way::kSocks, {}, "proxy-token");
  }
  const std::string reply = print_socks_method(method);
  if (!co_await send_all(connection, connection.client, reply)) co_return false;
  if (method != kPassword) co_return method == kNoAuthentication;
  // Without a token nothing depends on what they say: some clients cannot do without saying it.
  SocksPassword password;
  while (wants_more(connection, password)) {
    if (!co_await read_more(connection)) co_return false;
  }
  if (password.state != SocksParse::kDone) co_return false;
  if (token.required() && !token.opens(password.user, password.password)) {
    connection.malformed(Way::kSocks, {}, "proxy-token");
    (void)co_await send_all(connection, connection.client, kPasswordWrong);
    co_return false;
  }
  co_return co_await send_all(connection, connection.client, kPasswordTaken);
}

Awaitable<void> refuse(Connection& connection, SocksReply reply) {
  connection.expect_within(connection.guard->options.handshake);
  const std::string text = print_socks_reply(reply);
  co_await send_all(connection, connection.client, text);
  co_await close_gently(connection);
}

SocksReply reply_for(const DialFailure& failure) {
  using Kind = DialFailure::Kind;
  switch (failure.kind) {
    case Kind::kAddressDenied: return SocksReply::kNotAllowed;
    case Kind::kRefused: return SocksReply::kRefused;
    case Kind::kBusy: return SocksReply::kGeneralFailure;
    case Kind::kTimedOut: return SocksReply::kTtlExpired;
    case Kind::kNoSuchName:
    case Kind::kUnreachable:
    case Kind::kParentProxy: break;
  }
  return SocksReply::kHostUnreachable;
}

}  // namespace

Awaitable<void> serve_socks(Connection& connection) {
  if (!co_await greet(connection)) co_return;
  SocksRequest request;
  while (wants_more(connection, request)) {
    if (!co_await read_more(connection)) co_return;
  }
  if (request.state == SocksParse::kMalformed) {
    connection.malformed(Way::kSocks, request.host, "malformed-request");
    co_await refuse(connection, request.error);
    co_return;
  }
  if (request.command != static_cast<uint8_t>(SocksCommand::kConnect)) {
    connection.malformed(Way::kSocks, request.host, "socks-command");
    co_await refuse(connection, SocksReply::kCommandNotSupported);
    co_return;
  }
  const auto host = canonical_host(request.host);
  if (!host || request.port == 0) {
    connection.malformed(Way::kSocks, request.host, "malformed-host");
    co_await refuse(connection, SocksReply::kNotAllowed);
    co_return;
  }
  const Destination destination{*host, request.port};
  connection.begin(Way::kSocks, destination);
  if (!connection.judge().allowed) {
    connection.denied_by_rule();
    co_await refuse(connection, SocksReply::kNotAllowed);
    co_return;
  }
  const bool opens = terminates(connection.guard->policy, destination);
  if (connection.guard->policy.refuse_opaque && !opens) {
    connection.denied("opaque-tunnel");
    co_await refuse(connection, SocksReply::kNotAllowed);
    co_return;
  }
  if (opens && !connection.claim_tunnel()) {
    connection.denied("too-many-tunnels");
    co_await refuse(connection, SocksReply::kGeneralFailure);
    co_return;
  }
  if (const auto failure = co_await reach(connection, false)) {
    co_await refuse(connection, reply_for(*failure));
    co_return;
  }
  const std::string granted = print_socks_reply(SocksReply::kSucceeded);
  connection.expect_within(connection.guard->options.handshake);
  if (!co_await send_all(connection, connection.client, granted)) co_return;
  co_await serve_tunnel(connection);
}

}  // namespace srt::proxy
