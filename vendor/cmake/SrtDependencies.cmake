# The libraries of others. All but libseccomp and libsystemd are headers only: a toolchain that has no packages names a
# folder with them in SRT_HEADERS.
if(SRT_HEADERS)
  foreach(library nlohmann_json::nlohmann_json cxxopts::cxxopts Boost::headers)
    add_library(${library} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${library} SYSTEM INTERFACE ${SRT_HEADERS})
  endforeach()
else()
  find_package(nlohmann_json 3.11 REQUIRED)
  find_package(cxxopts 3 REQUIRED)
  find_package(Boost 1.81 REQUIRED)  # headers only
endif()
find_path(SRT_EXPECTED_INCLUDE_DIR tl/expected.hpp HINTS ${SRT_HEADERS} REQUIRED NO_CMAKE_FIND_ROOT_PATH)
target_include_directories(srt_common SYSTEM INTERFACE ${SRT_EXPECTED_INCLUDE_DIR})
find_package(Threads REQUIRED)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  find_package(Seccomp REQUIRED)
  find_package(Systemd)
endif()
