// What srt-init is told: the container, or one more process in it, as plain lists.
//
// The order in which the lists are worked off is not here but in contain.cc, one step a line. Every
// number is final: names were looked up, options parsed and conflicts refused before the fork.
// B is Owned in the runtime and Viewed in srt-init (platform/wire.h).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "platform/wire.h"

namespace srt::init {

using wire::ListView;
using wire::Reader;
using wire::Viewed;

// Descriptor numbers that srt-init starts with; -1 where there is none.
struct Inherited {
  int64_t channel = -1;        // stream socket to the runtime (channel.h)
  int64_t holder = -1;         // socket on which bwrap's holder sends its pidfd
  int64_t start_gate = -1;     // fifo, O_RDWR: `start` writes one byte
  int64_t start_report = -1;   // fifo, O_RDWR: closed by a good execve, or an error record
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

// One change of a mount's propagation: MS_SHARED and its like, as mount_setattr(2) takes them.
struct Propagation {
  uint64_t type = 0;
  bool recursive = false;

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("type", s.type);
    v("recursive", s.recursive);
  }
  bool operator==(const Propagation&) const = default;
};

enum class MountKind : uint64_t {
  kBind,        // a tree of the host, or of the container itself
  kFilesystem,  // fsopen(type)
  kRemount,     // what is already at the destination gets other attributes
};

template <class B>
struct Mount {
  MountKind kind = MountKind::kFilesystem;
  typename B::Text destination;  // absolute, lexically clean, inside the rootfs
  typename B::Text type;
  typename B::Text source;    // bind: path on the host, or in the container's tree
  bool of_container = false;  // bind: `source` is below the rootfs, where mounts before it stand
  int64_t tree = -1;          // bind: the clone, where the runtime had to make it (host root)
  int64_t idmap = -1;  // bind: the user namespace whose ids it shows, if that is left to srt-init
  bool recursive_idmap = false;
  bool recursive = false;   // rbind
  bool keep_peers = false;  // bind: stay in the host's peer group (shared rootfs only)
  uint64_t set = 0;         // MOUNT_ATTR_…, this mount
  uint64_t clear = 0;
  uint64_t recursive_set = 0;  // MOUNT_ATTR_…, and all below
  uint64_t recursive_clear = 0;
  typename B::template List<Propagation> propagation;
  typename B::template List<typename B::Text> data;  // fsconfig parameters: "key=value" or "flag"
  bool copy_up = false;                              // tmpcopyup
  bool late_readonly = false;  // becomes read-only once everything stands: later mounts need places
  typename B::Text pointer;    // JSON pointer, for errors

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("kind", s.kind);
    v("destination", s.destination);
    v("type", s.type);
    v("source", s.source);
    v("of_container", s.of_container);
    v("tree", s.tree);
    v("idmap", s.idmap);
    v("recursive_idmap", s.recursive_idmap);
    v("recursive", s.recursive);
    v("keep_peers", s.keep_peers);
    v("set", s.set);
    v("clear", s.clear);
    v("recursive_set", s.recursive_set);
    v("recursive_clear", s.recursive_clear);
    v("propagation", s.propagation);
    v("data", s.data);
    v("copy_up", s.copy_up);
    v("late_readonly", s.late_readonly);
    v("pointer", s.pointer);
  }
  bool operator==(const Mount&) const = default;
};

template <class B>
struct Device {
  typename B::Text path;  // absolute, clean
  uint64_t mode = 0;      // S_IFCHR and its like, with permissions
  uint64_t major = 0, minor = 0;
  uint64_t uid = 0, gid = 0;
  bool bind =
      false;  // the host's node of this path is bound: mknod needs the initial user namespace
  typename B::Text pointer;

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("path", s.path);
    v("mode", s.mode);
    v("major", s.major);
    v("minor", s.minor);
    v("uid", s.uid);
    v("gid", s.gid);
    v("bind", s.bind);
    v("pointer", s.pointer);
  }
  bool operator==(const Device&) const = default;
};

// Of passthrough: `path` in the finished tree must be this file, or anything but it, without a link on the
// way.
template <class B>
struct Pinned {
  typename B::Text path;
  uint64_t device = 0, inode = 0;
  bool hidden = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("path", s.path);
    v("device", s.device);
    v("inode", s.inode);
    v("hidden", s.hidden);
  }
  bool operator==(const Pinned&) const = default;
};

template <class B>
struct Symlink {
  typename B::Text path, target;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("path", s.path);
    v("target", s.target);
  }
  bool operator==(const Symlink&) const = default;
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

struct Rlimit {
  uint64_t resource = 0, soft = 0, hard = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("resource", s.resource);
    v("soft", s.soft);
    v("hard", s.hard);
  }
  bool operator==(const Rlimit&) const = default;
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

