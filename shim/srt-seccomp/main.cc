// srt-seccomp FOLDER: writes the files of vendor/seccomp (runtime/default_seccomp.h). Not installed.
#include <fcntl.h>

#include <cstdio>

#include "platform/fd.h"
#include "runtime/atomic_file.h"
#include "runtime/default_seccomp.h"

namespace {

srt::Result<void> write_files(const char* folder) {
  const srt::UniqueFd dir(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return srt::fail_errno(folder, "open");
  SRT_ASSIGN(const auto files, srt::runtime::default_seccomp_files());
  for (const srt::runtime::ProfileFile& file : files) {
    SRT_TRY(srt::runtime::replace_file_at(dir.get(), file.name, file.content, 0644));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    (void)fputs("usage: srt-seccomp FOLDER\n", stderr);
    return 2;
  }
  if (const srt::Result<void> written = write_files(argv[1]); !written) {
    (void)fprintf(stderr, "srt-seccomp: %s\n", srt::to_string(written.error()).c_str());
    return 1;
  }
  return 0;
}
