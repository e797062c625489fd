// What a container uses, as runc's events prints it: {"type":"stats","id":…,"data":{…}} a line, and
// {"type":"oom","id":…} when the kernel has killed for want of memory.
#pragma once

#include <chrono>
#include <string>

#include "oci/error.h"
#include "platform/platform.h"

namespace srt::shim {

// "5s", "100ms", "1m30s": what Go's time.ParseDuration takes, to the millisecond; at least one.
Result<std::chrono::milliseconds> parse_interval(const std::string& text);

// False: stdout has gone.
Result<bool> print_usage(const std::string& id, const platform::Handle& handle);

// Again after each interval, until the container ends.
Result<void> follow_usage(const std::string& id, const platform::Handle& handle,
                          std::chrono::milliseconds interval);

}  // namespace srt::shim
