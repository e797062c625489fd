// Spec → JSON. What parse_spec gave back is printed with every known property, absent ones left
// out and empty ones kept; parsing that text gives an equal Spec.
#pragma once

#include <string>

#include "oci/spec.h"
#include "oci/write.h"  // Layout

namespace srt::oci {

std::string print(const Spec& spec, Layout layout = Layout::kPretty);
std::string print(const Process& process, Layout layout = Layout::kPretty);
std::string print(const Resources& resources, Layout layout = Layout::kPretty);
std::string print(const Seccomp& seccomp, Layout layout = Layout::kPretty);

}  // namespace srt::oci
