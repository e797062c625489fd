// TLS is not terminated on macOS yet.
#include "platform/terminator.h"

namespace srt::platform {

Result<void> Terminator::available() {
  return fail("network.tlsTerminate", "is not supported on macOS yet");
}
Result<Terminator> Terminator::start(const TerminatorOptions&) {
  SRT_TRY(available());
  return Terminator();
}
Result<void> Terminator::await_ready() { return {}; }

}  // namespace srt::platform
