#include "platform/linux/broker/git_config.h"

#include <string>

#include <catch2/catch.hpp>

#include "platform/linux/broker/vet.h"
#include "tests/platform/linux/broker/memory_files.h"

namespace srt::platform {
namespace {

TEST_CASE("git's configuration is read as git reads it") {
  const auto entries = parse_git_config(
      "; comment\n[Core]\n\tbare = false # no\n  editor=\"vi \\\"x\\\" ; y\"\n\n"
      "[remote \"o \\\"x\\\"\"] url = a b  c\t\n\tflag\n");
  REQUIRE(entries);
  REQUIRE(entries->size() == 4);
  CHECK((*entries)[0] == GitConfigEntry{"core", "", "bare", "false"});
  CHECK((*entries)[1] == GitConfigEntry{"core", "", "editor", "vi \"x\" ; y"});
  CHECK((*entries)[2] == GitConfigEntry{"remote", "o \"x\"", "url", "a b  c"});
  CHECK((*entries)[3] == GitConfigEntry{"remote", "o \"x\"", "flag", "true"});
}

TEST_CASE("what two readers could read differently is not read at all") {
  for (const std::string& text : {
           std::string("[core]\r\nbare=true\r\n"),
           std::string("[core]\n\tbare = a\\\nb\n"),
           std::string("[a.b]\nc = d\n"),
           std::string("[core\n"),
           std::string("x = y\n"),
           std::string("[core] 1x = y\n"),
           std::string("[core]\nx = \"y\n"),
           std::string("[core]\nx \"y\"\n"),
           std::string("\xef\xbb\xbf[core]\nx = y\n"),
           std::string("[core]\nx = \\q\n"),
           std::string("[core]\nx = a\0b\n", 16),
           std::string("[core \"x]\ny = z\n"),
           std::string("[core \"x\" ]\ny = z\n"),
       }) {
    CAPTURE(text);
    CHECK_FALSE(parse_git_config(text));
  }
}

TEST_CASE("only URLs that git fetches itself") {
  for (const char* url : {"https://example.org/x", "git@example.org:x/y.git", "ssh://u@h:22/x",
                          "../x", "/x/y", "file:///x", "git://h/x"}) {
    CAPTURE(url);
    CHECK(is_plain_git_url(url));
  }
  for (const char* url : {"ext::sh -c x", "foo::bar", "foo://x", "-x", "ssh://-oProxyCommand=x/y",
                          "ssh://u@-x/y", "-u@h:x", "a\nb", "", "EXT::x", "u@-x:y"}) {
    CAPTURE(url);
    CHECK_FALSE(is_plain_git_url(url));
  }
}

std::optional<std::string> wrong(Content content, const std::string& path, const std::string& text,
                                 const std::string& current = "") {
  BrokerRules rules;
  rules.write_roots = {"/w"};
  Result<Judge> judge = Judge::make(rules);
  REQUIRE(judge);
  MemoryFiles files;
  files.folder("/w/r/.git/worktrees/t").folder("/w/r/.git/modules/s").folder("/w/evil");
  files.add("/w/link", FileKind::kSymlink);
  return objection({content, path, text, current}, *judge, files);
}

TEST_CASE("entries that run code are refused, unless they were there before") {
  const std::string path = "/w/r/.git/config";
  const std::string hooks = "[core]\n\thooksPath = x\n";
  CHECK_FALSE(wrong(Content::kGitConfig, path, "[core]\n\tbare = false\n"));
  CHECK(wrong(Content::kGitConfig, path, hooks));
  CHECK_FALSE(wrong(Content::kGitConfig, path, hooks + "[user]\n\tname = x\n", hooks));
  CHECK(wrong(Content::kGitConfig, path, hooks + hooks, hooks));
  CHECK(wrong(Content::kGitConfig, path, "[core]\n\thooksPath = y\n", hooks));
  CHECK(wrong(Content::kGitConfig, path, "[submodule \"s\"]\n\tupdate = !x\n"));
  CHECK(wrong(Content::kGitConfig, path, "[core]\n\tworktree = ../..\n"));
}

TEST_CASE("a submodule's worktree is within its repository") {
  const std::string path = "/w/r/.git/modules/s/config";
  auto worktree = [&](const std::string& to) {
    return wrong(Content::kGitConfig, path, "[core]\n\tworktree = " + to + "\n");
  };
  CHECK_FALSE(worktree("../../../s"));
  CHECK(worktree("../../../../other"));
  CHECK(worktree("../../.."));
  CHECK(worktree("/w/r/s"));
  CHECK(worktree("../../../.git/x"));
}

TEST_CASE("a .git file points at a git directory whose config and hooks are protected") {
  auto link = [&](const std::string& to) { return wrong(Content::kGitLink, "/w/t/.git", to); };
  CHECK_FALSE(link("gitdir: /w/r/.git/worktrees/t\n"));
  CHECK_FALSE(link("gitdir: ../r/.git/modules/s"));
  CHECK(link("gitdir: ../evil\n"));
  CHECK(link("gitdir: /elsewhere/.git\n"));
  CHECK(link("gitdir: ../link/.git\n"));
  CHECK(link("gitdir: ../r/.git/../../evil\n"));
  CHECK(link("gitdir: ../r/.git\n../evil\n"));
  CHECK(link("gitdir:../r/.git\n"));
  CHECK(link(""));
}

TEST_CASE("a worktree's commondir is its repository") {
  const std::string path = "/w/r/.git/worktrees/t/commondir";
  CHECK_FALSE(wrong(Content::kGitPointer, path, "../..\n"));
  CHECK(wrong(Content::kGitPointer, path, "/w/evil\n"));
  CHECK_FALSE(wrong(Content::kGitPointer, "/w/r/.git/worktrees/t/gitdir", "/w/t/.git\n"));
  CHECK(wrong(Content::kGitPointer, "/w/r/.git/worktrees/t/gitdir", "/w/t/x\n"));
}

}  // namespace
}  // namespace srt::platform
