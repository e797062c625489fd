// The evaluator itself: that what it says of a profile is worth something.
#include "tests/platform/darwin/sbpl_evaluator.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/platform/darwin/sbpl_reader.h"

using namespace srt;        // NOLINT: a test
using namespace srt::test;  // NOLINT

namespace {

Sbpl sbpl(const std::string& rules) {
  auto read = Sbpl::read("(version 1)\n(deny default)\n" + rules);
  INFO((read ? std::string() : to_string(read.error())));
  REQUIRE(read);
  return std::move(*read);
}

SbplVerdict ask(const std::string& rules, const std::string& operation, const std::string& path) {
  SbplRequest request;
  request.operation = operation;
  request.path = path;
  return sbpl(rules).decide(request);
}

bool allowed(const std::string& rules, const std::string& operation, const std::string& path) {
  const SbplVerdict verdict = ask(rules, operation, path);
  CHECK(verdict.last_match == verdict.most_specific);
  return verdict.last_match;
}

std::string error_of(const std::string& text) {
  const auto read = Sbpl::read(text);
  return read ? "" : to_string(read.error());
}

}  // namespace

TEST_CASE("without a rule the default decides") {
  CHECK_FALSE(allowed("", "file-read-data", "/a"));
  CHECK(allowed("(allow file-read*)", "file-read-data", "/a"));
  CHECK_FALSE(allowed("(allow file-read*)", "file-write-data", "/a"));
  CHECK(allowed("(allow file-read-data)", "file-read-data", "/a"));
  CHECK_FALSE(allowed("(allow file-read-data)", "file-read-metadata", "/a"));
}

TEST_CASE("filters of paths") {
  CHECK(allowed("(allow file-read* (literal \"/a\"))", "file-read-data", "/a"));
  CHECK_FALSE(allowed("(allow file-read* (literal \"/a\"))", "file-read-data", "/a/b"));
  CHECK(allowed("(allow file-read* (subpath \"/a\"))", "file-read-data", "/a/b"));
  CHECK_FALSE(allowed("(allow file-read* (subpath \"/a\"))", "file-read-data", "/ab"));
  CHECK(allowed("(allow file-read* (subpath \"/\"))", "file-read-data", "/ab"));
  CHECK(allowed("(allow file-read* (prefix \"/a\"))", "file-read-data", "/ab"));
  CHECK(allowed("(allow file-read* (regex \"^/a.c$\"))", "file-read-data", "/abc"));
  CHECK(allowed("(allow file-read* (regex #\"^/a\\.c$\"))", "file-read-data", "/a.c"));
  CHECK_FALSE(allowed("(allow file-read* (regex #\"^/a\\.c$\"))", "file-read-data", "/abc"));
  CHECK(allowed("(allow file-read* (literal \"/x\") (literal \"/a\"))", "file-read-data", "/a"));
}

TEST_CASE("filters of filters") {
  const std::string rule =
      "(allow file-write* (require-all (subpath \"/a\") (require-not (require-any (literal "
      "\"/a/b\") "
      "(regex \"[.]c$\")))))";
  CHECK(allowed(rule, "file-write-create", "/a/x"));
  CHECK_FALSE(allowed(rule, "file-write-create", "/a/b"));
  CHECK_FALSE(allowed(rule, "file-write-create", "/a/b.c"));
  CHECK_FALSE(allowed(rule, "file-write-create", "/x"));
}

TEST_CASE("both readings are answered, and what depends on them is told") {
  const std::string wide_last = "(deny file-write-unlink (subpath \"/a\"))(allow file-write*)";
  SbplVerdict verdict = ask(wide_last, "file-write-unlink", "/a/b");
  CHECK(verdict.last_match);
  CHECK_FALSE(verdict.most_specific);
  CHECK(verdict.contested);
  verdict = ask(wide_last, "file-write-unlink", "/b");
  CHECK(verdict.last_match);
  CHECK_FALSE(verdict.contested);
  // Equally narrow: the last one under either reading, but only by its place.
  verdict = ask("(allow file-read*)(deny file-read* (subpath \"/a\"))", "file-read-data", "/a");
  CHECK_FALSE(verdict.last_match);
  CHECK_FALSE(verdict.most_specific);
  CHECK(verdict.contested);
}

