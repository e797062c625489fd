#include "platform/linux/init/report.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/channel.h"

namespace srt::init {
namespace {

ReportTo g_where = ReportTo::kChannel;
int g_fd = -1;

void copy(char* to, size_t size, std::string_view from) {
  size_t n = from.size() < size - 1 ? from.size() : size - 1;
  memcpy(to, from.data(), n);
  to[n] = '\0';
}

}  // namespace

void set_report(ReportTo where, int fd) {
  g_where = where;
  g_fd = fd;
}

void die(std::string_view object, std::string_view why, int code, int exit_status) {
  struct {
    Header header{Message::kFailed, sizeof(ErrorRecord)};
    ErrorRecord record{};
  } message;
  message.record.code = code;
  message.record.exit_status = exit_status;
  copy(message.record.object, sizeof message.record.object, object);
  copy(message.record.why, sizeof message.record.why, why);
  if (g_fd >= 0) {
    // A record is smaller than PIPE_BUF and either arrives whole or nobody listens any more.
    if (g_where == ReportTo::kChannel) {
      (void)send(g_fd, &message, sizeof message, MSG_NOSIGNAL);
    } else {
      (void)!write(g_fd, &message.record, sizeof message.record);
    }
  }
  _exit(exit_status);
}

}  // namespace srt::init
