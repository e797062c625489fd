// A program that does whatever its profile allows, thousands of times at random: it makes, renames, links and
// removes, and in the end has read nothing that is denied, changed nothing that is denied, and put nothing
// in a place where nothing may be put. That is what the rules about folders on the way are for.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/path_pattern.h"
#include "tests/platform/darwin/random_policy.h"

using namespace srt;        // NOLINT: a test
using namespace srt::test;  // NOLINT

namespace {

using runtime::FilesystemRules;
using runtime::PathList;

enum class Kind { kFile, kFolder, kLink };
const char* type_of(Kind kind) {
  switch (kind) {
    case Kind::kFile: return "REGULAR-FILE";
    case Kind::kFolder: return "DIRECTORY";
    case Kind::kLink: return "SYMLINK";
  }
  return "";
}

struct Node {
  int id = 0;
  Kind kind = Kind::kFile;
  std::string target;  // of a link: absolute
};

// What is where, without links: "/w/a" → node.
class Tree {
 public:
  explicit Tree(Dice& dice) {
    for (const char* root : {"/w", "/v", "/tmp"}) add(root, Kind::kFolder);
    for (int i = 0; i < 30; ++i) grow(random_path(dice), dice.one_in(2));
  }

  const std::map<std::string, Node>& nodes() const { return nodes_; }
  const Node* find(const std::string& path) const {
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : &found->second;
  }
  bool is_folder(const std::string& path) const {
    const Node* node = find(path);
    return node != nullptr && node->kind == Kind::kFolder;
  }
  static std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

  void add(const std::string& path, Kind kind, const std::string& target = {}) {
    nodes_[path] = {next_++, kind, target};
  }
  bool is_empty(const std::string& path) const {
    const auto after = nodes_.upper_bound(path + "/");
    return after == nodes_.end() || !after->first.starts_with(path + "/");
  }
  void remove(const std::string& path) { nodes_.erase(path); }
  void move(const std::string& from, const std::string& to) {
    std::map<std::string, Node> moved;
    for (auto at = nodes_.begin(); at != nodes_.end();) {
      const bool along = at->first == from || at->first.starts_with(from + "/");
      if (along) moved[to + at->first.substr(from.size())] = at->second;
      at = along ? nodes_.erase(at) : std::next(at);
    }
    nodes_.merge(moved);
  }

  // Where a path leads for a program outside; "" where it ends in nothing.
  std::string follow(std::string path) const {
    for (int links = 0; links < 10; ++links) {
      bool again = false;
      for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string front = path.substr(0, slash);
        const Node* node = find(front);
        if (node == nullptr) return {};
        if (node->kind == Kind::kLink) {
          path = node->target + (slash == path.npos ? "" : path.substr(slash));
          again = true;
          break;
        }
        if (slash == path.npos) break;
      }
      if (!again) return path;
    }
    return {};
  }

 private:
  void grow(const std::string& path, bool folder) {
    for (size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
      const std::string front = path.substr(0, slash);
      if (find(front) == nullptr) add(front, Kind::kFolder);
      if (!is_folder(front)) return;
    }
    if (find(path) == nullptr) add(path, folder ? Kind::kFolder : Kind::kFile);
  }

  std::map<std::string, Node> nodes_;
  int next_ = 1;
};

class Program {
 public:
  Program(Dice& dice, const FilesystemRules& rules, const Sbpl& sbpl)
      : dice_(dice), rules_(rules), sbpl_(sbpl), tree_(dice) {
    for (const auto& [path, node] : tree_.nodes()) {
      const auto access = rules_.access(path);
      if (!access.read) unreadable_.insert(node.id);
      if (!access.write) unwritable_.insert(node.id);
      if (!may(sbpl_, "file-write-data", path)) untouched_.insert(node.id);
    }
    // Where a rule without a pattern denies, the very path stays what it was.
    for (const auto& layer : rules_.layers) {
      for (const auto& rule : layer.rules) {
        const bool closes = rule.list == PathList::kDenyRead || rule.list == PathList::kDenyWrite;
        if (!closes || rule.pattern || rules_.access(rule.path).write) continue;
        fixed_[rule.path] = id_of(tree_.follow(rule.path));
      }
    }
  }

  int run(int steps) {
    int done = 0;
    for (int i = 0; i < steps; ++i) {
      const std::string what = step();
      if (what.empty()) continue;
      ++done;
      history_ += what + "\n";
      check();
    }
    return done;
  }

 private:
  int id_of(const std::string& path) const {
    const Node* node = path.empty() ? nullptr : tree_.find(path);
    return node == nullptr ? 0 : node->id;
  }

