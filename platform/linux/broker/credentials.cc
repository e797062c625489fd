#include "platform/linux/broker/credentials.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace srt::platform {
namespace {

constexpr uint64_t bit(unsigned capability) { return uint64_t{1} << capability; }

bool set_effective(uint64_t wanted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  for (unsigned word = 0; word < 2; ++word) {
    data[word].effective = static_cast<uint32_t>(wanted >> (32 * word)) & data[word].permitted;
  }
  return syscall(SYS_capset, &header, data) == 0;
}

bool set_groups(const std::string& text) {
  std::vector<gid_t> groups;
  const char* at = text.c_str();
  for (char* end = nullptr;; at = end) {
    const unsigned long group = std::strtoul(at, &end, 10);
    if (end == at) break;
    groups.push_back(static_cast<gid_t>(group));
  }
  return syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// They tell the value from before, and nothing of success.
bool set_file_ids(uint32_t uid, uint32_t gid) {
  (void)setfsgid(gid);
  (void)setfsuid(uid);
  return static_cast<uint32_t>(setfsgid(static_cast<gid_t>(-1))) == gid &&
         static_cast<uint32_t>(setfsuid(static_cast<uid_t>(-1))) == uid;
}

struct Identity {
  uint32_t uid = 0, gid = 0;
  std::string groups;
  uint64_t capabilities = 0;
  bool operator==(const Identity&) const = default;
};

}  // namespace

const uint64_t kFileCapabilities = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) |
                                   bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) | bit(CAP_FSETID) |
                                   bit(CAP_MKNOD) | bit(CAP_SETFCAP);
const uint64_t kChangeCapabilities = bit(CAP_SETUID) | bit(CAP_SETGID);

OrErrno<void> take_credentials(const Caller::Status& caller, const Caller::Status& own) {
  thread_local std::optional<Identity> now;
  if (!now) now = Identity{own.file_uid, own.file_gid, own.groups, 0};
  const Identity wanted{caller.file_uid, caller.file_gid, caller.groups,
                        caller.effective & kFileCapabilities};
  if (*now == wanted) return {};
  const bool same_groups = now->groups == wanted.groups;
  const bool same_ids = now->uid == wanted.uid && now->gid == wanted.gid;
  const bool changed = (same_groups && same_ids) || (set_effective(kChangeCapabilities) &&
                                                     (same_groups || set_groups(wanted.groups)) &&
                                                     set_file_ids(wanted.uid, wanted.gid));
  // Last: a change of the user changes them too.
  if (changed && set_effective(wanted.capabilities)) {
    now = wanted;
    return {};
  }
  (void)set_effective(0);
  // Half of a change is nobody: the next call begins with what it needs.
  now = Identity{UINT32_MAX, UINT32_MAX, "?", 0};
  return failed(EPERM);
}

}  // namespace srt::platform
