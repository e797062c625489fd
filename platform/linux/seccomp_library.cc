#include "platform/linux/seccomp_library.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "platform/fd.h"
#include "platform/linux/seccomp_arch.h"
#include "platform/linux/seccomp_stub.h"

namespace srt::platform {
namespace {

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

constexpr char kRoot[] = "/linux/seccomp";

tl::unexpected<Error> libseccomp_error(std::string pointer, std::string_view what, int negative) {
  return fail_errno(std::move(pointer), "libseccomp: " + std::string(what), -negative);
}

scmp_compare compare_op(oci::SeccompOperator op) {
  switch (op) {
    case oci::SeccompOperator::kNe: return SCMP_CMP_NE;
    case oci::SeccompOperator::kLt: return SCMP_CMP_LT;
    case oci::SeccompOperator::kLe: return SCMP_CMP_LE;
    case oci::SeccompOperator::kEq: return SCMP_CMP_EQ;
    case oci::SeccompOperator::kGe: return SCMP_CMP_GE;
    case oci::SeccompOperator::kGt: return SCMP_CMP_GT;
    case oci::SeccompOperator::kMaskedEq: return SCMP_CMP_MASKED_EQ;
  }
  __builtin_unreachable();
}

Result<void> add_rule(scmp_filter_ctx filter, const SeccompRule& rule) {
  std::vector<scmp_arg_cmp> conditions;
  for (const oci::SeccompArg& arg : rule.conditions) {
    // For MASKED_EQ `value` is the mask and `valueTwo` what the masked argument must equal.
    conditions.push_back({arg.index, compare_op(arg.op), arg.value, arg.value_two.value_or(0)});
  }
  for (const std::string& name : rule.names) {
    const int rc =
        seccomp_rule_add_array(filter, rule.action, syscall_number(seccomp_arch_native(), name),
                               static_cast<unsigned>(conditions.size()), conditions.data());
    if (rc < 0) return libseccomp_error(rule.pointer, "add rule for " + name, rc);
  }
  return {};
}

Result<std::vector<sock_filter>> export_bpf(scmp_filter_ctx filter) {
  UniqueFd memory(memfd_create("seccomp", MFD_CLOEXEC));
  if (!memory) return fail_errno(kRoot, "memfd_create");
  if (int rc = seccomp_export_bpf(filter, memory.get()); rc < 0) {
    return libseccomp_error(kRoot, "export", rc);
  }
  const off_t size = lseek(memory.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<size_t>(size) / sizeof(sock_filter));
  if (pread(memory.get(), program.data(), static_cast<size_t>(size), 0) != size) {
    return fail_errno(kRoot, "read the compiled filter");
  }
  return program;
}

}  // namespace

Result<std::vector<sock_filter>> compile_with_libseccomp(const SeccompProfile& profile) {
  Filter filter(seccomp_init(profile.default_action), seccomp_release);
  if (!filter) return fail(std::string(kRoot) + "/defaultAction", "libseccomp refuses it");
  for (uint32_t token : profile.archs) {
    const int rc = seccomp_arch_add(filter.get(), token);
    if (rc < 0 && rc != -EEXIST) {  // -EDOM: big and little endian ones
      return libseccomp_error(std::string(kRoot) + "/architectures", "add", rc);
    }
  }
  // seccomp_init() has the machine's own in it.
  if (std::find(profile.archs.begin(), profile.archs.end(), seccomp_arch_native()) ==
      profile.archs.end()) {
    (void)seccomp_arch_remove(filter.get(), SCMP_ARCH_NATIVE);
  }
  for (const SeccompRule& rule : profile.rules) {
    // A rule that says what the default says has no effect; libseccomp would refuse it.
    if (rule.action != profile.default_action) SRT_TRY(add_rule(filter.get(), rule));
  }
  SRT_ASSIGN(const std::vector<sock_filter> body, export_bpf(filter.get()));
  std::vector<sock_filter> program = newer_calls_stub(profile);
  program.insert(program.end(), body.begin(), body.end());
  return program;
}

}  // namespace srt::platform