  // One that is there, or could be made.
  std::string some_place() {
    auto at = tree_.nodes().begin();
    std::advance(at, dice_.below(tree_.nodes().size()));
    if (at->second.kind != Kind::kFolder || dice_.one_in(2)) return at->first;
    return at->first + "/" + dice_.one_of(kNames);
  }

  // What was done; "" where it is not possible or not allowed.
  std::string step() {
    const std::string place = some_place();
    const Node* node = tree_.find(place);
    switch (dice_.below(5)) {
      case 0:
        if (node == nullptr || node->kind != Kind::kFile) return {};
        if (!may(sbpl_, "file-write-data", place)) return {};
        changed_.insert(node->id);
        return "write " + place;
      case 1:
        if (node == nullptr || (node->kind == Kind::kFolder && !tree_.is_empty(place))) return {};
        if (!may(sbpl_, "file-write-unlink", place, type_of(node->kind))) return {};
        tree_.remove(place);
        return "remove " + place;
      case 2: return make(place);
      default: return rename(place);
    }
  }

  std::string make(const std::string& place) {
    if (tree_.find(place) != nullptr || !tree_.is_folder(Tree::parent(place))) return {};
    const Kind kind = dice_.one_of(kKinds);
    if (!may(sbpl_, "file-write-create", place, type_of(kind))) return {};
    tree_.add(place, kind, kind == Kind::kLink ? random_path(dice_) : std::string());
    return std::string("make ") + type_of(kind) + " " + place;
  }

  std::string rename(const std::string& from) {
    const Node* node = tree_.find(from);
    const std::string to = some_place();
    if (node == nullptr || to == from || to.starts_with(from + "/") || from.starts_with(to + "/")) {
      return {};
    }
    if (!tree_.is_folder(Tree::parent(to))) return {};
    const Node* there = tree_.find(to);
    if (there != nullptr &&
        (there->kind != node->kind || (there->kind == Kind::kFolder && !tree_.is_empty(to)))) {
      return {};
    }
    if (!may_rename(sbpl_, from, to, type_of(node->kind))) return {};
    // What is replaced is removed.
    if (there != nullptr && !may(sbpl_, "file-write-unlink", to, type_of(there->kind))) return {};
    if (there != nullptr) tree_.remove(to);
    tree_.move(from, to);
    return "rename " + from + " " + to;
  }

  void check() {
    INFO(describe(rules_) << history_);
    std::set<int> seen;
    for (const auto& [path, node] : tree_.nodes()) {
      INFO(path);
      seen.insert(node.id);
      if (unreadable_.contains(node.id)) REQUIRE_FALSE(may(sbpl_, "file-read-data", path));
      if (unwritable_.contains(node.id)) {
        REQUIRE_FALSE(may(sbpl_, "file-write-data", path));
      } else {
        // Nothing of the program's was put where nothing may be written.
        REQUIRE((rules_.access(path).write || untouched_.contains(node.id)));
      }
    }
    for (const int id : unwritable_) {
      REQUIRE(seen.contains(id));
      REQUIRE_FALSE(changed_.contains(id));
    }
    for (const auto& [path, id] : fixed_) {
      INFO(path);
      REQUIRE(id_of(tree_.follow(path)) == id);
    }
  }

  static constexpr const char* kNames[] = {"a", "b", "c", "x.c", ".env"};
  static constexpr Kind kKinds[] = {Kind::kFile, Kind::kFolder, Kind::kFolder, Kind::kLink};

  Dice& dice_;
  const FilesystemRules& rules_;
  const Sbpl& sbpl_;
  Tree tree_;
  std::set<int> unreadable_, unwritable_, changed_;
  std::set<int>
      untouched_;  // could not be written where they were, though the policy has no word on it
  std::map<std::string, int> fixed_;
  std::string history_;
};

}  // namespace

TEST_CASE("whatever a program renames, links and removes, what is denied stays so") {
  int done = 0;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    Dice dice(seed);
    const FilesystemRules rules =
        random_rules(dice, seed % 2 == 0 ? Patterns::kSome : Patterns::kNone);
    const Sbpl sbpl = profile_of(access_of(rules));
    done += Program(dice, rules, sbpl).run(150);
  }
  CHECK(done > 1000);
}

TEST_CASE("nothing gets out of a pattern, or into it, by being moved") {
  int done = 0;
  for (unsigned seed = 2000; seed < 2250; ++seed) {
    Dice dice(seed);
    const FilesystemRules rules = one_denied_pattern(dice);
    const Sbpl sbpl = profile_of(access_of(rules));
    done += Program(dice, rules, sbpl).run(200);
  }
  CHECK(done > 4000);
}
