#include "runtime/default_seccomp.h"

#include "oci/print.h"
#include "platform/compiled_filter.h"
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

Result<void> add(std::vector<ProfileFile>& files, const std::string& name,
                 const oci::Seccomp& profile) {
  files.push_back({name + ".json", oci::print(profile)});
  for (const Machine& machine : kMachines) {
    SRT_ASSIGN(const platform::CompiledFilter filter,
               platform::compile_filter(profile, machine.arch));
    const std::string base = name + "-" + machine.name;
    files.push_back({base + ".bpf", filter.bytes});
    files.push_back({base + ".txt", filter.listing});
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
