// The two ends of what a guard stands between: blocking sockets with a time limit, so that a hang
// is a failure.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace srt::proxy::tests {

class Peer {
 public:
  explicit Peer(int fd);
  static Peer connect(const std::string& address, uint16_t port);  // throws
  Peer(Peer&& other) noexcept;
  Peer& operator=(Peer&&) = delete;
  ~Peer();

  int fd() const { return fd_; }
  bool send(std::string_view bytes);
  void send_byte_by_byte(std::string_view bytes);
  void finish();                          // half-close
  void reset();                           // RST
  std::string read_exactly(size_t size);  // less: end, error or 10 s have passed
  std::string read_until(std::string_view end);
  std::string read_all();
  // What read_*() ended with: 0 (end of file), or an errno.
  int last_error() const { return error_; }

 private:
  bool fill();
  int fd_ = -1;
  int error_ = 0;
  std::string buffer_;
};

// A server on 127.0.0.1 that runs `serve` in a thread for each connection.
class Upstream {
 public:
  using Serve = std::function<void(Peer)>;
  explicit Upstream(Serve serve, uint16_t port = 0);  // throws
  Upstream(Serve serve, const std::string& path);     // at a unix socket; throws
  ~Upstream();
  uint16_t port() const { return port_; }
  std::string place() const { return "127.0.0.1:" + std::to_string(port_); }
  size_t accepted() const;

 private:
  void accept_all();
  const Serve serve_;
  int fd_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  size_t accepted_ = 0;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

// Reads one request (with its body) and answers it with `body`, again and again.
Upstream::Serve http_server(
    const std::function<std::string(const std::string& head, const std::string& body)>& answer);
std::string http_ok(const std::string& body);
std::string read_response(Peer& peer);  // with Content-Length, or without a body
// Sends back what it gets, half-close included.
void echo(Peer peer);

// Pseudo-random bytes, the same for the same place in the stream.
void fill_pattern(char* bytes, size_t size, uint64_t offset);
bool send_pattern(Peer& peer, uint64_t size);
bool read_pattern(Peer& peer, uint64_t size);

std::string client_hello(const std::string& sni, bool ech = false);  // empty: without one
size_t open_descriptors();

}  // namespace srt::proxy::tests
