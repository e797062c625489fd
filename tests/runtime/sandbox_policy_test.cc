#include "runtime/sandbox_policy.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "runtime/explain.h"
#include "tests/runtime/temp_dir.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

namespace fs = std::filesystem;

struct Scene {
  Scene() {
    root = fs::canonical(dir.path()).string();
    sources.home = root + "/home";
    sources.cwd = root + "/home/project";
    sources.operator_file = root + "/policy.json";
    fs::create_directories(sources.cwd + "/src");
    fs::create_directories(sources.home + "/other");
  }
  void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    chmod(path.c_str(), 0644);
  }
  void ceiling(const std::string& text) { write(sources.operator_file, text); }
  void user(const std::string& text) { write(sources.home + "/.srt-settings.json", text); }
  void project(const std::string& text) { write(sources.cwd + "/.srt-settings.json", text); }
  static std::string files(const std::string& deny_read, const std::string& allow_write,
                           const std::string& more = {}) {
    return R"({"filesystem":{"denyRead":[)" + deny_read + R"(],"allowWrite":[)" + allow_write +
           R"(],"denyWrite":[])" + more + "}}";
  }
  SandboxPolicy policy() {
    Result<SandboxPolicy> result = sandbox_policy(sources);
    INFO((result ? std::string() : to_string(result.error())));
    REQUIRE(result);
    return *result;
  }
  std::string error() {
    const auto result = sandbox_policy(sources);
    return result ? std::string() : to_string(result.error());
  }
  const std::string& home() const { return sources.home; }
  bool writes(const std::string& path) { return policy().filesystem.access(root + path).write; }
  bool reads(const std::string& path) { return policy().filesystem.access(root + path).read; }

  test::TempDir dir;
  std::string root;
  LayerSources sources;
};

}  // namespace

TEST_CASE("no settings: no network, no writes, all reads") {
  Scene scene;
  const SandboxPolicy policy = scene.policy();
  CHECK(policy.network.present);
  CHECK_FALSE(policy.has_way_out());
  CHECK(policy.filesystem.access("/etc/passwd").read);
  CHECK_FALSE(policy.filesystem.access(scene.sources.cwd).write);
  CHECK(policy.unix_sockets.empty());
  CHECK(policy.flags == SandboxFlags{});
  CHECK_THAT(explain(policy), Catch::Contains("network: no way out"));
}

TEST_CASE("whoever speaks of the network gets a guard that says why it refuses") {
  Scene scene;
  CHECK_FALSE(scene.policy().names_network);
  scene.user(R"({"network":{"allowedDomains":[],"deniedDomains":[]}})");
  CHECK(scene.policy().names_network);
  CHECK_FALSE(scene.policy().has_way_out());
  scene.user(R"x({"permissions":{"allow":["Read(.)"]}})x");
  CHECK_FALSE(scene.policy().names_network);
  scene.user(R"x({"permissions":{"deny":["WebFetch(domain:a.test)"]}})x");
  CHECK(scene.policy().names_network);
}

