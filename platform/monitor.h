// srt-monitor: the process that stays beside a container under an egress policy and serves its only way
// out (proxy/guard.h).
//
//   SRT_ASSIGN(Monitor monitor, Monitor::reserve());
//   SRT_ASSIGN(Launch launch, Launch::spawn(plan, gate, report, monitor.take_listener_socket()));
//   SRT_TRY(monitor.start({.container = id, .config = json, …}));   // beside bwrap, which takes longer
//   … build, enter …
//   SRT_ASSIGN(MonitorReady ready, monitor.await_ready());
//   SRT_TRY(monitor.commit(launch.handle()));   // before launch.commit(): from here it outlives us
//
// It ends with the container's first process, and before commit() with the caller: its death closes the
// way out. It holds none of the caller's standard descriptors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/platform.h"

namespace srt::platform {

struct MonitorOptions {
  std::string container;    // id
  std::string config;       // for srt-monitor; not looked into here
  int audit_dir = -1;       // folder that it may write into
  int audit_copy = -1;      // file that gets each event as well
  int commands = -1;        // listening unix socket: `update`
  int dial_namespace = -1;  // network namespace that it dials from; -1: the caller's
  int resolv_conf = -1;     // what it resolves names by there; -1: the host's
  // WayOut's; -1: the container's first process makes them.
  int listener = -1, listener_v6 = -1;
  int tls = -1;        // Terminator::guard_socket()
  int connector = -1;  // ProxyConnector's channel; -1: the policy names no unix socket
};

// Where clients inside find the guard.
struct WayOut {
  uint16_t http = 3128, socks = 1080;  // on what is loopback for them
  std::string token;                   // that they have to show (proxy/access_token.h); empty: none
  // kHostRules: both listen already, on the one number of both ports. Without IPv6 the second is empty.
  UniqueFd listener, listener_v6;
};
// kOwnTree: nothing is done, the ports are the container's own. kHostRules: one port of 127.0.0.1 is
// and ::1 is taken for this run.
Result<WayOut> open_way_out();

// The descriptors that srt-monitor starts with.
enum MonitorFd : int {
  kMonitorConfig = 3,
  kMonitorControl,    // to the runtime
  kMonitorListeners,  // to the container's first process (init/egress_socket.h), or WayOut::listener
  kMonitorAudit,
  kMonitorCommands,
  kMonitorDialNamespace,
  kMonitorResolvConf,
  kMonitorAuditCopy,
  kMonitorListenerV6,
  kMonitorTls,
  kMonitorConnector,
  kMonitorFdEnd,
};

// Messages on kMonitorControl; the first byte tells.
inline constexpr char kMonitorServes = 'R';  // + '1' or '0': all ports, or only the named ones
inline constexpr char kMonitorFailed = 'F';  // + why, for a person
inline constexpr char kMonitorCommit = 'C';  // with who the container's first process is

struct MonitorReady {
  bool all_ports = false;  // every TCP port leads to the guard; false: the named and usual ones
};

class Monitor {
 public:
  static Result<Monitor> reserve();
  // Forks: the caller must be single-threaded.
  Result<void> start(const MonitorOptions& options);
  Monitor(Monitor&&) noexcept;
  Monitor& operator=(Monitor&&) noexcept;
  ~Monitor();  // without commit() it ends

  UniqueFd take_listener_socket();
  // What it says is why it could not start.
  Result<MonitorReady> await_ready();
  Result<void> commit(const Handle& container);

  // Into the container's handle, so that destroy() finds it.
  void note(Handle& handle) const;

 private:
  struct Impl;
  Monitor();
  std::unique_ptr<Impl> impl_;
};

// The process that connects to the unix socket of a policy's mitmProxy, and to nothing else, with the rights
// of who calls this: srt-monitor has none (proxy/unix_connector.h). It ends with the last who holds the
// other end of its channel.
inline constexpr char kConnectorMode[] =
    "--connect";  // srt-monitor's second argument; the third: the path
enum ConnectorFd : int { kConnectorChannel = 3 };
inline constexpr char kConnectorReady = 'R';

// `container`: its id, for who looks at ps. Forks: the caller must be single-threaded.
Result<UniqueFd> start_connector(const std::string& container, const std::string& path);

// ---- the other side: what srt-monitor does to itself, single-threaded, in this order

// From here on it dials from that network namespace, and resolves names by that file.
Result<void> enter_dial_namespace(int network_namespace, int resolv_conf);

// The listeners of the container, as its first process made them, and who may run once they are served.
struct ContainerListeners {
  enum class Role { kProxy, kTransparent, kDnsUdp, kDnsTcp };
  struct One {
    Role role;
    UniqueFd fd;
  };
  std::vector<One> sockets;
  bool all_ports = false, has_v6 = false;
};
Result<ContainerListeners> receive_listeners(int socket);
Result<void> release_container(int socket);  // they are served: the container may run
// A kMonitorCommit: a descriptor that can be read once the container's first process has ended. Error code
// EPIPE: the runtime has gone.
Result<UniqueFd> receive_commit(int control);

// From here on it can do no more than serve. Linux: no capability, no new privilege, not dumpable; for the
// host's root, an own user id that nobody else has, which also becomes the owner of `audit_dir`. Writes to
// files only below audit_dir (Landlock, where the kernel has it), and only the system calls that serving
// needs. macOS: no core dump, no debugger.
Result<void> confine_monitor(int audit_dir);

// The same for what kConnectorMode asks for. It keeps its user, and of root's capabilities those by which root
// connects to anybody's socket; it opens no file, and makes no socket but unix ones.
Result<void> confine_connector();

}  // namespace srt::platform
