// What this room takes from Boost, and its short names. It is also the precompiled header: the
// bodies of Asio and Beast are compiled once, in asio.cc.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

namespace srt::proxy {

namespace net = boost::asio;
using boost::system::error_code;
using Tcp = net::ip::tcp;
using Socket = Tcp::socket;
template <typename T>
using Awaitable = net::awaitable<T>;
using Clock = std::chrono::steady_clock;

// Errors are values: co_await socket.async_wait(…, kTuple) yields a tuple and never throws.
inline constexpr auto kTuple = net::as_tuple(net::use_awaitable);

}  // namespace srt::proxy
