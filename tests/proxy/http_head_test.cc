#include "proxy/http_head.h"

#include <catch2/catch.hpp>

#include "policies.h"

using namespace srt::proxy;  // NOLINT: a test

namespace {

RequestCheck proxied(std::string_view target, const HeaderFields& fields,
                     std::string_view method = "GET", unsigned version = 11) {
  return check_request(method, target, version, fields, std::nullopt);
}
RequestCheck direct(std::string_view target, const HeaderFields& fields, std::string_view to,
                    uint16_t port = 80, std::string_view method = "GET", unsigned version = 11) {
  return check_request(method, target, version, fields, Destination{host(to), port});
}
int is(RequestFault fault) { return static_cast<int>(fault); }
int fault(const RequestCheck& check) { return is(check.fault); }

}  // namespace

TEST_CASE("a head that everybody reads alike has no defect") {
  for (std::string head :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "POST http://a/b?c HTTP/1.1\r\nHost: a\r\nX: \ty z \r\nEmpty:\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\xc3\xa4 HTTP/1.1\r\n\r\n"}) {
    CAPTURE(head);
    CHECK(head_defect(head).empty());
  }
}

TEST_CASE("a head that two parties could read in two ways has a defect") {
  const std::pair<std::string, std::string> table[] = {
      {"GET / HTTP/1.1\nHost: a\n\n", "a head without its end"},
      {"GET / HTTP/1.1\r\nHost: a\r\n", "a head without its end"},
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", "a bare LF"},
      {"GET / HTTP/1.1\r\nX: a\nHost: b\r\n\r\n", "a bare LF"},
      {"GET / HTTP/1.1\r\nX: a\rHost: b\r\n\r\n", "a bare CR"},
      {"GET / HTTP/1.1\r\r\nHost: b\r\n\r\n", "a bare CR"},
      {std::string("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26), "a NUL"},
      {std::string("GET /\0 HTTP/1.1\r\n\r\n", 19), "a NUL"},
      {"GET /\x01 HTTP/1.1\r\n\r\n", "a control character"},
      {"GET /\x7f HTTP/1.1\r\n\r\n", "a control character"},
      {"GET\t/ HTTP/1.1\r\n\r\n", "a control character"},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: \x0b"
       "chunked\r\n\r\n",
       "a control character"},
      {"GET / HTTP/1.1\r\nX: a\r\n folded\r\n\r\n", "a folded header line"},
      {"GET / HTTP/1.1\r\nX: a\r\n\tfolded\r\n\r\n", "a folded header line"},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "a folded header line"},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "a space before a colon"},
      {"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", "a space before a colon"},
      {"GET / HTTP/1.1\r\nHo st: a\r\n\r\n", "a malformed header name"},
      {"GET / HTTP/1.1\r\nH\xc3\xb6st: a\r\n\r\n", "a malformed header name"},
      {"GET / HTTP/1.1\r\nnothing\r\n\r\n", "a header line without a name"},
      {"GET / HTTP/1.1\r\n: a\r\n\r\n", "a header line without a name"},
      {"GET /\r\n\r\n", "a request line without three parts"},
      {"GET\r\n\r\n", "a request line without three parts"},
      {" GET / HTTP/1.1\r\n\r\n", "a malformed method"},
      {"G(T / HTTP/1.1\r\n\r\n", "a malformed method"},
      {"GET  / HTTP/1.1\r\n\r\n", "a space in the request target"},
      {"GET /a b HTTP/1.1\r\n\r\n", "a space in the request target"},
      {"GET  HTTP/1.1\r\n\r\n", "a space in the request target"},
      {"GET / HTTP/1.1 \r\n\r\n", "a space in the request target"},
      {"GET / HTTP/2.0\r\n\r\n", "an HTTP version"},
      {"GET / HTTP/1.10\r\n\r\n", "an HTTP version"},
      {"GET / http/1.1\r\n\r\n", "an HTTP version"},
      {"\r\nGET / HTTP/1.1\r\n\r\n", "an empty line"},
      {"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "an empty line"},
      {"\r\n\r\n", "an empty line"},
      {"", "a head without its end"},
  };
  for (const auto& [head, defect] : table) {
    CAPTURE(head);
    CHECK_THAT(head_defect(head), Catch::StartsWith(defect));
  }
}

