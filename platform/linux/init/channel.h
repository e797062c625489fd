// The conversation between the runtime and srt-init while a container is made.
//
//   runtime                           srt-init
//   ───────                           ────────
//   Go                  →             (cgroup joined, maps written) mounts, devices
//                       ←  Built
//   Enter + state JSON  →             createContainer hooks, pivot, masks, console
//                       ←  Standing   only where there are filesystem rules: the tree is complete
//   FileRules           →             what they are, in that tree
//                       ←  Ready      (+ the pty's master, in the foreground)
//   Commit + state JSON →             waits on the start gate
//
// For one more process in a container (exec) it is shorter:
//                       ←  Child + pid    the process that will run the program
//   Go                  →
//                       ←  Ready          (+ the pty's master, in the foreground)
//   Commit + state JSON →
//                       ←  EOF by a good execve, or Failed
//
// At any point instead: ← Failed + ErrorRecord, and srt-init ends. EOF before Commit means that the
// runtime died: srt-init ends too, so that kill -9 of `create` leaves no container.
// A stream socket; each message is a Header and `size` bytes.
#pragma once

#include <cstdint>

namespace srt::init {

enum class Message : uint32_t {
  kGo = 1,
  kBuilt,
  kEnter,
  kReady,
  kCommit,
  kChild,
  kFailed,
  kStanding,
  kFileRules
};

struct Header {
  Message type;
  uint32_t size;
};

// Also what goes through the start-report fifo when `start` or `exec` fails late.
struct ErrorRecord {
  int32_t code;         // errno, 0: none; the runtime puts its text behind `why`
  int32_t exit_status;  // 126/127 for a program that cannot be run, else 1
  char object[480];     // NUL-terminated
  char why[480];
};

}  // namespace srt::init
