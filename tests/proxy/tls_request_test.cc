#include "proxy/tls_request.h"

#include <catch2/catch.hpp>

using namespace srt::proxy;

TEST_CASE("tls requests: what is printed is read back") {
  const TlsRequest request{7, TlsTask::kDial, 1500, "api.example.com",
                           std::string("\x16\x00\x01", 3)};
  CHECK(parse_tls_request(print(request)) == request);
  const TlsReport report{7, TlsNews::kUntrusted, "certificate has expired"};
  CHECK(parse_tls_report(print(report)) == report);
  CHECK(
      parse_tls_report(print(TlsReport{7, TlsNews::kCut, std::string(4000, 'x')}))->reason.size() ==
      500);
}

TEST_CASE("tls requests: what is none is refused, however short") {
  const std::string packet = print(TlsRequest{7, TlsTask::kServe, 1, "a.test", ""});
  for (size_t size = 0; size < packet.size(); ++size)
    CHECK_FALSE(parse_tls_request(packet.substr(0, size)));
  CHECK_FALSE(parse_tls_request(print(TlsRequest{7, TlsTask(3), 1, "a.test", ""})));
  CHECK_FALSE(parse_tls_request(print(TlsRequest{7, TlsTask::kServe, 1, "", "bytes"})));
  CHECK_FALSE(
      parse_tls_request(print(TlsRequest{7, TlsTask::kServe, 1, std::string("a\0b", 3), ""})));
  CHECK_FALSE(parse_tls_report(print(TlsReport{7, TlsNews(0), ""})));
  CHECK_FALSE(parse_tls_report(print(TlsReport{7, TlsNews(6), ""})));
  CHECK_FALSE(parse_tls_report("short"));
}
