#include "proxy/http_exchange.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "proxy/authority.h"
#include "proxy/socket_io.h"

namespace srt::proxy {
namespace {

namespace http = boost::beast::http;

constexpr size_t kLongestResponseHead = 256 * 1024;

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    return lower(x) == lower(y);
  });
}

bool stripped(const EgressPolicy& policy, std::string_view name) {
  const std::vector<std::string>& names = policy.stripped_headers;
  return !names.empty() &&
         std::find(names.begin(), names.end(), folded_header(name)) != names.end();
}

bool listed(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& entry) { return equal_ignoring_case(entry, name); });
}

void append(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

// A header's value, with secrets for the stand-ins that the sandbox has, where they may go out.
std::string HttpExchange::with_secrets(std::string_view value) const {
  const MaskedSecrets& secrets = connection_.guard->options.secrets;
  // TRACE is answered with the request itself (RFC 9110 §9.3.8).
  const bool may = (connection_.verified || secrets.in_plaintext) && request_.method != "TRACE";
  if (secrets.all.empty() || !may) return std::string(value);
  // Behind the name that is asked for there may be another server than behind the one that is dialled.
  const Host& dialled = connection_.destination().host;
  const Host& verified = connection_.verified ? *connection_.verified : dialled;
  return secrets.put_into(value, {&dialled, &verified, &request_.target.destination.host});
}

std::string HttpExchange::print_request() const {
  constexpr uint16_t kHttp = 80, kHttps = 443;
  const std::string host =
      host_header(request_.target.destination, connection_.is_terminated() ? kHttps : kHttp);
  const bool absolute = proxy_.speaks_http();
  std::string text = request_.method + " ";
  if (absolute) text += "http://" + host;
  text += request_.target.origin_form + " HTTP/1.1\r\n";
  append(text, "Host", host);  // what was checked, whatever spelling was sent
  const std::vector<std::string> dropped = hop_by_hop(request_.fields, request_.websocket);
  for (const auto& [name, value] : request_.fields) {
    if (equal_ignoring_case(name, "Host") || equal_ignoring_case(name, "Transfer-Encoding") ||
        listed(dropped, name)) {
      continue;
    }
    append(text, name, with_secrets(value));
  }
  if (request_.parser.chunked()) append(text, "Transfer-Encoding", "chunked");
  if (request_.websocket) append(text, "Connection", "Upgrade");
  if (absolute && !proxy_.authorization.empty()) {
    append(text, "Proxy-Authorization", proxy_.authorization);
  }
  return text + "\r\n";
}

std::string HttpExchange::print_response(const ResponseParser& parser, bool final) const {
  const auto& response = parser.get();
  std::string text = "HTTP/1.1 " + std::to_string(response.result_int()) + " ";
  text.append(response.reason().data(), response.reason().size()).append("\r\n");
  HeaderFields fields;
  for (const auto& field : response) {
    fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  const bool switched = response.result() == http::status::switching_protocols;
  const std::vector<std::string> dropped = hop_by_hop(fields, switched);
  for (const auto& [name, value] : fields) {
    if (equal_ignoring_case(name, "Transfer-Encoding") || listed(dropped, name) ||
        stripped(connection_.guard->policy, name)) {
      continue;
    }
    append(text, name, value);
  }
  if (switched) append(text, "Connection", "Upgrade");
  if (final) {
    if (parser.chunked() && !parser.is_done() && request_.version > 10) {
      append(text, "Transfer-Encoding", "chunked");
    }
    if (!client_keeps_) {
      append(text, "Connection", "close");
    } else if (request_.version <= 10) {
      append(text, "Connection", "keep-alive");
    }
  }
  return text + "\r\n";
}

Awaitable<ExchangeEnd> HttpExchange::run() {
  connection_.expect_within(connection_.guard->options.response);
  const std::string head = print_request();
  upload_done_ = !request_.has_body();
  const bool sent = co_await send_all(connection_, connection_.upstream, head);
  if (upload_done_) {
    if (!sent) co_return ExchangeEnd::kStale;
    watch_client();
    co_await respond();
  } else {
    co_await run_both(connection_, upload(), respond());
    if (!upload_done_) client_keeps_ = false;  // the rest of the body is still on its way
  }
  watch_.stop();
  const bool unanswered = end_ == ExchangeEnd::kStale || end_ == ExchangeEnd::kNoAnswer;
  if (malformed_ && unanswered) co_return ExchangeEnd::kMalformedBody;
  const bool another = end_ == ExchangeEnd::kNext || end_ == ExchangeEnd::kNextElsewhere;
  if (another && !client_keeps_) end_ = ExchangeEnd::kClose;
  co_return end_;
}

// The request's body. That it could not be delivered is no reason to withhold the answer, which may
// say why (413); that it ended early is.
Awaitable<void> HttpExchange::upload() {
  PumpEnd end = PumpEnd::kDone;
  if (request_.parser.chunked()) {
    end = co_await pump_chunked(connection_, request_.parser);
  } else {
    const uint64_t length = request_.parser.content_length().value_or(0);
    end = co_await pump(connection_, Direction::kUp, length);
  }
  upload_done_ = end == PumpEnd::kDone;
  if (upload_done_ && !responded_) watch_client();
  malformed_ = end == PumpEnd::kMalformed;
  const bool cut_short = end == PumpEnd::kEndOfFile || end == PumpEnd::kReadFailed || malformed_;
  if (cut_short) connection_.close_upstream();  // which ends respond(), too
}

Awaitable<void> HttpExchange::respond() {
  end_ = co_await read_response();
  responded_ = true;
  if (upload_done_) co_return;
  // Nobody waits for the rest of the request any more. close_upstream() ends an upload that is
  // between two waits, the cancellation one that waits.
  client_keeps_ = false;
  connection_.close_upstream();
  error_code ignored;
  if (connection_.client.is_open()) connection_.client.cancel(ignored);
}

Awaitable<ExchangeEnd> HttpExchange::read_head(ResponseParser& parser) {
  parser.header_limit(kLongestResponseHead);
  parser.body_limit(boost::none);
  if (request_.method == "HEAD") parser.skip(true);
  std::string& bytes = connection_.from_upstream;
  while (true) {
    error_code error = http::error::need_more;
    if (!bytes.empty()) bytes.erase(0, parser.put(net::buffer(bytes), error));
    if (parser.is_header_done()) {
      const auto& fields = parser.get().base();
      const auto count = static_cast<size_t>(std::distance(fields.begin(), fields.end()));
      co_return count > kMostFields ? ExchangeEnd::kNoAnswer : ExchangeEnd::kNext;
    }
    if (error && error != http::error::need_more) co_return ExchangeEnd::kNoAnswer;
    const bool begun = !bytes.empty() || parser.got_some();
    const auto got =
        co_await read_some(connection_, connection_.upstream, bytes, kLongestResponseHead);
    if (got && *got > 0) continue;
    if (watch_.left()) co_return ExchangeEnd::kBroken;
    if (connection_.expired()) co_return ExchangeEnd::kSilent;
    co_return begun ? ExchangeEnd::kNoAnswer : ExchangeEnd::kStale;
  }
}

Awaitable<ExchangeEnd> HttpExchange::read_response() {
  constexpr int kMostInterim = 16;
  for (int interim = 0; interim < kMostInterim; ++interim) {
    ResponseParser parser;
    const ExchangeEnd head = co_await read_head(parser);
    if (head == ExchangeEnd::kStale && interim > 0) co_return ExchangeEnd::kNoAnswer;
    if (head != ExchangeEnd::kNext) co_return head;
    const unsigned status = parser.get().result_int();
    watch_.ask_no_more();
    if (status == 101) co_return co_await switch_protocols(parser);
    if (status >= 200) co_return co_await forward_final(parser);
    if (request_.version <= 10) continue;  // RFC 9110 §15.2: HTTP/1.0 knows none
    const std::string text = print_response(parser, false);
    if (!co_await send_all(connection_, connection_.client, text)) co_return ExchangeEnd::kBroken;
  }
  co_return ExchangeEnd::kNoAnswer;
}

Awaitable<ExchangeEnd> HttpExchange::forward_final(ResponseParser& parser) {
  connection_.expect_within(connection_.guard->options.idle);
  const bool until_close = !parser.is_done() && parser.need_eof();
  const bool upstream_keeps = parser.keep_alive() && !until_close;
  const bool unframed = until_close || (parser.chunked() && request_.version <= 10);
  client_keeps_ = request_.parser.keep_alive() && !unframed && (upstream_keeps || !inside_);
  std::string begin = print_response(parser, true);
  const uint64_t sent = add_body(parser, begin);
  if (!co_await send_all(connection_, connection_.client, begin)) co_return ExchangeEnd::kBroken;
  connection_.event.bytes_down += sent;
  const PumpEnd end = co_await forward_body(parser, sent);
  if (end == PumpEnd::kEndOfFile && until_close) {
    // RFC 9112 §9.8: without TLS's own end whoever sits on the way may have made it.
    const TlsLegPtr& tls = connection_.upstream_tls;
    const bool whole = !tls || !connection_.guard->tls.was_cut(tls);
    co_return whole ? ExchangeEnd::kClose : ExchangeEnd::kBroken;
  }
  if (end != PumpEnd::kDone) co_return ExchangeEnd::kBroken;
  if (!client_keeps_) co_return ExchangeEnd::kClose;
  co_return upstream_keeps ? ExchangeEnd::kNext : ExchangeEnd::kNextElsewhere;
}

// What has come of the body travels with the head: a short answer is one write, and one wake-up of the
// client.
uint64_t HttpExchange::add_body(const ResponseParser& parser, std::string& begin) {
  if (parser.is_done() || parser.chunked()) return 0;
  std::string& body = connection_.from_upstream;
  const size_t size = static_cast<size_t>(
      std::min<uint64_t>(body.size(), parser.content_length().value_or(kUntilEnd)));
  begin.append(body, 0, size);
  body.erase(0, size);
  return size;
}

Awaitable<PumpEnd> HttpExchange::forward_body(ResponseParser& parser, uint64_t sent) {
  if (parser.is_done()) co_return PumpEnd::kDone;
  if (parser.chunked()) co_return co_await pump_chunked(connection_, parser, request_.version > 10);
  const uint64_t length = parser.content_length().value_or(kUntilEnd);
  co_return co_await pump(connection_, Direction::kDown, length - sent);
}

Awaitable<ExchangeEnd> HttpExchange::switch_protocols(ResponseParser& parser) {
  if (!request_.websocket) co_return ExchangeEnd::kNoAnswer;  // nobody asked
  watch_.stop();                                              // from here on the relay notices
  const std::string head = print_response(parser, false);
  if (!co_await send_all(connection_, connection_.client, head)) co_return ExchangeEnd::kBroken;
  co_await relay(connection_);
  co_return ExchangeEnd::kTunnel;
}

}  // namespace srt::proxy
