// What srt-init is told: the container, or one more process in it, as plain lists.
//
// The order in which the lists are worked off is not here but in contain.cc, one step a line. Every
// number is final: names were looked up, options parsed and conflicts refused before the fork.
// B is Owned in the runtime and Viewed in srt-init (platform/wire.h).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "platform/linux/init/plan_mounts.h"
#include "platform/linux/init/plan_process.h"
#include "platform/wire.h"

namespace srt::init {

using wire::ListView;
using wire::Reader;
using wire::Viewed;

// Descriptor numbers that srt-init starts with; -1 where there is none.
struct Inherited {
  int64_t channel = -1;        // stream socket to the runtime (channel.h)
  int64_t holder = -1;         // socket on which bwrap's holder sends its pidfd
  int64_t start_gate = -1;     // start_gate.h: `start` writes one byte
  int64_t start_report = -1;   // likewise: closed by a good execve, or an error record
  int64_t console = -1;        // connected --console-socket
  int64_t seccomp_agent = -1;  // connected listenerPath
  int64_t pid_namespace = -1;  // joined by srt-init itself
  int64_t target = -1;         // exec: pidfd of the container's init
  int64_t monitor = -1;        // socket to srt-monitor, which gets the egress listeners
  uint64_t preserved = 0;      // 3 … 3+preserved-1 reach the program

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("channel", s.channel);
    v("holder", s.holder);
    v("start_gate", s.start_gate);
    v("start_report", s.start_report);
    v("console", s.console);
    v("seccomp_agent", s.seccomp_agent);
    v("pid_namespace", s.pid_namespace);
    v("target", s.target);
    v("monitor", s.monitor);
    v("preserved", s.preserved);
  }
  bool operator==(const Inherited&) const = default;
};

template <class B>
struct Sysctl {
  typename B::Text path;  // below /proc/sys: "net/ipv4/ip_forward"
  typename B::Text value;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("path", s.path);
    v("value", s.value);
  }
  bool operator==(const Sysctl&) const = default;
};

template <class B>
struct Hook {
  typename B::Text path;
  typename B::template List<typename B::Text> args;  // empty: the path
  typename B::template List<typename B::Text> env;
  bool programs_env = false;  // instead: the program's, with its HOME
  uint64_t timeout = 0;       // seconds; 0: none
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("path", s.path);
    v("args", s.args);
    v("env", s.env);
    v("programs_env", s.programs_env);
    v("timeout", s.timeout);
  }
  bool operator==(const Hook&) const = default;
};

// A socket that is made in the container's network namespace and served by srt-monitor.
template <class B>
struct ListenSocket {
  uint64_t role = 0;  // egress_socket.h; what srt-monitor is told of it
  uint64_t family = 0, type = 0;
  typename B::Text address;  // sockaddr bytes
  bool transparent = false;  // IP_TRANSPARENT: takes connections to any address
  bool packet_info = false;  // IP_PKTINFO: which address was asked

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("role", s.role);
    v("family", s.family);
    v("type", s.type);
    v("address", s.address);
    v("transparent", s.transparent);
    v("packet_info", s.packet_info);
  }
  bool operator==(const ListenSocket&) const = default;
};

// The only way out of a container under an egress policy.
template <class B>
struct Egress {
  bool on = false;
  // Netlink messages, ready to send; each list is one family of netlink.
  typename B::template List<typename B::Text> routes;     // every address is local
  typename B::template List<typename B::Text> intercept;  // nf_tables batches: TPROXY
  typename B::template List<ListenSocket<B>> sockets;
  typename B::template List<ListenSocket<B>> all_ports;    // what TPROXY leads to
  typename B::template List<ListenSocket<B>> named_ports;  // instead, where nf_tables is missing

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("on", s.on);
    v("routes", s.routes);
    v("intercept", s.intercept);
    v("sockets", s.sockets);
    v("all_ports", s.all_ports);
    v("named_ports", s.named_ports);
  }
  bool operator==(const Egress&) const = default;
};

// What srt-init is told when it may go on to the user's program: the payload of Message::kCommit.
template <class B>
struct Release {
  typename B::Text hook_state;     // JSON for startContainer hooks
  typename B::Text seccomp_state;  // JSON for the seccomp agent; empty without SCMP_ACT_NOTIFY
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("hook_state", s.hook_state);
    v("seccomp_state", s.seccomp_state);
  }
};

template <class B>
struct InitPlan {
  Inherited fds;
  uint64_t holder_namespaces = 0;  // CLONE_NEW…: exactly those that bwrap made
  uint64_t target_namespaces = 0;  // exec: those of the container that are not already ours
  bool own_mounts_first =
      false;  // in a new user namespace: an own mount namespace to clone trees in
  bool cgroup_namespace = false;
  bool passthrough = false;      // bwrap built the whole tree: no mounts and no pivot here
  typename B::Text rootfs;       // path on the host
  int64_t rootfs_tree = -1;      // as Mount::tree
  typename B::Text rootfs_at;    // where in the holder's tree it is attached
  typename B::Text holder_file;  // in the container's tree, to be removed; empty: it is in none
  typename B::Text bundle;       // where createContainer hooks start
  bool root_readonly = false;
  uint64_t root_propagation = 0;  // MS_…, set after the pivot; 0: leave slave
  bool root_propagation_recursive = false;
  typename B::template List<Mount<B>> mounts;
  Egress<B> egress;
  bool own_dev = false;  // /dev is ours to fill: devices, symlinks, ptmx
  typename B::template List<Device<B>> devices;
  typename B::template List<Symlink<B>> symlinks;
  typename B::template List<Pinned<B>> pinned;
  typename B::template List<typename B::Text> masked, readonly;
  typename B::template List<typename B::Text> sealed;  // mounts of bwrap's that become read-only
  bool file_rules = false;  // come by the channel once the tree is complete (file_rules.h)
  typename B::template List<Sysctl<B>> sysctl;
  bool set_hostname = false, set_domainname = false;
  typename B::Text hostname, domainname;
  typename B::template List<Hook<B>> create_container, start_container;
  Process<B> process;

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("fds", s.fds);
    v("holder_namespaces", s.holder_namespaces);
    v("target_namespaces", s.target_namespaces);
    v("own_mounts_first", s.own_mounts_first);
    v("cgroup_namespace", s.cgroup_namespace);
    v("passthrough", s.passthrough);
    v("rootfs", s.rootfs);
    v("rootfs_tree", s.rootfs_tree);
    v("rootfs_at", s.rootfs_at);
    v("holder_file", s.holder_file);
    v("bundle", s.bundle);
    v("root_readonly", s.root_readonly);
    v("root_propagation", s.root_propagation);
    v("root_propagation_recursive", s.root_propagation_recursive);
    v("mounts", s.mounts);
    v("egress", s.egress);
    v("own_dev", s.own_dev);
    v("devices", s.devices);
    v("symlinks", s.symlinks);
    v("pinned", s.pinned);
    v("masked", s.masked);
    v("readonly", s.readonly);
    v("sealed", s.sealed);
    v("file_rules", s.file_rules);
    v("sysctl", s.sysctl);
    v("set_hostname", s.set_hostname);
    v("set_domainname", s.set_domainname);
    v("hostname", s.hostname);
    v("domainname", s.domainname);
    v("create_container", s.create_container);
    v("start_container", s.start_container);
    v("process", s.process);
  }
  bool operator==(const InitPlan&) const = default;
};

}  // namespace srt::init
