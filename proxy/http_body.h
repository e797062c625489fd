// HTTP/1 message bodies on their way through.
#pragma once

#include <cstdint>

#include "proxy/connection.h"
#include "proxy/relay.h"

namespace srt::proxy {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
using ResponseParser = boost::beast::http::response_parser<boost::beast::http::buffer_body>;

// A chunked body. It is decoded and framed anew: chunk extensions, odd spellings of lengths and
// trailers that two parsers could read in two ways end here (request smuggling). `framed`: false
// for an HTTP/1.0 receiver, which gets the bytes alone.
Awaitable<PumpEnd> pump_chunked(Connection& connection, RequestParser& parser);
Awaitable<PumpEnd> pump_chunked(Connection& connection, ResponseParser& parser, bool framed);

}  // namespace srt::proxy
