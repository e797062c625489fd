#include "platform/linux/confine.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/linux/seccomp.h"

namespace srt::platform {
namespace {

// User ids that no account has (useradd ends at 60000, containers' ranges begin at 100000 and end far
// below): a sidecar can neither signal nor read any other process or file, other sidecars included.
constexpr uid_t kFirstSidecarUid = 0x6f000000;

}  // namespace

Result<void> become_nobody_else(const char* layer, int folder) {
  const uid_t uid = kFirstSidecarUid + static_cast<uid_t>(getpid());
  if (folder >= 0 && fchown(folder, uid, uid) != 0) return fail_errno(layer, "own its folder");
  if (setgroups(0, nullptr) != 0 || setresgid(uid, uid, uid) != 0 ||
      setresuid(uid, uid, uid) != 0) {
    return fail_errno(layer, "become an unprivileged user");
  }
  return {};
}

Result<void> drop_capabilities(const char* layer, uint32_t kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return fail_errno(layer, "read capabilities");
  const uint32_t stay = sets[0].permitted & kept;
  sets[0] = {stay, stay, 0};
  sets[1] = {0, 0, 0};
  if (syscall(SYS_capset, &header, sets) != 0) return fail_errno(layer, "drop capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(layer, "no_new_privs");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno(layer, "become non-dumpable");
  return {};
}

Result<void> filter_calls(const char* layer, const oci::Seccomp& allowed) {
  SRT_ASSIGN(SeccompProgram program, compile_seccomp(allowed));
  sock_fprog filter{static_cast<unsigned short>(program.filter.size()), program.filter.data()};
  if (syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &filter) != 0) {
    return fail_errno(layer, "load its seccomp filter");
  }
  return {};
}

}  // namespace srt::platform
