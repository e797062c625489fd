#include <string>

#include <catch2/catch.hpp>

#include "runtime/policy.h"
#include "tests/runtime/policy_scene.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT
using Scene = srt::test::PolicyScene;

TEST_CASE("the monitor reads the policy that was written for it") {
  Scene scene;
  scene.ceiling(R"("*.example.com","localhost","[2001:db8::1]:443","b.example.org:22")",
                R"("parentProxy":{"http":"http://me:hunter2@10.0.0.1:3128","noProxy":".a,*"},
                   "deniedResolvedAddresses":["10.0.0.0/8","fc00::/7"],"publish":["8080:80"],
                   "mitmProxy":{"socketPath":"/run/p.sock","domains":["*.b.example.com","::1"]},
                   "strictAllowlist":true,"refuseOpaqueTunnels":true,
                   "stripResponseHeaders":["Set_Cookie","set-cookie"])");
  scene.write("srt.json", R"({"network":{"allowedDomains":["a.example.com"],
    "deniedDomains":["*:22"],"deniedDomainReasons":{"*:22":"no ssh"},"publish":["8080:80"]},
    "audit":{"keep":3},"allowPty":true})");
  const EffectivePolicy policy = scene.policy();
  for (const oci::Layout layout : {oci::Layout::kCompact, oci::Layout::kPretty}) {
    const auto again = parse_effective_policy(to_json(policy, Secrets::kShown, layout), "policy");
    INFO((again ? std::string() : to_string(again.error())));
    REQUIRE(again);
    CHECK(*again == policy);
  }
  const std::string shown = to_json(policy, Secrets::kHidden, oci::Layout::kPretty);
  CHECK(shown.find("Basic") == std::string::npos);
  const auto hidden = parse_effective_policy(shown, "policy");
  REQUIRE_FALSE(hidden);
  CHECK_THAT(to_string(hidden.error()), Catch::Contains("/parentHttp/authorization: is hidden"));
}

TEST_CASE("a policy's hash is that of what holds, and changes with it") {
  Scene scene;
  scene.bundle(R"("a.example.com")");
  const std::string first = scene.policy().hash;
  CHECK(first.size() == 64);
  scene.bundle(R"( "a.example.com" )");
  CHECK(scene.policy().hash == first);
  scene.bundle(R"("b.example.com")");
  CHECK(scene.policy().hash != first);
}

TEST_CASE("a policy text that was tampered with is refused") {
  const std::string text = GENERATE(values<std::string>({
      "",
      "{}",
      R"({"present":true})",
      R"({"present":true,"layers":[{"allowed":[{"pattern":"*","origin":"x"}],"denied":[]}],"strict":false,"deniedAddresses":[],"parentBypass":[],"publish":[],"audit":{"file":"","maxBytes":1,"keep":0},"sources":[],"notes":[]})",
      R"({"present":true,"layers":[],"strict":false,"deniedAddresses":[],"parentBypass":[],"mitmProxy":{"socketPath":"p","domains":[]},"publish":[],"audit":{"file":"","maxBytes":1,"keep":0},"sources":[],"notes":[]})",
      R"({"present":true,"layers":[],"strict":false,"deniedAddresses":[],"parentBypass":[],"mitmProxy":{"socketPath":"/p","domains":["*"]},"publish":[],"audit":{"file":"","maxBytes":1,"keep":0},"sources":[],"notes":[]})",
      R"({"present":true,"layers":[],"strict":false,"deniedAddresses":["x"],"parentBypass":[],"publish":[],"audit":{"file":"","maxBytes":1,"keep":0},"sources":[],"notes":[]})",
      R"({"present":true,"layers":[],"strict":false,"deniedAddresses":[],"parentBypass":[],"publish":["x"],"audit":{"file":"","maxBytes":1,"keep":0},"sources":[],"notes":[]})",
      R"({"present":true,"layers":[],"strict":false,"deniedAddresses":[],"parentBypass":[],"publish":[],"audit":{"file":"","maxBytes":1,"keep":0},"sources":[],"notes":[],"more":1})",
  }));
  CAPTURE(text);
  CHECK_FALSE(parse_effective_policy(text, "policy"));
}