TEST_CASE("the caller's own proxy is the way out where no document names one") {
  Scene scene;
  const auto egress = [&] { return scene.policy().network.egress; };
  scene.user(R"({"network":{"allowedDomains":["a.test"],"deniedDomains":[]}})");
  CHECK_FALSE(egress().parent_http);
  scene.sources.environment = {{"HTTP_PROXY", "http://u:p@one.test:1"},
                               {"no_proxy", "b.test, c.test"}};
  REQUIRE(egress().parent_http);
  CHECK(egress().parent_http->host == "one.test");
  CHECK(egress().parent_http->authorization == "Basic dTpw");
  CHECK(egress().parent_https == egress().parent_http);
  CHECK(egress().parent_bypass == std::vector<std::string>{"b.test", "c.test"});
  scene.sources.environment["http_proxy"] = "http://other.test:1";  // of the two the first counts
  scene.sources.environment["https_proxy"] = "two.test:2";
  CHECK(egress().parent_http->host == "one.test");
  CHECK(egress().parent_https->host == "two.test");
  // What cannot be used is told, without the password that may be in it.
  scene.sources.environment["https_proxy"] = "socks5://u:hunter2@two.test:2";
  CHECK_FALSE(egress().parent_https);
  CHECK_THAT(explain(scene.policy()), Catch::Contains("https_proxy is not used"));
  CHECK_THAT(explain(scene.policy()), !Catch::Contains("hunter2"));
  scene.user(R"({"network":{"allowedDomains":["a.test"],"deniedDomains":[],)"
             R"("parentProxy":{"http":"http://mine.test:3"}}})");
  CHECK(egress().parent_http->host == "mine.test");
  CHECK(egress().parent_https->host == "mine.test");
  scene.user(
      R"({"network":{"allowedDomains":["a.test"],"deniedDomains":[],"httpProxyPort":8080}})");
  CHECK_FALSE(egress().parent_http);
  // Under an operator's ceiling the way out is the operator's.
  scene.user(R"({"network":{"allowedDomains":["a.test"],"deniedDomains":[]}})");
  scene.ceiling(R"({"network":{"allowedDomains":["a.test"],"deniedDomains":[]}})");
  CHECK_FALSE(egress().parent_http);
}

TEST_CASE("mitmProxy's socket is found once, and nobody inside may put another one there") {
  Scene scene;
  const auto with = [](const std::string& socket) {
    return R"({"network":{"allowedDomains":["a.test"],"deniedDomains":[],)"
           R"("mitmProxy":{"socketPath":")" +
           socket + R"(","domains":["a.test"]}},)" + Scene::files("", R"("~")").substr(1);
  };
  fs::create_directory_symlink(scene.home() + "/project", scene.home() + "/link");
  scene.user(with("~/link/p.sock"));
  CHECK_THAT(scene.error(), Catch::Contains("/home/link is a symbolic link"));  // a command's?
  scene.user(with("~/project/../project/p.sock"));
  const SandboxPolicy policy = scene.policy();
  CHECK(policy.network.egress.mitm->socket_path == scene.home() + "/project/p.sock");
  CHECK(scene.writes("/home/project"));
  CHECK_FALSE(scene.writes("/home/project/p.sock"));
  CHECK_THAT(explain(policy),
             Catch::Contains("through the proxy at " + scene.home() + "/project/p.sock"));
  // Who wrote a project's settings may be who is to be confined.
  scene.project(with("/tmp/p.sock"));
  CHECK_THAT(scene.error(), Catch::Contains("/network/mitmProxy: may not stand in a project's"));
  scene.project("{}");
  // Under an operator's ceiling the way out is the operator's.
  scene.ceiling(R"({"network":{"allowedDomains":["a.test"],"deniedDomains":[]}})");
  CHECK_THAT(scene.error(), Catch::Contains("/network/mitmProxy: widens"));
  scene.sources.home = "";
  scene.sources.settings_file = scene.root + "/home/.srt-settings.json";
  scene.ceiling("{}");
  CHECK_THAT(scene.error(), Catch::Contains("means a home folder"));
}

TEST_CASE("a ceiling allows nothing by itself") {
  Scene scene;
  scene.ceiling(R"({"network":{"allowedDomains":["*.example.com"],"deniedDomains":[]},)" +
                Scene::files("", R"("~")").substr(1));
  CHECK_FALSE(scene.policy().has_way_out());
  CHECK_FALSE(scene.writes("/home/project"));
}

TEST_CASE("a named file that is missing, empty, unreadable or invalid is an error") {
  Scene scene;
  scene.user(Scene::files("", R"(".")"));
  scene.sources.settings_file = scene.root + "/named.json";
  CHECK_THAT(scene.error(), Catch::Contains("no such settings file"));
  scene.write(*scene.sources.settings_file, "");
  CHECK_FALSE(scene.error().empty());
  scene.write(*scene.sources.settings_file, R"({"filesistem":{}})");
  CHECK_THAT(scene.error(), Catch::Contains("did you mean \"filesystem\"?"));
  scene.sources.settings_file = "";
  CHECK_THAT(scene.error(), Catch::Contains("names no file"));
  scene.sources.settings_file = scene.root;
  CHECK_THAT(scene.error(), Catch::Contains("is not a regular file"));
  if (geteuid() == 0) {
    WARN("skipped: an unreadable file; root can read all");
  } else {
    scene.sources.settings_file = scene.root + "/named.json";
    chmod(scene.sources.settings_file->c_str(), 0);
    CHECK_THAT(scene.error(), Catch::Contains("Permission denied"));
  }
}

