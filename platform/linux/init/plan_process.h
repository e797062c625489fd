// Part of a plan: the program, and what it may.
#pragma once

#include <cstdint>

#include "platform/wire.h"

namespace srt::init {

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
  bool own_session = true;      // setsid; false: `run` in the foreground without a pty
  bool guard_terminal = false;  // CVE-2017-5226: it may reach the caller's terminal
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

}  // namespace srt::init
