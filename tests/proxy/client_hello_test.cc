#include "proxy/client_hello.h"

#include <functional>
#include <vector>

#include <catch2/catch.hpp>

using namespace srt::proxy;  // NOLINT: a test

namespace {

std::string be(size_t value, int size) {
  std::string out;
  for (int i = size - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string sized(const std::string& body, int size) { return be(body.size(), size) + body; }

std::string extension(unsigned type, const std::string& body) {
  return be(type, 2) + sized(body, 2);
}
std::string name_entry(const std::string& name, int type = 0) {
  return be(type, 1) + sized(name, 2);
}
std::string sni(const std::string& name) { return extension(0, sized(name_entry(name), 2)); }

std::string handshake(const std::string& extensions) {
  const std::string body = be(0x0303, 2) + std::string(32, 'r') + sized(std::string(32, 's'), 1) +
                           sized(be(0x1301, 2) + be(0x0a0a, 2), 2) + sized(be(0, 1), 1) +
                           sized(extensions, 2);
  return be(1, 1) + sized(body, 3);
}
std::string record(const std::string& fragment, unsigned version = 0x0301) {
  return be(22, 1) + be(version, 2) + sized(fragment, 2);
}
std::string hello(const std::string& extensions) { return record(handshake(extensions)); }

}  // namespace

TEST_CASE("the name of a ClientHello is found") {
  const std::string other =
      extension(43, be(2, 1) + be(0x0304, 2)) + extension(0x0a0a, "");  // GREASE
  const Peeked peeked = peek(hello(other + sni("Example.com") + extension(0x1a1a, "x")));
  CHECK(peeked.what == FirstBytes::kTls);
  CHECK(peeked.sni == "Example.com");
  CHECK_FALSE(peeked.ech);
  const Peeked none = peek(hello(other));
  CHECK(none.what == FirstBytes::kTls);
  CHECK_FALSE(none.sni);
  const Peeked first = peek(hello(sni("example.com")) + "what comes after");
  CHECK(first.what == FirstBytes::kTls);
  CHECK(first.size == hello(sni("example.com")).size());
}

TEST_CASE("a ClientHello without extensions is one") {
  const std::string body =
      be(0x0301, 2) + std::string(32, 'r') + sized("", 1) + sized(be(5, 2), 2) + sized(be(0, 1), 1);
  CHECK(peek(record(be(1, 1) + sized(body, 3))).what == FirstBytes::kTls);
}

TEST_CASE("every prefix of a ClientHello needs more") {
  const std::string whole = hello(extension(0x0a0a, "") + sni("example.com"));
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(peek(whole.substr(0, size)).what == FirstBytes::kNeedMore);
  }
}

TEST_CASE("a name that is split over records is found, wherever the cut is") {
  const std::string message = handshake(sni("example.com") + extension(21, std::string(300, '\0')));
  for (size_t cut = 1; cut < message.size(); ++cut) {
    CAPTURE(cut);
    const std::string split = record(message.substr(0, cut)) + record(message.substr(cut), 0x0303);
    const Peeked peeked = peek(split);
    CHECK(peeked.what == FirstBytes::kTls);
    CHECK(peeked.sni == "example.com");
    CHECK(peek(split.substr(0, split.size() - 1)).what == FirstBytes::kNeedMore);
  }
  std::string bytes;
  for (char c : message) bytes += record(std::string(1, c));
  CHECK(peek(bytes).sni == "example.com");
}

TEST_CASE("a ClientHello that can be read in two ways is malformed") {
  const std::string two_entries =
      extension(0, sized(name_entry("ok.com") + name_entry("evil.com"), 2));
  const std::string nul("ok.com\0.evil.com", 16);
  const std::pair<const char*, std::string> table[] = {
      {"two names in a list", hello(two_entries)},
      {"two server_name extensions", hello(sni("ok.com") + sni("evil.com"))},
      {"two of another extension", hello(extension(16, "") + extension(16, ""))},
      {"an empty name", hello(sni(""))},
      {"no list", hello(extension(0, ""))},
      {"an empty list", hello(extension(0, sized("", 2)))},
      {"a name of another type", hello(extension(0, sized(name_entry("ok.com", 1), 2)))},
      {"bytes after the list", hello(extension(0, sized(name_entry("ok.com"), 2) + "x"))},
      {"a list that is too long", hello(extension(0, be(99, 2) + name_entry("ok.com")))},
      {"a NUL", hello(sni(nul))},
      {"a space", hello(sni("ok.com evil"))},
      {"a percent sign", hello(sni("%6fk.com"))},
      {"a port", hello(sni("ok.com:443"))},
      {"two dots", hello(sni("ok.com.."))},
      {"not ASCII", hello(sni("b\u00fccher.example"))},
      {"a fullwidth letter", hello(sni("\uff4fk.com"))},
      {"too long a name", hello(sni(std::string(254, 'a')))},
  };
  for (const auto& [what, bytes] : table) {
    CAPTURE(what);
    CHECK(peek(bytes).what == FirstBytes::kMalformed);
    CHECK_FALSE(peek(bytes).sni);
  }
}

TEST_CASE("what begins like TLS and is broken is malformed") {
  std::string overlong = handshake(sni("ok.com"));
  overlong[3] =
      static_cast<char>(overlong[3] + 1);  // one byte more than the body's own lengths say
  const std::pair<const char*, std::string> table[] = {
      {"a ServerHello", record(be(2, 1) + handshake(sni("ok.com")).substr(1))},
      {"an empty fragment", record("") + hello(sni("ok.com"))},
      {"a second hello in the same record",
       record(handshake(sni("ok.com")) + handshake(sni("evil.com")))},
      {"the beginning of one", record(handshake(sni("ok.com")) + "x")},
      {"a record that is too long", be(22, 1) + be(0x0301, 2) + be(16385, 2) + be(1, 1)},
      {"another record type in the middle",
       record(handshake(sni("ok.com")).substr(0, 9)) + be(21, 1) + be(0x0303, 2) + sized("xx", 2)},
      {"another version in the middle",
       record(handshake(sni("ok.com")).substr(0, 9), 0x0301) + record("x", 0x0201)},
      {"a message that is too long", record(be(1, 1) + be(0xffffff, 3))},
      {"bytes after the extensions", record(overlong + "x")},
      {"an extension beyond the end", hello(be(0, 2) + be(99, 2) + "x")},
      {"no cipher", record(be(1, 1) + sized(be(0x0303, 2) + std::string(32, 'r') + sized("", 1) +
                                                sized("", 2) + sized(be(0, 1), 1),
                                            3))},
      {"no body", record(be(1, 1) + be(0, 3))},
  };
  for (const auto& [what, bytes] : table) {
    CAPTURE(what);
    CHECK(peek(bytes).what == FirstBytes::kMalformed);
  }
}

TEST_CASE("a ClientHello that never ends is malformed at the limit") {
  std::string bytes;
  const std::string start = be(1, 1) + be(kMaxFirstBytes, 3);
  bytes += record(start);
  while (bytes.size() < kMaxFirstBytes) {
    CHECK(peek(bytes).what == FirstBytes::kNeedMore);
    bytes += record(std::string(8000, 'x'));
  }
  CHECK(peek(bytes).what == FirstBytes::kMalformed);
}

TEST_CASE("encrypted names are seen") {
  const Peeked peeked = peek(hello(sni("public.example") + extension(0xfe0d, "secret")));
  CHECK(peeked.what == FirstBytes::kTls);
  CHECK(peeked.sni == "public.example");
  CHECK(peeked.ech);
  CHECK(peek(hello(extension(0xffce, "secret"))).ech);
}

TEST_CASE("other protocols are told apart") {
  const std::pair<std::string, FirstBytes> table[] = {
      {"SSH-2.0-OpenSSH_9.2\r\n", FirstBytes::kSsh},
      {"SSH-1.99-x\r\n", FirstBytes::kSsh},
      {"SSH-2.0-Open", FirstBytes::kNeedMore},
      {"SSH-2.", FirstBytes::kNeedMore},
      {"SSH-1.0-x\r\n", FirstBytes::kOther},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FirstBytes::kHttp2},
      {"PRI * HTTP/2.0\r\n\r\n", FirstBytes::kNeedMore},
      {"PRI * HT", FirstBytes::kNeedMore},
      {"GET / HTTP/1.1\r\n", FirstBytes::kHttp},
      {"GET ", FirstBytes::kHttp},
      {"GET\t/ HTTP/1.1", FirstBytes::kHttp},
      {"\r\nPOST / HTTP/1.1", FirstBytes::kHttp},
      {" \r\n\tGET / HTTP/1.0", FirstBytes::kHttp},
      {"get / HTTP/1.1\r\n", FirstBytes::kHttp},
      {"get / http/1.1\r\n", FirstBytes::kHttp},
      {"Get / hTTp/1.0\n", FirstBytes::kHttp},
      {"get a-key-of-memcached\r\n", FirstBytes::kOther},
      {"\fGET / HTTP/1.1", FirstBytes::kHttp},
      {"\v\x1c\xa0GET / HTTP/1.1", FirstBytes::kHttp},
      {"GET\x1f/ HTTP/1.1", FirstBytes::kHttp},
      {"GET\x85/ HTTP/1.1", FirstBytes::kHttp},
      {"\x1f\x8b\x08", FirstBytes::kOther},  // gzip
      {"MYMETHOD / HTTP/1.1\r\n", FirstBytes::kHttp},
      {"MYMETHOD / ", FirstBytes::kNeedMore},
      {"GE", FirstBytes::kNeedMore},
      {"\r\n", FirstBytes::kNeedMore},
      {"", FirstBytes::kNeedMore},
      {"EHLO example.com\r\n", FirstBytes::kOther},
      {"PING\r\n", FirstBytes::kOther},
      {"{\"json\":1}", FirstBytes::kOther},
      {std::string("OK \x01\x02\0", 6), FirstBytes::kOther},
      {std::string("0032git-upload-pack /project\0host=example.com\0", 46), FirstBytes::kOther},
      {std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8),
       FirstBytes::kOther},                          // PostgreSQL's SSLRequest
      {"\x80\x2e\x01\x03\x01", FirstBytes::kOther},  // SSLv2
      {"\x16", FirstBytes::kNeedMore},
      {"\x16\x03", FirstBytes::kNeedMore},
      {"\x16\xfe\xff", FirstBytes::kOther},  // DTLS
      {std::string(40, 'A'), FirstBytes::kNeedMore},
      {std::string(40, 'A') + "\n", FirstBytes::kOther},
  };
  for (const auto& [bytes, what] : table) {
    CAPTURE(bytes.substr(0, 40));
    CHECK(static_cast<int>(peek(bytes).what) == static_cast<int>(what));
  }
}

