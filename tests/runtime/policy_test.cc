#include "runtime/policy.h"

#include <string>

#include <catch2/catch.hpp>

#include "proxy/decision.h"
#include "tests/runtime/policy_scene.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT
using Scene = srt::test::PolicyScene;

namespace {

constexpr char kAllowed[] = "dev.srt.network.allowedDomains";
constexpr char kDenied[] = "dev.srt.network.deniedDomains";

bool allows(const EffectivePolicy& policy, const std::string& host, uint16_t port) {
  const auto canonical = proxy::canonical_host(host);
  REQUIRE(canonical);
  return proxy::decide(policy.egress, {*canonical, port}).allowed;
}

}  // namespace

TEST_CASE("where nobody says anything there is no policy") {
  Scene scene;
  const EffectivePolicy policy = scene.policy();
  CHECK_FALSE(policy.present);
  CHECK(policy.sources.empty());
  scene.write("srt.json", "{}");
  CHECK_FALSE(scene.policy().present);
}

TEST_CASE("a bundle's srt.json holds, and its rules say where they stand") {
  Scene scene;
  scene.bundle(R"("*.example.com","10.1.2.3:5432")",
               R"("deniedDomainReasons":{"x":"unused"},"strictAllowlist":true)");
  const EffectivePolicy policy = scene.policy();
  REQUIRE(policy.present);
  REQUIRE(policy.egress.layers.size() == 1);
  CHECK(policy.egress.layers[0].allowed[0].origin == "srt.json");
  CHECK(policy.egress.strict);
  CHECK(policy.notes.size() == 1);
  CHECK(allows(policy, "a.example.com", 443));
  CHECK_FALSE(allows(policy, "example.com", 443));
  CHECK(allows(policy, "10.1.2.3", 5432));
  CHECK_FALSE(allows(policy, "10.1.2.3", 22));
}

TEST_CASE("a denial carries the reason that was written for its entry") {
  Scene scene;
  scene.write("srt.json", R"({"network":{"allowedDomains":["*.example.com"],
    "deniedDomains":["b.example.com"],"deniedDomainReasons":{"b.example.com":"ask first"}}})");
  const EffectivePolicy policy = scene.policy();
  CHECK(policy.egress.layers[0].denied[0].reason == "ask first");
  CHECK_FALSE(allows(policy, "b.example.com", 443));
}

TEST_CASE("annotations hold as a document, as a path and as lists") {
  Scene scene;
  SECTION("document") {
    scene.sources.annotations["dev.srt.policy"] = Scene::document(R"("a.example.com")", "");
  }
  SECTION("path") {
    scene.write("elsewhere.json", Scene::document(R"("a.example.com")", ""));
    scene.sources.annotations["dev.srt.policy"] = scene.dir / "elsewhere.json";
  }
  SECTION("lists") { scene.sources.annotations[kAllowed] = " a.example.com ,b.example.com"; }
  SECTION("lists parted by blanks") {
    scene.sources.annotations[kAllowed] = "b.example.com\t a.example.com";
  }
  scene.sources.annotations[kDenied] = "b.example.com";
  scene.sources.annotations["org.example"] = "not ours";
  const EffectivePolicy policy = scene.policy();
  REQUIRE(policy.present);
  REQUIRE(policy.egress.layers.size() == 1);  // one author
  CHECK(allows(policy, "a.example.com", 443));
  CHECK_FALSE(allows(policy, "b.example.com", 443));
  CHECK(policy.egress.layers[0].denied[0].origin == std::string("annotation ") + kDenied);
}

TEST_CASE("an empty list of allowed domains is a policy that allows nothing") {
  Scene scene;
  scene.sources.annotations[kAllowed] = "";
  const EffectivePolicy policy = scene.policy();
  CHECK(policy.present);
  CHECK_FALSE(allows(policy, "example.com", 443));
}

