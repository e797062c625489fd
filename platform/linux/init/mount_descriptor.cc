#include "platform/linux/init/mount_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace srt::init {

bool set_attributes(int mount, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation) {
  mount_attr attr{};
  attr.attr_set = set;
  attr.attr_clr = clear;
  attr.propagation = propagation;
  return mount_setattr(mount, "", AT_EMPTY_PATH | flags, &attr, sizeof attr) == 0;
}

bool is_directory(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

bool is_same(int one, int other) {
  struct statx a, b;
  constexpr unsigned kWanted = STATX_INO | STATX_MNT_ID;
  return syscall(SYS_statx, one, "", AT_EMPTY_PATH, kWanted, &a) == 0 &&
         syscall(SYS_statx, other, "", AT_EMPTY_PATH, kWanted, &b) == 0 &&
         a.stx_mnt_id == b.stx_mnt_id && a.stx_ino == b.stx_ino;
}

}  // namespace srt::init
