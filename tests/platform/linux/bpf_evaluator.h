// Runs a seccomp filter as the kernel would, without loading it.
//
//   uint32_t verdict = evaluate(program.filter, {.nr = 59, .arch = AUDIT_ARCH_X86_64});
//
// Classic BPF as seccomp allows it (net/core/filter.c, kernel/seccomp.c seccomp_check_filter): only
// absolute word loads within seccomp_data, forward jumps, no writes to packets. A program that the
// kernel would refuse is reported as nullopt.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace srt::test {

std::optional<uint32_t> evaluate(const std::vector<sock_filter>& program, const seccomp_data& data);
// Instructions executed for `data`; 0 where evaluate() gives nothing.
size_t steps(const std::vector<sock_filter>& program, const seccomp_data& data);

}  // namespace srt::test
