// One allowed request, forwarded, and its response. Bodies are streamed, never held.
#pragma once

#include <string>

#include "proxy/client_watch.h"
#include "proxy/connection.h"
#include "proxy/http_body.h"
#include "proxy/http_head.h"
#include "proxy/route.h"

namespace srt::proxy {

struct HttpRequest {
  RequestParser parser;
  HeaderFields fields;
  RequestTarget target;
  std::string method;
  unsigned version = 11;
  bool websocket = false;
  bool has_body() const { return !parser.is_done(); }
};

enum class ExchangeEnd {
  kNext,           // the client's next request may come
  kNextElsewhere,  // it may, but over a new connection to the destination
  kClose,          // answered; the client's connection ends
  kBroken,         // in the middle of the answer, or the client has left: nothing more can be said
  kStale,          // the destination had closed an old connection: nothing was sent to the client
  kNoAnswer,       // 502
  kSilent,         // 504
  kMalformedBody,  // 400: the client's
  kTunnel,         // switched protocols, and ended
};

class HttpExchange {
 public:
  // `inside` a tunnel the client's connection ends with the destination's. `proxy`: the request
  // goes to a parent proxy, in absolute form.
  HttpExchange(Connection& connection, HttpRequest& request, bool inside, const Route& proxy)
      : connection_(connection),
        request_(request),
        inside_(inside),
        proxy_(proxy),
        watch_(connection) {}

  Awaitable<ExchangeEnd> run();

 private:
  std::string print_request() const;
  std::string with_secrets(std::string_view value) const;
  std::string print_response(const ResponseParser& parser, bool final) const;
  void watch_client() { watch_.start(request_.version > 10); }
  Awaitable<void> upload();
  Awaitable<void> respond();
  Awaitable<ExchangeEnd> read_response();
  Awaitable<ExchangeEnd> read_head(ResponseParser& parser);
  Awaitable<ExchangeEnd> forward_final(ResponseParser& parser);
  uint64_t add_body(const ResponseParser& parser, std::string& begin);  // how much
  Awaitable<PumpEnd> forward_body(ResponseParser& parser, uint64_t sent);
  Awaitable<ExchangeEnd> switch_protocols(ResponseParser& parser);

  Connection& connection_;
  HttpRequest& request_;
  const bool inside_;
  const Route& proxy_;
  ClientWatch watch_;
  bool upload_done_ = false, responded_ = false, malformed_ = false;
  bool client_keeps_ = true;  // what the response tells the client
  ExchangeEnd end_ = ExchangeEnd::kNoAnswer;
};

}  // namespace srt::proxy
