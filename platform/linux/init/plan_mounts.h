// Part of a plan: what is in the container's tree.
#pragma once

#include <cstdint>

#include "platform/wire.h"

namespace srt::init {

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

}  // namespace srt::init
