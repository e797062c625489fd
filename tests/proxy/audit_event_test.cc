#include "proxy/audit_event.h"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace srt::proxy;  // NOLINT: a test

TEST_CASE("an event is one line of JSON") {
  AuditEvent event;
  event.time_us = 1'767'323'045'678'901;
  event.connection = 7;
  event.way = Way::kConnect;
  event.kind = EventKind::kEnded;
  event.host = "example.com";
  event.port = 443;
  event.rule = "*.example.com";
  event.origin = "srt.json";
  event.address = Endpoint{*IpAddress::parse("2001:db8::1"), 443};
  event.sni = "example.com";
  event.bytes_up = 1;
  event.bytes_down = 18446744073709551615U;
  event.duration_us = 3;
  CHECK(
      to_json_line(event, "box") ==
      R"({"time":"2026-01-02T03:04:05.678901Z","container":"box","event":"ended","way":"connect",)"
      R"("connection":7,"host":"example.com","port":443,"rule":"*.example.com","origin":"srt.json",)"
      R"("address":"[2001:db8::1]:443","sni":"example.com","bytesUp":1,)"
      R"("bytesDown":18446744073709551615,"durationUs":3})"
      "\n");
}

TEST_CASE("a hello without a server name is told from what is no hello") {
  AuditEvent event;
  CHECK(to_json_line(event, "x").find("sni") == std::string::npos);
  event.without_sni = true;
  CHECK(to_json_line(event, "x").find(R"(,"sni":null)") != std::string::npos);
  CHECK(to_json_line(event, "x").find("ech") == std::string::npos);
  event.ech = true;
  CHECK(to_json_line(event, "x").find(R"(,"ech":true)") != std::string::npos);
}

TEST_CASE("a denial has no bytes, and a change of the policy no way") {
  AuditEvent event;
  event.reason = "no-rule";
  event.way = Way::kDns;
  CHECK(to_json_line(event, "x") == R"({"time":"1970-01-01T00:00:00.000000Z","container":"x",)"
                                    R"("event":"denied","way":"dns","reason":"no-rule"})"
                                    "\n");
  event.kind = EventKind::kPolicy;
  CHECK(to_json_line(event, "x").find("way") == std::string::npos);
}

TEST_CASE("hostile bytes cannot end a line or a string, or reach a terminal") {
  AuditEvent event;
  event.host = std::string("a\"b\\c\nd\r\x1b[2J\0\x7f\xff\u2028", 17);
  const std::string line = to_json_line(event, "x\n{\"event\":\"allowed\"}");
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  CHECK(line.back() == '\n');
  CHECK(std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= 0x20 && c < 0x7f; }));
  CHECK(line.find(R"("host":"a\"b\\c\u000ad\u000d\u001b[2J\u0000\u007f\u00ff\u00e2)") !=
        std::string::npos);
}

TEST_CASE("a line is bounded, whatever is in the event") {
  AuditEvent event;
  for (std::string* text :
       {&event.host, &event.rule, &event.origin, &event.reason, &event.sni, &event.method}) {
    *text = std::string(100'000, '\xff');
  }
  event.kind = EventKind::kEnded;
  event.connection = event.bytes_up = event.bytes_down = ~uint64_t{0};
  event.port = 65535;
  event.without_sni = event.ech = true;
  event.time_us = INT64_MIN;
  event.duration_us = INT64_MIN;
  event.address = Endpoint{*IpAddress::parse("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), 65535};
  const std::string line = to_json_line(event, std::string(100'000, '"'));
  CHECK(line.size() <= 4096);
  CHECK(line.back() == '\n');
  CHECK(line.find("...\"") != std::string::npos);
  // Cut between escapes, not inside one.
  CHECK(line.find("\\u00...") == std::string::npos);
  event.time_us = INT64_MAX;
  CHECK(to_json_line(event, "").size() <= 4096);
}
