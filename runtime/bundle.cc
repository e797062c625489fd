#include "runtime/bundle.h"

#include <sys/stat.h>

#include <cstdlib>
#include <memory>

#include "oci/load.h"

namespace srt::runtime {

namespace {

// Before anybody compares a destination with "/dev" or "/etc/resolv.conf".
void make_destinations_absolute(platform::Bundle& bundle) {
  if (!bundle.spec.mounts) return;
  size_t index = 0;
  for (oci::Mount& mount : *bundle.spec.mounts) {
    const std::string pointer = "/mounts/" + std::to_string(index++) + "/destination";
    if (mount.destination.starts_with('/')) continue;
    bundle.warnings.push_back(pointer + ": \"" + mount.destination +
                              "\" is relative, which is deprecated: taken as below \"/\"");
    mount.destination.insert(0, "/");
  }
}

}  // namespace

Result<platform::Bundle> load_bundle(const std::string& dir, const std::string& config) {
  std::unique_ptr<char, void (*)(void*)> canonical(realpath(dir.c_str(), nullptr), std::free);
  if (!canonical) {
    return fail_errno("bundle " + dir, "open", errno,
                      "a bundle is a folder that holds config.json");
  }
  platform::Bundle bundle;
  bundle.dir = canonical.get();
  if (config.empty()) {
    SRT_ASSIGN(bundle.spec, oci::load_spec(bundle.dir));
  } else {
    const bool relative = !config.starts_with('/');
    SRT_ASSIGN(bundle.spec, oci::load_spec_file(relative ? bundle.dir + "/" + config : config));
  }
  make_destinations_absolute(bundle);
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