TEST_CASE("an annotation that is wrong is refused") {
  Scene scene;
  SECTION("unknown") {
    scene.sources.annotations["dev.srt.network.alowedDomains"] = "a.example.com";
    CHECK_THAT(scene.error(), Catch::Contains(R"(did you mean "dev.srt.network.allowedDomains"?)"));
  }
  SECTION("any dev.srt. name") {
    scene.sources.annotations["dev.srt.x"] = "";
    CHECK_THAT(scene.error(), Catch::Contains("is not a known annotation"));
  }
  SECTION("an empty entry") {
    scene.sources.annotations[kAllowed] = "a.example.com,,b.example.com";
    CHECK_THAT(scene.error(), Catch::Contains("has an empty entry"));
  }
  SECTION("a pattern") {
    scene.sources.annotations[kAllowed] = "a.example.com,*";
    CHECK_THAT(scene.error(), Catch::Contains(kAllowed));
  }
  SECTION("a relative path is no document") {
    scene.sources.annotations["dev.srt.policy"] = "policy.json";
    CHECK_THAT(scene.error(), Catch::Contains("annotation dev.srt.policy"));
  }
  SECTION("a path that is not there") {
    scene.sources.annotations["dev.srt.policy"] = scene.dir / "none.json";
    CHECK_THAT(scene.error(), Catch::Contains("none.json: open: No such file"));
  }
  SECTION("two documents") {
    scene.bundle("");
    scene.sources.annotations["dev.srt.policy"] = "{}";
    CHECK_THAT(scene.error(), Catch::Contains("the bundle has a srt.json as well"));
  }
}

TEST_CASE("a bundle is within its ceiling or refused") {
  struct Case {
    std::string ceiling, bundle;
    bool within;
  };
  const Case c = GENERATE(values<Case>({
      {R"("a.example.com")", R"("a.example.com")", true},
      {R"("a.example.com")", R"("A.example.COM")", true},
      {R"("a.example.com")", R"("a.example.com:443")", true},
      {R"("a.example.com:443")", R"("a.example.com")", false},
      {R"("a.example.com:443")", R"("a.example.com:22")", false},
      {R"("*.example.com")", R"("a.example.com")", true},
      {R"("*.example.com")", R"("*.a.example.com")", true},
      {R"("*.example.com")", R"("*.example.com:443")", true},
      {R"("*.example.com")", R"("example.com")", false},
      {R"("*.example.com")", R"("aexample.com")", false},
      {R"("*.example.com")", R"("a.example.com.evil.org")", false},
      {R"("*.a.example.com")", R"("*.example.com")", false},
      {R"("a.example.com","b.example.com")", R"("b.example.com","a.example.com")", true},
      {R"("a.example.com","b.example.com")", R"("*.example.com")", false},
      {R"("10.0.0.1")", R"("10.0.0.1:80")", true},
      {R"("10.0.0.1")", R"("0x0a000001")", true},
      {R"("10.0.0.1")", R"("10.0.0.2")", false},
      {R"("localhost")", R"("localhost:3000")", true},
      {"", R"("a.example.com")", false},
      {R"("a.example.com")", "", true},
  }));
  CAPTURE(c.ceiling, c.bundle);
  Scene scene;
  scene.ceiling(c.ceiling);
  scene.bundle(c.bundle);
  CHECK(scene.error().empty() == c.within);
}

TEST_CASE("a widening names both rules and where they stand, every one of them") {
  Scene scene;
  scene.ceiling(R"("a.example.com:443","b.example.com")");
  scene.bundle(R"("a.example.com","evil.org")");
  const std::string text = scene.error();
  CHECK_THAT(text,
             Catch::Contains(R"("a.example.com" (srt.json) is wider than "a.example.com:443")"));
  CHECK_THAT(text, Catch::Contains(R"("evil.org" (srt.json) is not within)"));
  CHECK_THAT(text, Catch::Contains(scene.sources.operator_file));
}

TEST_CASE("a ceiling holds for a bundle that says nothing, and its denials are added") {
  Scene scene;
  scene.write("policy.json", R"({"network":{"allowedDomains":["*.example.com"],
    "deniedDomains":["secret.example.com"],"deniedResolvedAddresses":["10.0.0.0/8"]}})");
  EffectivePolicy policy = scene.policy();
  CHECK(policy.present);
  CHECK(allows(policy, "a.example.com", 443));
  CHECK_FALSE(allows(policy, "secret.example.com", 443));
  CHECK_FALSE(allows(policy, "other.org", 443));

  scene.bundle(R"("secret.example.com","b.example.com")",
               R"("deniedResolvedAddresses":["192.168.0.0/16","10.0.0.0/8"])");
  policy = scene.policy();
  REQUIRE(policy.egress.layers.size() == 2);
  CHECK(allows(policy, "b.example.com", 443));
  CHECK_FALSE(allows(policy, "a.example.com", 443));
  CHECK_FALSE(allows(policy, "secret.example.com", 443));
  CHECK(policy.egress.denied_addresses.size() == 2);
}

