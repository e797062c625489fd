# The compile options that every target shares, as the interface target srt_common.
set(SRT_SANITIZE "" CACHE STRING "Comma-separated sanitizers for -fsanitize=")
option(SRT_COVERAGE "Instrument for gcov" OFF)
option(SRT_FUZZ "Build the libFuzzer harnesses (clang)" OFF)

add_library(srt_common INTERFACE)
target_include_directories(srt_common INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_definitions(srt_common INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
target_compile_options(srt_common INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Wswitch
  -Wno-missing-field-initializers
  # False positives of g++ 12 in its own std::string (PR 105329, PR 105651; the last three once <string> is in a
  # precompiled header, where it does not count as the system's) and in tl::expected; clang-tidy and the
  # sanitizers look for the real ones.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>
  -fstack-protector-strong -ffunction-sections -fdata-sections)
target_link_options(srt_common INTERFACE $<IF:$<PLATFORM_ID:Darwin>,-Wl$<COMMA>-dead_strip,-Wl$<COMMA>--gc-sections>)

# What nearly every file of these rooms includes, read by the compiler once: their own types come along, since
# those cost more than all of the standard library's. A file still includes what it uses.
set(SRT_PRECOMPILED_HEADERS
  <algorithm> <array> <cerrno> <cstdint> <cstring> <map> <memory> <optional> <string> <string_view> <utility>
  <vector> <fcntl.h> <sys/stat.h> <unistd.h> <tl/expected.hpp> ${PROJECT_SOURCE_DIR}/oci/spec.h)

if(SRT_SANITIZE)
  target_compile_options(srt_common INTERFACE -fsanitize=${SRT_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(srt_common INTERFACE -fsanitize=${SRT_SANITIZE})
  if(SRT_SANITIZE MATCHES "undefined")
    # clang 14 cannot put its check of function types before a coroutine's parts; g++ has no such check.
    target_compile_options(srt_common INTERFACE -fno-sanitize-recover=undefined
      $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  endif()
endif()
if(SRT_FUZZ)
  target_compile_options(srt_common INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(SRT_COVERAGE)
  target_compile_options(srt_common INTERFACE --coverage)
  target_link_options(srt_common INTERFACE --coverage)
endif()

# Programs that start a container are linked statically: the dynamic loader costs more than parsing
# a bundle does. Sanitizers need the dynamic one, and macOS has no other.
if(SRT_SANITIZE OR SRT_COVERAGE OR SRT_FUZZ OR APPLE)
  set(SRT_STATIC OFF)
else()
  set(SRT_STATIC ON)
endif()