// Bit n is capability n.
struct CapabilitySets {
  uint64_t bounding = 0, effective = 0, inheritable = 0, permitted = 0, ambient = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("bounding", s.bounding);
    v("effective", s.effective);
    v("inheritable", s.inheritable);
    v("permitted", s.permitted);
    v("ambient", s.ambient);
  }
  bool operator==(const CapabilitySets&) const = default;
};

// struct sched_attr of sched_setattr(2), without its size.
struct SchedAttr {
  bool set = false;
  uint64_t policy = 0, flags = 0;
  int64_t nice = 0;
  uint64_t priority = 0, runtime = 0, deadline = 0, period = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("set", s.set);
    v("policy", s.policy);
    v("flags", s.flags);
    v("nice", s.nice);
    v("priority", s.priority);
    v("runtime", s.runtime);
    v("deadline", s.deadline);
    v("period", s.period);
  }
  bool operator==(const SchedAttr&) const = default;
};

template <class B>
struct Seccomp {
  typename B::Text filter;  // sock_filter[]; empty: none
  uint64_t flags = 0;       // SECCOMP_FILTER_FLAG_…
  template <class V, class S>
  static void fields(V& v, S& s) {
    v("filter", s.filter);
    v("flags", s.flags);
  }
  bool operator==(const Seccomp&) const = default;
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
struct Process {
  typename B::template List<typename B::Text> args, env;
  typename B::Text cwd;
  uint64_t uid = 0, gid = 0;
  typename B::template List<uint64_t> groups;
  bool groups_may_stay = false;  // inside a user namespace that somebody else made
  bool set_groups = true;        // false where the user namespace denies setgroups(2)
  int64_t umask = -1;            // -1: leave
  CapabilitySets capabilities;
  typename B::template List<Rlimit> rlimits;
  bool no_new_privileges = false;
  typename B::Text apparmor_profile, selinux_label;
  SchedAttr scheduler;
  int64_t io_priority = -1;                           // as ioprio_set(2) takes it
  int64_t personality = -1;                           // as personality(2) takes it
  typename B::Text affinity_initial, affinity_final;  // cpu_set_t bytes; empty: leave
  int64_t memory_policy = -1;                         // MPOL_… with flags
  typename B::Text memory_nodes;                      // node mask bytes
  bool terminal = false;
  uint64_t console_height = 0, console_width = 0;
  bool own_session = true;  // setsid; false: `run` in the foreground without a pty
  bool guard_terminal =
      false;  // CVE-2017-5226: block TIOCSTI and TIOCLINUX on the caller's terminal
  bool new_keyring = true;
  typename B::Text keyring;  // its name
  bool reaper = false;       // the program is a child of a small pid 1 of ours (reaper.h)
  bool die_with_runtime = false;
  uint64_t ignored_signals = 0;  // bit n-1: the caller of `srt` ignores signal n (nohup)
  // In a user namespace of its own, in which root of the container's is this user.
  bool own_ids = false;
  uint64_t own_uid = 0, own_gid = 0;
  bool guard_sockets = false;  // under an egress policy: only socket families that it can see
  Seccomp<B> own_seccomp;      // the runtime's; at most one of the two notifies
  Seccomp<B> seccomp;

  template <class V, class S>
  static void fields(V& v, S& s) {
    v("args", s.args);
    v("env", s.env);
    v("cwd", s.cwd);
    v("uid", s.uid);
    v("gid", s.gid);
    v("groups", s.groups);
    v("groups_may_stay", s.groups_may_stay);
    v("set_groups", s.set_groups);
    v("umask", s.umask);
    v("capabilities", s.capabilities);
    v("rlimits", s.rlimits);
    v("no_new_privileges", s.no_new_privileges);
    v("apparmor_profile", s.apparmor_profile);
    v("selinux_label", s.selinux_label);
    v("scheduler", s.scheduler);
    v("io_priority", s.io_priority);
    v("personality", s.personality);
    v("affinity_initial", s.affinity_initial);
    v("affinity_final", s.affinity_final);
    v("memory_policy", s.memory_policy);
    v("memory_nodes", s.memory_nodes);
    v("terminal", s.terminal);
    v("console_height", s.console_height);
    v("console_width", s.console_width);
    v("own_session", s.own_session);
    v("guard_terminal", s.guard_terminal);
    v("new_keyring", s.new_keyring);
    v("keyring", s.keyring);
    v("reaper", s.reaper);
    v("die_with_runtime", s.die_with_runtime);
    v("ignored_signals", s.ignored_signals);
    v("own_ids", s.own_ids);
    v("own_uid", s.own_uid);
    v("own_gid", s.own_gid);
    v("guard_sockets", s.guard_sockets);
    v("own_seccomp", s.own_seccomp);
    v("seccomp", s.seccomp);
  }
  bool operator==(const Process&) const = default;
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