TEST_CASE("a proxy request names its destination in absolute-form") {
  struct Row {
    std::string target, host, to, origin_form;
    uint16_t port;
  };
  const Row table[] = {
      {"http://example.com/a?b", "example.com", "example.com", "/a?b", 80},
      {"HTTP://Example.COM:8080", "example.com:8080", "example.com", "/", 8080},
      {"http://example.com:80/", "example.com", "example.com", "/", 80},
      {"http://example.com?x", "EXAMPLE.com.", "example.com", "/?x", 80},
      {"http://[::1]:81/x", "[0::1]:81", "::1", "/x", 81},
      {"http://0x7f.1/", "127.0.0.1", "127.0.0.1", "/", 80},
      {"http://a//b/../c@d", "a", "a", "//b/../c@d", 80},
  };
  for (const Row& row : table) {
    CAPTURE(row.target);
    const RequestCheck check = proxied(row.target, {{"Host", row.host}});
    CHECK(fault(check) == is(RequestFault::kNone));
    CHECK(check.target.destination == Destination{host(row.to), row.port});
    CHECK(check.target.origin_form == row.origin_form);
    CHECK_FALSE(check.target.connect);
  }
  CHECK(proxied("http://a", {{"Host", "a"}}, "OPTIONS").target.origin_form == "*");
}

TEST_CASE("a target that is not one host in the clear is refused") {
  for (std::string target : {"/",
                             "*",
                             "",
                             "example.com:80",
                             "https://example.com/",
                             "ftp://example.com/",
                             "http:/a",
                             "http:a",
                             "http://",
                             "http:///a",
                             "http://user@example.com/",
                             "http://user:pass@example.com/",
                             "http://ok.com@evil.com/",
                             "http://evil.com\\@ok.com/",
                             "http://evil.com\\.ok.com/",
                             "http://ok.com#@evil.com/",
                             "http://ok.com%2f@evil.com/",
                             "http://ok%2ecom/",
                             "http://ok.com:/",
                             "http://ok.com:0/",
                             "http://ok.com:65536/",
                             "http://ok.com:80:80/",
                             "http://ok..com/",
                             "http://1.2.3.256/",
                             "http://[::1/",
                             "http://[fe80::1%25eth0]/",
                             "http://a b/",
                             "http://a/#x",
                             "://a/",
                             "http://a/\x01"}) {
    CAPTURE(target);
    CHECK(fault(proxied(target, {{"Host", "ok.com"}})) == is(RequestFault::kBadTarget));
  }
  CHECK(proxied("http://ok.com@evil.com/", {{"Host", "ok.com"}}).detail == "a user in the target");
  CHECK_THAT(proxied("https://a/", {{"Host", "a"}}).detail, Catch::Contains("use CONNECT"));
  CHECK(fault(proxied("http://a/", {{"Host", "a"}}, "GET", 20)) == is(RequestFault::kBadTarget));
}

TEST_CASE("CONNECT names a host and a port") {
  const RequestCheck check = proxied("Example.com:443", {{"Host", "example.com:443"}}, "CONNECT");
  CHECK(fault(check) == is(RequestFault::kNone));
  CHECK(check.target.connect);
  CHECK(check.target.destination == Destination{host("example.com"), 443});
  CHECK(check.target.origin_form.empty());
  CHECK(fault(proxied("[::1]:443", {{"Host", "[::1]"}}, "CONNECT")) == is(RequestFault::kNone));
  CHECK(fault(proxied("a:443", {}, "CONNECT", 10)) == is(RequestFault::kNone));
  CHECK(fault(proxied("a:443", {{"Host", "b:443"}}, "CONNECT")) == is(RequestFault::kHostMismatch));
  // Its bytes after the head are the tunnel's and never a body: RFC 9110 §9.3.6.
  CHECK(fault(proxied("a:443", {{"Host", "a"}, {"Content-Length", "0"}}, "CONNECT")) ==
        is(RequestFault::kNone));
  CHECK(fault(proxied("a:443", {{"Host", "a"}, {"Content-Length", "5"}}, "CONNECT")) ==
        is(RequestFault::kAmbiguousLength));
  CHECK(fault(proxied("a:443", {{"Host", "a"}, {"Transfer-Encoding", "chunked"}}, "CONNECT")) ==
        is(RequestFault::kAmbiguousLength));
  CHECK(fault(proxied("a:443", {{"Host", "a:444"}}, "CONNECT")) == is(RequestFault::kHostMismatch));
  for (std::string target :
       {"a", "a:", "a:0", "a:65536", "http://a:443", "https://a/", "u@a:443", "/", "a:443/",
        "a:443?", "a:443#", "::1:443", "[::1]", "ok.com:443@evil.com:443", ""}) {
    CAPTURE(target);
    CHECK(fault(proxied(target, {{"Host", "a"}}, "CONNECT")) == is(RequestFault::kBadTarget));
  }
  // Methods have a case.
  CHECK(fault(proxied("a:443", {{"Host", "a:443"}}, "connect")) == is(RequestFault::kBadTarget));
}

