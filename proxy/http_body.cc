#include "proxy/http_body.h"

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "proxy/socket_io.h"

namespace srt::proxy {
namespace {

namespace http = boost::beast::http;

constexpr size_t kPiece = 64 * 1024;
constexpr size_t kLongestFraming = 8 * 1024;  // of one chunk's header or the trailers

// A line of framing that ends in LF alone. Some readers take it, ours would wait for the CR for good.
bool has_bare_line_feed(std::string_view framing) {
  for (size_t at = framing.find('\n'); at != framing.npos; at = framing.find('\n', at + 1)) {
    if (at == 0 || framing[at - 1] != '\r') return true;
  }
  return false;
}

// What the parser makes of `bytes`, as one outgoing piece. False: malformed.
template <bool kRequest>
bool decode(http::parser<kRequest, http::buffer_body>& parser, std::string& bytes, Scratch& scratch,
            std::string& piece, bool framed) {
  auto& body = parser.get().body();
  const size_t room = std::min(scratch.size(), kPiece);
  body.data = scratch.data();
  body.size = room;
  body.more = true;
  error_code error;
  const size_t used = parser.put(net::buffer(bytes), error);
  bytes.erase(0, used);
  const size_t size = room - body.size;
  body.data = nullptr;
  body.size = 0;
  if (error == http::error::need_buffer) error = {};
  if (error && error != http::error::need_more) return false;
  if (size == 0 && error == http::error::need_more) {
    return bytes.size() <= kLongestFraming && !has_bare_line_feed(bytes);
  }
  if (size == 0) return true;
  if (framed) {
    std::array<char, 20> header;
    piece.assign(header.data(), std::snprintf(header.data(), header.size(), "%zx\r\n", size));
  }
  piece.append(scratch.data(), size);
  if (framed) piece += "\r\n";
  return true;
}

template <bool kRequest>
Awaitable<PumpEnd> move_chunks(Connection& connection,
                               http::parser<kRequest, http::buffer_body>& parser, bool framed) {
  Socket& from = kRequest ? connection.client : connection.upstream;
  Socket& to = kRequest ? connection.upstream : connection.client;
  std::string& bytes = kRequest ? connection.from_client : connection.from_upstream;
  uint64_t& counter = kRequest ? connection.event.bytes_up : connection.event.bytes_down;
  parser.eager(true);
  bool stuck = bytes.empty();
  while (!parser.is_done()) {
    if (stuck) {
      const auto got = co_await read_some(connection, from, bytes, kPiece);
      if (!got) co_return PumpEnd::kReadFailed;
      if (*got == 0) co_return PumpEnd::kEndOfFile;
      connection.touch();
    }
    const size_t before = bytes.size();
    std::string piece;
    if (!decode(parser, bytes, connection.guard->scratch, piece, framed)) {
      co_return PumpEnd::kMalformed;
    }
    stuck = bytes.empty() || bytes.size() == before;
    if (piece.empty()) continue;
    if (!co_await send_all(connection, to, piece)) co_return PumpEnd::kWriteFailed;
    counter += piece.size();
  }
  if (framed && !co_await send_all(connection, to, "0\r\n\r\n")) co_return PumpEnd::kWriteFailed;
  co_return PumpEnd::kDone;
}

}  // namespace

Awaitable<PumpEnd> pump_chunked(Connection& connection, RequestParser& parser) {
  return move_chunks(connection, parser, true);
}

Awaitable<PumpEnd> pump_chunked(Connection& connection, ResponseParser& parser, bool framed) {
  return move_chunks(connection, parser, framed);
}

}  // namespace srt::proxy