TEST_CASE("an annotation that only denies leaves the rest to the ceiling") {
  Scene scene;
  scene.ceiling(R"("*.example.com")");
  scene.sources.annotations[kDenied] = "b.example.com";
  const EffectivePolicy policy = scene.policy();
  CHECK(allows(policy, "a.example.com", 443));
  CHECK_FALSE(allows(policy, "b.example.com", 443));
  scene.sources.annotations = {
      {"dev.srt.policy", R"j({"permissions":{"deny":["WebFetch(domain:b.example.com)"]}})j"}};
  const EffectivePolicy other = scene.policy();
  CHECK(allows(other, "a.example.com", 443));
  CHECK_FALSE(allows(other, "b.example.com", 443));
  scene.sources.operator_file.clear();
  CHECK_FALSE(allows(scene.policy(), "a.example.com", 443));  // no ceiling: nothing is allowed
}

TEST_CASE("the file of --policy is a second ceiling, itself under the first") {
  Scene scene;
  scene.ceiling(R"("*.example.com")");
  scene.write("second.json", Scene::document(R"("a.example.com","b.example.com")", ""));
  scene.sources.policy_file = scene.dir / "second.json";
  scene.bundle(R"("a.example.com")");
  CHECK(scene.policy().egress.layers.size() == 3);
  scene.bundle(R"("c.example.com")");
  CHECK_THAT(scene.error(), Catch::Contains("second.json"));
  scene.write("second.json", Scene::document(R"("other.org")", ""));
  scene.bundle("");
  CHECK_THAT(scene.error(), Catch::Contains(R"("other.org")"));
  scene.sources.policy_file = scene.dir / "none.json";
  CHECK_THAT(scene.error(), Catch::Contains("No such file"));
}

TEST_CASE("a replacement stands in for all that the bundle says, under the same ceiling") {
  Scene scene;
  scene.ceiling(R"("*.example.com")");
  scene.bundle(R"("a.example.com")");
  scene.write("new.json", Scene::document(R"("b.example.com")", ""));
  scene.sources.replacement = scene.dir / "new.json";
  const EffectivePolicy policy = scene.policy();
  CHECK(allows(policy, "b.example.com", 443));
  CHECK_FALSE(allows(policy, "a.example.com", 443));
  scene.write("new.json", Scene::document(R"("other.org")", ""));
  CHECK_THAT(scene.error(), Catch::Contains(R"("other.org")"));
}

TEST_CASE("under a ceiling the ways out are the operator's to say") {
  Scene scene;
  const std::string more = GENERATE(values<std::string>({
      R"("parentProxy":{"http":"http://10.0.0.1:3128"})",
      R"("httpProxyPort":8080)",
      R"("socksProxyPort":1080)",
      R"("publish":["8080:80"])",
  }));
  CAPTURE(more);
  scene.bundle("", more);
  CHECK(scene.error().empty());  // no ceiling
  scene.ceiling("");
  CHECK(!scene.error().empty());
  scene.ceiling("", more);
  CHECK(scene.error().empty());  // as the ceiling says
}

TEST_CASE("the socket of mitmProxy is an operator's to name") {
  // The runtime may be root, and an annotation anybody's: the guard would speak to docker for a container.
  Scene scene;
  const std::string mitm = R"("mitmProxy":{"socketPath":"/p.sock","domains":["a.example.com"]})";
  scene.bundle(R"("a.example.com")", mitm);
  CHECK_THAT(scene.error(), Catch::Contains("/network/mitmProxy: may stand in an operator's"));
  scene.ceiling(R"("a.example.com")");
  CHECK_THAT(scene.error(), Catch::Contains("/network/mitmProxy: may stand in an operator's"));
  scene.ceiling(R"("a.example.com")", mitm);
  CHECK(scene.policy().egress.mitm->socket_path == "/p.sock");
  scene.bundle(R"("a.example.com")");
  CHECK(scene.policy().egress.mitm->domains.size() == 1);
  scene.bundle(R"("a.example.com")",
               R"("mitmProxy":{"socketPath":"/other.sock","domains":["a.example.com"]})");
  CHECK_THAT(scene.error(), Catch::Contains("/network/mitmProxy"));
  scene.bundle(R"("a.example.com")");
  scene.ceiling(R"("a.example.com")",
                R"("mitmProxy":{"socketPath":"~/p.sock","domains":["a.example.com"]})");
  CHECK_THAT(scene.error(), Catch::Contains("socketPath: means a home folder"));
}

