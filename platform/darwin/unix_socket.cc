#include "platform/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace srt::platform {
namespace {

Result<UniqueFd> make_socket(const std::string& name) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
  if (!fd || fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) return fail_errno(name, "socket");
  return fd;
}

// sun_path has 104 bytes and there is no /proc/self/fd: a name is looked up in the working directory,
// which is the folder for as long as this lives. The runtime is single-threaded.
class InFolder {
 public:
  explicit InFolder(int dir) : before_(open(".", O_RDONLY | O_CLOEXEC)) {
    entered_ = before_ && fchdir(dir) == 0;  // not where there is no way back
  }
  InFolder(const InFolder&) = delete;
  InFolder& operator=(const InFolder&) = delete;
  ~InFolder() {
    if (before_) (void)!fchdir(before_.get());
  }
  bool entered() const { return entered_; }

 private:
  UniqueFd before_;
  bool entered_ = false;
};

Result<sockaddr_un> address_of(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path) return fail(name, "is too long");
  memcpy(address.sun_path, name.c_str(), name.size() + 1);
  return address;
}

}  // namespace

Result<UniqueFd> listen_unix_at(int dir, const std::string& name) {
  SRT_ASSIGN(const sockaddr_un address, address_of(name));
  SRT_ASSIGN(UniqueFd fd, make_socket(name));
  const InFolder folder(dir);
  if (!folder.entered() ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), 8) != 0) {
    return fail_errno(name, "listen");
  }
  return fd;
}

Result<UniqueFd> connect_unix_at(int dir, const std::string& name) {
  SRT_ASSIGN(const sockaddr_un address, address_of(name));
  SRT_ASSIGN(UniqueFd fd, make_socket(name));
  const InFolder folder(dir);
  if (!folder.entered() ||
      connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(name, "connect");
  }
  return fd;
}

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair(int type) {
  int fds[2];
  if (socketpair(AF_UNIX, type, 0, fds) != 0) return fail_errno("socketpair", "");
  std::pair<UniqueFd, UniqueFd> pair(fds[0], fds[1]);
  (void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
  (void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
  return pair;
}

Result<UniqueFd> connect_unix(const std::string& path, const char* option) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd dir(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return fail_errno(option, path);
  Result<UniqueFd> fd = connect_unix_at(dir.get(), path.substr(slash + 1));
  if (!fd) return fail_errno(option, "connect to " + path, fd.error().code);
  return fd;
}

}  // namespace srt::platform
