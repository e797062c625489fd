// What is in a network namespace that somebody else made.
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "platform/fd.h"
#include "platform/linux/init/sys.h"
#include "platform/linux/namespaces.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

enum Answer : int { kLoopbackOnly, kInterfaces, kCannotJoin, kCannotRead };

// lo, and the devices that the kernel itself puts into every namespace once their modules are loaded.
bool leads_nowhere(std::string_view name) {
  for (std::string_view known : {"lo", "tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip6tnl0",
                                 "ip6gre0", "ip_vti0", "ip6_vti0"}) {
    if (name == known) return true;
  }
  return false;
}

// In a child, which alone changes its namespace; nothing allocates.
Answer look(int network_namespace) {
  if (setns(network_namespace, CLONE_NEWNET) != 0) return kCannotJoin;
  int fd = open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC);
  static char text[65536];
  ssize_t size = 0;
  for (ssize_t n; size < static_cast<ssize_t>(sizeof text) &&
                  (n = read(fd, text + size, sizeof text - static_cast<size_t>(size))) > 0;) {
    size += n;
  }
  if (fd < 0 || size == 0) return kCannotRead;
  // "  eth0: 123 …" after two lines of headings, which have no colon.
  for (std::string_view rest(text, static_cast<size_t>(size)); !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() == rest.size() ? line.size() : line.size() + 1);
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = line.substr(0, colon);
    name.remove_prefix(name.find_first_not_of(' '));
    if (!leads_nowhere(name)) return kInterfaces;
  }
  return kLoopbackOnly;
}

}  // namespace

Result<bool> has_interfaces(const std::string& network_namespace) {
  SRT_ASSIGN(UniqueFd fd, open_namespace("/linux/namespaces", network_namespace));
  pid_t child = fork();
  if (child < 0) return fail_errno("process", "fork");
  if (child == 0) _exit(look(fd.get()));
  int status = 0;
  sys::retry([&] { return waitpid(child, &status, 0); });
  switch (WIFEXITED(status) ? WEXITSTATUS(status) : kCannotRead) {
    case kLoopbackOnly: return false;
    case kInterfaces: return true;
    case kCannotJoin:
      return fail(network_namespace,
                  "cannot be joined, so the egress guard could not dial from it");
  }
  return fail(network_namespace, "cannot be looked into: no /proc/self/net/dev", "mount /proc");
}

}  // namespace srt::platform
