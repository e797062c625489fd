#include "platform/darwin/protected_filters.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "platform/darwin/glob.h"
#include "platform/darwin/regex.h"
#include "platform/protected_names.h"

namespace srt::platform::darwin {
namespace {

constexpr std::string_view kFront = "^/(.*/)?";  // of an expression for "**/…"
constexpr size_t kMaxAlternatives = 800;         // bytes, well below what a string may have

// Expressions that begin with kFront and end alike, as few filters.
class Alternatives {
 public:
  explicit Alternatives(std::string_view end) : end_(end) {}

  void add(std::string_view expression) {
    expression.remove_prefix(kFront.size());
    expression.remove_suffix(end_.size());
    if (!known_.emplace(expression).second) return;
    if (!together_.empty() &&
        quote(together_).size() + quote(expression).size() > kMaxAlternatives) {
      close();
    }
    together_ += (together_.empty() ? "" : "|") + std::string(expression);
  }
  Filter filter() && {
    close();
    return Filter::any(std::move(filters_));
  }

 private:
  void close() {
    if (together_.empty()) return;
    filters_.push_back(
        Filter::regex(std::string(kFront) + "(" + together_ + ")" + std::string(end_)));
    together_.clear();
  }

  std::string_view end_;
  std::set<std::string, std::less<>> known_;
  std::string together_;
  std::vector<Filter> filters_;
};

Glob glob_of(const ProtectedName& name) {
  return *Glob::parse("/", name.pattern, Glob::Case::kAny);  // none has a set
}

bool is_protected(std::string_view path) {
  return std::any_of(std::begin(kProtectedNames), std::end(kProtectedNames),
                     [&](const ProtectedName& name) { return glob_of(name).covers(path); });
}

// HFS+ leaves such characters out: ".g<ZWNJ>it" is .git there. Behind a name with a dot in front, or before
// the dot, none is let through.
Filter invisible_spellings() {
  const std::string ignorable = "(" + std::string(regex_ignorable()) + ")";
  return Filter::any(
      {Filter::regex("/\\..*" + ignorable), Filter::regex("/" + ignorable + "+\\.")});
}

}  // namespace

ProtectedFilters protected_filters(bool allow_git_config, const std::vector<std::string>& opened) {
  Alternatives covered("(/.*)?$"), kept("$"), kept_folders("$");
  for (const ProtectedName& name : kProtectedNames) {
    if (name.protection == Protection::kGitConfig && allow_git_config) continue;
    const Glob glob = glob_of(name);
    if (name.protection == Protection::kGitLink) {
      const std::string cover = glob.cover();
      kept.add(cover.substr(0, cover.size() - std::string_view("(/.*)?$").size()) + "$");
    } else {
      covered.add(glob.cover());
    }
    for (const Glob::Step& step : glob.steps()) {
      if (step.deep) continue;  // folders below .git are made all the time; see `not_removed`
      (step.wild ? kept_folders : kept).add(step.regex);
    }
  }
  std::vector<Filter> open;
  for (const std::string& path : opened) {
    if (is_protected(path)) open.push_back(Filter::subpath(path));
  }
  const Filter closed = Filter::negation(Filter::any(std::move(open)));
  const Filter folder = Filter::vnode_type(VnodeType::kDirectory);
  const Filter folder_or_link = Filter::any({folder, Filter::vnode_type(VnodeType::kSymlink)});
  ProtectedFilters filters;
  filters.covered =
      Filter::all({Filter::any({std::move(covered).filter(), invisible_spellings()}), closed});
  filters.kept = Filter::any(
      {std::move(kept).filter(), Filter::all({std::move(kept_folders).filter(), folder_or_link})});
  // Whoever may write .git/config can have git run anything: a new .git adds nothing to that.
  if (allow_git_config) {
    filters.kept = Filter::all(
        {filters.kept, Filter::negation(Filter::all(
                           {Filter::regex("/" + regex_any_case(".git") + "$"), folder}))});
    filters.not_removed = Filter::all({Filter::regex("/" + regex_any_case(".git") + "$"), closed});
  }
  filters.kept = Filter::all({filters.kept, closed});
  filters.not_made =
      Filter::all({Filter::regex("/" + regex_any_case("HEAD") + "$"),
                   Filter::negation(Filter::regex("/\\.git/")), Filter::negation(folder), closed});
  // With a HEAD in it, it would be a repository elsewhere, under names that nobody protects there.
  filters.not_removed = Filter::any(
      {filters.not_removed,
       Filter::all({Filter::regex("/" + regex_any_case(".git") + "/"), folder, closed})});
  return filters;
}

}  // namespace srt::platform::darwin
