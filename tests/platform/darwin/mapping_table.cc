// Prints the table of docs/macos.md.
#include <cstdio>

#include "platform/darwin/spec_mapping.h"

int main() {
  std::fputs(srt::platform::darwin::mapping_table().c_str(), stdout);
  return 0;
}
