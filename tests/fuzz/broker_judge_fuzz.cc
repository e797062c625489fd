// Any rules, any path and any git configuration: the judgement ends, names its rule, and lets nothing be
// made in a denied place; no entry that runs code is taken for harmless.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "platform/linux/broker/git_config.h"
#include "platform/linux/broker/judge.h"
#include "platform/linux/broker/vet.h"

namespace {

using namespace srt;            // NOLINT: a program of one file
using namespace srt::platform;  // NOLINT

[[noreturn]] void stop(const char* what, const std::string& text) {
  std::fprintf(stderr, "%s:\n%s\n", what, text.c_str());
  std::abort();
}

// Some names are there, some were made here: as the bytes of the path say.
class Guesses final : public Facts {
 public:
  FileKind kind(const std::string& path) const override {
    return static_cast<FileKind>(hash(path) % 5);
  }
  bool made_here(const std::string& path) const override { return hash(path) % 7 == 0; }
  std::vector<std::string> names_in(const std::string& folder) const override {
    return {"config", "hooks", std::to_string(hash(folder) % 10)};
  }

 private:
  static size_t hash(const std::string& text) { return std::hash<std::string>()(text); }
};

std::string_view next_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

bool is_canonical(std::string_view path) {
  if (path.find('\0') != path.npos || path.find("//") != path.npos || path.ends_with('/')) {
    return false;
  }
  for (std::string_view part : components(path)) {
    if (part == "." || part == "..") return false;
  }
  return true;
}

void check_config(std::string_view text) {
  const auto entries = parse_git_config(text);
  if (!entries) return;
  for (const GitConfigEntry& entry : *entries) {
    if (!is_harmless_in_config(entry)) continue;
    for (const char* bad : {"hookspath", "fsmonitor", "sshcommand", "pager", "editor", "helper"}) {
      if (entry.key == bad && entry.section != "advice") stop("runs code", to_string(entry));
    }
    if (entry.section == "alias" || entry.section == "include" || entry.section == "filter") {
      stop("runs code", to_string(entry));
    }
    if (entry.key == "url" && entry.value.find("::") != entry.value.npos) {
      stop("runs code", entry.value);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_config(text);
  BrokerRules rules;
  rules.write_roots = {"/w"};
  const std::string denied(next_line(text));
  rules.denied = {denied};
  const Result<Judge> judge = Judge::make(rules);
  if (!judge) return 0;
  const std::string path = "/w/" + std::string(next_line(text)), to = "/w/" + std::string(text);
  if (!is_canonical(path) || !is_canonical(to)) return 0;
  const Guesses facts;
  const auto pattern = PathPattern::parse(denied);
  for (int act = 0; act <= static_cast<int>(Act::kMoveHere); ++act) {
    const Verdict verdict = judge->deed(static_cast<Act>(act), path, facts);
    if (verdict.kind == Verdict::Kind::kRefuse && verdict.rule.empty() && !denied.empty()) {
      stop("no rule", path);
    }
    const bool makes = static_cast<Act>(act) == Act::kMakeFile;
    if (makes && pattern->match(components(path)).complete &&
        verdict.kind != Verdict::Kind::kRefuse) {
      stop("a denied path is made", path);
    }
  }
  for (FileKind kind : {FileKind::kRegular, FileKind::kFolder, FileKind::kSymlink}) {
    (void)judge->move({path, to, kind}, facts);
  }
  (void)objection({Content::kGitLink, path + "/.git", std::string(text), ""}, *judge, facts);
  return 0;
}
