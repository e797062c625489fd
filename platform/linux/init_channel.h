// The runtime's end of the conversation with srt-init (init/channel.h).
#pragma once

#include <string>
#include <string_view>

#include "oci/error.h"
#include "platform/fd.h"
#include "platform/linux/init/channel.h"

namespace srt::platform {

struct InitMessage {
  std::string payload;
  UniqueFd descriptor;
};

class InitChannel {
 public:
  InitChannel() = default;
  explicit InitChannel(UniqueFd socket) : socket_(std::move(socket)) {}

  Result<void> send(init::Message type, std::string_view payload = {});
  // Waits for `wanted`. What srt-init reports instead is the error; code EPIPE: it is gone without
  // a word.
  Result<InitMessage> expect(init::Message wanted);
  // After the release of an exec: nothing but the end, which is success, or a report.
  Result<void> expect_end();
  void close() { socket_.reset(); }

 private:
  Result<size_t> receive(char* to, size_t size, UniqueFd* descriptor);
  UniqueFd socket_;
};

Error to_error(const init::ErrorRecord& record);

}  // namespace srt::platform
