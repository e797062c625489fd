// srt-holder: bwrap's command. It keeps the namespaces that bwrap made until the container's first process
// has joined them, and then ends.
//
//   srt-holder SOCKET_FD
//
// A program of its own, because bwrap copies it for every container, 8 KiB at a time, while the first
// process waits: this is less than one such piece. srt-runtime carries it in itself (holder_program.cc).
#include <unistd.h>

#include <cstdlib>

#include "platform/linux/init/descriptor.h"
#include "platform/linux/init/sys.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int socket = atoi(argv[1]);
  const int self = srt::sys::pidfd_open(getpid());
  if (self < 0 || !srt::init::send_descriptor(socket, "H", 1, self)) return 1;
  char byte;
  (void)srt::sys::retry([&] { return read(socket, &byte, 1); });
  return 0;
}
