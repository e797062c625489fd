#include "proxy/http_session.h"

#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "proxy/http_answer.h"
#include "proxy/http_exchange.h"
#include "proxy/reach.h"
#include "proxy/socket_io.h"
#include "proxy/tunnel.h"

namespace srt::proxy {
namespace {

enum class Next { kRequest, kTunnel, kEnd };
enum class HeadEnd { kComplete, kGone, kTooLarge, kTooSlow };

// Past the empty line. One that is spelt with a bare LF ends the head, too: it is refused at once
// rather than waited for.
size_t end_of_head(std::string_view bytes, size_t from) {
  for (size_t i = bytes.find('\n', from); i != std::string_view::npos;
       i = bytes.find('\n', i + 1)) {
    if (bytes.substr(i + 1, 1) == "\n") return i + 2;
    if (bytes.substr(i + 1, 2) == "\r\n") return i + 3;
  }
  return 0;
}

// The request line and the empty one are lines as well.
bool has_too_many_fields(std::string_view head) {
  return static_cast<size_t>(std::count(head.begin(), head.end(), '\n')) > kMostFields + 2;
}

// RFC 9112 §2.2: empty lines before a request line are ignored.
void drop_empty_lines(std::string& bytes) {
  size_t size = 0;
  while (std::string_view(bytes).substr(size, 2) == "\r\n") size += 2;
  bytes.erase(0, size);  // once: there may be thousands
}

// Whether a kept connection is still there, with nothing unasked for on it: a second answer to one request would
// be taken for that of the next.
bool is_quiet(Connection& connection) {
  Socket& socket = connection.upstream;
  char byte = 0;
  return socket.is_open() && connection.from_upstream.empty() &&
         recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

class HttpSession {
 public:
  HttpSession(Connection& connection, std::optional<Destination> implied)
      : connection_(connection),
        way_(implied ? connection.event.way : Way::kHttp),
        implied_(std::move(implied)),
        connected_(implied_) {}

  Awaitable<void> run() {
    Next next = Next::kRequest;
    while (next == Next::kRequest && !connection_.closed()) next = co_await one_request();
    // Out here nothing of the request is kept: a tunnel lives long.
    if (next == Next::kTunnel) co_await serve_tunnel(connection_);
  }

 private:
  Awaitable<HeadEnd> read_head(std::string& head);
  Awaitable<Next> one_request();
  Awaitable<Next> judge_and_forward(HttpRequest& request);
  Awaitable<Next> forward(HttpRequest& request);
  Awaitable<Next> conclude(HttpRequest& request, ExchangeEnd end);
  Awaitable<Next> connect(HttpRequest& request);
  Awaitable<Next> refuse_head(HeadEnd end);
  Awaitable<Next> answer(HttpAnswer what, const HttpRequest* request);

  Connection& connection_;
  const Way way_;
  const std::optional<Destination> implied_;
  std::optional<Destination> connected_;  // where `upstream` leads, if it may be used again
  Route route_;
  bool first_ = true;
};

// Without `request`, or where its body is still on the way, the connection ends with the answer.
Awaitable<Next> HttpSession::answer(HttpAnswer what, const HttpRequest* request) {
  const bool keeps = request != nullptr && !request->has_body() && request->parser.keep_alive() &&
                     request->method != "CONNECT" && !implied_;
  const bool with_body = request == nullptr || request->method != "HEAD";
  const std::string text = print_answer(what, !keeps, with_body);
  connection_.expect_within(connection_.guard->options.handshake);
  const bool sent = co_await send_all(connection_, connection_.client, text);
  if (sent && keeps) co_return Next::kRequest;
  co_await close_gently(connection_);
  co_return Next::kEnd;
}

Awaitable<HeadEnd> HttpSession::read_head(std::string& head) {
  const GuardOptions& options = connection_.guard->options;
  std::string& bytes = connection_.from_client;
  const auto idle = connection_.is_terminated() ? options.tunnel_idle : options.idle;
  if (!first_) connection_.expect_within(bytes.empty() ? idle : options.handshake);
  size_t searched = 0;
  while (true) {
    drop_empty_lines(bytes);
    const size_t end = end_of_head(bytes, searched);
    if (end > options.max_header_bytes) co_return HeadEnd::kTooLarge;
    if (has_too_many_fields(std::string_view(bytes).substr(0, end))) co_return HeadEnd::kTooLarge;
    if (end > 0) {
      head = bytes.substr(0, end);
      bytes.erase(0, end);
      if (bytes.empty()) bytes.shrink_to_fit();
      co_return HeadEnd::kComplete;
    }
    if (bytes.size() > options.max_header_bytes) co_return HeadEnd::kTooLarge;
    searched = bytes.size() < 2 ? 0 : bytes.size() - 2;
    const bool begun = !bytes.empty();
    const auto got = co_await read_some(connection_, connection_.client, bytes, 64 * 1024);
    if (!got) co_return begun&& connection_.expired() ? HeadEnd::kTooSlow : HeadEnd::kGone;
    if (*got == 0) co_return HeadEnd::kGone;
    // From its first byte on, a request has the time of a handshake: no byte now and then prolongs
    // it.
    if (!begun && !first_) connection_.expect_within(options.handshake);
  }
}

Awaitable<Next> HttpSession::refuse_head(HeadEnd end) {
  if (end == HeadEnd::kGone || end == HeadEnd::kComplete) co_return Next::kEnd;
  const bool large = end == HeadEnd::kTooLarge;
  connection_.malformed(way_, connection_.from_client,
                        large ? "header-too-large" : "handshake-timeout");
  HttpAnswer what = large ? plain_answer(431, "The request's head is too large.")
                          : plain_answer(408, "The request's head did not arrive in time.");
  co_return co_await answer(std::move(what), nullptr);
}

Awaitable<Next> HttpSession::one_request() {
  std::string head;
  const HeadEnd end = co_await read_head(head);
  first_ = false;
  if (end != HeadEnd::kComplete) co_return co_await refuse_head(end);
  std::string defect = head_defect(head);
  HttpRequest request;
  if (defect.empty()) {
    request.parser.header_limit(static_cast<uint32_t>(head.size()) + 1);
    request.parser.body_limit(boost::none);
    error_code error;
    request.parser.put(net::buffer(head), error);
    if (error || !request.parser.is_header_done()) defect = "a head that is no HTTP/1 request";
  }
  if (!defect.empty()) {
    connection_.malformed(way_, head.substr(0, head.find_first_of("\r\n")), "malformed-request");
    HttpAnswer what = fault(RequestFault::kBadTarget, defect);
    co_return co_await answer(std::move(what), nullptr);
  }
  head = {};
  const auto& message = request.parser.get();
  request.method = std::string(message.method_string());
  request.version = message.version();
  for (const auto& field : message) {
    request.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  request.parser.get().base().clear();  // its copy of them; what it made of them stays
  request.websocket = request.version == 11 && asks_for_websocket(request.fields);
  co_return co_await judge_and_forward(request);
}

Awaitable<Next> HttpSession::judge_and_forward(HttpRequest& request) {
  // Before anything is judged, looked up or told: who may not use the guard does not learn its rules.
  // Inside of a tunnel it was asked for when that was opened.
  const AccessToken& token = connection_.guard->token;
  if (token.required() && !implied_ && !token.opens_basic(request.fields)) {
    connection_.malformed(way_, request.parser.get().target(), "proxy-token");
    HttpAnswer what = token_missing();
    co_return co_await answer(std::move(what), &request);
  }
  const RequestCheck check = check_request(request.method, request.parser.get().target(),
                                           request.version, request.fields, implied_);
  switch (check.fault) {
    case RequestFault::kNone:
    case RequestFault::kUpgradeH2c: break;
    case RequestFault::kBadTarget:
    case RequestFault::kBadHost:
    case RequestFault::kMissingHost:
    case RequestFault::kDuplicateHost:
    case RequestFault::kHostMismatch:
    case RequestFault::kAmbiguousLength: {
      const bool mismatch = check.fault == RequestFault::kHostMismatch;
      connection_.malformed(way_, request.parser.get().target(),
                            mismatch ? "host-mismatch" : "malformed-request");
      HttpAnswer what = fault(check.fault, check.detail);
      co_return co_await answer(std::move(what), nullptr);
    }
  }
  request.target = check.target;
  // A tunnel to an address may lead to any of the names that are allowed, but to one whose certificate we saw.
  if (connection_.is_terminated() && check.target.destination != *implied_ &&
      check.target.destination.host.to_text() != connection_.tls_server()) {
    connection_.malformed(way_, request.parser.get().target(), "host-mismatch");
    HttpAnswer what = fault(RequestFault::kHostMismatch, "Host is not the server of this TLS");
    co_return co_await answer(std::move(what), nullptr);
  }
  if (check.target.connect) co_return co_await connect(request);
  // Inside a tunnel the connection stays where it leads; another name in Host is a second question.
  const Destination& asked = check.target.destination;
  connection_.begin(way_, implied_ ? *implied_ : asked, request.method);
  Verdict verdict = connection_.judge();
  if (verdict.allowed && implied_ && asked != *implied_) {
    verdict = decide(connection_.guard->policy, asked);
    connection_.also(asked);
    connection_.event.sni = asked.host.to_text();
    connection_.event.rule = verdict.rule;
    connection_.event.origin = verdict.origin;
  }
  if (!verdict.allowed) {
    connection_.denied(verdict.rule.empty() ? "no-rule" : "denied-by-rule");
    HttpAnswer what = denial(asked, verdict);
    co_return co_await answer(std::move(what), &request);
  }
  if (implied_ && evades_unix_proxy(connection_, asked)) {
    connection_.denied("around-mitm-proxy");
    HttpAnswer what = fault(RequestFault::kHostMismatch,
                            "this host is reached through the proxy of mitmProxy alone, and this "
                            "connection does not pass it");
    co_return co_await answer(std::move(what), &request);
  }
  co_return co_await forward(request);
}

Awaitable<Next> HttpSession::forward(HttpRequest& request) {
  constexpr int kAttempts = 2;
  ExchangeEnd end = ExchangeEnd::kStale;
  for (int attempt = 0; end == ExchangeEnd::kStale && attempt < kAttempts; ++attempt) {
    // The rules about addresses, and the way there, may have changed since it was dialled.
    const Route route =
        choose_route(connection_.guard->policy, way_, connection_.destination(), true);
    const bool reused = connected_ == connection_.destination() && is_quiet(connection_) &&
                        (implied_ || route == route_) &&
                        connection_.address_stays(connection_.verdict());
    if (reused) {
      if (attempt == 0) connection_.allowed();
    } else if (!connection_.dead_upstream.empty()) {
      HttpAnswer what = no_tls(connection_.dead_upstream);
      co_return co_await answer(std::move(what), &request);
    } else if (implied_) {
      connection_.failed("upstream-closed");
      connection_.close();
      co_return Next::kEnd;
    } else {
      connection_.ended();  // the attempt over the old connection, if there was one
      connection_.close_upstream();
      connected_.reset();
      route_ = route;
      if (const auto failure = co_await reach(connection_, true, request.version > 10)) {
        HttpAnswer what = unreachable(connection_.destination(), *failure);
        co_return co_await answer(std::move(what), &request);
      }
      connected_ = connection_.destination();
    }
    HttpExchange exchange(connection_, request, implied_.has_value(), route_);
    end = co_await exchange.run();
    // Only a kept connection can have ended between two requests; only a request without a body,
    // and which may be made twice, is sent again (RFC 9110 §9.2.2).
    const bool again =
        reused && !implied_ && !request.has_body() &&
        (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS");
    if (end == ExchangeEnd::kStale && !again) end = ExchangeEnd::kNoAnswer;
  }
  co_return co_await conclude(request, end);
}

Awaitable<Next> HttpSession::conclude(HttpRequest& request, ExchangeEnd end) {
  switch (end) {
    case ExchangeEnd::kNext: connection_.ended(); co_return Next::kRequest;
    case ExchangeEnd::kNextElsewhere:
      connection_.ended();
      connection_.close_upstream();
      connected_.reset();
      co_return Next::kRequest;
    case ExchangeEnd::kClose:
      connection_.ended();
      co_await close_gently(connection_);
      co_return Next::kEnd;
    case ExchangeEnd::kBroken: connection_.reset_client(); co_return Next::kEnd;
    case ExchangeEnd::kTunnel: co_return Next::kEnd;
    case ExchangeEnd::kMalformedBody: {
      connection_.failed("malformed-body");
      HttpAnswer what = plain_answer(400, "The request's body is malformed.");
      co_return co_await answer(std::move(what), nullptr);
    }
    case ExchangeEnd::kStale:
    case ExchangeEnd::kNoAnswer:
    case ExchangeEnd::kSilent: break;
  }
  const bool silent = end == ExchangeEnd::kSilent;
  if (connection_.closed()) co_return Next::kEnd;  // cut
  connection_.failed(silent ? "no-answer-in-time" : "no-answer");
  connection_.close_upstream();
  connected_.reset();
  HttpAnswer what = silent ? plain_answer(504, "The destination did not answer in time.")
                           : plain_answer(502, "The destination gave no valid answer.");
  co_return co_await answer(std::move(what), &request);
}

Awaitable<Next> HttpSession::connect(HttpRequest& request) {
  const Destination destination = request.target.destination;
  connection_.begin(Way::kConnect, destination);
  connection_.close_upstream();
  connected_.reset();
  const Verdict& verdict = connection_.judge();
  if (!verdict.allowed) {
    connection_.denied_by_rule();
    HttpAnswer what = denial(destination, verdict);
    co_return co_await answer(std::move(what), &request);
  }
  const bool opens = terminates(connection_.guard->policy, destination);
  if (connection_.guard->policy.refuse_opaque && !opens) {
    connection_.denied("opaque-tunnel");
    HttpAnswer what = opaque_tunnel(destination);
    co_return co_await answer(std::move(what), &request);
  }
  if (opens && !connection_.claim_tunnel()) {
    connection_.denied("too-many-tunnels");
    HttpAnswer what = too_many_tunnels();
    co_return co_await answer(std::move(what), &request);
  }
  if (const auto failure = co_await reach(connection_, false)) {
    connection_.release_tunnel();
    HttpAnswer what = unreachable(destination, *failure);
    co_return co_await answer(std::move(what), &request);
  }
  constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";
  connection_.expect_within(connection_.guard->options.handshake);
  const bool sent = co_await send_all(connection_, connection_.client, kEstablished);
  co_return sent ? Next::kTunnel : Next::kEnd;
}

}  // namespace

Awaitable<void> serve_http_proxy(Connection& connection) {
  HttpSession session(connection, std::nullopt);
  co_await session.run();
}

Awaitable<void> serve_http_inside(Connection& connection) {
  HttpSession session(connection, connection.destination());
  co_await session.run();
}

}  // namespace srt::proxy
