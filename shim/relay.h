// Bytes between the caller's stdin and stdout and the master of a program's terminal.
//
//   Relay relay(std::move(master));
//   while (…) {
//     pollfd fds[Relay::kPolled];
//     relay.prepare(fds);
//     poll(fds, …);
//     relay.carry(fds);
//   }
//   relay.drain();  // the program has ended: what it wrote last
//
// Each direction holds one buffer and reads again only when that is written out, so that a slow
// reader slows the program and nothing grows. No call blocks but drain(), which waits for stdout.
#pragma once

#include <poll.h>

#include <array>
#include <cstddef>

#include "platform/fd.h"

namespace srt::shim {

class Relay {
 public:
  static constexpr size_t kPolled = 4;

  // No terminal (an empty descriptor): there is nothing to do, and nothing is done.
  explicit Relay(UniqueFd master);

  void prepare(pollfd* fds) const;
  void carry(const pollfd* fds);
  void drain();

  int master() const { return master_.get(); }

 private:
  enum class Ended { kNo, kYes };

  // One direction. `from` is not read while something is pending for `to`.
  struct Flow {
    std::array<char, 16384> bytes;
    size_t begin = 0;
    size_t end = 0;
    bool open = true;  // more may come

    bool pending() const { return begin != end; }
    Ended fill(int from);  // kYes: nothing more will come
    Ended empty(int to);   // kYes: nobody takes it any more
  };

  void read_input();
  void write_output();

  UniqueFd master_;
  // Descriptions of our own where there can be some: O_NONBLOCK set on the caller's would stay set
  // after we are gone, for the shell too.
  UniqueFd input_;
  UniqueFd output_;
  Flow in_;   // stdin → master
  Flow out_;  // master → stdout
};

}  // namespace srt::shim
