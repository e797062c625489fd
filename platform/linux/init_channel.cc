#include "platform/linux/init_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <system_error>

#include "platform/linux/init/sys.h"
#include "platform/start_gate.h"

namespace srt::platform {
namespace {

constexpr uint32_t kMaxPayload = 1 << 16;  // srt-init says little; anything longer is not srt-init

}  // namespace

Error to_error(const init::ErrorRecord& record) {
  Error error;
  error.object.assign(record.object, strnlen(record.object, sizeof record.object));
  error.why.assign(record.why, strnlen(record.why, sizeof record.why));
  if (record.code != 0) {
    if (!error.why.empty()) error.why += ": ";
    error.why += std::generic_category().message(record.code);
  }
  error.code = record.code;
  error.exit_status = record.exit_status;
  return error;
}

Result<void> read_start_report(int report) {
  init::ErrorRecord record;
  if (read(report, &record, sizeof record) == sizeof record) return fail(to_error(record));
  return {};
}

Result<void> InitChannel::send(init::Message type, std::string_view payload) {
  init::Header header{type, static_cast<uint32_t>(payload.size())};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += payload;
  for (std::string_view rest = bytes; !rest.empty();) {
    ssize_t n =
        sys::retry([&] { return ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL); });
    // It may have reported why it is gone: let the reader find that.
    if (n < 0)
      return errno == EPIPE || errno == ECONNRESET ? Result<void>()
                                                   : fail_errno("srt-init", "send");
    rest.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<size_t> InitChannel::receive(char* to, size_t size, UniqueFd* descriptor) {
  size_t done = 0;
  while (done < size) {
    iovec io{to + done, size - done};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &io;
    message.msg_iovlen = 1;
    if (descriptor != nullptr) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
    }
    ssize_t n = sys::retry([&] { return recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC); });
    if (n < 0 && errno != ECONNRESET) return fail_errno("srt-init", "receive");
    if (n <= 0) break;
    cmsghdr* header = descriptor != nullptr ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      int fd;
      memcpy(&fd, CMSG_DATA(header), sizeof fd);
      descriptor->reset(fd);
    }
    done += static_cast<size_t>(n);
  }
  return done;
}

Result<InitMessage> InitChannel::expect(init::Message wanted) {
  InitMessage message;
  init::Header header{};
  SRT_ASSIGN(size_t size,
             receive(reinterpret_cast<char*>(&header), sizeof header, &message.descriptor));
  if (size != sizeof header) {
    return fail(Error{"srt-init", "ended before the container was made", "", EPIPE});
  }
  if (header.size > kMaxPayload) return fail("srt-init", "sent a message that is too long");
  message.payload.resize(header.size);
  SRT_ASSIGN(size, receive(message.payload.data(), header.size, nullptr));
  if (size != header.size)
    return fail(Error{"srt-init", "ended in the middle of a message", "", EPIPE});
  if (header.type == init::Message::kFailed && size == sizeof(init::ErrorRecord)) {
    init::ErrorRecord record;
    memcpy(&record, message.payload.data(), sizeof record);
    return fail(to_error(record));
  }
  if (header.type != wanted) return fail("srt-init", "sent an unexpected message");
  return message;
}

Result<void> InitChannel::expect_end() {
  auto message = expect(init::Message::kFailed);
  if (message) return {};
  if (message.error().code == EPIPE && message.error().object == "srt-init") return {};
  return fail(std::move(message).error());
}

}  // namespace srt::platform
