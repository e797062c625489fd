// What vendor/seccomp holds: the filters that a command under `srt` gets with a policy that opens nothing,
// as a profile of config.json, and compiled. After a change: `cmake --build DIR --target seccomp_profiles`.
//
//   default.json            for other programs, without a broker beside them: no unix socket is made
//   default-brokered.json   some folder can be written: srt-broker decides what is made there, and where
//                           unix sockets go (where none can, it decides of the sockets alone)
//   NAME-ARCH.bpf           struct sock_filter, one after the other, little endian; what
//                           `bwrap --seccomp` takes, of the profile without a broker
//   NAME-ARCH.txt           the same to be read
//
// Programs do not read these files: they compile the profile that a policy asks for in 0.1 ms. The files
// are there to be audited, for other programs, and so that a change of the filter is seen in a review;
// tests/runtime/default_seccomp_test.cc shows that they are what is loaded. `srt-seccomp FOLDER`
// writes them.
#pragma once

#include <string>
#include <vector>

#include "oci/error.h"

namespace srt::runtime {

struct ProfileFile {
  std::string name;
  std::string content;
};

Result<std::vector<ProfileFile>> default_seccomp_files();

}  // namespace srt::runtime