TEST_CASE("a file at its usual place that is wrong is no laxer default either") {
  Scene scene;
  SECTION("the user's") { scene.user(""); }
  SECTION("the project's") { scene.project("{"); }
  SECTION("the operator's") { scene.ceiling("[]"); }
  SECTION("a link that leads nowhere") {
    fs::create_symlink("/nowhere", scene.sources.home + "/.srt-settings.json");
  }
  CHECK_FALSE(scene.error().empty());
}

TEST_CASE(
    "the file of -s takes the place of the file at home, and SRT_SETTINGS does unless there is "
    "-s") {
  Scene scene;
  scene.user(Scene::files("", R"("~/other")"));
  scene.write(scene.root + "/a.json", Scene::files("", R"(".")"));
  scene.write(scene.root + "/b.json", Scene::files("", R"("src")"));
  scene.sources.environment["SRT_SETTINGS"] = scene.root + "/b.json";
  CHECK(scene.writes("/home/project/src"));
  CHECK_FALSE(scene.writes("/home/project"));
  scene.sources.settings_file = "../../a.json";  // relative to the working directory
  CHECK(scene.writes("/home/project"));
  CHECK_FALSE(scene.writes("/home/other"));
  CHECK(scene.policy().files == std::vector<std::string>{scene.sources.cwd + "/../../a.json"});
}

TEST_CASE("the user's file, variables and flags add up") {
  Scene scene;
  scene.user(Scene::files(R"("~/other")", R"("src")"));
  scene.sources.environment = {{"SRT_ALLOW_WRITE", "docs:/tmp"}, {"SRT_DENY_READ", "/etc/shadow"}};
  scene.sources.flags.allow_write = {"build"};
  scene.sources.flags.deny_read = {"~/.ssh"};
  for (const char* path : {"src", "docs", "build"}) {
    CHECK(scene.writes(std::string("/home/project/") + path));
  }
  CHECK_FALSE(scene.reads("/home/other"));
  CHECK_FALSE(scene.reads("/home/.ssh"));
  CHECK_FALSE(scene.policy().filesystem.access("/etc/shadow").read);
}

TEST_CASE("a variable that is nearly one of ours is a mistake") {
  Scene scene;
  scene.sources.environment["SRT_DENY_REED"] = "/etc";
  CHECK_THAT(scene.error(), Catch::Contains("did you mean SRT_DENY_READ?"));
  scene.sources.environment = {{"SRT_SOMETHING_ELSE", "x"}, {"PATH", "/bin"}};
  CHECK(scene.error().empty());
}

TEST_CASE("a ceiling bounds what the user opens, and both rules are named") {
  Scene scene;
  scene.ceiling(Scene::files(R"("~/other")", R"("~/project")"));
  scene.user(Scene::files("", R"("src")"));
  CHECK(scene.writes("/home/project/src"));
  CHECK_FALSE(scene.reads("/home/other"));
  scene.sources.flags.allow_write = {"~"};
  CHECK_THAT(scene.error(),
             Catch::Contains("allowWrite \"~\" (--allow-write)") && Catch::Contains("policy.json"));
  scene.sources.flags.allow_write = {"~/other/x"};
  CHECK_THAT(scene.error(), Catch::Contains("is refused by denyRead \"~/other\""));
}

TEST_CASE("a ceiling bounds flags, sockets and resources") {
  Scene scene;
  scene.ceiling(R"({"network":{"allowedDomains":[],"deniedDomains":[],
      "allowUnixSockets":["/run/agents"]},"resources":{"memory":"1g"}})");
  scene.user(R"({"network":{"allowedDomains":[],"deniedDomains":[],
      "allowUnixSockets":["/run/agents/ssh"]},"resources":{"memory":"512m","pids":9}})");
  CHECK(scene.policy().unix_sockets.at(0).path == "/run/agents/ssh");
  CHECK(scene.policy().resources.memory == 512u << 20);
  CHECK(scene.policy().resources.pids == 9u);
  for (const char* text :
       {R"({"resources":{"memory":"2g"}})", R"({"allowNestedUserNamespaces":true})",
        R"({"network":{"allowedDomains":[],"deniedDomains":[],"allowAllUnixSockets":true}})",
        R"({"network":{"allowedDomains":[],"deniedDomains":[],"allowLocalBinding":true}})",
        R"json({"permissions":{"allow":["UnixSocket(/run/docker.sock)"]}})json"}) {
    INFO(text);
    scene.user(text);
    CHECK_FALSE(scene.error().empty());
  }
}

