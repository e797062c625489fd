// What is behind the gate between create and start: see start_gate.cc.
#pragma once

#include "oci/error.h"

namespace srt::platform {

// From the report fifo, once that is readable or at its end: why the program could not be run, if it
// could not. Per platform, as who writes it is.
Result<void> read_start_report(int report);

}  // namespace srt::platform
