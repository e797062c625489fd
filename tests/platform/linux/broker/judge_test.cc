#include "platform/linux/broker/judge.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/platform/linux/broker/memory_files.h"

namespace srt::platform {
namespace {

BrokerRules rules_for(const std::string& root) {
  BrokerRules rules;
  rules.write_roots = {root};
  return rules;
}

Judge judge_of(const BrokerRules& rules) {
  Result<Judge> judge = Judge::make(rules);
  REQUIRE(judge);
  return *std::move(judge);
}

using Kind = Verdict::Kind;

struct Case {
  Act act;
  const char* path;
  Kind verdict;
};

TEST_CASE("an absent protected name is not made, in whatever way it is spelled") {
  const Judge judge = judge_of(rules_for("/w"));
  MemoryFiles files;
  files.folder("/w");
  const Case cases[] = {
      {Act::kMakeFile, "/w/.bashrc", Kind::kRefuse},
      {Act::kMakeFile, "/w/a/b/c/.zshenv", Kind::kRefuse},
      {Act::kMakeFile, "/w/.BASHRC", Kind::kRefuse},
      {Act::kMakeFile, "/w/.bash\u200crc", Kind::kRefuse},
      {Act::kMakeFile, "/w/.git/con\ufb01g", Kind::kVet},
      {Act::kMakeFolder, "/w/.git/hoo\u212as", Kind::kRefuse},
      {Act::kMakeFile, "/w/.bashrc. .", Kind::kRefuse},
      {Act::kMakeFolder, "/w/.git./hooks", Kind::kRefuse},
      {Act::kMakeFile, "/w/...", Kind::kAllow},
      {Act::kMakeSymlink, "/w/.profile", Kind::kRefuse},
      {Act::kMakeLink, "/w/.profile", Kind::kRefuse},
      {Act::kMakeOther, "/w/.inputrc", Kind::kRefuse},
      {Act::kMoveHere, "/w/.gitconfig", Kind::kRefuse},
      {Act::kMakeFolder, "/w/x/.git/hooks", Kind::kRefuse},
      {Act::kMakeFile, "/w/x/.git/hooks/pre-push", Kind::kRefuse},
      {Act::kMakeFile, "/w/x/.git/info/attributes", Kind::kRefuse},
      {Act::kMakeFolder, "/w/x/.git/rebase-merge", Kind::kRefuse},
      {Act::kMakeFolder, "/w/x/.git/modules/s/hooks", Kind::kRefuse},
      {Act::kMakeFile, "/w/x/.git/modules/s/config", Kind::kVet},
      {Act::kMakeFile, "/w/x/.git/modules/s/modules/t/config", Kind::kVet},
      {Act::kMakeFile, "/w/x/.git/worktrees/t/commondir", Kind::kVet},
      {Act::kMakeFile, "/w/x/.git/worktrees/t/config.worktree", Kind::kRefuse},
      {Act::kMakeFile, "/w/x/.git", Kind::kVet},
      {Act::kMakeFolder, "/w/x/.git", Kind::kAllow},
      {Act::kMakeSymlink, "/w/x/.git", Kind::kRefuse},
      {Act::kMakeSymlink, "/w/.claude", Kind::kRefuse},
      {Act::kMakeSymlink, "/w/x/.git/modules/s", Kind::kRefuse},
      {Act::kMakeFile, "/w/.gitmodules", Kind::kVet},
      {Act::kMakeFolder, "/w/.gitmodules", Kind::kRefuse},
      {Act::kMakeFolder, "/w/.vscode", Kind::kRefuse},
      {Act::kMakeFile, "/w/.claude/settings.local.json", Kind::kRefuse},
      {Act::kMakeFolder, "/w/.claude", Kind::kAllow},
      {Act::kMakeFile, "/w/.claude/notes.json", Kind::kAllow},
      {Act::kMakeFile, "/w/.git/index.lock", Kind::kAllow},
      {Act::kMakeFile, "/w/.git/refs/heads/config", Kind::kAllow},
      {Act::kMakeFile, "/w/bashrc", Kind::kAllow},
      {Act::kMakeFile, "/w/.bashrc2", Kind::kAllow},
      {Act::kMakeFile, "/elsewhere/.bashrc", Kind::kAllow},
      {Act::kMakeFile, "/w2/.bashrc", Kind::kAllow},
  };
  for (const Case& one : cases) {
    CAPTURE(to_string(one.act), one.path);
    CHECK(judge.deed(one.act, one.path, files).kind == one.verdict);
  }
}

TEST_CASE("what is there stays, and what this run made is its own") {
  const Judge judge = judge_of(rules_for("/w"));
  MemoryFiles files;
  files.add("/w/.bashrc").add("/w/r/.git/config").add("/w/n/.git/config").here("/w/n/.git");
  files.add("/w/r/.vscode/a").add("/w/n/.vscode/a").here("/w/n").here("/w/n/.vscode");
  files.add("/w/r/node_modules/p/.vscode/a").add("/w/l", FileKind::kSymlink);
  files.add("/w/.claude", FileKind::kSymlink);
  const Case cases[] = {
      {Act::kWrite, "/w/.bashrc", Kind::kRefuse},
      {Act::kRemove, "/w/.bashrc", Kind::kRefuse},
      {Act::kRemove, "/w/.profile", Kind::kAllow},     // ENOENT
      {Act::kMakeFolder, "/w/.bashrc", Kind::kAllow},  // EEXIST
      {Act::kLinkFrom, "/w/.bashrc", Kind::kRefuse},
      {Act::kAttributes, "/w/.bashrc", Kind::kRefuse},
      {Act::kTryMode, "/w/.bashrc", Kind::kRefuse},
      {Act::kAttributes, "/w/r/.git/config", Kind::kRefuse},
      {Act::kTryMode, "/w/r/.git/config", Kind::kAllow},
      {Act::kAttributes, "/w/r/.git", Kind::kAllow},
      {Act::kAttributes, "/w/r/.vscode/a", Kind::kRefuse},
      {Act::kAttributes, "/w/n/.vscode/a", Kind::kAllow},
      {Act::kAttributes, "/w/l", Kind::kAllow},
      {Act::kRemove, "/w/r/.git/config", Kind::kRefuse},
      {Act::kRemove, "/w/n/.git/config", Kind::kAllow},
      {Act::kWrite, "/w/n/.git/config", Kind::kRefuse},
      {Act::kWrite, "/w/r/.vscode/a", Kind::kRefuse},
      {Act::kMakeFile, "/w/r/.vscode/b", Kind::kRefuse},
      {Act::kRemove, "/w/r/.vscode/a", Kind::kRefuse},
      {Act::kWrite, "/w/n/.vscode/a", Kind::kAllow},
      {Act::kMakeFolder, "/w/n/.idea", Kind::kAllow},
      {Act::kMakeFolder, "/w/r/.idea", Kind::kRefuse},
      {Act::kMakeFolder, "/w/r/src/.idea", Kind::kAllow},
      {Act::kRemove, "/w/r/node_modules/p/.vscode/a", Kind::kAllow},
      {Act::kMoveAway, "/w/r/node_modules/p/.vscode", Kind::kAllow},
      {Act::kWrite, "/w/r/node_modules/p/.vscode/a", Kind::kRefuse},
      {Act::kAttributes, "/w/r/node_modules/p/.vscode/a", Kind::kRefuse},
      {Act::kMoveHere, "/w/r/node_modules/p/.vscode/a", Kind::kRefuse},
      {Act::kMakeFile, "/w/r/node_modules/p/.vscode/b", Kind::kRefuse},
      {Act::kLinkFrom, "/w/r/node_modules/p/.vscode/a", Kind::kRefuse},
      {Act::kMakeFolder, "/w/r/node_modules/p/.idea", Kind::kAllow},
      {Act::kMakeFile, "/w/r/node_modules/.envrc", Kind::kAllow},
      {Act::kRemove, "/w/.claude", Kind::kRefuse},
      {Act::kMoveAway, "/w/.claude", Kind::kRefuse},
      {Act::kRemove, "/w/l", Kind::kAllow},
  };
  for (const Case& one : cases) {
    CAPTURE(to_string(one.act), one.path);
    CHECK(judge.deed(one.act, one.path, files).kind == one.verdict);
  }
}

TEST_CASE("a folder takes no protected name along to where it counts, nor from there") {
  BrokerRules rules = rules_for("/w");
  rules.denied = {"/w/**/*.env", "/w/src/*.c"};
  rules.settings_files = {"/w/p/.srt-settings.json"};
  const Judge judge = judge_of(rules);
  MemoryFiles files;
  files.folder("/w/x/hooks").add("/w/y/config").folder("/w/z/objects").folder("/w/e");
  files.add("/w/r/.git/config").folder("/w/r/.git/refs").add("/w/c/commands/a");
  files.add("/w/p/.srt-settings.json").add("/w/d/a.env").add("/w/src/a.c").add("/w/f/a.c");
  files.folder("/w/deep/.git/hooks")
      .add("/w/t/.claude/commands/a")
      .here("/w/t")
      .here("/w/t/.claude");
  struct {
    const char *from, *to;
    Kind verdict;
  } cases[] = {
      {"/w/x", "/w/.git", Kind::kRefuse},
      {"/w/y", "/w/.git", Kind::kRefuse},
      {"/w/z", "/w/.git", Kind::kRefuse},  // modules could be below
      {"/w/e", "/w/.git", Kind::kAllow},
      {"/w/r/.git", "/w/g", Kind::kRefuse},
      {"/w/r/.git", "/w/e/.git", Kind::kRefuse},
      {"/w/r", "/w/e/r", Kind::kAllow},
      {"/w/deep", "/w/deeper", Kind::kAllow},
      {"/w/c", "/w/.claude", Kind::kRefuse},
      {"/w/t/.claude", "/w/.claude", Kind::kRefuse},
      {"/w/e", "/w/.claude", Kind::kAllow},
      {"/w/y", "/w/r/.git/modules/y", Kind::kRefuse},
      {"/w/p", "/w/q", Kind::kRefuse},
      {"/w/d", "/w/e/d", Kind::kAllow},  // still below **
      {"/w/d", "/v/d", Kind::kRefuse},
      {"/w/src", "/w/lib", Kind::kRefuse},
      {"/w/f", "/w/src", Kind::kRefuse},
      {"/w/e", "/w/src", Kind::kAllow},
  };
  for (const auto& one : cases) {
    CAPTURE(one.from, one.to);
    CHECK(judge.move({one.from, one.to, FileKind::kFolder}, files).kind == one.verdict);
  }
  CHECK(judge.move({"/w/l", "/w/.git", FileKind::kSymlink}, files).kind == Kind::kRefuse);
  CHECK(judge.move({"/w/l", "/w/.claude", FileKind::kSymlink}, files).kind == Kind::kRefuse);
  CHECK(judge.move({"/w/a", "/w/r/.git/config", FileKind::kRegular}, files).kind == Kind::kVet);
  CHECK(judge.move({"/w/a", "/w/r/.git/config", FileKind::kOther}, files).kind == Kind::kRefuse);
}

TEST_CASE("what may not be read keeps its place, and what is below is for the mounts to say") {
  BrokerRules rules = rules_for("/w");
  rules.hidden = {"/w/a/b/secret", "/w/link"};
  const Judge judge = judge_of(rules);
  MemoryFiles files;
  files.add("/w/a/b/secret/open/f").add("/w/c").add("/w/link", FileKind::kSymlink);
  CHECK(judge.move({"/w/a", "/w/d", FileKind::kFolder}, files).kind == Kind::kRefuse);
  CHECK(judge.move({"/w/a/b", "/w/a/d", FileKind::kFolder}, files).kind == Kind::kRefuse);
  CHECK(judge.move({"/w/a/b/secret", "/w/s", FileKind::kFolder}, files).kind == Kind::kRefuse);
  CHECK(judge.move({"/w/c", "/w/link", FileKind::kRegular}, files).kind == Kind::kRefuse);
  CHECK(judge.deed(Act::kRemove, "/w/link", files).kind == Kind::kRefuse);
  CHECK(judge.deed(Act::kMakeSymlink, "/w/a", files).kind == Kind::kAllow);  // the kernel's EEXIST
  CHECK(judge.deed(Act::kWrite, "/w/a/b/secret/open/f", files).kind == Kind::kAllow);
  CHECK(judge.deed(Act::kMakeFile, "/w/a/b/secret/open/new", files).kind == Kind::kAllow);
  CHECK(judge.deed(Act::kMakeFile, "/w/a/b/new", files).kind == Kind::kAllow);
  CHECK(judge.move({"/w/c", "/w/a/c", FileKind::kRegular}, files).kind == Kind::kAllow);
}

TEST_CASE("links that stood in a protected place when the run began lead the rules along") {
  BrokerRules rules = rules_for("/w");
  rules.aliases = {{"/w/dotfiles/claude", "/w/.claude"}};
  const Judge judge = judge_of(rules);
  MemoryFiles files;
  files.folder("/w/dotfiles/claude");
  CHECK(judge.deed(Act::kMakeFolder, "/w/dotfiles/claude/commands", files).kind == Kind::kRefuse);
  CHECK(judge.deed(Act::kMakeFile, "/w/dotfiles/claude/x", files).kind == Kind::kAllow);
}

TEST_CASE("a literal entry opens the protected path that it names, and no other") {
  BrokerRules rules = rules_for("/w");
  rules.opened = {"/w/.vscode", "/w/sub"};
  const Judge judge = judge_of(rules);
  MemoryFiles files;
  files.folder("/w/.vscode");
  CHECK(judge.deed(Act::kMakeFile, "/w/.vscode/settings.json", files).kind == Kind::kAllow);
  CHECK(judge.deed(Act::kMakeFile, "/w/sub/.bashrc", files).kind == Kind::kRefuse);
  CHECK(judge.deed(Act::kMakeFolder, "/w/.idea", files).kind == Kind::kRefuse);
}

TEST_CASE("a write root is absolute, however it ends") {
  MemoryFiles files;
  CHECK(judge_of(rules_for("/w/")).deed(Act::kMakeFile, "/w/.bashrc", files).kind == Kind::kRefuse);
  CHECK(judge_of(rules_for("/")).deed(Act::kMakeFile, "/w/.bashrc", files).kind == Kind::kRefuse);
  CHECK_FALSE(Judge::make(rules_for("w")));
  CHECK_FALSE(Judge::make(rules_for("")));
}

TEST_CASE("allowGitConfig opens git's configuration, not its hooks") {
  BrokerRules rules = rules_for("/w");
  rules.allow_git_config = true;
  const Judge judge = judge_of(rules);
  MemoryFiles files;
  files.add("/w/.git/config");
  CHECK(judge.deed(Act::kWrite, "/w/.git/config", files).kind == Kind::kAllow);
  CHECK(judge.deed(Act::kMakeFolder, "/w/.git/hooks", files).kind == Kind::kRefuse);
}

}  // namespace
}  // namespace srt::platform
