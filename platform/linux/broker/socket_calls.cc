// bind(2), and connect(2) of unix sockets by path.
//
// The caller's own socket is fetched and connected, so that its flags and options hold; what it is
// connected to is held by a descriptor and was judged by that.
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>

#include "platform/linux/broker/service.h"

namespace srt::platform {
namespace {

constexpr int kMostApart = 256;
constexpr size_t kPathAt = offsetof(sockaddr_un, sun_path);
static_assert(kPathAt == sizeof(sa_family_t));

int domain_of(int socket) {
  int domain = -1;
  socklen_t size = sizeof domain;
  return getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain : -1;
}

// 0: the kernel does not tell (before Linux 5.14), or it is no socket.
uint64_t network_of(int socket) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

int family_of(const std::string& address) {
  sa_family_t family = AF_UNSPEC;
  if (address.size() >= sizeof family) std::memcpy(&family, address.data(), sizeof family);
  return family;
}

// The path of a unix address; "" for an abstract or unnamed one.
std::string path_in(const std::string& address) {
  if (address.size() <= kPathAt) return {};
  return std::string(address.c_str() + kPathAt);
}

// Of a path that is no longer than those of addresses.
std::string unix_address(const std::string& path) {
  const sa_family_t family = AF_UNIX;
  std::string address(reinterpret_cast<const char*>(&family), sizeof family);
  address.append(path).push_back('\0');
  return address;
}

int bind_to(int socket, const std::string& address) {
  return ::bind(socket, reinterpret_cast<const sockaddr*>(address.data()),
                static_cast<socklen_t>(address.size()));
}

}  // namespace

Result<void> note_network(Service& service) {
  const UniqueFd own(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!own) return fail_errno("file broker", "make a socket");
  service.network = network_of(own.get());
  return {};
}

bool Service::is_of_the_host(int socket) const {
  // A sandbox inside has networks of its own.
  if (!rules.police_sockets || nested_sandboxes || network == 0) return false;
  return network_of(socket) != network;
}

OrErrno<void> CallInService::may_name(int socket, const char* operation) {
  if (!service_.is_of_the_host(socket)) return {};
  return failed(refused({operation, "", "socket of the host", 0, {}, {}}));
}

CallInService::Answer CallInService::bind(const Call& call) {
  if (call.address_size > sizeof(sockaddr_storage)) return error(EINVAL);
  const OrErrno<std::string> address = caller_.bytes(call.address, call.address_size);
  if (!address) return error(address.error());
  OrErrno<UniqueFd> socket = caller_.duplicate(call.socket);
  if (!socket) return error(socket.error());
  if (OrErrno<void> may = may_name(socket->get(), "bind"); !may) return error(may.error());
  const std::string path = family_of(*address) == AF_UNIX ? path_in(*address) : "";
  if (domain_of(socket->get()) != AF_UNIX || path.empty()) {
    if (!valid()) return error(ENOENT);
    return result(bind_to(socket->get(), *address));
  }
  // Once: another thread may go elsewhere at any time, and the name would then be made there.
  OrErrno<UniqueFd> working = caller_.folder(AT_FDCWD);
  if (!working) return error(working.error());
  lock(true);
  OrErrno<Place> at = paths_.parent(AT_FDCWD, path, working->get());
  if (!at) return error(at.error());
  if (OrErrno<void> taken = take_umask(); !taken) return error(taken.error());
  if (!valid()) return error(ENOENT);
  if (OrErrno<Verdict> verdict = judged(Act::kMakeOther, at->path()); !verdict) {
    return error(verdict.error());
  }
  // Under the name that the caller gave, which its peers get to see, where it leads to what was judged.
  const bool stays = paths_.stays(working->get(), path, *at);
  if (fchdir(stays ? working->get() : at->folder.get()) != 0) return error(errno);
  const int bound = bind_to(socket->get(), stays ? *address : unix_address(at->spelled()));
  const int code = errno;
  (void)chdir("/");
  if (bound != 0) return error(code);
  service_.sockets.note(at->folder.get(), at->name.c_str());
  return error(0);
}

bool Service::may_connect(std::string_view path) const {
  for (const std::string& allowed : rules.unix_sockets) {
    if (path.starts_with(allowed) &&
        (path.size() == allowed.size() || allowed.ends_with('/') || path[allowed.size()] == '/')) {
      return true;
    }
  }
  return false;
}

bool Service::leads_to_sockets(std::string_view path) const {
  return may_connect(path) ||
         std::any_of(
             rules.unix_sockets.begin(), rules.unix_sockets.end(), [&](std::string_view at) {
               return at.size() > path.size() && at.starts_with(path) && at[path.size()] == '/';
             });
}

// A socket is judged by its path when it is connected to: `mv docker.sock agent.sock`, or the folder around it.
bool CallInService::opens_socket(int folder, const char* name, const struct stat& info,
                                 const std::string& to) {
  if (!service_.rules.police_sockets || service_.rules.unix_sockets.empty()) return false;
  if (S_ISDIR(info.st_mode)) return service_.leads_to_sockets(to);
  return S_ISSOCK(info.st_mode) && !service_.sockets.has(folder, name);
}

CallInService::Answer CallInService::connect(const Call& call) {
  if (call.address_size > sizeof(sockaddr_storage)) return error(EINVAL);
  const OrErrno<std::string> address = caller_.bytes(call.address, call.address_size);
  if (!address) return error(address.error());
  OrErrno<UniqueFd> socket = caller_.duplicate(call.socket);
  if (!socket) return error(socket.error());
  if (!valid()) return error(ENOENT);
  const int domain = domain_of(socket->get());
  if (domain < 0) return error(ENOTSOCK);
  if (OrErrno<void> may = may_name(socket->get(), "connect"); !may) return error(may.error());
  if (domain == AF_UNIX && family_of(*address) == AF_UNIX) {
    return connect_unix(std::move(*socket), *address);
  }
  return connect_elsewhere(std::move(*socket), *address);
}

CallInService::Answer CallInService::connect_elsewhere(UniqueFd socket, std::string address) {
  return connect_apart(std::move(socket), std::move(address), -1, {});
}

CallInService::Answer CallInService::connect_unix(UniqueFd socket, const std::string& address) {
  const std::string path = path_in(address);
  if (path.empty()) {
    if (address.size() > kPathAt && !service_.rules.abstract_sockets) {
      (void)refused({"connect", "@" + address.substr(kPathAt + 1), "unix socket", 0, {}, {}});
      return error(ECONNREFUSED);
    }
    return connect_elsewhere(std::move(socket), address);
  }
  OrErrno<Reached> reached = reach(path);
  if (!reached) return error(reached.error());
  return connect_apart(std::move(socket), std::move(reached->address), service_.vantage.proc.get(),
                       std::move(reached->target));
}

OrErrno<CallInService::Reached> CallInService::reach(const std::string& path) {
  lock(false);
  OrErrno<UniqueFd> target = paths_.whole(AT_FDCWD, path);
  if (!target) return failed(target.error());
  if (!valid()) return failed(ENOENT);
  const std::string leads_to = paths_.path_of(target->get());
  if (!service_.sockets.has(target->get(), "") && !service_.may_connect(leads_to)) {
    return failed(refused({"connect", leads_to, "unix socket", 0, {}, {}}));
  }
  // Through the host's /proc, which is not in the sandbox, to what was judged.
  const std::string held = "self/fd/" + std::to_string(target->get());
  return Reached{unix_address(held), std::move(*target)};
}

// A blocking connect may wait for as long as the other side likes, so it has a thread to itself.
CallInService::Answer CallInService::connect_apart(UniqueFd socket, std::string address,
                                                   int working_directory, UniqueFd target) {
  auto connect_now = [](int fd, const std::string& to, int directory) {
    if (directory >= 0 && fchdir(directory) != 0) return errno;
    const int answer = ::connect(fd, reinterpret_cast<const sockaddr*>(to.data()),
                                 static_cast<socklen_t>(to.size()));
    const int code = answer == 0 ? 0 : errno;
    if (directory >= 0) (void)chdir("/");
    return code;
  };
  if ((fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0) {
    return error(connect_now(socket.get(), address, working_directory));
  }
  static std::atomic<int> apart{0};
  if (++apart > kMostApart) {
    --apart;
    return error(EAGAIN);
  }
  std::thread([=, socket = std::move(socket), address = std::move(address),
               target = std::move(target), listener = listener_, id = notification_.id] {
    const int code =
        unshare(CLONE_FS) != 0 ? errno : connect_now(socket.get(), address, working_directory);
    --apart;
    answer_with_error(listener, id, code);
  }).detach();
  return Answer{0, {}, false, true, false, 0};
}

}  // namespace srt::platform
