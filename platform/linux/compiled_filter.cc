#include "platform/compiled_filter.h"

#include <cstdint>

#include "platform/linux/seccomp.h"
#include "platform/linux/seccomp_listing.h"

namespace srt::platform {
namespace {

void append(std::string& bytes, uint32_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

std::string bytes_of(const std::vector<sock_filter>& filter) {
  std::string bytes;
  for (const sock_filter& insn : filter) {
    append(bytes, insn.code, 2);
    append(bytes, insn.jt, 1);
    append(bytes, insn.jf, 1);
    append(bytes, insn.k, 4);
  }
  return bytes;
}

}  // namespace

Result<CompiledFilter> compile_filter(const oci::Seccomp& profile, oci::SeccompArch machine) {
  SRT_ASSIGN(const SeccompProgram program,
             compile_seccomp(profile, SeccompCompiler::kFastest, machine));
  return CompiledFilter{bytes_of(program.filter), seccomp_listing(program.filter)};
}

}  // namespace srt::platform