TEST_CASE("addresses, sockets, kinds of files and names") {
  const auto decide = [](const std::string& rules, const SbplRequest& request) {
    return sbpl(rules).decide(request).last_match;
  };
  SbplRequest connect;
  connect.operation = "network-outbound";
  connect.remote = "127.0.0.1:3128";
  CHECK(decide("(allow network-outbound (remote ip \"localhost:3128\"))", connect));
  CHECK_FALSE(decide("(allow network-outbound (remote ip \"localhost:3129\"))", connect));
  CHECK(decide("(allow network-outbound (remote ip \"localhost:*\"))", connect));
  // What is bound to no address yet is bound to every one: this lets everything out.
  CHECK(decide("(allow network-outbound (local ip \"localhost:1\"))", connect));
  connect.remote = "[::ffff:127.0.0.1]:3128";
  CHECK_FALSE(decide("(allow network-outbound (remote ip \"localhost:3128\"))", connect));
  connect.remote = "192.0.2.1:3128";
  CHECK_FALSE(decide("(allow network-outbound (remote ip \"localhost:3128\"))", connect));
  CHECK(decide("(allow network* (remote ip \"*:*\"))", connect));
  SbplRequest socket;
  socket.operation = "network-outbound";
  socket.unix_socket = "/run/a/s";
  CHECK(decide("(allow network-outbound (remote unix-socket (subpath \"/run/a\")))", socket));
  CHECK_FALSE(decide("(allow network-outbound (remote ip \"*:*\"))", socket));
  CHECK_FALSE(decide("(allow network-outbound (subpath \"/run/a\"))", socket));
  SbplRequest device;
  device.operation = "file-write-data";
  device.path = "/dev/null";
  const std::string null =
      "(allow file-write-data (require-all (literal \"/dev/null\") (vnode-type CHARACTER-DEVICE)))";
  CHECK_FALSE(decide(null, device));
  device.vnode_type = "CHARACTER-DEVICE";
  CHECK(decide(null, device));
  SbplRequest lookup;
  lookup.operation = "mach-lookup";
  lookup.name = "com.apple.logd";
  CHECK(decide("(allow mach-lookup (global-name \"com.apple.logd\"))", lookup));
  CHECK_FALSE(decide("(allow mach-lookup (global-name \"com.apple.log\"))", lookup));
  CHECK(decide("(allow mach-lookup (global-name-prefix \"com.apple.log\"))", lookup));
}

TEST_CASE("what sandbox-exec would not read, or nobody means, is an error") {
  const char* const kBad[] = {
      "",
      "(deny default)",
      "(version 1) (deny default",
      "(version 1) deny default)",
      "(version 1) (deny default))",
      "(version 1) (allow file-raed* (literal \"/a\"))",
      "(version 1) (allow file-read* (litteral \"/a\"))",
      "(version 1) (allow file-read* (literal \"/a))",
      "(version 1) (allow file-read* (literal \"\\u0041\"))",
      "(version 1) (allow file-read* (literal \"\\x4\"))",
      "(version 1) (allow file-read* (regex \"(\"))",
      "(version 1) (allow file-read* (require-not))",
      "(version 1) (allow (literal \"/a\"))",
      "(version 1) (allow file-read* (literal \"/a\") file-write*)",
      "(version 1) (allow network-outbound (remote ip \"192.0.2.1:80\"))",
      "(version 1) (permit default)",
  };
  for (const char* text : kBad) {
    INFO(text);
    CHECK_FALSE(error_of(text).empty());
  }
  CHECK_FALSE(
      error_of("(version 1) (allow file-read* (literal \"/" + std::string(1100, 'a') + "\"))")
          .empty());
}

TEST_CASE("strings of a profile are read byte by byte") {
  const auto read =
      read_sbpl("(\"a\\\"b\\\\c\\n\\t\\r\\x01\\xff;\" ; a comment \"\n #\"\\.\\\"x\")");
  REQUIRE(read);
  REQUIRE(read->size() == 1);
  REQUIRE(read->front().items.size() == 2);
  CHECK(read->front().items[0].text == "a\"b\\c\n\t\r\x01\xff;");
  CHECK(read->front().items[1].text == "\\.\"x");
}
