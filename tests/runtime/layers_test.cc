#include "runtime/layers.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "proxy/decision.h"
#include "runtime/sandbox_policy.h"
#include "tests/runtime/temp_dir.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

struct Scene {
  Scene() {
    sources.operator_file = dir / "policy.json";
    sources.home = dir / "home";
    sources.cwd = dir / "project";
    mkdir(sources.home.c_str(), 0755);
    mkdir(sources.cwd.c_str(), 0755);
  }
  void write(const std::string& path, const std::string& allowed, const std::string& more = {}) {
    std::ofstream(path) << R"({"network":{"allowedDomains":[)" << allowed
                        << R"(],"deniedDomains":[])" << (more.empty() ? "" : ",") << more << "}}";
    chmod(path.c_str(), 0644);
  }
  void ceiling(const std::string& allowed) { write(sources.operator_file, allowed); }
  void home(const std::string& allowed, const std::string& more = {}) {
    write(sources.home + "/.srt-settings.json", allowed, more);
  }
  void project(const std::string& allowed, const std::string& more = {}) {
    write(sources.cwd + "/.srt-settings.json", allowed, more);
  }
  Result<SandboxPolicy> result() { return sandbox_policy(sources); }
  std::string error() {
    const Result<SandboxPolicy> policy = result();
    return policy ? std::string() : to_string(policy.error());
  }
  bool allows(const std::string& host) {
    const Result<SandboxPolicy> policy = result();
    INFO((policy ? std::string() : to_string(policy.error())));
    REQUIRE(policy);
    CHECK(policy->network.present);
    return proxy::decide(policy->network.egress, {*proxy::canonical_host(host), 443}).allowed;
  }

  test::TempDir dir;
  LayerSources sources;
};

}  // namespace

TEST_CASE("a command without settings reaches nothing, whatever the ceiling allows") {
  Scene scene;
  CHECK_FALSE(scene.allows("a.example.com"));
  scene.ceiling(R"("*.example.com")");
  CHECK_FALSE(scene.allows("a.example.com"));
  scene.sources.flags.deny_domain = {"b.example.com"};
  CHECK_FALSE(scene.allows("a.example.com"));
}

TEST_CASE("the user's layers add to each other, under the ceiling") {
  Scene scene;
  scene.home(R"("a.example.com")");
  scene.sources.environment = {{"SRT_ALLOW_DOMAINS", "b.example.com,"}, {"SRT_DEBUG", "1"}};
  scene.sources.flags.allow_domain = {"c.example.com"};
  for (const char* host : {"a.example.com", "b.example.com", "c.example.com"}) {
    CHECK(scene.allows(host));
  }
  scene.sources.flags.deny_domain = {"a.example.com"};
  CHECK_FALSE(scene.allows("a.example.com"));
  scene.ceiling(R"("a.example.com","b.example.com")");
  CHECK_THAT(scene.error(), Catch::Contains(R"("c.example.com" (--allow-domain) is not within)"));
}

TEST_CASE("a project's settings only narrow") {
  Scene scene;
  scene.home(R"("a.example.com","b.example.com")");
  scene.project(R"("b.example.com","evil.org")");
  CHECK_FALSE(scene.allows("a.example.com"));
  CHECK(scene.allows("b.example.com"));
  CHECK_FALSE(scene.allows("evil.org"));
  SECTION("but not what a flag allows") {
    scene.sources.flags.allow_domain = {"a.example.com", "c.example.com"};
    CHECK(scene.allows("a.example.com"));
    CHECK(scene.allows("b.example.com"));
    CHECK(scene.allows("c.example.com"));
    CHECK_FALSE(scene.allows("evil.org"));
  }
  SECTION("and allow nothing of their own") {
    scene.sources.home.clear();
    CHECK_FALSE(scene.allows("b.example.com"));
  }
  SECTION("nor say how to get out") {
    scene.project("", R"("httpProxyPort":8080)");
    CHECK_THAT(scene.error(),
               Catch::Contains("/network/httpProxyPort: may not stand in a project"));
  }
}

TEST_CASE("at home the project's settings are the user's own") {
  Scene scene;
  scene.sources.cwd = scene.sources.home;
  scene.home(R"("a.example.com")", R"("httpProxyPort":8080)");
  CHECK(scene.allows("a.example.com"));
}

TEST_CASE("a named settings file stands in for the one at home, and must be there") {
  Scene scene;
  scene.home(R"("a.example.com")");
  scene.sources.settings_file = scene.dir / "named.json";
  CHECK_THAT(scene.error(), Catch::Contains("named.json: there is no such settings file"));
  std::ofstream(*scene.sources.settings_file) << "";
  CHECK_THAT(scene.error(), Catch::Contains("named.json: is empty"));
  scene.write(*scene.sources.settings_file, R"("b.example.com")");
  CHECK(scene.allows("b.example.com"));
  CHECK_FALSE(scene.allows("a.example.com"));
}

TEST_CASE("flags are checked as settings are") {
  Scene scene;
  scene.sources.flags.allow_domain = {"*"};
  CHECK_THAT(scene.error(), Catch::StartsWith("--allow-domain: "));
  scene.sources.flags.allow_domain.clear();
  scene.sources.flags.allow_write = {""};
  CHECK_THAT(scene.error(), Catch::Contains("--allow-write: must not be empty"));
  scene.sources.flags.allow_write = {"src"};
  scene.sources.environment = {{"SRT_DENY_READ", "/a:/b:"}};
  const auto layers = load_layers(scene.sources);
  REQUIRE(layers);
  REQUIRE(layers->documents.size() == 2);
  CHECK(layers->documents[0].settings.filesystem->deny_read.size() == 2);
  CHECK(layers->documents[1].settings.filesystem->allow_write.at(0).path == "src");
}
