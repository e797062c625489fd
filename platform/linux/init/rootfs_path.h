// Paths inside a rootfs that may be hostile: reached by descriptor only, and never outside.
//
// Every lookup is openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS): absolute symlinks and ".." stay
// inside, and a link that is swapped while we look (CVE-2021-30465) still leads inside.
#pragma once

#include <cstdint>
#include <string_view>

namespace srt::init {

// An O_PATH descriptor, or -1 with errno. `path` is absolute or relative, both mean: from `root`.
int open_in_root(int root, const char* path, uint64_t flags = 0);

enum class Missing { kDirectory, kFile };
// As open_in_root(), and makes what is missing on the way: directories 0755, the last component as
// `last` says. Dangling symlinks are followed inside the root, as runc does. `path` must be
// lexically clean.
int open_or_make_in_root(int root, std::string_view path, Missing last);

// The directory that holds the last component of `path`, made if missing; `*name` points into `path`.
int open_parent_in_root(int root, std::string_view path, std::string_view* name);

}  // namespace srt::init
