#include "runtime/bundle.h"

#include <sys/stat.h>

#include <cstdlib>
#include <memory>

#include "oci/load.h"

namespace srt::runtime {

Result<platform::Bundle> load_bundle(const std::string& dir) {
  std::unique_ptr<char, void (*)(void*)> canonical(realpath(dir.c_str(), nullptr), std::free);
  if (!canonical) {
    return fail_errno("bundle " + dir, "open", errno,
                      "a bundle is a folder that holds config.json");
  }
  platform::Bundle bundle;
  bundle.dir = canonical.get();
  SRT_ASSIGN(bundle.spec, oci::load_spec(bundle.dir));
  return bundle;
}

bool is_bundle(const std::string& path) {
  struct stat st {};
  return !path.empty() && stat((path + "/config.json").c_str(), &st) == 0;
}

std::string absolute_rootfs(const platform::Bundle& bundle) {
  if (!bundle.spec.root) return {};
  const std::string& path = bundle.spec.root->path;
  return path.starts_with('/') ? path : bundle.dir + "/" + path;
}

}  // namespace srt::runtime
