#include "runtime/settings.h"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

std::string problems(const std::string& json) {
  const oci::Checked<Settings> settings = parse_settings(json, "s");
  return settings ? std::string() : to_string(settings.error());
}

std::string network(const std::string& more) {
  return R"({"network":{"allowedDomains":[],"deniedDomains":[])" +
         std::string(more.empty() ? "" : ",") + more + "}}";
}

std::string filesystem(const std::string& more) {
  return R"({"filesystem":{"denyRead":[],"allowWrite":[],"denyWrite":[])" +
         std::string(more.empty() ? "" : ",") + more + "}}";
}

std::string allowed(const std::string& entry) {
  return R"({"network":{"allowedDomains":[")" + entry + R"("],"deniedDomains":[]}})";
}

std::string denied(const std::string& entry) {
  return R"({"network":{"allowedDomains":[],"deniedDomains":[")" + entry + R"("]}})";
}

}  // namespace

TEST_CASE("a document that is right is read, and what is printed reads as the same") {
  const std::string document = GENERATE_COPY(values<std::string>({
      "{}",
      network(""),
      filesystem(""),
      allowed("github.com"),
      allowed("*.github.com"),
      allowed("github.com:443"),
      allowed("[2001:db8::1]"),
      allowed("[2001:db8::1]:443"),
      allowed("10.1.2.3:5432"),
      allowed("localhost"),
      allowed("localhost:3000"),
      denied("*"),
      denied("*:22"),
      denied("evil.example.com"),
      network(R"("deniedDomainReasons":{"x.example.com":"no"})"),
      network(R"("strictAllowlist":true)"),
      network(R"("deniedResolvedAddresses":["10.0.0.0/8","10.1.2.3/8","fc00::/7","192.168.1.10"])"),
      network(R"("allowUnixSockets":["/run/x.sock"],"allowAllUnixSockets":false)"),
      network(R"("allowLocalBinding":true,"allowMachLookup":["com.example.*","*"])"),
      network(R"("httpProxyPort":8080,"socksProxyPort":65535)"),
      network(R"("parentProxy":{"http":"http://proxy:3128"})"),
      network(R"("mitmProxy":{"socketPath":"/run/p.sock","domains":["a.b","*.c.org"]})"),
      network(R"("mitmProxy":{"socketPath":"~/p.sock","domains":["::1","10.0.0.1"]})"),
      network(R"("mitmProxy":{"socketPath":"/)" + std::string(106, 's') +
              R"(","domains":["localhost"]})"),
      network(R"("parentProxy":{"https":"http://u:p@10.0.0.1:3128/","noProxy":".a, 10.0.0.0/8"})"),
      network(R"("publish":["8080","8080:80","0.0.0.0:8080:80","[::1]:8080:80"])"),
      network(R"("allowPlaintextHeaderSet":false,"refuseOpaqueTunnels":false)"),
      network(R"("stripResponseHeaders":["set-cookie"],"refuseOpaqueTunnels":true)"),
      network(R"("requireHostMatch":true,"allowPlaintextHeaderSet":true)"),
      network(R"("ambiguousRequestTarget":"refuse")"),
      network(R"("deniedResolvedAddresses":["fe80::1%eth0","fe80::%eth0/64"])"),
      network(R"("deniedDomainReasons":{"a.example.com":"two\nlines"})"),
      network(
          R"("parentProxy":{"http":" http://proxy:3128\n","noProxy":"a.example.com,\n\tb.example.com"})"),
      R"({"network":{"allowedDomains":["[::1]"],"deniedDomains":[]},"credentials":{"envVars":[{"name":"A","mode":"deny","injectHosts":["::1"]}]}})",
      R"_({"credentials":{"files":[{"path":"/a","mode":"deny","extract":"(?<token>\\S+)"}]}})_",
      R"({"$schema":"https://example.com/srt.json"})",
      R"({"credentials":{"allowPlaintextInject":true,"sigv4":{"streaming":"passthrough"}}})",
      R"({"windows":{"sandboxUser":"éééééééééééééééééééé","sublayerGuid":"01234567-89ab-CDEF-0123-456789abcdef"}})",
      filesystem(R"("disabled":true)"),
      filesystem(R"("allowRead":["~/x",{"path":"a[1]","literal":true}],"allowGitConfig":true)"),
      R"({"filesystem":{"denyRead":["**/.env","~/.ssh","/a/*/b/**"],"allowWrite":["."],"denyWrite":["a/"]}})",
      R"({"ignoreViolations":{"*":["/tmp"],"npm test":[]}})",
      R"({"enableWeakerNestedSandbox":true,"allowNestedUserNamespaces":true})",
      R"({"enableWeakerNetworkIsolation":true,"allowAppleEvents":false,"allowPty":true})",
      R"({"ripgrep":{"command":"rg","args":["-u"],"argv0":"x"}})",
      R"({"mandatoryDenySearchDepth":10})",
      R"({"seccomp":{"applyPath":"/x","argv0":"y"}})",
      R"({"bwrapPath":"/usr/bin/bwrap","socatPath":"/usr/bin/socat","javaAgentJarPath":"/a.jar"})",
      R"({"git":{"safeDirectories":["/a"]}})",
      R"({"windows":{"backend":"srt-win","proxyPortRange":[1000,1064],"srtWin":{"path":"C:\\x"}}})",
      R"({"docker":{"image":"i","env":{"A":"b"},"volumes":["/a:/b"],"cpuLimit":1.5,"memoryLimit":"1g"}})",
      R"({"resources":{"memory":"512m","cpus":0.25,"pids":100}})",
      R"({"resources":{"memory":1048576,"cpus":"2"}})",
      R"({"audit":{"file":"/var/log/a","maxBytes":"8MiB","keep":0}})",
      R"j({"permissions":{"allow":["WebFetch(domain:github.com)","Read(.)","Edit(./src)","UnixSocket(/p)"],"deny":["WebFetch(domain:*)","Read(/etc)"]}})j",
  }));
  CAPTURE(document);
  const oci::Checked<Settings> settings = parse_settings(document, "s");
  INFO((settings ? std::string() : to_string(settings.error())));
  REQUIRE(settings);
  const oci::Checked<Settings> again = parse_settings(print_settings(*settings), "s");
  INFO(print_settings(*settings));
  REQUIRE(again);
  CHECK(*again == *settings);
}

TEST_CASE("a mistake is refused where it stands") {
  struct Case {
    std::string document;
    std::string message;  // a part of it
  };
  const Case c = GENERATE_COPY(values<Case>({
      {"", "is empty"},
      {" \n\t", "is empty"},
      {"[]", "must be an object"},
      {"null", "must be an object"},
      {"{} {}", "line 1"},
      {R"({"a":1,"a":1})", "is there twice"},
      {R"({"netwrk":{}})", R"(/netwrk: is not a known key (did you mean "network"?))"},
      {R"({"qqqqqqqqqqqqqqq":1})", "/qqqqqqqqqqqqqqq: is not a known key"},
      {R"({"network":null})", "/network: must be an object, got null"},
      {R"({"network":{}})", "/network/allowedDomains: is required"},
      {R"({"network":{"allowedDomains":[]}})", "/network/deniedDomains: is required"},
      {R"({"network":{"allowedDomains":null,"deniedDomains":[]}})", "/network/allowedDomains"},
      {R"({"network":{"allowedDomains":"a.b","deniedDomains":[]}})", "must be an array"},
      {R"({"network":{"allowedDomains":[1],"deniedDomains":[]}})",
       "/network/allowedDomains/0: must be a string, got 1"},
      {allowed("*"), "/network/allowedDomains/0"},
      {allowed("*:443"), "/network/allowedDomains/0"},
      {allowed("*.com"), "/network/allowedDomains/0"},
      {allowed("https://github.com"), "/network/allowedDomains/0"},
      {allowed("github.com/x"), "/network/allowedDomains/0"},
      {allowed(".github.com"), "/network/allowedDomains/0"},
      {allowed("github.com."), "/network/allowedDomains/0"},
      {allowed("github.com:0"), "/network/allowedDomains/0"},
      {allowed("github.com:0443"), "/network/allowedDomains/0"},
      {allowed("github.com:65536"), "/network/allowedDomains/0"},
      {allowed("github.com:"), "/network/allowedDomains/0"},
      {allowed("a*b.example.com"), "/network/allowedDomains/0"},
      {allowed("a b.example.com"), "/network/allowedDomains/0"},
      {allowed("user@github.com"), "/network/allowedDomains/0"},
      {allowed("::1"), "/network/allowedDomains/0"},
      {allowed(""), "/network/allowedDomains/0"},
      {allowed("1.2.3.256"), "/network/allowedDomains/0"},
      {allowed("\\u0000"), "must not contain NUL"},
      {allowed("a\\nb.example.com"), "/network/allowedDomains/0"},
      {denied("*."), "/network/deniedDomains/0"},
      {network(R"("alowedDomains":[])"), R"(did you mean "allowedDomains"?)"},
      {network(R"("filterRequest":"x")"), "/network/filterRequest: is not a known key"},
      {network(R"("deniedDomainReasons":{"a":""})"), "/network/deniedDomainReasons/a"},
      {network(R"("deniedResolvedAddresses":["10.0.0.1/33"])"), "/deniedResolvedAddresses/0"},
      {network(R"("deniedResolvedAddresses":["example.com"])"), "/deniedResolvedAddresses/0"},
      {network(R"("deniedResolvedAddresses":["::ffff:10.0.0.0/95"])"),
       "/deniedResolvedAddresses/0"},
      {network(R"("httpProxyPort":0)"), "/network/httpProxyPort: must be between 1 and 65535"},
      {network(R"("httpProxyPort":65536)"), "/network/httpProxyPort"},
      {network(R"("socksProxyPort":-1)"), "/network/socksProxyPort"},
      {network(R"("socksProxyPort":1080.5)"), "must be an integer"},
      {network(R"("socksProxyPort":7e4)"), "must be between 0 and 65535, got 7e4"},
      {network(R"("socksProxyPort":1e300)"), "must be an integer"},
      {network(R"("strictAllowlist":"yes")"), "must be true or false"},
      {network(R"("strictAllowlist":null)"), "must be true or false, got null"},
      {network(R"("allowUnixSockets":[""])"), "must not be empty"},
      {network(R"("allowMachLookup":["a.*.b"])"), "/network/allowMachLookup/0"},
      {network(R"("parentProxy":{"http":"https://proxy"})"), "is not supported yet"},
      {network(R"("parentProxy":{"http":"socks5://proxy"})"), "/network/parentProxy/http"},
      {network(R"("parentProxy":{"http":"proxy"})"), "/network/parentProxy/http"},
      {network(R"("parentProxy":{"http":"http:///path"})"), "/network/parentProxy/http"},
      {network(R"("parentProxy":{"http":"http://proxy:99999"})"), "/network/parentProxy/http"},
      {network(R"("parentProxy":{"http":"http://a%0d%0a@proxy"})"), "malformed user"},
      {network(R"("publish":["0"])"), "/network/publish/0"},
      {network(R"("publish":["80:80:80"])"), "/network/publish/0"},
      {network(R"("publish":["::1:8080:80"])"), "/network/publish/0"},
      {network(R"("publish":["host:8080:80"])"), "/network/publish/0"},
      {network(R"("tlsTerminate":{"excludeDomains":["a.org","*"]})"),
       "/network/tlsTerminate/excludeDomains/1"},
      {network(R"("tlsTerminate":{"extraCaCertPaths":["/a",""]})"),
       "/network/tlsTerminate/extraCaCertPaths/1: must not be empty"},
      {network(R"("tlsTerminate":{"caCertPath":"","caKeyPath":"/a"})"),
       "/network/tlsTerminate/caCertPath: must not be empty"},
      {network(R"("mitmProxy":{"domains":["a.b"]})"), "socketPath"},
      {network(R"("mitmProxy":{"socketPath":"/s"})"), "domains"},
      {network(R"("mitmProxy":{"socketPath":"","domains":["a.b"]})"),
       "/network/mitmProxy/socketPath: must be a path that begins with"},
      {network(R"("mitmProxy":{"socketPath":"run/s","domains":["a.b"]})"), "got \"run/s\""},
      {network(R"("mitmProxy":{"socketPath":"@s","domains":["a.b"]})"), "got \"@s\""},
      {network(R"("mitmProxy":{"socketPath":"~u/s","domains":["a.b"]})"), "got \"~u/s\""},
      {network(R"("mitmProxy":{"socketPath":"/a\nb","domains":["a.b"]})"),
       "/network/mitmProxy/socketPath: must not have control characters"},
      {network(R"("mitmProxy":{"socketPath":"/)" + std::string(107, 's') +
               R"(","domains":["a.b"]})"),
       "/network/mitmProxy/socketPath: is longer than"},
      {network(R"("mitmProxy":{"socketPath":"/s","domains":[]})"),
       "/network/mitmProxy/domains: must not be empty"},
      {network(R"("mitmProxy":{"socketPath":"/s","domains":["a.b","*"]})"),
       "/network/mitmProxy/domains/1"},
      {network(R"("mitmProxy":{"socketPath":"/s","domains":["a.b:80"]})"),
       "/network/mitmProxy/domains/0"},
      {network(R"("mitmProxy":{"socketPath":"/s","domains":["a.b"]},"tlsTerminate":{})"),
       "/network/mitmProxy: cannot stand beside tlsTerminate"},
      {network(R"("stripResponseHeaders":["x",""])"),
       "/network/stripResponseHeaders/1: must not be empty"},
      {network(R"("ambiguousRequestTarget":"refsue")"), R"(did you mean "refuse"?)"},
      {R"_({"credentials":{"allowPlaintextInject":true,"envVars":[{"name":"A","mode":"mask","extract":"(a)"}]}})_",
       "/credentials/envVars/0/extract: is not supported yet with mode"},
      {R"({"credentials":{"allowPlaintextInject":true,"files":[{"path":"a*","mode":"mask"}]}})",
       "/credentials/files/0/path: must be one file's"},
      {R"({"credentials":{"envVars":[{"name":"1A","mode":"deny"}]}})",
       "/credentials/envVars/0/name"},
      {R"({"credentials":{"envVars":[{"mode":"deny"}]}})", "/credentials/envVars/0/name"},
      {R"({"credentials":{"envVars":[{"name":"A"}]}})", "/credentials/envVars/0/mode"},
      {R"({"credentials":{"files":[{"path":"","mode":"deny"}]}})", "/credentials/files/0/path"},
      {R"({"credentials":{"files":[{"name":"A","mode":"deny"}]}})", "/credentials/files/0/path"},
      {R"({"credentials":{"files":[{"path":"/a/*/","mode":"deny"}]}})",
       R"(/credentials/files/0/path: is a pattern that ends in "/")"},
      {R"({"credentials":{"files":[{"path":"/a","mode":"deny","maskClaims":["x"]}]}})",
       "/credentials/files/0/maskClaims: needs decode"},
      {R"({"credentials":{"files":[{"path":"/a","mode":"deny","decode":"jwt","maskClaims":[]}]}})",
       "/credentials/files/0/maskClaims: must not be empty"},
      {R"({"credentials":{"envVars":[{"name":"A","mode":"deny","injectHosts":["*"]}]}})",
       "/credentials/envVars/0/injectHosts/0"},
      {R"({"credentials":{"files":[{"path":"/a/[b/","mode":"deny"}]}})",
       R"(/credentials/files/0/path: is a pattern that ends in "/")"},
      {R"({"credentials":{"files":[{"path":"/a","mode":"deny","extract":"token=.*"}]}})",
       "/credentials/files/0/extract: is not a pattern that finds a secret: it has no group"},
      {R"({"credentials":{"envVars":[{"name":"A","mode":"deny","extract":"("}]}})",
       "/credentials/envVars/0/extract"},
      {R"({"credentials":{"envVars":[{"name":"A","mode":"deny","injectHosts":["[::1]"]}]}})",
       "/credentials/envVars/0/injectHosts/0"},
      {R"({"credentials":{"envVars":[{"name":"A","mode":"deny","injectHosts":["a.org:443"]}]}})",
       R"(/credentials/envVars/0/injectHosts/0: "a.org:443": write it without a port)"},
      {R"({"network":{"allowedDomains":["*.a.org"],"deniedDomains":[]},)"
       R"("credentials":{"envVars":[{"name":"A","mode":"deny","injectHosts":["b.org"]}]}})",
       R"(injectHosts/0: "b.org" is not in network.allowedDomains)"},
      {R"({"credentials":{"sigv4":{"streamin":"deny"}}})", R"(did you mean "streaming"?)"},
      {network(R"("tlsTerminate":{"maxTunnels":0})"), "maxTunnels: must be between 1 and 65536"},
      {network(R"("tlsTerminate":{"maxTunnels":65537})"),
       "maxTunnels: must be between 1 and 65536"},
      {network(R"("tlsTerminate":{"handshakeTimeoutMs":99})"), "between 100 and 600000"},
      {network(R"("tlsTerminate":{"handshakeTimeoutMs":600001})"), "between 100 and 600000"},
      {network(R"("tlsTerminate":{"caCertPath":"/a"})"), "caCertPath and caKeyPath together"},
      {R"({"windows":{"sandboxUser":"123456789012345678901"}})", "/windows/sandboxUser"},
      {R"({"windows":{"sublayerGuid":"{01234567-89ab-cdef-0123-456789abcdef}"}})",
       "/windows/sublayerGuid: must be a GUID"},
      {R"({"windows":{"wfpSublayerGuid":""}})", "/windows/wfpSublayerGuid: must be a GUID"},
      {R"({"filesystem":{"denyRead":[],"alowWrite":[],"denyWrite":[]}})",
       R"(/filesystem/alowWrite: is not a known key (did you mean "allowWrite"?))"},
      {filesystem(R"("allowRead":[""])"), "/filesystem/allowRead/0: must not be empty"},
      {filesystem(R"("allowRead":[{"path":"a"}])"), "/filesystem/allowRead/0"},
      {filesystem(R"("allowRead":[{"path":"a","literal":false}])"), "/filesystem/allowRead/0"},
      {filesystem(R"("allowRead":[{"path":"a","literal":true,"x":1}])"), "/filesystem/allowRead/0"},
      {filesystem(R"("allowRead":[{"path":"","literal":true}])"), "must not be empty"},
      {filesystem(R"("allowRead":["a\u0000b"])"), "must not contain NUL"},
      {R"({"filesystem":{"denyRead":["/a/*/"],"allowWrite":[],"denyWrite":[]}})",
       R"(/filesystem/denyRead/0: is a pattern that ends in "/")"},
      {R"({"mandatoryDenySearchDepth":0})", "must be between 1 and 10"},
      {R"({"mandatoryDenySearchDepth":11})", "must be between 1 and 10"},
      {R"({"bwrapPath":"bwrap"})", "/bwrapPath: must be an absolute path"},
      {R"({"ripgrep":{}})", "/ripgrep/command: is required"},
      {R"({"windows":{"proxyPortRange":[1]}})", "/windows/proxyPortRange"},
      {R"({"windows":{"backend":"wsl"}})", "must be one of"},
      {R"({"resources":{"memory":0}})", "/resources/memory"},
      {R"({"resources":{"memory":"12x"}})", "/resources/memory"},
      {R"({"resources":{"memory":"16777216t"}})", "/resources/memory"},
      {R"({"resources":{"memory":"-1"}})", "/resources/memory"},
      {R"({"resources":{"cpus":0}})", "/resources/cpus"},
      {R"({"resources":{"cpus":1e3}})", "/resources/cpus"},
      {R"({"resources":{"cpus":"1."}})", "/resources/cpus"},
      {R"({"resources":{"pids":0}})", "/resources/pids"},
      {R"({"audit":{"file":"a.log"}})", "/audit/file: must be an absolute path"},
      {R"({"audit":{"keep":1001}})", "/audit/keep"},
      {R"j({"permissions":{"allow":["Bash(ls)"]}})j", "/permissions/allow/0: must be WebFetch("},
      {R"j({"permissions":{"allow":["Read()"]}})j", "/permissions/allow/0"},
      {R"j({"permissions":{"allow":["WebFetch(domain:*)"]}})j", "/permissions/allow/0"},
      {R"j({"permissions":{"deny":["UnixSocket(/p)"]}})j", "is not needed"},
  }));
  CAPTURE(c.document);
  CHECK_THAT(problems(c.document), Catch::Contains(c.message));
}

TEST_CASE("all mistakes of a document are told at once") {
  const std::string text = problems(
      R"({"network":{"allowedDomains":["*"],"httpProxyPort":0},"bwrapPath":"x","fylesystem":{}})");
  CHECK_THAT(text, Catch::Contains("/network/allowedDomains/0"));
  CHECK_THAT(text, Catch::Contains("/network/deniedDomains: is required"));
  CHECK_THAT(text, Catch::Contains("/network/httpProxyPort"));
  CHECK_THAT(text, Catch::Contains("/bwrapPath"));
  CHECK_THAT(text, Catch::Contains(R"(did you mean "filesystem"?)"));
}

TEST_CASE("a hostile document costs little and prints nothing that a terminal acts on") {
  CHECK_THAT(problems(std::string(kMaxSettings + 1, ' ')), Catch::Contains("must be at most"));
  CHECK_THAT(problems(std::string(100'000, '[')), Catch::Contains("nests deeper"));
  std::string many = "{";
  for (int i = 0; i < 20'000; ++i) many += "\"\x1b[31m" + std::to_string(i) + "\":1,";
  for (const std::string& document :
       {many + "\"z\":1}", network("\"\\u001b]0;x\\u0007\":1"), allowed("\\u001b[2J")}) {
    const std::string text = problems(document);
    CHECK(!text.empty());
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.size() < 100'000);
  }
}

TEST_CASE("a parent proxy's password is not in the message that refuses it") {
  const std::string text =
      problems(network(R"("parentProxy":{"http":"http://me:hunter2@proxy:0"})"));
  CHECK(!text.empty());
  CHECK(text.find("hunter2") == std::string::npos);
}

TEST_CASE("a parent proxy's user becomes basic authorization") {
  const auto parent = parse_parent_proxy("HTTP://Aladdin:open%20sesame@[2001:db8::1]:3128/");
  REQUIRE(parent);
  CHECK(parent->authorization == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617, section 2
  CHECK(parent->host == "2001:db8::1");
  CHECK(parent->port == 3128);
  CHECK(parse_parent_proxy("http://proxy.example.com")->port == 80);
  CHECK(parse_parent_proxy("http://proxy.example.com")->authorization.empty());
  // A "%" that is no escape stands for itself.
  CHECK(parse_parent_proxy("http://a:b%zz@p")->authorization == "Basic YTpiJXp6");
  CHECK(parse_parent_proxy("http://:@p")->authorization.empty());
}

TEST_CASE("a parent proxy is found in each spelling of its address") {
  const char* text =
      GENERATE("http://p.test:8080", "HTTP://P.test:8080/", "p.test:8080",
               "http://p.test:8080/path?x#y", "http://p.test:8080#x", " http://p.test:8080 \n");
  CAPTURE(text);
  const auto parent = parse_parent_proxy(text);
  REQUIRE(parent);
  CHECK(parent->host == "p.test");
  CHECK(parent->port == 8080);
  CHECK(parse_parent_proxy("http://p.test:")->port == 80);
  // The password ends where the path begins: what is behind is no host.
  CHECK_FALSE(parse_parent_proxy("http://me:pass/word@p.test:8080"));
}

TEST_CASE("a number without a fraction is an integer, however it is written") {
  const char* number =
      GENERATE("8080", "8080.0", "8.08e3", "808E1", "80800e-1", "8080.00000000000000001");
  CAPTURE(number);
  const auto settings = parse_settings(network(R"("httpProxyPort":)" + std::string(number)), "s");
  REQUIRE(settings);
  CHECK(settings->network->http_proxy_port == 8080);
}

TEST_CASE("a user's own settings name hosts in full") {
  const auto problems_of = [](const std::string& document) {
    const auto settings = parse_settings(document, "s", SettingsForm::kUsers);
    return settings ? std::string() : to_string(settings.error());
  };
  for (const char* host :
       {"intranet", "com", "LOCALHOST", "16909060", "0x7f000001", "intranet:80"}) {
    CAPTURE(host);
    CHECK(parse_settings(allowed(host), "s"));
    CHECK_THAT(problems_of(allowed(host)), Catch::Contains("/network/allowedDomains/0"));
    CHECK_THAT(problems_of(denied(host)), Catch::Contains("/network/deniedDomains/0"));
  }
  for (const char* host :
       {"localhost", "localhost:80", "a.b", "1.2.3.4", "[::1]", "[fe80::1%eth0]:80"}) {
    CHECK(problems_of(allowed(host)).empty());
    CHECK(problems_of(denied(host)).empty());
  }
  CHECK(problems_of(denied("*")).empty());
  CHECK(problems_of(denied("*:22")).empty());
  CHECK(problems_of("{}").empty());
}

TEST_CASE("amounts are what people mean") {
  const auto memory = [](const std::string& amount) {
    const auto settings = parse_settings(R"({"resources":{"memory":)" + amount + "}}", "s");
    return settings ? settings->resources->memory->bytes : 0;
  };
  CHECK(memory("512") == 512);
  CHECK(memory(R"("512b")") == 512);
  CHECK(memory(R"("2k")") == 2048);
  CHECK(memory(R"("2Kb")") == 2048);
  CHECK(memory(R"("3MiB")") == 3u << 20);
  CHECK(memory(R"("1g")") == 1u << 30);
  CHECK(memory(R"("1Mi")") == 0);  // neither "1MiB" nor "1M"
  const auto cpus = [](const std::string& amount) {
    const auto settings = parse_settings(R"({"resources":{"cpus":)" + amount + "}}", "s");
    return settings ? settings->resources->cpus->milli : 0;
  };
  CHECK(cpus("1.5") == 1500);
  CHECK(cpus(R"("0.005")") == 5);
  CHECK(cpus("0.0005") == 0);
}

TEST_CASE("a pattern is told from a path") {
  CHECK(looks_like_glob("*.log"));
  CHECK(looks_like_glob("a/?"));
  CHECK(looks_like_glob("a[bc]"));
  CHECK(looks_like_glob("a/**/b"));
  CHECK_FALSE(looks_like_glob("a/**"));
  CHECK_FALSE(looks_like_glob("a[b"));
  CHECK_FALSE(looks_like_glob("a/b"));
}
