#include "platform/linux/init/procfs.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>

namespace srt::init {

int private_procfs() {
  static int root = -1;
  if (root >= 0) return root;
  int fs = fsopen("proc", FSOPEN_CLOEXEC);
  if (fs < 0) return -1;
  int error = 0;
  if (fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0 ||
      (root = fsmount(fs, FSMOUNT_CLOEXEC,
                      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)) < 0) {
    error = errno;
  }
  close(fs);
  struct statfs st;
  if (root >= 0 && (fstatfs(root, &st) != 0 || st.f_type != PROC_SUPER_MAGIC)) {
    close(root);
    root = -1;
    error = EINVAL;
  }
  if (root < 0) errno = error;
  return root;
}

}  // namespace srt::init
