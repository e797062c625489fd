// The sandbox's DNS over real sockets.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "proxy/synthetic_addresses.h"
#include "tests/proxy/guard/peer.h"
#include "tests/proxy/guard/running_guard.h"

using namespace srt::proxy;
using namespace srt::proxy::tests;

namespace {

std::string query(const std::string& name, uint16_t type) {
  std::string message("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  size_t start = 0;
  while (start <= name.size()) {
    const size_t end = std::min(name.find('.', start), name.size());
    message += static_cast<char>(end - start);
    message += name.substr(start, end - start);
    start = end + 1;
  }
  message += std::string(1, '\0');
  message += static_cast<char>(type >> 8);
  message += static_cast<char>(type & 0xff);
  return message + std::string("\x00\x01", 2);
}

struct Answer {
  int code = -1;
  int count = 0;
  std::string last_four;
  std::string from;
};

Answer read_answer(const std::string& bytes) {
  Answer answer;
  if (bytes.size() < 12) return answer;
  answer.code = bytes[3] & 15;
  answer.count = bytes[7];
  answer.last_four = bytes.substr(bytes.size() - 4);
  return answer;
}

Answer ask(uint16_t port, const std::string& message, const char* server = "127.0.0.1") {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, server, &to.sin_addr);
  sendto(fd, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
  std::string bytes(4096, '\0');
  sockaddr_in from{};
  socklen_t size = sizeof from;
  const ssize_t got =
      recvfrom(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
  close(fd);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  Answer answer = read_answer(bytes);
  answer.from = inet_ntoa(from.sin_addr);
  return answer;
}

}  // namespace

TEST_CASE("guard: an allowed name gets a synthetic address, from the server that was asked") {
  RunningGuard guard(allow({"*.good.example", "port.example:22"}));
  const std::string server = GENERATE("127.0.0.1", "127.0.0.53");
  const Answer answer = ask(guard.dns_port(), query("a.GOOD.example", 1), server.c_str());
  CHECK(answer.code == 0);
  CHECK(answer.count == 1);
  CHECK(answer.last_four.substr(0, 2) == "\xc6\x12");  // 198.18.0.0/15
  CHECK(answer.from == server);
  CHECK(ask(guard.dns_port(), query("port.example", 1)).count == 1);
  CHECK(ask(guard.dns_port(), query("a.good.example", 28)).count == 1);
  const Answer https = ask(guard.dns_port(), query("a.good.example", 65));
  CHECK(https.code == 0);
  CHECK(https.count == 0);
}

TEST_CASE("guard: a name that is not allowed does not exist, and a reverse name neither") {
  RunningGuard guard(allow({"good.example"}));
  CHECK(ask(guard.dns_port(), query("evil.example", 1)).code == 3);
  CHECK(guard.await_event(EventKind::kDenied, "no-rule"));
  CHECK(ask(guard.dns_port(), query("1.0.0.127.in-addr.arpa", 12)).code == 3);
  CHECK(ask(guard.dns_port(), query("a.b_c\x01.example", 1)).code == 3);
}

TEST_CASE("guard: localhost is the sandbox's own") {
  RunningGuard guard(allow({}));
  CHECK(ask(guard.dns_port(), query("localhost", 1)).last_four == std::string("\x7f\0\0\x01", 4));
}

TEST_CASE("guard: without IPv6 in the sandbox AAAA is empty") {
  GuardOptions options;
  options.sandbox_has_v6 = false;
  RunningGuard guard(allow({"good.example"}), options);
  const Answer answer = ask(guard.dns_port(), query("good.example", 28));
  CHECK(answer.code == 0);
  CHECK(answer.count == 0);
}

TEST_CASE("guard: DNS over TCP answers several questions on one connection, byte by byte") {
  RunningGuard guard(allow({"good.example"}));
  Peer client = Peer::connect("127.0.0.1", guard.dns_port());
  for (const auto& [name, code] : {std::pair("good.example", 0), std::pair("evil.example", 3)}) {
    const std::string message = query(name, 1);
    client.send_byte_by_byte(std::string(1, '\0') + static_cast<char>(message.size()) + message);
    const std::string size = client.read_exactly(2);
    REQUIRE(size.size() == 2);
    CHECK(read_answer(client.read_exactly(static_cast<unsigned char>(size[1]))).code == code);
  }
}
