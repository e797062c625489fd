#include "runtime/default_seccomp.h"

#include <cstdint>

#include "oci/print.h"
#include "platform/linux/seccomp.h"
#include "platform/linux/seccomp_listing.h"
#include "runtime/command_seccomp.h"

namespace srt::runtime {
namespace {

struct Machine {
  const char* name;
  oci::SeccompArch arch;
};
constexpr Machine kMachines[] = {
    {"x86_64", oci::SeccompArch::kX86_64},
    {"aarch64", oci::SeccompArch::kAarch64},
};

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

Result<void> add(std::vector<ProfileFile>& files, const std::string& name,
                 const oci::Seccomp& profile) {
  files.push_back({name + ".json", oci::print(profile)});
  for (const Machine& machine : kMachines) {
    SRT_ASSIGN(
        const platform::SeccompProgram program,
        platform::compile_seccomp(profile, platform::SeccompCompiler::kFastest, machine.arch));
    const std::string base = name + "-" + machine.name;
    files.push_back({base + ".bpf", bytes_of(program.filter)});
    files.push_back({base + ".txt", platform::seccomp_listing(program.filter)});
  }
  return {};
}

}  // namespace

Result<std::vector<ProfileFile>> default_seccomp_files() {
  std::vector<ProfileFile> files;
  SRT_TRY(add(files, "default", command_seccomp({})));
  platform::BrokerRules somewhere;
  somewhere.write_roots = {"/"};  // which one does not show in a filter
  SRT_TRY(add(files, "default-brokered", command_seccomp({.broker = somewhere})));
  return files;
}

}  // namespace srt::runtime
