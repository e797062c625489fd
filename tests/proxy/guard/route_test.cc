// Which proxy, if any, an allowed destination is reached through.
#include "proxy/route.h"

#include <utility>

#include <catch2/catch.hpp>

using namespace srt::proxy;

namespace {

Destination to(const std::string& host, uint16_t port) { return {*canonical_host(host), port}; }

EgressPolicy with_parent(std::vector<std::string> bypass) {
  EgressPolicy policy;
  policy.parent_http = ParentProxy{"http.example", 8080, ""};
  policy.parent_https = ParentProxy{"https.example", 8443, "Basic x"};
  policy.parent_bypass = std::move(bypass);
  return policy;
}

}  // namespace

TEST_CASE("route: plain requests and tunnels have parents of their own") {
  const EgressPolicy policy = with_parent({});
  CHECK(choose_route(policy, Way::kHttp, to("a.example", 80), true).proxy_host == "http.example");
  CHECK(choose_route(policy, Way::kConnect, to("a.example", 80), false).authorization == "Basic x");
  CHECK(choose_route({}, Way::kHttp, to("a.example", 80), true).kind == Route::Kind::kDirect);
}

TEST_CASE("route: noProxy names hosts, what is below them, networks and ports") {
  const EgressPolicy policy =
      with_parent({"a.example", ".b.example", "*.c.example", "10.0.0.0/8", "d.example:22"});
  CHECK(bypasses_parent(policy, to("a.example", 80)));
  CHECK(bypasses_parent(policy, to("x.a.example", 80)));
  CHECK_FALSE(bypasses_parent(policy, to("xa.example", 80)));
  CHECK(bypasses_parent(policy, to("x.b.example", 80)));
  CHECK(bypasses_parent(policy, to("x.c.example", 80)));
  CHECK(bypasses_parent(policy, to("10.1.2.3", 80)));
  CHECK_FALSE(bypasses_parent(policy, to("11.1.2.3", 80)));
  CHECK(bypasses_parent(policy, to("d.example", 22)));
  CHECK_FALSE(bypasses_parent(policy, to("d.example", 23)));
  CHECK(bypasses_parent(with_parent({"*"}), to("anything.example", 1)));
  CHECK(bypasses_parent(with_parent({"10.1.2.3/8"}), to("10.9.9.9", 80)));
  CHECK_FALSE(bypasses_parent(with_parent({"10.1.2.3/8"}), to("11.9.9.9", 80)));
}

TEST_CASE("route: what is on this host is not reached through another one") {
  for (const char* host :
       {"localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"}) {
    CAPTURE(host);
    CHECK(bypasses_parent(with_parent({}), to(host, 3000)));
  }
  CHECK_FALSE(bypasses_parent(with_parent({}), to("128.0.0.1", 3000)));
}

TEST_CASE("route: an external proxy is never bypassed") {
  EgressPolicy policy = with_parent({"*"});
  policy.external_socks_port = 9;
  for (const Way way : {Way::kHttp, Way::kConnect, Way::kSocks, Way::kTransparent}) {
    const Route route = choose_route(policy, way, to("a.example", 80), way == Way::kHttp);
    CHECK(route.kind == Route::Kind::kSocksProxy);
    CHECK(route.proxy_port == 9);
  }
}

TEST_CASE("route: what mitmProxy names goes to its socket before all other ways") {
  EgressPolicy policy = with_parent({"*"});
  policy.external_http_port = policy.external_socks_port = 9;
  policy.mitm.emplace().socket_path = "/run/proxy";
  for (const char* text : {"a.example", "*.b.example", "c.example", "10.0.0.1", "localhost"}) {
    policy.mitm->domains.push_back(*DomainPattern::parse(text, PatternList::kAllow));
  }
  for (const Way way : {Way::kHttp, Way::kConnect, Way::kSocks, Way::kTransparent}) {
    for (const auto& [host, port] :
         {std::pair{"a.example", 80}, std::pair{"A.Example.", 443}, std::pair{"x.b.example", 22},
          std::pair{"c.example", 8443}, std::pair{"10.0.0.1", 80}, std::pair{"localhost", 3000}}) {
      CAPTURE(host, port);
      const Route route =
          choose_route(policy, way, to(host, static_cast<uint16_t>(port)), way == Way::kHttp);
      CHECK(route.kind == Route::Kind::kUnixProxy);
      CHECK(route.proxy_host == "/run/proxy");
      CHECK(route.authorization.empty());  // the parent's is not for it
    }
    for (const auto& [host, port] :
         {std::pair{"x.a.example", 80}, std::pair{"b.example", 443}, std::pair{"10.0.0.2", 80}}) {
      CAPTURE(host, port);
      CHECK(choose_route(policy, way, to(host, static_cast<uint16_t>(port)), way == Way::kHttp)
                .proxy_port == 9);
    }
  }
}