TEST_CASE("a project only narrows, and what it would open is left out with a note") {
  Scene scene;
  scene.user(Scene::files("", R"(".","~/other")"));
  scene.project(R"({"filesystem":{"denyRead":[".env"],"allowRead":["~/.ssh"],
      "allowWrite":["src","/etc"],"denyWrite":[]},
      "allowNestedUserNamespaces":true,"ignoreViolations":{"*":["x"]},"bwrapPath":"/tmp/bwrap"})");
  CHECK(scene.writes("/home/project/src"));
  CHECK_FALSE(scene.writes("/home/project"));
  CHECK_FALSE(scene.writes("/home/other"));
  CHECK_FALSE(scene.reads("/home/project/.env"));
  const SandboxPolicy policy = scene.policy();
  CHECK_FALSE(policy.filesystem.access("/etc").write);
  CHECK_FALSE(policy.flags.allow_nested_user_namespaces);
  CHECK(policy.ignore_violations.empty());
  CHECK(policy.bwrap_path.empty());
  CHECK(policy.notes.size() == 3);
  SECTION("but not what a flag opens") {
    scene.sources.flags.allow_write = {"~/other"};
    CHECK(scene.writes("/home/other"));
    CHECK_FALSE(scene.writes("/home/project"));
  }
}

TEST_CASE("the file in the home folder is the user's own, under whatever name it is named") {
  Scene scene;
  scene.user(Scene::files("", R"(".")"));
  scene.sources.cwd = scene.sources.home;
  CHECK(scene.writes("/home/other"));
  scene.sources.settings_file = "other/../.srt-settings.json";
  CHECK(scene.writes("/home/other"));
  CHECK(scene.policy().files.size() == 1);
}

TEST_CASE("permissions are another spelling of the same rules") {
  Scene scene;
  scene.user(R"json({"permissions":{
      "allow":["WebFetch(domain:github.com)","Read(~/other/x)","Edit(./src)","UnixSocket(/p)"],
      "deny":["WebFetch(domain:x.github.com)","Read(~/other)","Edit(./src/generated)"]}})json");
  const SandboxPolicy policy = scene.policy();
  CHECK(policy.has_way_out());
  CHECK(policy.network.egress.layers.at(0).allowed.at(0).pattern.text == "github.com");
  CHECK(policy.network.egress.layers.at(0).denied.at(0).pattern.text == "x.github.com");
  CHECK(scene.writes("/home/project/src/a"));
  CHECK_FALSE(scene.writes("/home/project/src/generated/a"));
  CHECK_FALSE(scene.reads("/home/other/y"));
  CHECK(scene.reads("/home/other/x"));
  CHECK(policy.unix_sockets.at(0).path == "/p");
}

TEST_CASE("no place of settings can be written, there or not") {
  Scene scene;
  const std::string home = scene.sources.home + "/.srt-settings.json";
  const std::string project = scene.sources.cwd + "/.srt-settings.json";
  CHECK(scene.policy().files.empty());
  CHECK(scene.policy().settings_places == std::vector<std::string>{home, project});
  scene.sources.flags.allow_write = {"/"};
  CHECK(scene.writes("/home/project/x"));
  CHECK_FALSE(scene.writes("/home/.srt-settings.json"));
  CHECK_FALSE(scene.writes("/home/project/.srt-settings.json"));
  SECTION("nor a file that is named, nor what a link to it is") {
    scene.write(scene.root + "/real.json", "{}");
    fs::create_symlink("real.json", scene.root + "/named.json");
    scene.sources.settings_file = scene.root + "/named.json";
    CHECK_FALSE(scene.writes("/real.json"));
    CHECK_FALSE(scene.writes("/named.json"));
  }
}

TEST_CASE("a replacement stands for all but the ceiling") {
  Scene scene;
  scene.user(Scene::files("", R"("~/other")"));
  scene.sources.flags.allow_write = {"src"};
  scene.sources.replacement = Scene::files("", R"(".")");
  CHECK(scene.writes("/home/project"));
  CHECK_FALSE(scene.writes("/home/other"));
  scene.ceiling(Scene::files("", R"("~/other")"));
  CHECK_THAT(scene.error(), Catch::Contains("the control line"));
}

