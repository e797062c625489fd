// Descriptors that go over a connected unix socket.
#pragma once

#include <cstddef>

namespace srt::init {

// A message with one descriptor; -1: without one.
bool send_descriptor(int socket, const void* bytes, size_t size, int fd);
// That of the next message, close-on-exec; -1: it had none, or there is no message any more.
int receive_descriptor(int socket);

}  // namespace srt::init
