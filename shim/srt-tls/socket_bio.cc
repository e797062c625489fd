#include "shim/srt-tls/socket_bio.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace srt::tls {
namespace {

struct SocketState {
  int socket = -1;
  std::string before;
  bool ended = false;
};

SocketState& state_of(BIO* bio) { return *static_cast<SocketState*>(BIO_get_data(bio)); }

bool comes_again(int error) { return error == EAGAIN || error == EINTR; }

int read_bio(BIO* bio, char* to, size_t size, size_t* got) {
  SocketState& state = state_of(bio);
  BIO_clear_retry_flags(bio);
  *got = 0;
  if (!state.before.empty()) {
    *got = std::min(size, state.before.size());
    std::memcpy(to, state.before.data(), *got);
    state.before.erase(0, *got);
    if (state.before.empty()) state.before.shrink_to_fit();
    return 1;
  }
  const ssize_t n = recv(state.socket, to, size, MSG_DONTWAIT);
  if (n > 0) {
    *got = static_cast<size_t>(n);
    return 1;
  }
  if (n == 0) state.ended = true;
  if (n < 0 && comes_again(errno)) BIO_set_retry_read(bio);
  return 0;
}

int write_bio(BIO* bio, const char* from, size_t size, size_t* sent) {
  BIO_clear_retry_flags(bio);
  *sent = 0;
  const ssize_t n = send(state_of(bio).socket, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0) {
    *sent = static_cast<size_t>(n);
    return 1;
  }
  if (comes_again(errno)) BIO_set_retry_write(bio);
  return 0;
}

long control_bio(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;  // nothing is held here
    case BIO_CTRL_EOF: return state_of(bio).ended ? 1 : 0;
    default: return 0;
  }
}

int destroy_bio(BIO* bio) {
  delete static_cast<SocketState*>(BIO_get_data(bio));
  BIO_set_data(bio, nullptr);
  return 1;
}

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
  if (method == nullptr) return nullptr;
  BIO_meth_set_read_ex(method, read_bio);
  BIO_meth_set_write_ex(method, write_bio);
  BIO_meth_set_ctrl(method, control_bio);
  BIO_meth_set_destroy(method, destroy_bio);
  return method;
}

}  // namespace

BIO* new_socket_bio(int socket, std::string read_before) {
  static BIO_METHOD* const method = make_method();
  BIO* bio = method != nullptr ? BIO_new(method) : nullptr;
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, new SocketState{socket, std::move(read_before)});
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace srt::tls
