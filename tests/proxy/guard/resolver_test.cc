#include "proxy/resolver.h"

#include <filesystem>
#include <iterator>

#include <catch2/catch.hpp>

namespace {

using namespace srt::proxy;

size_t threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

// As many lookups at once as `names`; those that were answered with an address.
size_t look_up(net::io_context& io, Resolver& resolver, const std::vector<std::string>& names) {
  size_t found = 0;
  for (const std::string& name : names) {
    auto waiting = std::make_shared<net::steady_timer>(io, std::chrono::seconds(30));
    net::co_spawn(
        io,
        [&resolver, &found, name, waiting]() -> Awaitable<void> {
          const Resolver::Answer answer = co_await resolver.resolve(name, waiting);
          found += answer.failure == Resolver::Failure::kNone && !answer.addresses.empty();
        },
        net::detached);
  }
  io.restart();
  io.run();
  return found;
}

}  // namespace

TEST_CASE("resolver: without a question there is no thread, and never more than four") {
  net::io_context io;
  const size_t before = threads();
  Resolver resolver(io);
  CHECK(threads() == before);
  CHECK(look_up(io, resolver, {"127.0.0.1"}) == 1);
  CHECK(threads() == before + 1);
  // One after the other: the thread that there is answers all of them.
  for (int i = 2; i < 6; ++i) {
    CHECK(look_up(io, resolver, {"127.0.0." + std::to_string(i)}) == 1);
  }
  CHECK(threads() == before + 1);
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back("127.0.1." + std::to_string(i));
  CHECK(look_up(io, resolver, many) == many.size());
  CHECK(threads() <= before + 4);
}
