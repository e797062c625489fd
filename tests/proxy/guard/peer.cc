#include "tests/proxy/guard/peer.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "proxy/socket_address.h"
#include "tests/proxy/guard/listeners.h"

namespace srt::proxy::tests {
namespace {

constexpr timeval kPatience{10, 0};

std::string u16(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

}  // namespace

Peer::Peer(int fd) : fd_(fd) {
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
}

Peer Peer::connect(const std::string& address, uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  Peer peer(fd);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    throw std::runtime_error("connect: " + std::string(std::strerror(errno)));
  }
  return peer;
}

Peer::Peer(Peer&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), error_(other.error_), buffer_(std::move(other.buffer_)) {}

Peer::~Peer() {
  if (fd_ >= 0) close(fd_);
}

bool Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

void Peer::send_byte_by_byte(std::string_view bytes) {
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
  for (char byte : bytes) {
    if (!send({&byte, 1})) return;
    std::this_thread::yield();
  }
}

void Peer::finish() { shutdown(fd_, SHUT_WR); }

void Peer::reset() {
  const linger now{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(std::exchange(fd_, -1));
}

bool Peer::fill() {
  std::vector<char> bytes(256 * 1024);
  const ssize_t size = recv(fd_, bytes.data(), bytes.size(), 0);
  error_ = size < 0 ? errno : 0;
  if (size > 0) buffer_.append(bytes.data(), static_cast<size_t>(size));
  return size > 0;
}

std::string Peer::read_exactly(size_t size) {
  while (buffer_.size() < size && fill()) {
  }
  std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return bytes;
}

std::string Peer::read_until(std::string_view end) {
  size_t found = 0;
  while ((found = buffer_.find(end)) == std::string::npos) {
    if (!fill()) return std::exchange(buffer_, {});
  }
  return read_exactly(found + end.size());
}

std::string Peer::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

Upstream::Upstream(Serve serve, uint16_t port) : serve_(std::move(serve)) {
  fd_ = listen_tcp({IpAddress::v4(INADDR_LOOPBACK), port});
  if (fd_ < 0) throw std::runtime_error("listen: " + std::string(std::strerror(errno)));
  port_ = local_endpoint(fd_)->port;
  acceptor_ = std::thread([this] { accept_all(); });
}

Upstream::Upstream(Serve serve, const std::string& path) : serve_(std::move(serve)) {
  fd_ = listen_unix(path);
  if (fd_ < 0) throw std::runtime_error("listen: " + std::string(std::strerror(errno)));
  acceptor_ = std::thread([this] { accept_all(); });
}

Upstream::~Upstream() {
  shutdown(fd_, SHUT_RDWR);  // wakes accept()
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(fd_);
}

void Upstream::accept_all() {
  while (true) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    ++accepted_;
    threads_.emplace_back([this, fd] { serve_(Peer(fd)); });
  }
}

size_t Upstream::accepted() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

std::string http_ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string read_response(Peer& peer) {
  std::string head = peer.read_until("\r\n\r\n");
  const size_t length = head.find("Content-Length: ");
  if (length == std::string::npos) return head;
  return head + peer.read_exactly(std::stoul(head.substr(length + 16)));
}

Upstream::Serve http_server(
    const std::function<std::string(const std::string& head, const std::string& body)>& answer) {
  return [answer](Peer peer) {
    while (true) {
      const std::string head = peer.read_until("\r\n\r\n");
      if (!head.ends_with("\r\n\r\n")) return;
      std::string body;
      const size_t length = head.find("Content-Length: ");
      if (length != std::string::npos) {
        body = peer.read_exactly(std::stoul(head.substr(length + 16)));
      } else if (head.find("Transfer-Encoding: chunked") != std::string::npos) {
        body = peer.read_until("0\r\n\r\n");
      }
      if (!peer.send(answer(head, body))) return;
    }
  };
}

void echo(Peer peer) {
  std::vector<char> bytes(64 * 1024);
  while (true) {
    const ssize_t size = recv(peer.fd(), bytes.data(), bytes.size(), 0);
    if (size <= 0) break;
    if (!peer.send({bytes.data(), static_cast<size_t>(size)})) return;
  }
  peer.finish();
}

void fill_pattern(char* bytes, size_t size, uint64_t offset) {
  for (size_t i = 0; i < size; i += 8) {  // splitmix64 of each eight bytes' place
    uint64_t x = (offset + i) * 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x ^= x >> 27;
    std::memcpy(bytes + i, &x, std::min<size_t>(8, size - i));
  }
}

bool send_pattern(Peer& peer, uint64_t size) {
  std::vector<char> bytes(1 << 20);
  for (uint64_t offset = 0; offset < size; offset += bytes.size()) {
    fill_pattern(bytes.data(), bytes.size(), offset);
    if (!peer.send({bytes.data(), std::min<size_t>(bytes.size(), size - offset)})) return false;
  }
  return true;
}

bool read_pattern(Peer& peer, uint64_t size) {
  std::vector<char> wanted(1 << 20);
  for (uint64_t offset = 0; offset < size; offset += wanted.size()) {
    const size_t piece = std::min<size_t>(wanted.size(), size - offset);
    const std::string got = peer.read_exactly(piece);
    fill_pattern(wanted.data(), wanted.size(), offset);
    if (got != std::string_view(wanted.data(), piece)) return false;
  }
  return true;
}

std::string client_hello(const std::string& sni, bool ech) {
  std::string extensions;
  if (!sni.empty()) {  // RFC 6066 §3
    const std::string name = std::string(1, '\0') + u16(sni.size()) + sni;
    const std::string list = u16(name.size()) + name;
    extensions = u16(0) + u16(list.size()) + list;
  }
  if (ech) extensions += std::string("\xfe\x0d\x00\x06secret", 10);  // RFC 9849
  const std::string body = std::string("\x03\x03", 2) + std::string(32, 'r') +
                           std::string(1, '\0') + u16(2) + std::string("\x13\x01", 2) +
                           std::string("\x01\x00", 2) + u16(extensions.size()) + extensions;
  const std::string handshake = std::string("\x01\x00", 2) + u16(body.size()) + body;
  return std::string("\x16\x03\x01", 3) + u16(handshake.size()) + handshake;
}

size_t open_descriptors() {
  size_t count = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (dir != nullptr && readdir(dir) != nullptr) ++count;
  if (dir != nullptr) closedir(dir);
  return count;
}

}  // namespace srt::proxy::tests