TEST_CASE("no request that some server takes for one passes as something else") {
  const std::string request = " /secret HTTP/1.1\r\nHost: evil.example\r\n\r\n";
  const std::string table[] = {
      std::string(33, 'M') + request,    // as long a method as one likes: nginx, Go
      std::string(2000, 'M') + request,  //
      "SSH-2.0-" + request,              // its characters are those of a method
      "SSH-1.99-x" + request,            //
      "PRI * HTTP/2.0" + request,        // a preface that is none
      "PRI * HTTP/2.0\r\nHost: evil.example\r\n\r\n",
      "FOO /\x01 HTTP/1.1\r\n",    // nginx before 1.21
      "FOO\x1c/\x1cHTTP/1.1\r\n",  // Python's split()
  };
  for (const std::string& bytes : table) {
    CAPTURE(bytes.substr(0, 40));
    CHECK(static_cast<int>(peek(bytes).what) == static_cast<int>(FirstBytes::kHttp));
  }
}

TEST_CASE("text that might become a request does not pass by being long") {
  const std::string table[] = {
      "FOO " + std::string(kMaxFirstBytes, 'a') + " HTTP/1.1\r\n",
      std::string(kMaxFirstBytes, 'M') + " / HTTP/1.1\r\n",
      std::string(kMaxFirstBytes, '\n') + "GET / HTTP/1.1\r\n",  // nginx skips them all
      "SSH-2.0-" + std::string(kMaxFirstBytes, 'a') + " / HTTP/1.1\r\n",
  };
  for (const std::string& bytes : table) {
    CAPTURE(bytes.substr(0, 40));
    CHECK(peek(bytes.substr(0, kMaxFirstBytes - 1)).what == FirstBytes::kNeedMore);
    CHECK(peek(bytes).what == FirstBytes::kTooLong);
  }
}

