#include "platform/linux/init/talk.h"

#include <unistd.h>

#include <cstring>

#include "platform/linux/init/descriptor.h"
#include "platform/linux/init/memory.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

bool read_all(int fd, char* to, size_t size) {
  while (size > 0) {
    ssize_t n = sys::retry([&] { return read(fd, to, size); });
    if (n <= 0) return false;
    to += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

void tell(int channel, Message message, std::string_view payload, int descriptor) {
  // One send, so that two senders on one channel (enter) never mix their messages.
  struct {
    Header header;
    char payload[24];
  } bytes{{message, static_cast<uint32_t>(payload.size())}, {}};
  if (payload.size() > sizeof bytes.payload) die("channel", "message too long", 0);
  memcpy(bytes.payload, payload.data(), payload.size());
  if (!send_descriptor(channel, &bytes, sizeof(Header) + payload.size(), descriptor)) _exit(1);
}

std::string_view await(int channel, Message wanted) {
  Header header;
  if (!read_all(channel, reinterpret_cast<char*>(&header), sizeof header)) _exit(1);
  if (header.type != wanted) die("channel", "unexpected message", 0);
  char* payload = take_array<char>(header.size);
  if (!read_all(channel, payload, header.size)) _exit(1);
  return {payload, header.size};
}

}  // namespace srt::init
