#include "proxy/tls_service.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/connection.h"

namespace srt::proxy {
namespace {

constexpr int kPacketFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

ssize_t send_with(int channel, const std::string& packet, int tls, int plain) {
  const std::array<int, 2> fds{tls, plain};
  iovec io{const_cast<char*>(packet.data()), packet.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof fds);
  return sendmsg(channel, &message, kPacketFlags);
}

struct Descriptor {
  explicit Descriptor(int of) : fd(of) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  const int fd;
};

}  // namespace

// Outlives the service as long as a wait on it is pending.
struct TlsService::Channel {
  explicit Channel(net::io_context& io) : socket(io) {}

  void take();
  void settle(const TlsReport& report);
  void gone();

  net::posix::stream_descriptor socket;
  uint64_t next = 1;
  std::unordered_map<uint64_t, TlsLegPtr> legs;  // whose last report has not come
};

void TlsService::Channel::settle(const TlsReport& report) {
  const auto found = legs.find(report.id);
  if (found == legs.end()) return;
  const TlsLegPtr leg = found->second;
  if (report.news == TlsNews::kReady) {
    leg->ready = true;
  } else {
    leg->over = true;
    leg->untrusted = report.news == TlsNews::kUntrusted;
    leg->cut = report.news != TlsNews::kEnded;
    leg->reason = report.reason;
    legs.erase(found);
  }
  if (const auto timer = leg->waiting.lock()) timer->cancel();
}

void TlsService::Channel::gone() {
  error_code ignored;
  if (socket.is_open()) socket.close(ignored);
  for (auto& [id, leg] : std::exchange(legs, {})) {
    leg->over = leg->cut = true;
    if (leg->reason.empty()) leg->reason = "srt-tls has ended";
    if (const auto timer = leg->waiting.lock()) timer->cancel();
  }
}

void TlsService::Channel::take() {
  std::array<char, 2048> packet;
  while (socket.is_open()) {
    const ssize_t size = recv(socket.native_handle(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) return gone();
    const auto report =
        parse_tls_report(std::string_view(packet.data(), static_cast<size_t>(size)));
    if (report) settle(*report);
  }
}

TlsService::TlsService(net::io_context& io, int socket) : channel_(std::make_shared<Channel>(io)) {
  if (socket < 0) return;
  error_code error;
  channel_->socket.assign(socket, error);
  if (error) {
    ::close(socket);
    return;
  }
  listen();
}

TlsService::~TlsService() { close(); }

void TlsService::close() { channel_->gone(); }

void TlsService::listen() {
  channel_->socket.async_wait(net::posix::stream_descriptor::wait_read,
                              [this, weak = std::weak_ptr(channel_)](error_code error) {
                                const auto channel = weak.lock();
                                if (error || !channel) return;
                                channel->take();
                                if (channel->socket.is_open()) listen();
                              });
}

Awaitable<TlsLegPtr> TlsService::begin(Connection& connection, Socket& socket, TlsTask task,
                                       std::string name, std::string bytes,
                                       std::chrono::milliseconds patience) {
  const std::shared_ptr<Channel> channel = channel_;
  const auto leg = std::make_shared<TlsLeg>();
  const auto refuse = [&](const char* why) {
    leg->over = leg->cut = true;
    leg->reason = why;
    error_code ignored;
    socket.close(ignored);
  };
  std::array<int, 2> pair{-1, -1};
  if (!channel->socket.is_open()) {
    refuse("there is no srt-tls");
    co_return leg;
  }
  error_code error;
  // Not close(): that leaves the descriptor in our epoll for as long as srt-tls has it open.
  const Descriptor tls(socket.is_open() ? socket.release(error) : -1);
  if (tls.fd < 0 || error) {
    refuse("the connection was closed");
    co_return leg;
  }
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) != 0) {
    refuse("no-descriptors");
    co_return leg;
  }
  // Darwin's socketpair() takes no flags. Both ends: srt-tls gets the other one as it is.
  for (const int fd : pair) {
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  const Descriptor theirs(pair[1]);
  // Reads, writes, waits and shutdowns are all that is done with it, and these are the same for all streams.
  socket.assign(Tcp::v4(), pair[0], error);
  if (error) {
    ::close(pair[0]);
    refuse("no-descriptors");
    co_return leg;
  }
  socket.native_non_blocking(true, error);
  const uint64_t id = channel->next++;
  const std::string packet =
      print(TlsRequest{id, task, static_cast<uint32_t>(patience.count()), name, bytes});
  channel->legs.emplace(id, leg);
  while (channel->socket.is_open() && !connection.closed()) {
    if (send_with(channel->socket.native_handle(), packet, tls.fd, theirs.fd) >= 0) co_return leg;
    if (errno == EINTR) continue;
    if ((errno != EAGAIN && errno != EWOULDBLOCK) || connection.expired()) break;
    // Hundreds have begun since srt-tls had its last turn.
    co_await channel->socket.async_wait(net::posix::stream_descriptor::wait_write, kTuple);
  }
  channel->legs.erase(id);
  refuse("srt-tls takes no more");
  co_return leg;
}

Awaitable<void> TlsService::await_ready(Connection& connection, TlsLegPtr leg) {
  while (!leg->ready && !leg->over && !connection.expired() && !connection.closed()) {
    const auto timer = connection.waker();
    leg->waiting = timer;
    co_await timer->async_wait(kTuple);
  }
  if (!leg->ready && !leg->over) {
    leg->over = leg->cut = true;
    leg->reason = "the handshake did not end in time";
  }
}

bool TlsService::was_cut(const TlsLegPtr& leg) {
  channel_->take();
  return leg->cut;
}

}  // namespace srt::proxy
