// What the host's mounts make of a path: other names of it, and file systems that are the kernel's own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/host_mounts.h"

namespace srt::runtime {

using HostMounts = std::vector<platform::HostMount>;

// Where else `path`, or a part of what lies below it, can be seen: `mount --bind /home/u /srv/u` makes /srv/u/.ssh of
// /home/u/.ssh. Only such as are there, and not below `path` themselves.
std::vector<std::string> other_names(const std::string& path, const HostMounts& mounts);

// Another procfs than /proc, for a chroot perhaps: it shows the host's processes.
std::vector<std::string> other_process_lists(const HostMounts& mounts);

// sysfs, control groups and their like: what is written there sets the kernel, or ends processes.
std::vector<std::string> kernel_interfaces(const HostMounts& mounts);

}  // namespace srt::runtime
