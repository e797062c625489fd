#include "runtime/masked_credentials.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "runtime/monitor_config.h"
#include "tests/runtime/temp_dir.h"

namespace srt::runtime {
namespace {

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

MaskedCredential file_of(const std::string& path) {
  proxy::DomainPattern any;
  any.kind = proxy::DomainPattern::Kind::kAny;
  return {MaskedCredential::Kind::kFile, path, {{any}}, "settings", {}};
}

Result<Masking> masked(const std::string& path) {
  std::vector<std::string> environment;
  return mask({file_of(path)}, false, environment);
}

TEST_CASE("a masked file keeps the ends of its lines") {
  test::TempDir dir;
  write(dir / "token", "secret\r\n\n");
  const auto masking = masked(dir.path() + "/token");
  REQUIRE(masking);
  REQUIRE(masking->files.size() == 1);
  CHECK(masking->secrets.all[0].secret == "secret");
  CHECK(masking->files[0].content == masking->secrets.all[0].stand_in + "\r\n\n");
}

TEST_CASE("of a masked file no link is followed that has come since its path was resolved") {
  test::TempDir dir;
  write(dir / "elsewhere/token", "of somebody else");
  std::filesystem::create_symlink("elsewhere", dir.path() + "/folder");
  std::filesystem::create_symlink("elsewhere/token", dir.path() + "/link");
  for (const char* name : {"/folder/token", "/link"}) {
    const auto masking = masked(dir.path() + name);
    REQUIRE_FALSE(masking);
    CHECK(masking.error().code == ELOOP);
  }
}

TEST_CASE("what is no file, or has no header's value, is no secret to mask") {
  test::TempDir dir;
  write(dir / "lines", "one\ntwo\n");
  write(dir / "empty", "\n");
  REQUIRE(mkfifo((dir.path() + "/pipe").c_str(), 0600) == 0);
  CHECK_FALSE(masked(dir.path()));
  CHECK_FALSE(masked(dir.path() + "/pipe"));
  const auto lines = masked(dir.path() + "/lines");
  REQUIRE_FALSE(lines);
  CHECK(to_string(lines.error()).find("two") == std::string::npos);
  for (const char* name : {"/empty", "/absent", "/absent/below", "/empty/below"}) {
    const auto masking = masked(dir.path() + name);
    REQUIRE(masking);
    CHECK(masking->files.empty());
  }
}

TEST_CASE("a secret reaches the monitor as the bytes that it is") {
  MonitorConfig config;
  proxy::MaskedSecret secret{"TOKEN", "fake_value_1", "a\xff\xfe\"\\z", {}};
  secret.hosts = {{*proxy::DomainPattern::parse("*", proxy::PatternList::kDeny)},
                  {*proxy::DomainPattern::parse_portless("::1"),
                   *proxy::DomainPattern::parse_portless("*.a.example")}};
  config.secrets = {{secret}, true};
  const auto again = parse_monitor_config(to_json(config));
  REQUIRE(again);
  CHECK(again->secrets.all == config.secrets.all);
  CHECK(again->secrets.in_plaintext);
}

TEST_CASE("each entry of a masked variable has a stand-in") {
  std::vector<std::string> environment{"A=1", "TOKEN=x", "TOKENS=x", "TOKEN=y", "TOKEN="};
  MaskedCredential token = file_of("TOKEN");
  token.kind = MaskedCredential::Kind::kVariable;
  const auto masking = mask({token}, true, environment);
  REQUIRE(masking);
  CHECK(masking->secrets.in_plaintext);
  REQUIRE(masking->secrets.all.size() == 2);
  CHECK(environment ==
        std::vector<std::string>{"A=1", "TOKEN=" + masking->secrets.all[0].stand_in, "TOKENS=x",
                                 "TOKEN=" + masking->secrets.all[1].stand_in, "TOKEN="});
}

}  // namespace
}  // namespace srt::runtime
