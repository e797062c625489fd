// Runs a device program as the kernel would, without loading it.
//
//   bool allowed = evaluate_device(program, {kRead, 'c', 1, 3});
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace srt::test {

struct DeviceRequest {
  uint32_t access = 0;  // BPF_DEVCG_ACC_…
  char type = 'c';
  uint32_t major = 0;
  uint32_t minor = 0;
};

// nullopt: the kernel's verifier would refuse the program (an unknown instruction, a read outside
// of the context or of a register never written, a jump out of the program, no exit).
std::optional<bool> evaluate_device(const std::vector<uint64_t>& program,
                                    const DeviceRequest& request);

}  // namespace srt::test