TEST_CASE("explain tells every rule and where it stands") {
  Scene scene;
  scene.user(R"({"network":{"allowedDomains":["*.example.com"],"deniedDomains":["x.example.com"],
      "deniedDomainReasons":{"x.example.com":"not that one"},
      "parentProxy":{"http":"http://u:secret@proxy:3128"}},
      "filesystem":{"denyRead":["~/.ssh"],"allowWrite":["."],"denyWrite":["src/*.lock"]}})");
  scene.project(Scene::files(R"(".env")", R"("src")"));
  const SandboxPolicy policy = scene.policy();
  const std::string text = explain(policy);
  for (const char* part : {"*.example.com", "not that one", "~/.srt-settings.json", "denyRead",
                           "src/*.lock", ".env", "does not exist", "project/.srt-settings.json"}) {
    INFO(text);
    CHECK_THAT(text, Catch::Contains(part));
  }
  const std::string json = to_json(policy, oci::Layout::kCompact);
  CHECK_THAT(json,
             Catch::Contains(policy.hash) && Catch::Contains("\"pattern\":\"*.example.com\""));
  for (const std::string& all : {text, json}) {
    CHECK(all.find("secret") == std::string::npos);
    CHECK(all.find("dTpzZWNyZXQ") == std::string::npos);  // base64 of it
  }
  SECTION("and the hash changes with them") {
    scene.sources.flags.deny_read = {"/etc/shadow"};
    CHECK(scene.policy().hash != policy.hash);
  }
}

TEST_CASE("whether TLS is opened, and by whose authority, is not a project's to say") {
  Scene scene;
  scene.user(R"({"network":{"allowedDomains":["a.org"],"deniedDomains":[],
    "tlsTerminate":{"caCertPath":"ca.crt","caKeyPath":"~/ca.key","excludeDomains":["b.org"]}}})");
  const SandboxPolicy policy = scene.policy();
  REQUIRE(policy.network.egress.tls);
  CHECK(policy.network.egress.tls->excluded.size() == 1);
  CHECK(policy.network.egress.tls->max_tunnels == 256);
  REQUIRE(policy.tls_authority);
  CHECK(policy.tls_authority->certificate == scene.sources.cwd + "/ca.crt");
  CHECK(policy.tls_authority->key == scene.sources.home + "/ca.key");
  // Also where the user's rules say otherwise.
  CHECK_FALSE(scene.reads("/home/ca.key"));
  scene.project(R"({"network":{"allowedDomains":["a.org"],"deniedDomains":[],"tlsTerminate":{}}})");
  CHECK_THAT(scene.error(), Catch::Contains("/network/tlsTerminate: may not stand in a project's"));
}

TEST_CASE("a proxy at a socket and TLS that is opened do not stand together") {
  Scene scene;
  const std::string network = R"({"network":{"allowedDomains":["a.org"],"deniedDomains":[],)";
  scene.ceiling(network + R"("mitmProxy":{"socketPath":"/run/p","domains":["a.org"]}}})");
  scene.user(network + R"("tlsTerminate":{}}})");
  CHECK_THAT(scene.error(), Catch::Contains("tlsTerminate"));
}

TEST_CASE("a masked variable: each author narrows, and a denial holds") {
  Scene scene;
  const std::string network = R"("network":{"allowedDomains":["a.org","b.org"],"deniedDomains":[])";
  const auto mask = [](const std::string& hosts) {
    return R"("credentials":{"envVars":[{"name":"T","mode":"mask","injectHosts":[)" + hosts +
           "]}]}}";
  };
  scene.user("{" + network + "}," + mask(R"("a.org")"));
  CHECK_THAT(scene.error(), Catch::Contains("\"T\": mode \"mask\" needs network.tlsTerminate"));
  scene.user("{" + network + R"(,"tlsTerminate":{}},)" + mask(R"("a.org")"));
  scene.project("{" + network + "}," + mask(R"("a.org","b.org")"));
  const SandboxPolicy policy = scene.policy();
  REQUIRE(policy.masked.size() == 1);
  CHECK(policy.masked[0].hosts.size() == 2);
  CHECK_THAT(explain(policy), Catch::Contains("masked: $T, for a.org and of these a.org, b.org"));
  scene.project(R"({"credentials":{"envVars":[{"name":"T","mode":"deny"}]}})");
  CHECK(scene.policy().masked.empty());
  CHECK(scene.policy().denied_variables == std::vector<std::string>{"T"});
}
