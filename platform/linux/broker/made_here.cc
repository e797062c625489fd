#include "platform/linux/broker/made_here.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace srt::platform {
namespace {

// Some 50 MB; folders beyond are taken for older ones, which protects more.
constexpr size_t kMost = 1'000'000;

}  // namespace

bool MadeHere::identify(int folder, const char* name, Identity& identity) {
  struct statx info;
  if (statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &info) !=
      0) {
    return false;
  }
  if ((info.stx_mask & STATX_BTIME) == 0) return false;  // the number alone says nothing
  identity = {uint64_t{info.stx_dev_major} << 32 | info.stx_dev_minor, info.stx_ino,
              info.stx_btime.tv_sec * 1'000'000'000 + info.stx_btime.tv_nsec};
  return true;
}

void MadeHere::note(int folder, const char* name) {
  Identity identity;
  if (!identify(folder, name, identity)) return;
  std::lock_guard lock(mutex_);
  if (identities_.size() < kMost) identities_.insert(identity);
}

bool MadeHere::has(int folder, const char* name) const {
  Identity identity;
  if (!identify(folder, name, identity)) return false;
  std::lock_guard lock(mutex_);
  return identities_.contains(identity);
}

}  // namespace srt::platform
