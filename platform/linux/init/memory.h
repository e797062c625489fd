// Memory that is taken once and never given back: srt-init ends in execve or _exit.
// Straight from mmap, so that no allocator (and no lock of one) is involved after a fork.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <string_view>

#include "platform/linux/init/report.h"
#include "platform/wire.h"

namespace srt::init {

template <class T>
T* take_array(size_t count) {
  void* memory = mmap(nullptr, (count + 1) * sizeof(T), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("memory", "mmap");
  return static_cast<T*>(memory);
}

// One that a forked process shares with us.
template <class T>
T* take_shared() {
  void* memory =
      mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("memory", "mmap");
  return static_cast<T*>(memory);
}

// A NULL-terminated argv or envp over the plan's own text, with room for `spare` more.
inline const char** take_strings(const wire::ListView<std::string_view>& texts, size_t spare = 0) {
  const char** array = take_array<const char*>(texts.size() + spare);
  size_t i = 0;
  for (std::string_view text : texts) array[i++] = text.data();
  return array;
}

}  // namespace srt::init
