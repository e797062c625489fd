#include "platform/linux/init_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <string>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

namespace srt::platform {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Result<UniqueFd> create(const char* name, unsigned extra) {
  // Kernels with vm.memfd_noexec want to be told; older ones do not know the flag.
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | extra);
  if (fd < 0 && extra != 0) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return fail_errno(name, "memfd_create");
  return UniqueFd(fd);
}

}  // namespace

Result<UniqueFd> open_installed(const std::string& name) {
  char self[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n < 0) return fail_errno("/proc/self/exe", "readlink", errno, "mount /proc");
  std::string folder(self, static_cast<size_t>(n));
  folder.resize(folder.rfind('/'));
  for (const char* place : {"/../libexec/srt-runtime/", "/", "/../bin/"}) {
    UniqueFd fd(open((folder + place + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (fd) return fd;
  }
  return fail(name, "is neither in " + folder + "/../libexec/srt-runtime nor in " + folder,
              "reinstall srt-runtime");
}

Result<UniqueFd> open_init_program() {
  SRT_ASSIGN(UniqueFd file, open_installed("srt-init"));
  struct stat st;
  if (fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return fail("srt-init", "is not a regular file");
  SRT_ASSIGN(UniqueFd copy, create("srt-init", MFD_EXEC));
  for (off_t left = st.st_size; left > 0;) {
    ssize_t n = sendfile(copy.get(), file.get(), nullptr, static_cast<size_t>(left));
    if (n <= 0) return fail_errno("srt-init", "copy it to memory", n < 0 ? errno : EIO);
    left -= n;
  }
  if (fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno("srt-init", "seal the copy");
  return copy;
}

Result<UniqueFd> seal_bytes(const char* name, std::string_view bytes, Runs runs) {
  SRT_ASSIGN(UniqueFd fd, create(name, runs == Runs::kYes ? MFD_EXEC : 0));
  while (!bytes.empty()) {
    ssize_t n = write(fd.get(), bytes.data(), bytes.size());
    if (n < 0) return fail_errno(name, "write to memory");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno(name, "seal");
  (void)lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

}  // namespace srt::platform
