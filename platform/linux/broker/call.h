// The system calls that the broker takes over: how the sandbox's filter hands them on, and what a
// notification asks for.
//
// Only what creates, replaces, removes or opens for writing comes here, and what names a unix socket;
// reading costs nothing. A filter
// sees numbers only, so what hides its flags behind a pointer (openat2) is answered ENOSYS, on which
// libcs and programs fall back, and what would get around the broker is not there at all.
#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "oci/spec.h"
#include "platform/broker_rules.h"

namespace srt::platform {

struct Call {
  enum class Kind {
    kOpen,
    kMakeFolder,
    kMakeNode,
    kSymlink,
    kLink,
    kRemove,
    kRename,
    kTruncate,
    kMode,
    kSetAttribute,
    kRemoveAttribute,
    kBind,
    kConnect,
    kSendTo,
    kSendMessage,
    kSendMessages,
    kUmask
  };
  // As the caller gave it: the path's address in its memory.
  struct Name {
    int folder;  // AT_FDCWD, or a descriptor of the caller's
    uint64_t path;
  };
  Kind kind;
  Name name{};  // what is made, removed, opened; of rename and link: the old one
  // rename, link: the new one; symlink: the text it holds (no folder); extended attributes: their name
  Name other{};
  bool by_descriptor = false;  // fchmod, fsetxattr: `name` is a descriptor alone
  uint64_t flags = 0;          // open, unlinkat, renameat2, linkat, fchmodat2, send…
  int attribute_flags = 0;     // setxattr
  mode_t mode = 0;
  uint64_t device = 0;   // mknod
  int64_t length = 0;    // truncate
  int socket = -1;       // bind, connect, send…
  uint64_t address = 0;  // of a socket address, or of an extended attribute's value
  uint64_t address_size = 0;
  uint64_t data = 0;  // sendto: the bytes; sendmsg and sendmmsg: the header or headers
  uint64_t size = 0;  // sendto: of the bytes; sendmmsg: how many headers
};

// nullopt: not one of ours, or of another architecture.
std::optional<Call> decode(const seccomp_data& data);

}  // namespace srt::platform