// Whoever looks for a ClientHello at the very beginning, in a record of version 3.x, sees no name in these; servers do.
TEST_CASE("a ClientHello that is not the first thing, or is in an odd record, is malformed") {
  const std::string real = hello(sni("evil.com"));
  std::string odd = real;
  odd[1] = '\0';
  const std::string warning = be(21, 1) + be(0x0301, 2) + sized(be(1, 1) + be(90, 1), 2);
  const std::pair<const char*, std::string> table[] = {
      {"after a warning", warning + real},
      {"after a warning of no version", be(21, 1) + be(0, 2) + sized("\x01\x5a", 2) + real},
      {"after a change_cipher_spec", be(20, 1) + be(0x0303, 2) + sized("\x01", 2) + real},
      {"in a record of version 0.1", odd},
      {"in a record of version 15.255", record(handshake(sni("evil.com")), 0x0fff)},
      {"split, in records of version 2.0",
       record(std::string(1, '\x01'), 0x0200) + record("rest", 0x0200)},
  };
  for (const auto& [what, bytes] : table) {
    CAPTURE(what);
    CHECK(peek(bytes).what == FirstBytes::kMalformed);
    CHECK(peek(bytes.substr(0, 4)).what == FirstBytes::kNeedMore);
  }
  // Lengths of other protocols, least byte first: MongoDB.
  CHECK(peek(std::string("\x15\x01\0\0\x07\0\0\0", 8)).what == FirstBytes::kOther);
  CHECK(peek(std::string("\x16\x01\0\0\x07\0\0\0", 8)).what == FirstBytes::kOther);
  CHECK(peek("\x14"
             "BitTorrent protocol")
            .what == FirstBytes::kOther);
}

