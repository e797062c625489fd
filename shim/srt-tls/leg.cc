#include "shim/srt-tls/leg.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "shim/srt-tls/socket_bio.h"

namespace srt::tls {
namespace {

using proxy::TlsNews;

constexpr int kRounds = 16;
constexpr auto kFarewell =
    std::chrono::seconds(30);  // for a peer to take some of what is left for it

// Between two system calls everything passes through here; a leg that waits keeps none of it.
std::array<char, 16 * 1024> piece;

bool comes_again(int error) { return error == EAGAIN || error == EINTR; }

bool wants_to_wait(SSL* session, int result) {
  const int error = SSL_get_error(session, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

std::string why_no_handshake() {
  std::string reason = take_error();
  return reason.empty() ? "the connection was closed" : reason;
}

}  // namespace

Leg::Leg(const proxy::TlsRequest& request, UniqueFd tls, UniqueFd plain, Session session)
    : id_(request.id),
      dials_(request.task == proxy::TlsTask::kDial),
      tls_(std::move(tls)),
      plain_(std::move(plain)),
      session_(std::move(session)),
      deadline_(Clock::now() + std::chrono::milliseconds(request.patience_ms)) {
  BIO* bio = session_ ? new_socket_bio(tls_.get(), request.bytes) : nullptr;
  if (bio == nullptr) {
    end(TlsNews::kFailed, "out of memory");
  } else {
    SSL_set_bio(session_.get(), bio, bio);
  }
}

Leg::~Leg() { ERR_clear_error(); }

void Leg::report(TlsNews news, std::string reason) {
  report_ = proxy::TlsReport{id_, news, std::move(reason)};
}

void Leg::end(TlsNews news, std::string reason) {
  if (over_) return;
  over_ = true;
  report(news, std::move(reason));
}

// RST and no close_notify: a half of an answer must not look like the whole.
void Leg::break_off() {
  const linger at_once{1, 0};
  (void)setsockopt(tls_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  end(shaking_ ? TlsNews::kFailed : TlsNews::kCut, "broken off");
}

std::optional<proxy::TlsReport> Leg::take_report() { return std::exchange(report_, std::nullopt); }

void Leg::expire() {
  if (shaking_) return end(TlsNews::kFailed, "the handshake did not end in time");
  break_off();
}

void Leg::plain_hung_up() {
  hung_up_ = true;
  if (shaking_) return break_off();
  deadline_ = std::min(deadline_, Clock::now() + kFarewell);
}

bool Leg::turn() {
  for (int round = 0; round < kRounds && !over_; ++round) {
    if (shaking_) return shake() && !over_;  // what is to be reported comes first
    const bool in = move_in();
    const bool out = !over_ && move_out();
    if (over_) return false;
    if (in_done_ && out_done_ && to_plain_.empty() && notified_) {
      end(TlsNews::kEnded);
      return false;
    }
    // Nobody is there any more to have what comes in.
    if (hung_up_ && notified_) {
      end(TlsNews::kEnded);
      return false;
    }
    if (!in && !out) return false;
  }
  return !over_;
}

// True: it is done, or over.
bool Leg::shake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  if (result == 1) {
    shaking_ = false;
    deadline_ = Clock::time_point::max();
    report(TlsNews::kReady);
    return true;
  }
  if (wants_to_wait(session_.get(), result)) return false;
  const long verified = SSL_get_verify_result(session_.get());
  if (dials_ && verified != X509_V_OK) {
    ERR_clear_error();
    end(TlsNews::kUntrusted, X509_verify_cert_error_string(verified));
  } else {
    end(TlsNews::kFailed, why_no_handshake());
  }
  return true;
}

bool Leg::move_in() {
  if (in_done_) return false;
  std::string_view bytes = to_plain_;
  if (bytes.empty()) {
    ERR_clear_error();
    const int got = SSL_read(session_.get(), piece.data(), static_cast<int>(piece.size()));
    if (got <= 0) {
      if (wants_to_wait(session_.get(), got)) return false;
      const bool ended = SSL_get_error(session_.get(), got) == SSL_ERROR_ZERO_RETURN;
      ERR_clear_error();
      if (!ended) {
        end(TlsNews::kCut, "TLS ended without close_notify");
        return false;
      }
      in_done_ = true;
      (void)shutdown(plain_.get(), SHUT_WR);
      return true;
    }
    bytes = {piece.data(), static_cast<size_t>(got)};
  }
  const ssize_t sent = send(plain_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && !comes_again(errno)) {
    // Whoever has the plaintext has gone. What they said before may still go out, and no more comes in.
    in_done_ = reader_gone_ = true;
    to_plain_.clear();
    return true;
  }
  const size_t moved = sent > 0 ? static_cast<size_t>(sent) : 0;
  const bool all = moved == bytes.size();
  if (to_plain_.empty()) {
    if (!all) to_plain_.assign(bytes.substr(moved));
  } else {
    to_plain_.erase(0, moved);
    if (to_plain_.empty()) to_plain_.shrink_to_fit();
  }
  return all;
}

// False: it has to wait, or is over.
bool Leg::write_tls(std::string_view bytes) {
  ERR_clear_error();
  const int result = SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
  const bool waits = result <= 0 && wants_to_wait(session_.get(), result);
  if (result <= 0 && !waits) {
    ERR_clear_error();
    end(TlsNews::kCut, "the peer has gone");
    return false;
  }
  const size_t moved = result > 0 ? static_cast<size_t>(result) : 0;
  if (hung_up_ && moved > 0) deadline_ = Clock::now() + kFarewell;
  if (bytes.data() != to_tls_.data()) {
    to_tls_.assign(bytes.substr(moved));
  } else {
    to_tls_.erase(0, moved);
  }
  if (to_tls_.empty()) to_tls_.shrink_to_fit();
  return !waits;
}

bool Leg::finish_out() {
  ERR_clear_error();
  const int result = SSL_shutdown(session_.get());
  if (result < 0 && wants_to_wait(session_.get(), result)) return false;
  ERR_clear_error();
  notified_ = true;
  (void)shutdown(tls_.get(), SHUT_WR);
  return true;
}

bool Leg::move_out() {
  if (out_done_) return !notified_ && finish_out();
  if (!to_tls_.empty()) return write_tls(to_tls_);
  const ssize_t got = recv(plain_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (got > 0) return write_tls({piece.data(), static_cast<size_t>(got)});
  if (got < 0 && comes_again(errno)) return false;
  // poll(2) tells POLLHUP for a socket whose peer was closed. Where we have ended our half it tells so for an ended
  // half, too: then nothing says that all was said.
  pollfd state{plain_.get(), 0, 0};
  const bool closed = got < 0 || (poll(&state, 1, 0) == 1 && (state.revents & POLLHUP) != 0);
  if (closed && !said_all_ && (!in_done_ || reader_gone_)) {
    break_off();
    return false;
  }
  out_done_ = true;
  if (!closed || said_all_) return finish_out();
  notified_ = true;
  (void)shutdown(tls_.get(), SHUT_WR);
  return true;
}

}  // namespace srt::tls
