#include "runtime/proxy_environment.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

using Environment = std::vector<std::string>;

proxy::EgressPolicy allowing(const std::string& rule) {
  proxy::EgressPolicy policy;
  const auto pattern = proxy::DomainPattern::parse(rule, proxy::PatternList::kAllow);
  REQUIRE(pattern);
  policy.layers.emplace_back().allowed.push_back({*pattern, "test", ""});
  return policy;
}

// Every value that a name has.
Environment values(const Environment& environment, const std::string& name) {
  Environment out;
  for (const std::string& entry : environment) {
    if (entry.starts_with(name + "=")) out.push_back(entry.substr(name.size() + 1));
  }
  return out;
}

std::string value(const Environment& environment, const std::string& name) {
  const Environment all = values(environment, name);
  return all.size() == 1 ? all[0] : std::to_string(all.size()) + " times";
}

}  // namespace

TEST_CASE("a program finds the proxy under every name, in both cases") {
  Environment environment;
  set_proxy_environment(environment, {});
  for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY",
                           "DOCKER_HTTP_PROXY", "DOCKER_HTTPS_PROXY", "http_proxy", "https_proxy",
                           "all_proxy", "grpc_proxy", "docker_http_proxy", "docker_https_proxy"}) {
    CAPTURE(name);
    CHECK(value(environment, name) == "http://localhost:3128");
  }
  for (const char* name : {"FTP_PROXY", "ftp_proxy"}) {
    CHECK(value(environment, name) == "socks5h://localhost:1080");
  }
  for (const char* name : {"RSYNC_PROXY", "rsync_proxy"}) {
    CHECK(value(environment, name) == "localhost:3128");
  }
  for (const char* name : {"NO_PROXY", "no_proxy"}) {
    CHECK(value(environment, name) ==
          "localhost,127.0.0.1,::1,169.254.0.0/16,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16");
  }
  CHECK(value(environment, "NODE_USE_ENV_PROXY") == "1");
  CHECK(value(environment, "CLOUDSDK_PROXY_TYPE") == "http");
  CHECK(value(environment, "CLOUDSDK_PROXY_ADDRESS") == "localhost");
  CHECK(value(environment, "CLOUDSDK_PROXY_PORT") == "3128");
  const std::string java = value(environment, "JAVA_TOOL_OPTIONS");
  CHECK_THAT(java, Catch::StartsWith("-Dhttp.proxyHost=localhost -Dhttp.proxyPort=3128 "
                                     "-Dhttps.proxyHost=localhost -Dhttps.proxyPort=3128"));
  CHECK_THAT(java, Catch::EndsWith("|172.31.*|192.168.*"));
  CHECK_THAT(java, Catch::Contains("-Dhttp.nonProxyHosts=localhost|127.*|[::1]|169.254.*|10.*|"));
}

TEST_CASE("what the host had is replaced, what is not about proxies stays in its order") {
  Environment environment = {"PATH=/bin",
                             "HTTP_PROXY=http://user:secret@corp:8080",
                             "http_proxy=http://user:secret@corp:8080",
                             "https_proxy=x",
                             "https_proxy=y",
                             "NO_PROXY=*",
                             "CLOUDSDK_PROXY_USERNAME=user",
                             "CLOUDSDK_PROXY_PASSWORD=secret",
                             "HTTP_PROXY_LIKE=kept",
                             "HOME=/root"};
  set_proxy_environment(environment, {});
  CHECK(environment[0] == "PATH=/bin");
  CHECK(environment[1] == "HTTP_PROXY_LIKE=kept");
  CHECK(environment[2] == "HOME=/root");
  CHECK(value(environment, "https_proxy") == "http://localhost:3128");
  for (const std::string& entry : environment) CHECK(entry.find("secret") == std::string::npos);
}

TEST_CASE("setting the variables twice is as good as once") {
  Environment once = {"A=b"};
  set_proxy_environment(once, {});
  Environment twice = once;
  std::erase_if(twice, [](const auto& entry) { return entry.starts_with("JAVA_TOOL_OPTIONS="); });
  set_proxy_environment(twice, {});
  CHECK(twice == once);
}

TEST_CASE("JAVA_TOOL_OPTIONS keeps what it had, ours behind it") {
  Environment environment = {"JAVA_TOOL_OPTIONS=-Xmx1g -Dhttp.proxyHost=corp"};
  set_proxy_environment(environment, {}, {8080, 1081});
  CHECK_THAT(value(environment, "JAVA_TOOL_OPTIONS"),
             Catch::StartsWith("-Xmx1g -Dhttp.proxyHost=corp -Dhttp.proxyHost=localhost "
                               "-Dhttp.proxyPort=8080 "));
  CHECK(value(environment, "FTP_PROXY") == "socks5h://localhost:1081");
}

TEST_CASE("an address that a rule allows is reached by the proxy") {
  struct Case {
    std::string rule;
    std::string missing;  // of NO_PROXY
  };
  const Case c = GENERATE(Catch::Generators::values<Case>({
      {"10.1.2.3:5432", "10.0.0.0/8"},
      {"172.20.0.1", "172.16.0.0/12"},
      {"192.168.1.1", "192.168.0.0/16"},
      {"127.0.0.1:3000", "127.0.0.1"},
      {"[::1]:3000", "::1"},
      {"localhost:3000", "localhost"},
      {"localhost", "127.0.0.1"},
      {"localhost", "::1"},
  }));
  CAPTURE(c.rule, c.missing);
  const Environment without = directly_reached(allowing(c.rule));
  CHECK(std::find(without.begin(), without.end(), c.missing) == without.end());
  CHECK(without.size() >= 4);
  const Environment with = directly_reached(allowing("example.com"));
  CHECK(std::find(with.begin(), with.end(), c.missing) != with.end());
}

TEST_CASE("a guard that asks for a token is given with it, to whoever can send one") {
  Environment environment = {"CLOUDSDK_PROXY_PASSWORD=of-the-host"};
  set_proxy_environment(environment, proxy::EgressPolicy(),
                        {.http = 4711, .socks = 4711, .token = "t0ken"});
  for (const char* name : {"HTTP_PROXY", "https_proxy", "ALL_PROXY"}) {
    CHECK(values(environment, name) == Environment{"http://srt:t0ken@localhost:4711"});
  }
  CHECK(values(environment, "FTP_PROXY") == Environment{"socks5h://srt:t0ken@localhost:4711"});
  CHECK(values(environment, "CLOUDSDK_PROXY_USERNAME") == Environment{"srt"});
  CHECK(values(environment, "CLOUDSDK_PROXY_PASSWORD") == Environment{"t0ken"});
}
