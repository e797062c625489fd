#include "runtime/signal_name.h"

#include <csignal>

#include <catch2/catch.hpp>

using srt::runtime::parse_signal;

TEST_CASE("a signal may be a number or a name, with and without SIG, in any case") {
  CHECK(parse_signal("9") == SIGKILL);
  CHECK(parse_signal("KILL") == SIGKILL);
  CHECK(parse_signal("SIGKILL") == SIGKILL);
  CHECK(parse_signal("sigterm") == SIGTERM);
  CHECK(parse_signal("64") == 64);
  CHECK(parse_signal("0") == 0);
  CHECK(parse_signal("RTMIN") == SIGRTMIN);
  CHECK(parse_signal("SIGRTMIN+3") == SIGRTMIN + 3);
  CHECK(parse_signal("rtmax-2") == SIGRTMAX - 2);
}

TEST_CASE("what is no signal is refused by name") {
  for (std::string bad : {"", "-9", "65", "9x", "SIG", "SIGSIGTERM", "RTMIN-1", "RTMIN+99",
                          "RTMAX+1", "RTMIN+", "NOPE"}) {
    CAPTURE(bad);
    auto signal = parse_signal(bad);
    REQUIRE_FALSE(signal);
    CHECK(signal.error().object == "signal \"" + bad + "\"");
  }
}
