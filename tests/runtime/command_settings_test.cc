#include "runtime/command_settings.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "proxy/decision.h"
#include "tests/runtime/temp_dir.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

struct Scene {
  Scene() {
    sources.operator_file = dir / "policy.json";
    sources.home = dir / "home";
    sources.project = dir / "project";
    mkdir(sources.home.c_str(), 0755);
    mkdir(sources.project.c_str(), 0755);
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
    write(sources.project + "/.srt-settings.json", allowed, more);
  }
  Result<EffectivePolicy> result() {
    const auto documents = load_command_documents(sources);
    if (!documents) return fail(documents.error());
    return command_policy(*documents);
  }
  std::string error() {
    const Result<EffectivePolicy> policy = result();
    return policy ? std::string() : to_string(policy.error());
  }
  bool allows(const std::string& host) {
    const Result<EffectivePolicy> policy = result();
    INFO((policy ? std::string() : to_string(policy.error())));
    REQUIRE(policy);
    CHECK(policy->present);
    return proxy::decide(policy->egress, {*proxy::canonical_host(host), 443}).allowed;
  }

  test::TempDir dir;
  CommandSources sources;
};

}  // namespace

TEST_CASE("a command without settings reaches nothing, whatever the ceiling allows") {
  Scene scene;
  CHECK_FALSE(scene.allows("a.example.com"));
  scene.ceiling(R"("*.example.com")");
  CHECK_FALSE(scene.allows("a.example.com"));
  scene.sources.deny_domains = {"b.example.com"};
  CHECK_FALSE(scene.allows("a.example.com"));
}

TEST_CASE("the user's layers add to each other, under the ceiling") {
  Scene scene;
  scene.home(R"("a.example.com")");
  scene.sources.environment = {"SRT_ALLOW_DOMAINS=b.example.com,", "SRT_DEBUG=1",
                               "SRT_ALLOW_DOMAINS=x.example.com"};
  scene.sources.allow_domains = {"c.example.com"};
  for (const char* host : {"a.example.com", "b.example.com", "c.example.com"}) {
    CHECK(scene.allows(host));
  }
  CHECK_FALSE(scene.allows("x.example.com"));  // getenv(3) would not find it
  scene.sources.deny_domains = {"a.example.com"};
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
    scene.sources.allow_domains = {"a.example.com", "c.example.com"};
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
  scene.sources.project = scene.sources.home;
  scene.home(R"("a.example.com")", R"("httpProxyPort":8080)");
  CHECK(scene.allows("a.example.com"));
}

TEST_CASE("a named settings file stands in for the one at home, and must be there") {
  Scene scene;
  scene.home(R"("a.example.com")");
  scene.sources.settings_file = scene.dir / "named.json";
  CHECK_THAT(scene.error(), Catch::Contains("named.json: open: No such file"));
  std::ofstream(scene.sources.settings_file) << "";
  CHECK_THAT(scene.error(), Catch::Contains("named.json: line 1"));
  scene.write(scene.sources.settings_file, R"("b.example.com")");
  CHECK(scene.allows("b.example.com"));
  CHECK_FALSE(scene.allows("a.example.com"));
}

TEST_CASE("flags are checked as settings are") {
  Scene scene;
  scene.sources.allow_domains = {"*"};
  CHECK_THAT(scene.error(), Catch::StartsWith("--allow-domain: "));
  scene.sources.allow_domains.clear();
  scene.sources.allow_write = {""};
  CHECK_THAT(scene.error(), Catch::Contains("--allow-write: must not be empty"));
  scene.sources.allow_write = {"src"};
  scene.sources.environment = {"SRT_DENY_READ=/a:/b:"};
  const auto documents = load_command_documents(scene.sources);
  REQUIRE(documents);
  REQUIRE(documents->size() == 2);
  CHECK(documents->at(0).settings.filesystem->deny_read.size() == 2);
  CHECK(documents->at(1).settings.filesystem->allow_write.at(0).path == "src");
}
