#include "platform/linux/broker/path_aliases.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "platform/protected_names.h"

namespace srt::platform {

std::vector<PathAlias> find_aliases(const BrokerRules& rules) {
  std::vector<PathAlias> aliases;
  for (const std::string& root : rules.write_roots) {
    for (const ProtectedName& name : kProtectedNames) {
      std::string_view top = name.pattern.substr(std::string_view("**/").size());
      top = top.substr(0, top.find('/'));
      const std::string path = (root == "/" ? "" : root) + "/" + std::string(top);
      struct stat info;
      if (lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) continue;
      std::unique_ptr<char, decltype(&std::free)> target(realpath(path.c_str(), nullptr),
                                                         std::free);
      if (!target) continue;
      PathAlias alias{target.get(), path};
      if (std::find(aliases.begin(), aliases.end(), alias) == aliases.end()) {
        aliases.push_back(std::move(alias));
      }
    }
  }
  return aliases;
}

}  // namespace srt::platform
