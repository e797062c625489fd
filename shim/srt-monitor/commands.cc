#include "shim/srt-monitor/commands.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "platform/unix_socket.h"

namespace srt::monitor {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
constexpr auto kResult = asio::as_tuple(asio::use_awaitable);
constexpr size_t kLongestPolicy = size_t{4} << 20;

// The first byte, and what comes with it: whoever reads by Asio is not told of descriptors.
asio::awaitable<std::string> read_first(Protocol::socket& client, UniqueFd& connector) {
  auto [error] = co_await client.async_wait(Protocol::socket::wait_read, kResult);
  if (error) co_return "";
  Result<platform::WithDescriptor> first =
      platform::receive_with_descriptor(client.native_handle());
  if (!first) co_return "";
  connector = std::move(first->fd);
  co_return std::string(first->bytes);
}

// The client half-closes after its document.
asio::awaitable<void> answer_one(Protocol::socket client, ReplacePolicy replace) {
  UniqueFd connector;
  std::string document = co_await read_first(client, connector);
  auto [error, size] = co_await asio::async_read(
      client, asio::dynamic_buffer(document, kLongestPolicy), asio::transfer_all(), kResult);
  std::string answer = "ok\n";
  if (error != asio::error::eof) {
    answer = "error: the policy did not come whole\n";
  } else if (Result<void> done = replace(document, std::move(connector)); !done) {
    answer = "error: " + to_string(done.error()) + "\n";
  }
  (void)co_await asio::async_write(client, asio::buffer(answer), kResult);
}

asio::awaitable<void> accept_all(Protocol::acceptor acceptor, ReplacePolicy replace) {
  for (;;) {
    auto [error, client] = co_await acceptor.async_accept(kResult);
    if (error == asio::error::operation_aborted) co_return;
    if (error) continue;
    // One after the other: two updates at once have an order.
    co_await answer_one(std::move(client), replace);
  }
}

}  // namespace

void serve_commands(asio::io_context& io, int listener, ReplacePolicy replace) {
  Protocol::acceptor acceptor(io, Protocol(), listener);
  asio::co_spawn(io, accept_all(std::move(acceptor), std::move(replace)), asio::detached);
}

}  // namespace srt::monitor
