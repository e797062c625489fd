#include "platform/linux/rdt.h"

#include <sys/stat.h>
#include <unistd.h>

#include "platform/fd.h"

namespace srt::platform {

Result<std::string> join_rdt_group(const oci::IntelRdt& rdt, const std::string& id, pid_t pid) {
  std::string name = rdt.clos_id.value_or(id);
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    return fail("/linux/intelRdt/closID", "\"" + name + "\" is not the name of a group");
  }
  std::string directory = "/sys/fs/resctrl/" + name;
  bool made = mkdir(directory.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) return fail_errno("/linux/intelRdt", "mkdir " + directory);

  std::string schemata;
  for (const std::string& line : oci::items(rdt.schemata)) schemata += line + "\n";
  for (const auto& line : {rdt.l3_cache_schema, rdt.mem_bw_schema}) {
    if (line && !line->empty()) schemata += *line + "\n";
  }
  Result<void> done =
      schemata.empty() ? Result<void>() : write_file(directory + "/schemata", schemata);
  if (done && rdt.enable_monitoring.value_or(false)) {
    std::string monitor = directory + "/mon_groups/" + id;
    if (mkdir(monitor.c_str(), 0755) != 0 && errno != EEXIST) {
      done = fail_errno("/linux/intelRdt/enableMonitoring", "mkdir " + monitor);
    }
  }
  if (done) done = write_file(directory + "/tasks", std::to_string(pid));
  if (!done) {
    if (made) remove_rdt_group(directory);
    return fail("/linux/intelRdt", done.error().object + ": " + done.error().why);
  }
  return made ? directory : std::string();
}

void remove_rdt_group(const std::string& directory) {
  if (!directory.empty()) (void)rmdir(directory.c_str());
}

}  // namespace srt::platform
