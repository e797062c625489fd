#include "proxy/dns_message.h"

#include <catch2/catch.hpp>

#include "policies.h"

using namespace srt::proxy;  // NOLINT: a test

namespace {

std::string be16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

struct Counts {
  unsigned questions = 1, answers = 0, authorities = 0, additionals = 0;
};
std::string header(unsigned flags = 0x0100, Counts counts = {}) {
  return be16(0x1234) + be16(flags) + be16(counts.questions) + be16(counts.answers) +
         be16(counts.authorities) + be16(counts.additionals);
}
std::string wire(std::initializer_list<std::string> labels) {
  std::string name;
  for (const std::string& label : labels) name += static_cast<char>(label.size()) + label;
  return name + '\0';
}
std::string question(std::initializer_list<std::string> labels, unsigned type = 1,
                     unsigned klass = 1) {
  return wire(labels) + be16(type) + be16(klass);
}
std::string opt(unsigned udp_size = 1232, unsigned version = 0, const std::string& data = "") {
  return std::string(1, '\0') + be16(41) + be16(udp_size) + '\0' + static_cast<char>(version) +
         be16(0) + be16(static_cast<unsigned>(data.size())) + data;
}

const std::string kQuery = header() + question({"www", "example", "com"});

std::optional<DnsCode> error(const std::string& message) {
  const auto query = parse_query(message);
  REQUIRE(query);
  return query->error;
}
unsigned at16(const std::string& bytes, size_t at) {
  return static_cast<unsigned char>(bytes.at(at)) << 8 |
         static_cast<unsigned char>(bytes.at(at + 1));
}

}  // namespace

TEST_CASE("a query is read") {
  const auto query = parse_query(kQuery);
  REQUIRE(query);
  CHECK_FALSE(query->error);
  CHECK(query->question.id == 0x1234);
  CHECK(query->question.recursion_desired);
  CHECK(query->question.name == "www.example.com");
  CHECK(query->question.type == kTypeA);
  CHECK(query->question.klass == 1);
  CHECK_FALSE(query->question.edns);
  CHECK(query->question.udp_size == 512);
  CHECK(parse_query(header(0) + question({}, 2))->question.name.empty());  // the root
  CHECK_FALSE(parse_query(header(0) + question({}, 2))->error);
}

TEST_CASE("EDNS0 is read, and no second one") {
  const auto query =
      parse_query(header(0x0120, {1, 0, 0, 1}) + question({"a"}, 28) + opt(4096, 0, "cookie"));
  REQUIRE(query);
  CHECK_FALSE(query->error);
  CHECK(query->question.edns);
  CHECK(query->question.udp_size == 4096);
  CHECK(parse_query(header(0, {1, 0, 0, 1}) + question({"a"}) + opt(0))->question.udp_size == 512);
  CHECK(error(header(0, {1, 0, 0, 2}) + question({"a"}) + opt() + opt()) == DnsCode::kFormat);
  CHECK(error(header(0, {1, 0, 0, 1}) + question({"a"}) + opt(1232, 1)) == DnsCode::kBadVersion);
  CHECK(error(header(0, {1, 0, 0, 1}) + question({"a"}) + wire({"x"}) + opt().substr(1)) ==
        DnsCode::kFormat);
}

TEST_CASE("what is no query at all gets no answer") {
  for (size_t size = 0; size < 12; ++size) CHECK_FALSE(parse_query(kQuery.substr(0, size)));
  CHECK_FALSE(parse_query(header(0x8180) + question({"a"})));  // an answer
}

TEST_CASE("a query that is cut anywhere is malformed") {
  const std::string whole =
      header(0, {1, 0, 0, 1}) + question({"www", "example"}) + opt(1232, 0, "xy");
  CHECK_FALSE(error(whole));
  for (size_t size = 12; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(error(whole.substr(0, size)) == DnsCode::kFormat);
  }
  CHECK(error(whole + "x") == DnsCode::kFormat);
}

TEST_CASE("a query that is not exactly one standard question is refused") {
  const std::string one = question({"a"});
  CHECK(error(header(0, {0}) + "") == DnsCode::kFormat);
  CHECK(error(header(0, {0}) + one) == DnsCode::kFormat);
  CHECK(error(header(0, {2}) + one) == DnsCode::kFormat);
  CHECK(error(header(0, {1, 1}) + one) == DnsCode::kFormat);
  CHECK(error(header(0, {1, 0, 1}) + one) == DnsCode::kFormat);
  CHECK(error(header(0, {2}) + one + one) == DnsCode::kFormat);
  CHECK(error(header(0, {1, 1}) + one + one) == DnsCode::kFormat);
  CHECK(error(header(0, {1, 0, 1}) + one + one) == DnsCode::kFormat);
  CHECK(error(header(0x0200) + one) == DnsCode::kFormat);                         // TC in a query
  CHECK(error(header(0x2800) + one) == DnsCode::kNotImplemented);                 // UPDATE
  CHECK(error(header(0) + question({"a"}, 1, 3)) == DnsCode::kNotImplemented);    // CHAOS
  CHECK(error(header(0) + question({"a"}, 1, 255)) == DnsCode::kNotImplemented);  // any class
  CHECK(error(header(0, {1, 0, 0, 65535}) + one) == DnsCode::kFormat);
}

TEST_CASE("compression has no place in a question, and loops no chance") {
  const std::string tail = be16(1) + be16(1);
  CHECK(error(header() + "\xc0\x0c" + tail) == DnsCode::kFormat);  // itself
  CHECK(error(header() +
              std::string("\x01"
                          "a\xc0\x0c",
                          4) +
              tail) == DnsCode::kFormat);
  CHECK(error(header() + std::string("\xc0\x00", 2) + tail) == DnsCode::kFormat);  // the header
  CHECK(error(header() + "\x41" + std::string(65, 'a') + '\0' + tail) == DnsCode::kFormat);
  CHECK(error(header() + "\xc0" + std::string(192, 'a') + '\0' + tail) == DnsCode::kFormat);
  CHECK(error(header() + "\x41xx" + tail) == DnsCode::kFormat);  // label type 01
  CHECK(error(header() + "\x80" + tail) == DnsCode::kFormat);    // label type 10
}

