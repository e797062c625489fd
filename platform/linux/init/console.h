// The container's terminal: a pty of the container's own devpts.
#pragma once

#include "platform/linux/init/plan.h"

namespace srt::init {

struct Console {
  int master = -1;
  int slave = -1;
};

// A new pty, sized, ONLCR cleared, owned by the process' user. Its devpts is checked, not believed.
Console open_console(const Process<Viewed>& process, int root);
// The slave as /dev/console, by descriptor (CVE-2025-52565).
void bind_console(int slave, int root);
// Makes the slave our controlling terminal and stdin, stdout, stderr.
void adopt_console(int slave);

}  // namespace srt::init
