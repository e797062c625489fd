#include "oci/validate.h"

#include "oci/rules.h"
#include "oci/version.h"

namespace srt::oci {
namespace {

void check_version(const Path& path, const std::string& text, Diagnostics& diagnostics) {
  const std::optional<Version> version = parse_version(text);
  if (!version) {
    diagnostics.add_new(path, "must be a semantic version such as " + in_quotes(kOciVersionMax) +
                                  ", got " + in_quotes(text));
  } else if (version->major != 1) {
    // A minor version only adds properties, and unknown properties are ignored: any 1.x will do.
    diagnostics.add_new(path, "must be a version 1.x, got " + in_quotes(text));
  }
}

void check_mount(const Path& path, const Mount& mount, Diagnostics& diagnostics) {
  // config.md "Mounts": on Linux a relative one is deprecated and means one below "/".
  if (mount.destination.empty()) {
    diagnostics.add_new(path / "destination", "must not be empty");
  }
  check_id_mappings(path / "uidMappings", mount.uid_mappings, diagnostics);
  check_id_mappings(path / "gidMappings", mount.gid_mappings, diagnostics);
  const bool uids = !items(mount.uid_mappings).empty();
  const bool gids = !items(mount.gid_mappings).empty();
  if (uids != gids) {
    diagnostics.add_new(path / (uids ? "gidMappings" : "uidMappings"),
                        std::string("is required with ") + (uids ? "uidMappings" : "gidMappings"));
  }
}

void check_hooks(const Path& path, const List<Hook>& hooks, Diagnostics& diagnostics) {
  for (size_t i = 0; i < items(hooks).size(); ++i) {
    const Hook& hook = items(hooks)[i];
    const Path at = path / i;
    check_absolute(at / "path", hook.path, diagnostics);
    if (hook.timeout && *hook.timeout < 1) {
      diagnostics.add_new(at / "timeout",
                          "must be at least 1 second, got " + std::to_string(*hook.timeout));
    }
  }
}

void check_annotations(const Path& path, const StringMap& annotations, Diagnostics& diagnostics) {
  if (items(annotations).contains("")) {
    diagnostics.add_new(path / "", "must not have an empty key");
  }
}

}  // namespace

void check_spec(const Path& path, const Spec& spec, Diagnostics& diagnostics) {
  check_version(path / "ociVersion", spec.oci_version, diagnostics);
  if (!spec.root) {
    diagnostics.add_new(path / "root", "is required");
  } else {
    const Path root = path / "root";
    check_not_empty(root / "path", spec.root->path, diagnostics);
  }
  if (spec.process) check_process(path / "process", *spec.process, diagnostics);
  check_uts_name(path / "hostname", spec.hostname, diagnostics);
  check_uts_name(path / "domainname", spec.domainname, diagnostics);
  const Path mounts = path / "mounts";
  for (size_t i = 0; i < items(spec.mounts).size(); ++i) {
    check_mount(mounts / i, items(spec.mounts)[i], diagnostics);
  }
  if (spec.hooks) {
    const Path hooks = path / "hooks";
    check_hooks(hooks / "prestart", spec.hooks->prestart, diagnostics);
    check_hooks(hooks / "createRuntime", spec.hooks->create_runtime, diagnostics);
    check_hooks(hooks / "createContainer", spec.hooks->create_container, diagnostics);
    check_hooks(hooks / "startContainer", spec.hooks->start_container, diagnostics);
    check_hooks(hooks / "poststart", spec.hooks->poststart, diagnostics);
    check_hooks(hooks / "poststop", spec.hooks->poststop, diagnostics);
  }
  check_annotations(path / "annotations", spec.annotations, diagnostics);
  if (spec.linux_) check_linux(path / "linux", *spec.linux_, diagnostics);
}

}  // namespace srt::oci