TEST_CASE("a name has 255 bytes at most") {
  const std::string l63(63, 'a');
  CHECK_FALSE(error(header() + question({l63, l63, l63, std::string(61, 'b')})));
  CHECK(error(header() + question({l63, l63, l63, std::string(62, 'b')})) == DnsCode::kFormat);
  std::string many = header();
  for (int i = 0; i < 5000; ++i)
    many += std::string(
        "\x01"
        "a",
        2);
  CHECK(error(many + '\0' + be16(1) + be16(1)) == DnsCode::kFormat);
}

TEST_CASE("a name keeps its bytes, and a dot inside a label is no separator") {
  const auto name = [](std::initializer_list<std::string> labels) {
    return parse_query(header() + question(labels))->question.name;
  };
  CHECK(name({"WwW", "eXample"}) == "WwW.eXample");
  CHECK(name({std::string("a\0b", 3), "com"}) == std::string("a\0b.com", 7));
  CHECK(name({"\xff\xfe", "com"}) == "\xff\xfe.com");
  CHECK(name({"www.example", "com"}) == "www\\.example.com");
  for (const std::string& odd : {name({std::string("a\0b", 3), "com"}), name({"\xff\xfe", "com"}),
                                 name({"www.example", "com"}), name({"a b", "com"})}) {
    CHECK_FALSE(canonical_host(odd));
  }
}

TEST_CASE("an answer echoes the question with its case, and its id") {
  auto query = parse_query(header(0x0100) + question({"wWw", "eXaMpLe"}, kTypeA)).value();
  const std::string answer =
      print_answer(query.question, DnsCode::kNoError, {address("198.18.0.1")}, 60);
  CHECK(answer == be16(0x1234) + be16(0x8180) + be16(1) + be16(1) + be16(0) + be16(0) +
                      question({"wWw", "eXaMpLe"}, kTypeA) + be16(0xc00c) + be16(1) + be16(1) +
                      std::string("\0\0\0\x3c", 4) + be16(4) + std::string("\xc6\x12\0\x01", 4));
  query.question.recursion_desired = false;
  CHECK(at16(print_answer(query.question, DnsCode::kNoError, {}, 0), 2) == 0x8080);
}

TEST_CASE("an answer has addresses of the question's family only") {
  const std::vector<IpAddress> both = {address("198.18.0.1"), address("fd00::1")};
  const auto aaaa = parse_query(header() + question({"a"}, kTypeAaaa)).value();
  const std::string answer = print_answer(aaaa.question, DnsCode::kNoError, both, 1);
  CHECK(at16(answer, 6) == 1);
  const auto bytes = address("fd00::1").bytes();
  CHECK(answer.ends_with(be16(16) + std::string(bytes.begin(), bytes.end())));
  const auto https = parse_query(header() + question({"a"}, 65)).value();
  CHECK(at16(print_answer(https.question, DnsCode::kNoError, both, 1), 6) == 0);  // NODATA
}

TEST_CASE("a denial says why where the query had EDNS0") {
  auto query = parse_query(header(0, {1, 0, 0, 1}) + question({"evil"}) + opt()).value();
  const std::string answer =
      print_answer(query.question, DnsCode::kNoSuchName, {}, 0, "no rule allows it");
  CHECK(at16(answer, 2) == 0x8083);
  CHECK(at16(answer, 10) == 1);
  CHECK(answer.ends_with(opt(1232, 0, be16(15) + be16(2 + 17) + be16(15) + "no rule allows it")));
  query.question.edns = false;
  const std::string plain =
      print_answer(query.question, DnsCode::kNoSuchName, {}, 0, "no rule allows it");
  CHECK(at16(plain, 10) == 0);
  CHECK(plain.size() == 12 + question({"evil"}).size());
}

TEST_CASE("BADVERS stands in two places") {
  const auto query = parse_query(header(0, {1, 0, 0, 1}) + question({"a"}) + opt(1232, 7)).value();
  const std::string answer = print_answer(query.question, *query.error, {}, 0);
  CHECK((at16(answer, 2) & 15) == 0);
  CHECK(answer[answer.size() - 6] == 1);
}

TEST_CASE("a malformed query gets an answer without a question") {
  const auto query = parse_query(header() + "\xc0\x0c").value();
  CHECK(print_answer(query.question, *query.error, {}, 0) ==
        be16(0x1234) + be16(0x8181) + std::string(8, '\0'));
}

TEST_CASE("no answer is longer than 512 bytes, and no character is cut") {
  const std::string l63(63, 'a');
  const auto query = parse_query(header(0, {1, 0, 0, 1}) +
                                 question({l63, l63, l63, std::string(61, 'b')}, kTypeAaaa) + opt())
                         .value();
  REQUIRE_FALSE(query.error);
  std::string reason;
  while (reason.size() < 1000) reason += "\u00e4\u6f22";
  const std::string denied = print_answer(query.question, DnsCode::kNoSuchName, {}, 0, reason);
  CHECK(denied.size() <= 512);
  CHECK(denied.size() > 505);
  CHECK((denied.ends_with("\u00e4") || denied.ends_with("\u6f22")));
  const std::vector<IpAddress> many(100, address("fd00::1"));
  CHECK(print_answer(query.question, DnsCode::kNoError, many, 1, reason).size() <= 512);
}
