// Which file systems are mounted where. One can be seen under several names, for which a path rule names only one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace srt::platform {

struct HostMount {
  std::string place;      // absolute
  std::string root;       // what of the file system is seen there: "/", or a folder or file of it
  std::string device;     // the same for all mounts of one file system
  std::string type;       // "ext4", "proc"
  bool receives = false;  // what is mounted elsewhere below its peers appears below it, too
  bool operator==(const HostMount&) const = default;
};

// In the order in which they were made. None where there is no such list.
std::vector<HostMount> host_mounts();

// "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw": a line each (proc_pid_mountinfo(5)).
std::vector<HostMount> parse_mountinfo(std::string_view text);

}  // namespace srt::platform