TEST_CASE("a verdict does not depend on how much came at once") {
  const std::string padding = extension(21, std::string(65000, '\0'));
  std::string message = handshake(padding + sni("ok.com"));
  std::string bytes;
  for (size_t at = 0; at < message.size(); at += 1000) bytes += record(message.substr(at, 1000));
  REQUIRE(bytes.size() < kMaxFirstBytes);
  CHECK(peek(bytes).sni == "ok.com");
  bytes.clear();
  for (size_t at = 0; at < message.size(); at += 100) bytes += record(message.substr(at, 100));
  REQUIRE(bytes.size() > kMaxFirstBytes);
  CHECK(peek(bytes).what == FirstBytes::kMalformed);
}

TEST_CASE(
    "a server that asks for a second hello is told from one that goes on, wherever the records "
    "end") {
  const std::string again =
      "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
      "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
  for (const bool asks : {true, false}) {
    const std::string message =
        be(2, 1) +
        sized(be(0x0303, 2) + (asks ? again : std::string(32, 'r')) + sized("", 1) + be(0, 3), 3);
    const ServerAnswer wanted = asks ? ServerAnswer::kAsksAgain : ServerAnswer::kOther;
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{38}, message.size()}) {
      std::string bytes;
      for (size_t at = 0; at < message.size(); at += piece)
        bytes += record(message.substr(at, piece));
      CHECK(peek_answer(bytes) == wanted);
      size_t told = 0;
      while (peek_answer(bytes.substr(0, told)) == ServerAnswer::kNeedMore) ++told;
      CHECK(peek_answer(bytes.substr(0, told)) == wanted);
      CHECK(told <= 1024);
    }
  }
  for (const std::string& other : {std::string("HTTP/1.1 200"), be(21, 1), record(""),
                                   record(be(1, 1)), record(be(0, 4) + "x")}) {
    CHECK(peek_answer(other) == ServerAnswer::kOther);
  }
  CHECK(peek_answer("") == ServerAnswer::kNeedMore);
}

TEST_CASE("what NATS begins with is no request, and what only looks like it is") {
  CHECK(peek("CONNECT {\"verbose\":false}\r\n").what == FirstBytes::kOther);
  CHECK(peek("CONNECT ").what == FirstBytes::kNeedMore);
  CHECK(peek("CONNECT {\"name\":\"x\"").what == FirstBytes::kNeedMore);
  for (const char* request :
       {"CONNECT evil.com:443", "CONNECT {} HTTP/1.1\r\n", "CONNECT\t{", "GET {}", "CONNECT  {"}) {
    CAPTURE(request);
    CHECK(peek(request).what == FirstBytes::kHttp);
  }
}
