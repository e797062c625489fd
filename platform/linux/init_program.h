// The programs that run as a container's first, as sealed files in memory.
#pragma once

#include <string>
#include <string_view>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::platform {

// A sealed memfd copy of the srt-init that was installed with this program, or that lies beside it in
// a build folder. CVE-2019-5736: what runs inside is this copy, which nobody can write to, and never
// a file of the host.
Result<UniqueFd> open_init_program();

// The same of srt-holder, which this program brings along.
Result<UniqueFd> make_holder_program();

// A program that was installed with this one: srt-init, srt-monitor.
Result<UniqueFd> open_installed(const std::string& name);

// Bytes as a sealed memfd, readable from its start.
enum class Runs { kNo, kYes };
Result<UniqueFd> seal_bytes(const char* name, std::string_view bytes, Runs runs = Runs::kNo);

}  // namespace srt::platform
