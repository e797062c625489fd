// srt-init's end of the channel (channel.h).
#pragma once

#include <string_view>

#include "platform/linux/init/channel.h"

namespace srt::init {

void tell(int channel, Message message, std::string_view payload = {}, int descriptor = -1);
// Waits for exactly `wanted`; the payload stays mapped. Ends the process when the runtime is gone:
// nobody is left who would start or delete this container.
std::string_view await(int channel, Message wanted);

}  // namespace srt::init
