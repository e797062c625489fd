// The bytes of srt-holder, as they were built.
#include "platform/linux/init_program.h"

// NOLINTBEGIN: there is no other way to say it in C++20
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "srt_holder_begin: .incbin \"" SRT_HOLDER
    "\"\n"
    "srt_holder_end: .byte 0\n"
    ".popsection\n");
extern "C" {
extern const char srt_holder_begin[];
extern const char srt_holder_end[];
}
// NOLINTEND

namespace srt::platform {

Result<UniqueFd> make_holder_program() {
  const std::string_view bytes(srt_holder_begin,
                               static_cast<size_t>(srt_holder_end - srt_holder_begin));
  return seal_bytes("srt-holder", bytes, Runs::kYes);
}

}  // namespace srt::platform
