// A bundle's folder and an operator's file beside it, for tests of what they add up to.
#pragma once

#include <sys/stat.h>

#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "runtime/policy.h"
#include "tests/runtime/temp_dir.h"

namespace srt::test {

using runtime::EffectivePolicy;

struct PolicyScene {
  PolicyScene() {
    sources.bundle = dir.path();
    sources.operator_file = dir / "policy.json";
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir / name) << text;
    chmod((dir / name).c_str(), 0644);
  }
  void ceiling(const std::string& allowed, const std::string& more = {}) {
    write("policy.json", document(allowed, more));
  }
  void bundle(const std::string& allowed, const std::string& more = {}) {
    write("srt.json", document(allowed, more));
  }
  static std::string document(const std::string& allowed, const std::string& more) {
    return R"({"network":{"allowedDomains":[)" + allowed + R"(],"deniedDomains":[])" +
           (more.empty() ? "" : ",") + more + "}}";
  }
  EffectivePolicy policy() {
    Result<EffectivePolicy> result = runtime::effective_policy(sources);
    INFO((result ? std::string() : to_string(result.error())));
    REQUIRE(result);
    return *result;
  }
  std::string error() {
    const Result<EffectivePolicy> result = runtime::effective_policy(sources);
    return result ? std::string() : to_string(result.error());
  }

  TempDir dir;
  runtime::PolicySources sources;
};

}  // namespace srt::test
