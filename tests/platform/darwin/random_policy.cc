#include "tests/platform/darwin/random_policy.h"

#include <catch2/catch.hpp>

#include "platform/darwin/sandbox_profile.h"
#include "runtime/host_access.h"

namespace srt::test {
namespace {

using runtime::PathList;
using runtime::PathRule;

constexpr const char* kRoots[] = {"/w", "/v", "/tmp"};
constexpr const char* kNames[] = {"a", "b", "c", "x.c", ".env", "a+b"};
constexpr const char* kPatterns[] = {"*",         "**/.env",   "a/*",  "**/b/*.c",    "?",
                                     "[ab]/**/c", "*.c",       "a*/b", "**/a",        "*/b",
                                     "[!a]/c",    "a/**/.env", "**",   "**/[b-c]/x.c"};

PathRule random_rule(Dice& dice, Patterns patterns) {
  constexpr PathList kLists[] = {PathList::kDenyRead,   PathList::kAllowRead, PathList::kAllowWrite,
                                 PathList::kAllowWrite, PathList::kDenyWrite, PathList::kDenyRead};
  PathRule rule;
  rule.list = dice.one_of(kLists);
  rule.path = random_path(dice, 3);
  if (dice.one_in(3)) rule.path = dice.one_of(kRoots);
  if (dice.one_in(12)) rule.path = "/";
  rule.exists = true;
  if (patterns == Patterns::kSome && dice.one_in(2)) {
    // Deeper down there is little left to be matched.
    if (!dice.one_in(3)) rule.path = dice.one_of(kRoots);
    rule.pattern.emplace(rule.path, dice.one_of(kPatterns));
  }
  return rule;
}

}  // namespace

std::string random_path(Dice& dice, size_t deepest) {
  std::string path = dice.one_of(kRoots);
  for (size_t depth = dice.below(deepest + 1); depth > 0; --depth) {
    path += std::string("/") + dice.one_of(kNames);
  }
  return path;
}

runtime::FilesystemRules random_rules(Dice& dice, Patterns patterns) {
  runtime::FilesystemRules rules;
  const size_t layers = 1 + (dice.one_in(3) ? 1 : 0);
  for (size_t i = 0; i < layers; ++i) {
    runtime::FilesystemLayer& layer = rules.layers.emplace_back();
    layer.limits_writes = i == 0 || !dice.one_in(2);
    for (size_t count = dice.below(6); count > 0; --count) {
      layer.rules.push_back(random_rule(dice, patterns));
    }
    // Most policies let something be written.
    if (!dice.one_in(4)) {
      PathRule& rule = layer.rules.emplace_back();
      rule.list = PathList::kAllowWrite;
      rule.path = dice.one_of(kRoots);
      rule.exists = true;
    }
  }
  return rules;
}

runtime::FilesystemRules one_denied_pattern(Dice& dice) {
  runtime::FilesystemRules rules;
  runtime::FilesystemLayer& layer = rules.layers.emplace_back();
  for (const char* root : {"/w", "/v"}) {
    PathRule& rule = layer.rules.emplace_back();
    rule.list = PathList::kAllowWrite;
    rule.path = root;
    rule.exists = true;
  }
  PathRule& rule = layer.rules.emplace_back();
  rule.list = dice.one_in(2) ? PathList::kDenyRead : PathList::kDenyWrite;
  rule.path = dice.one_in(2) ? "/w" : "/w/a";
  rule.exists = true;
  rule.pattern.emplace(rule.path, dice.one_of(kPatterns));
  return rules;
}

std::string describe(const runtime::FilesystemRules& rules) {
  std::string text;
  for (const auto& layer : rules.layers) {
    text += layer.limits_writes ? "layer:" : "layer that only denies:";
    for (const auto& rule : layer.rules) {
      text += std::string(" ") + name_of(rule.list) + "=" +
              (rule.pattern ? rule.pattern->text() : rule.path);
    }
    text += "\n";
  }
  return text;
}

platform::darwin::Access access_of(const runtime::FilesystemRules& rules) {
  platform::darwin::Access access;
  access.host.filesystem = runtime::filesystem_access(rules);
  access.host.filesystem.protect_names = false;
  return access;
}

Sbpl profile_of(const platform::darwin::Access& access) {
  const auto profile = sandbox_profile(access);
  INFO((profile ? std::string() : to_string(profile.error())));
  REQUIRE(profile);
  const auto text = print(*profile);
  INFO((text ? *text : to_string(text.error())));
  REQUIRE(text);
  auto sbpl = Sbpl::read(*text);
  INFO((sbpl ? std::string() : to_string(sbpl.error())));
  REQUIRE(sbpl);
  return std::move(*sbpl);
}

bool allows(const Sbpl& sbpl, const SbplRequest& request) {
  const SbplVerdict verdict = sbpl.decide(request);
  if (verdict.contested || verdict.last_match != verdict.most_specific) {
    FAIL("the verdict of " << request.operation << " " << request.path << " depends on order");
  }
  return verdict.last_match;
}

bool may(const Sbpl& sbpl, const std::string& operation, const std::string& path,
         const std::string& vnode_type) {
  SbplRequest request;
  request.operation = operation;
  request.path = resolved(path);
  request.vnode_type = vnode_type;
  return allows(sbpl, request);
}

bool may_rename(const Sbpl& sbpl, const std::string& from, const std::string& to,
                const std::string& vnode_type) {
  return may(sbpl, "file-write-unlink", from, vnode_type) &&
         may(sbpl, "file-write-create", to, vnode_type);
}

std::string resolved(const std::string& path) {
  for (const char* link : {"/tmp", "/var", "/etc"}) {
    if (path == link || path.starts_with(std::string(link) + "/")) return "/private" + path;
  }
  return path;
}

}  // namespace srt::test
