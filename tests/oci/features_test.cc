#include "oci/features.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace srt::oci::features {
namespace {

constexpr const char* kEverything = R"({
  "ociVersionMin": "1.0.0",
  "ociVersionMax": "1.3.0",
  "hooks": ["prestart", "poststop"],
  "mountOptions": ["ro", "rro"],
  "linux": {
    "namespaces": ["pid", "time"],
    "capabilities": ["CAP_CHOWN"],
    "cgroup": {"v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": false},
    "seccomp": {
      "enabled": true,
      "actions": ["SCMP_ACT_KILL"],
      "operators": ["SCMP_CMP_NE"],
      "archs": ["SCMP_ARCH_X86"],
      "knownFlags": ["SECCOMP_FILTER_FLAG_TSYNC"],
      "supportedFlags": []
    },
    "apparmor": {"enabled": true},
    "selinux": {"enabled": false},
    "intelRdt": {"enabled": true, "schemata": true, "monitoring": false},
    "memoryPolicy": {"modes": ["MPOL_BIND"], "flags": ["MPOL_F_STATIC_NODES"]},
    "mountExtensions": {"idmap": {"enabled": true}},
    "netDevices": {"enabled": true}
  },
  "annotations": {"com.example.version": "1"},
  "potentiallyUnsafeConfigAnnotations": ["com.example."]
})";

TEST_CASE("a features document with every property is printed back without loss") {
  const Checked<Features> parsed = parse_features(kEverything, "features.json");
  if (!parsed) FAIL(to_string(parsed.error()));
  CHECK(nlohmann::json::diff(nlohmann::json::parse(kEverything),
                             nlohmann::json::parse(print(*parsed))) == nlohmann::json::array());
}

TEST_CASE("unknown features are left out, not printed as false") {
  Features features;
  features.oci_version_min = "1.0.0";
  features.oci_version_max = "1.3.0";
  features.linux_.emplace().cgroup.emplace().v1 = false;
  CHECK(print(features, Layout::kCompact) ==
        R"({"ociVersionMin":"1.0.0","ociVersionMax":"1.3.0","linux":{"cgroup":{"v1":false}}})");
}

TEST_CASE("the names of this room are the known features") {
  const Features known = known_features();
  CHECK(known.hooks == std::vector<std::string>{"prestart", "createRuntime", "createContainer",
                                                "startContainer", "poststart", "poststop"});
  CHECK(known.linux_->namespaces->size() == 8);
  CHECK(known.linux_->seccomp->archs->front() == "SCMP_ARCH_X86");
  CHECK_FALSE(known.linux_->seccomp->supported_flags);
  CHECK(known.linux_->memory_policy->modes->size() == 7);
}

}  // namespace
}  // namespace srt::oci::features