TEST_CASE("Host is there once, well-formed, and agrees with the target") {
  const std::string target = "http://example.com/";
  CHECK(fault(proxied(target, {})) == is(RequestFault::kMissingHost));
  CHECK(fault(proxied(target, {}, "GET", 10)) == is(RequestFault::kNone));
  CHECK(fault(proxied(target, {{"Host", "example.com"}, {"hOST", "example.com"}})) ==
        is(RequestFault::kDuplicateHost));
  for (std::string bad :
       {"", "a b", "example.com/", "u@example.com", "example.com, evil.com",
        "example.com:", "example.com:x", "http://example.com", "example..com", "1.2.3.256"}) {
    CAPTURE(bad);
    CHECK(fault(proxied(target, {{"Host", bad}})) == is(RequestFault::kBadHost));
  }
  for (std::string other : {"evil.com", "www.example.com", "example.com:81", "127.0.0.1"}) {
    CAPTURE(other);
    CHECK(fault(proxied(target, {{"Host", other}})) == is(RequestFault::kHostMismatch));
  }
  CHECK(fault(proxied("http://example.com:81/", {{"Host", "example.com"}})) ==
        is(RequestFault::kHostMismatch));
}

TEST_CASE("a body has one length") {
  const auto length = [](const HeaderFields& more, unsigned version = 11) {
    HeaderFields fields = {{"Host", "a"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fault(proxied("http://a/", fields, "POST", version));
  };
  const int none = is(RequestFault::kNone);
  const int ambiguous = is(RequestFault::kAmbiguousLength);
  CHECK(length({{"Content-Length", "5"}}) == none);
  CHECK(length({{"Transfer-Encoding", "chunked"}}) == none);
  CHECK(length({{"Transfer-Encoding", "Chunked"}}) == none);
  CHECK(length({{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}) == ambiguous);
  CHECK(length({{"transfer-encoding", "chunked"}, {"CONTENT-LENGTH", "5"}}) == ambiguous);
  CHECK(length({{"Content-Length", "5"}, {"Content-Length", "6"}}) == ambiguous);
  CHECK(length({{"Content-Length", "5"}, {"content-length", "5"}}) == ambiguous);
  for (std::string bad :
       {"", "5, 5", "5,6", "+5", "-5", "0x5", "5 5", "5a", "9999999999999999999"}) {
    CAPTURE(bad);
    CHECK(length({{"Content-Length", bad}}) == ambiguous);
  }
  for (std::string bad :
       {"", "identity", "gzip", "chunked, gzip", "chunked, chunked", "xchunked", "\"chunked\"",
        "chunked;q=1", "chunked, identity", "gzip, chunked", "cow, chunked"}) {
    CAPTURE(bad);
    CHECK(length({{"Transfer-Encoding", bad}}) == ambiguous);
  }
  CHECK(length({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "identity"}}) == ambiguous);
  CHECK(length({{"Transfer-Encoding", "chunked"}, {"Transfer-encoding", "chunked"}}) == ambiguous);
  CHECK(length({{"Transfer-Encoding", "chunked"}}, 10) == ambiguous);
}

TEST_CASE("inside a connection to a server, Host agrees with it") {
  const RequestCheck check = direct("/a?b", {{"Host", "Example.com"}}, "example.com");
  CHECK(fault(check) == is(RequestFault::kNone));
  CHECK(check.target.destination == Destination{host("example.com"), 80});
  CHECK(check.target.origin_form == "/a?b");
  CHECK(fault(direct("*", {{"Host", "a"}}, "a", 80, "OPTIONS")) == is(RequestFault::kNone));
  CHECK(fault(direct("/", {{"Host", "a:8080"}}, "a", 8080)) == is(RequestFault::kNone));
  CHECK(fault(direct("/", {{"Host", "a"}}, "a", 8080)) == is(RequestFault::kNone));
  CHECK(fault(direct("/", {{"Host", "a:81"}}, "a", 8080)) == is(RequestFault::kHostMismatch));
  for (std::string other : {"evil.com", "a.example.com", "127.0.0.1"}) {
    CAPTURE(other);
    CHECK(fault(direct("/", {{"Host", other}}, "example.com")) == is(RequestFault::kHostMismatch));
  }
  CHECK(fault(direct("/", {}, "a")) == is(RequestFault::kMissingHost));
  CHECK(fault(direct("/", {}, "a", 80, "GET", 10)) == is(RequestFault::kMissingHost));
  CHECK(fault(direct("/", {{"Host", "a"}, {"Host", "a"}}, "a")) ==
        is(RequestFault::kDuplicateHost));
  CHECK(fault(direct("/", {{"Host", ""}}, "a")) == is(RequestFault::kBadHost));
  for (std::string target :
       {"http://evil.com/", "http://a/", "a", "*", "", "evil.com:80", "/#x", "/ x"}) {
    CAPTURE(target);
    CHECK(fault(direct(target, {{"Host", "a"}}, "a")) == is(RequestFault::kBadTarget));
  }
  CHECK(fault(direct("a:80", {{"Host", "a"}}, "a", 80, "CONNECT")) == is(RequestFault::kBadTarget));
}

TEST_CASE("a name on a connection to an address is what has to be decided") {
  const RequestCheck check = direct("/", {{"Host", "evil.com"}}, "93.184.216.34", 8080);
  CHECK(fault(check) == is(RequestFault::kNone));
  CHECK(check.target.destination == Destination{host("evil.com"), 8080});
  CHECK(direct("/", {{"Host", "93.184.216.34"}}, "93.184.216.34").target.destination.host ==
        host("93.184.216.34"));
  CHECK(fault(direct("/", {{"Host", "1.1.1.1"}}, "93.184.216.34")) ==
        is(RequestFault::kHostMismatch));
  CHECK(fault(direct("/", {{"Host", "0x7f.1"}}, "93.184.216.34")) ==
        is(RequestFault::kHostMismatch));
}

TEST_CASE("what is between two hops is not forwarded") {
  const HeaderFields fields = {{"Host", "a"},
                               {"Connection", "close, X-Mine"},
                               {"connection", "Upgrade"},
                               {"X-Mine", "1"},
                               {"Proxy-Authorization", "Basic secret"},
                               {"PROXY-Connection", "keep-alive"},
                               {"Upgrade", "h2c"}};
  const std::vector<std::string> names = hop_by_hop(fields, false);
  const auto listed = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (std::string name :
       {"connection", "keep-alive", "te", "trailer", "upgrade", "proxy-authorization",
        "proxy-connection", "x-mine", "http2-settings", "close"}) {
    CAPTURE(name);
    CHECK(listed(name));
  }
  CHECK_FALSE(listed("host"));
}

TEST_CASE("Connection cannot take away what was judged") {
  const HeaderFields fields = {{"Connection", "Host, Content-Length, Transfer-Encoding, Cookie"}};
  const std::vector<std::string> names = hop_by_hop(fields, false);
  for (std::string name : {"host", "content-length", "transfer-encoding"}) {
    CAPTURE(name);
    CHECK(std::find(names.begin(), names.end(), name) == names.end());
  }
  CHECK(std::find(names.begin(), names.end(), "cookie") != names.end());
}

TEST_CASE("a WebSocket keeps its upgrade, h2c does not") {
  HeaderFields fields = {{"Connection", "keep-alive, Upgrade"},
                         {"Upgrade", "WebSocket"},
                         {"Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw=="}};
  CHECK(asks_for_websocket(fields));
  const auto names = hop_by_hop(fields, true);
  CHECK(std::find(names.begin(), names.end(), "upgrade") == names.end());
  fields[1].second = "h2c";
  CHECK_FALSE(asks_for_websocket(fields));
  fields[1].second = "websocket, h2c";
  CHECK_FALSE(asks_for_websocket(fields));
  fields[1].second = "websocket";
  fields[0].second = "keep-alive";
  CHECK_FALSE(asks_for_websocket(fields));
}
