#include "oci/template.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "oci/parse.h"
#include "oci/print.h"

namespace srt::oci {
namespace {

Spec reparsed(const Spec& spec) {
  const Checked<Spec> parsed = parse_spec(print(spec), "config.json");
  INFO(print(spec));
  if (!parsed) FAIL(to_string(parsed.error()));
  return *parsed;
}

bool has(const Spec& spec, NamespaceType type) {
  const std::vector<Namespace>& all = items(spec.linux_->namespaces);
  return std::any_of(all.begin(), all.end(), [&](const Namespace& ns) { return ns.type == type; });
}

const Mount& mount_at(const Spec& spec, const std::string& destination) {
  for (const Mount& mount : items(spec.mounts)) {
    if (mount.destination == destination) return mount;
  }
  FAIL("no mount at " << destination);
  std::abort();
}

TEST_CASE("templates are valid and print back as they are") {
  CHECK(reparsed(default_spec()) == default_spec());
  CHECK(reparsed(rootless_spec(1000, 1001)) == rootless_spec(1000, 1001));
  const HostPassthrough ordinary{"/home/someone/project", 1000, 1001};
  CHECK(reparsed(host_spec(ordinary)) == host_spec(ordinary));
  const HostPassthrough root{"/srv", 0, 0};
  CHECK(reparsed(host_spec(root)) == host_spec(root));
}

TEST_CASE("the rootless template asks for nothing that an ordinary user may not do") {
  const Spec spec = rootless_spec(1000, 1001);
  CHECK(has(spec, NamespaceType::kUser));
  CHECK_FALSE(has(spec, NamespaceType::kNetwork));
  CHECK(spec.linux_->uid_mappings == std::vector{IdMapping{0, 1000, 1}});
  CHECK(spec.linux_->gid_mappings == std::vector{IdMapping{0, 1001, 1}});
  CHECK_FALSE(spec.linux_->resources);
  CHECK(mount_at(spec, "/sys").type == "none");
  const List<std::string>& options = mount_at(spec, "/dev/pts").options;
  CHECK(std::count(options->begin(), options->end(), "gid=5") == 0);
}

TEST_CASE("the host template is the host's tree, read-only but for the current directory") {
  const Spec spec = host_spec({"/home/someone/project", 1000, 1001});
  CHECK(spec.root == Root{"/", true});
  CHECK(spec.process->cwd == "/home/someone/project");
  const Mount& last = spec.mounts->back();
  CHECK(last.destination == "/home/someone/project");
  CHECK(last.source == "/home/someone/project");
  CHECK(has(spec, NamespaceType::kUser));
  CHECK(has(spec, NamespaceType::kNetwork));
  CHECK_FALSE(has(host_spec({"/srv", 0, 0}), NamespaceType::kUser));
}

TEST_CASE("host passthrough hides the keys of the home folder") {
  const Spec spec = host_spec({"/work", 1000, 1000, "/home/me"});
  const auto& masked = items(spec.linux_->masked_paths);
  CHECK(std::find(masked.begin(), masked.end(), "/home/me/.ssh") != masked.end());
  const Spec without = host_spec({"/work", 1000, 1000, ""});
  for (const std::string& path : items(without.linux_->masked_paths)) {
    CHECK(path.find(".ssh") == std::string::npos);
  }
}

}  // namespace
}  // namespace srt::oci