TEST_CASE("published ports are those of the bundle, on an address that the ceiling covers") {
  Scene scene;
  scene.ceiling("", R"("publish":["0.0.0.0:8080:80","9090"])");
  CHECK(scene.policy().publish.empty());
  scene.bundle("", R"("publish":["127.0.0.1:8080:80"])");
  REQUIRE(scene.policy().publish.size() == 1);
  CHECK(scene.policy().publish[0].to_text() == "127.0.0.1:8080:80");
  scene.bundle("", R"("publish":["0.0.0.0:9090:9090"])");
  CHECK_THAT(scene.error(), Catch::Contains("is not among the ports of"));
}

TEST_CASE("the audit file is the operator's to name, and what a ceiling sets stands") {
  Scene scene;
  scene.write("srt.json", R"({"audit":{"file":"/etc/passwd"}})");
  CHECK_THAT(scene.error(), Catch::Contains("may stand in an operator's policy only"));
  scene.write("srt.json", R"({"audit":{"maxBytes":"1m"}})");
  CHECK(scene.policy().audit.max_bytes == 1u << 20);
  scene.write("policy.json", R"({"audit":{"file":"/var/log/srt","maxBytes":"2m"}})");
  CHECK_THAT(scene.error(), Catch::Contains("/audit/maxBytes: is set by"));
  scene.write("srt.json", "{}");
  CHECK(scene.policy().audit.file == "/var/log/srt");
}

TEST_CASE("TLS is opened for no container") {
  Scene scene;
  scene.write("srt.json",
              R"({"network":{"allowedDomains":[],"deniedDomains":[],"tlsTerminate":{}}})");
  CHECK_THAT(scene.error(), Catch::Contains("/network/tlsTerminate: is not supported"));
}

TEST_CASE("a key that nothing would hold is refused, one without effect is noted") {
  Scene scene;
  scene.write("srt.json", R"j({"git":{"safeDirectories":["/x"]},
    "resources":{"pids":1},"permissions":{"allow":["UnixSocket(/run/s)"]
}
})j");
  const std::string text = scene.error();
  CHECK_THAT(text, Catch::Contains("srt.json: /git: is not supported"));
  CHECK_THAT(text, Catch::Contains("srt.json: /resources: is not supported"));
  CHECK_THAT(text, Catch::Contains("srt.json: /permissions/allow"));
  scene.write("srt.json", R"({"windows":{},"filesystem":{"disabled":true,"denyRead":[],
    "allowWrite":[],"denyWrite":[]}})");
  CHECK(scene.policy().notes ==
        std::vector<std::string>{"srt.json: /windows: has no effect on a container"});
}

// The mounts that hold them are made when the container is.
TEST_CASE("the filesystem rules of a running container are not replaced") {
  Scene scene;
  scene.write("new.json", R"({"filesystem":{"denyRead":[],"allowWrite":[],"denyWrite":[]}})");
  scene.sources.replacement = scene.dir / "new.json";
  CHECK_THAT(scene.error(), Catch::Contains("of a running container cannot be changed"));
}

TEST_CASE("permissions are another spelling of the domain rules") {
  Scene scene;
  scene.write("srt.json", R"j({"permissions":{"allow":["WebFetch(domain:*.example.com)"],
    "deny":["WebFetch(domain:b.example.com)"]
}
})j");
  const EffectivePolicy policy = scene.policy();
  CHECK(policy.egress.layers.size() == 1);
  CHECK(allows(policy, "a.example.com", 443));
  CHECK_FALSE(allows(policy, "b.example.com", 443));
  scene.ceiling(R"("a.example.com")");
  CHECK_THAT(scene.error(), Catch::Contains("is wider than"));
}

TEST_CASE("a network policy needs a network namespace") {
  Scene scene;
  oci::Spec spec;
  CHECK(check_enforceable(scene.policy(), spec));  // no policy
  scene.bundle("");
  const EffectivePolicy policy = scene.policy();
  CHECK_FALSE(check_enforceable(policy, spec));
  spec.linux_.emplace().namespaces.emplace().push_back({oci::NamespaceType::kPid, {}});
  const Result<void> refused = check_enforceable(policy, spec);
  REQUIRE_FALSE(refused);
  CHECK_THAT(to_string(refused.error()),
             Catch::Contains("rules of srt.json could not be enforced"));
  spec.linux_->namespaces->push_back({oci::NamespaceType::kNetwork, {}});
  CHECK(check_enforceable(policy, spec));
}
