#include "platform/darwin/sandbox_profile.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "platform/protected_names.h"
#include "runtime/path_pattern.h"
#include "tests/platform/darwin/random_policy.h"

using namespace srt;                    // NOLINT: a test
using namespace srt::platform::darwin;  // NOLINT
using namespace srt::test;              // NOLINT
using srt::platform::PathEffect;
using srt::platform::PathRule;

namespace {

PathRule rule(PathEffect effect, const std::string& path, const std::string& pattern = {}) {
  return {effect, path, pattern, {}, std::string::npos, false};
}

// /w and /tmp/v can be written, with names protected.
Access workplace() {
  Access access;
  access.host.filesystem.layers.push_back(
      {true, {rule(PathEffect::kAllowWrite, "/w"), rule(PathEffect::kAllowWrite, "/tmp/v")}});
  return access;
}

std::string error_of(const Access& access) {
  const auto profile = sandbox_profile(access);
  return profile ? "" : to_string(profile.error());
}

bool connects(const Sbpl& sbpl, const std::string& remote) {
  SbplRequest request;
  request.operation = "network-outbound";
  request.remote = remote;
  return allows(sbpl, request);
}
bool listens(const Sbpl& sbpl, const std::string& local) {
  SbplRequest request;
  request.operation = "network-bind";
  request.local = local;
  const bool bind = allows(sbpl, request);
  request.operation = "network-inbound";
  CHECK(allows(sbpl, request) == bind);
  return bind;
}
bool reaches_socket(const Sbpl& sbpl, const std::string& path, const char* operation) {
  SbplRequest request;
  request.operation = operation;
  request.unix_socket = resolved(path);
  return allows(sbpl, request);
}
bool makes_socket(const Sbpl& sbpl, const std::string& domain) {
  SbplRequest request;
  request.operation = "system-socket";
  request.socket_domain = domain;
  return allows(sbpl, request);
}
bool looks_up(const Sbpl& sbpl, const std::string& service) {
  SbplRequest request;
  request.operation = "mach-lookup";
  request.name = service;
  return allows(sbpl, request);
}

}  // namespace

TEST_CASE("ordinary programs find what they need, and nothing more") {
  const Sbpl sbpl = profile_of(workplace());
  CHECK(looks_up(sbpl, "com.apple.system.notification_center"));
  CHECK_FALSE(looks_up(sbpl, "com.apple.trustd.agent"));
  CHECK_FALSE(looks_up(sbpl, "com.apple.coreservices.appleevents"));
  CHECK_FALSE(looks_up(sbpl, "com.apple.pasteboard.1"));
  SbplRequest request;
  for (const char* operation : {"signal", "process-info-pidinfo", "mach-priv-task-port"}) {
    request.operation = operation;
    request.same_sandbox = true;
    CHECK(allows(sbpl, request));
    request.same_sandbox = false;
    CHECK_FALSE(allows(sbpl, request));
  }
  request.operation = "sysctl-read";
  request.name = "hw.ncpu";
  CHECK(allows(sbpl, request));
  request.name = "kern.procargs2";  // arguments and environment of other programs
  CHECK_FALSE(allows(sbpl, request));
  for (const char* operation : {"appleevent-send", "lsopen", "pseudo-tty", "file-link"}) {
    request.operation = operation;
    CHECK_FALSE(allows(sbpl, request));
  }
  CHECK(may(sbpl, "file-write-data", "/dev/null", "CHARACTER-DEVICE"));
  CHECK_FALSE(may(sbpl, "file-write-data", "/dev/null", "REGULAR-FILE"));
  CHECK(may(sbpl, "file-write-data", "/dev/tty", "CHARACTER-DEVICE"));
  CHECK_FALSE(may(sbpl, "file-write-data", "/dev/disk0", "BLOCK-DEVICE"));
  // TIOCSTI would type into the caller's terminal.
  CHECK_FALSE(may(sbpl, "file-ioctl", "/dev/tty", "CHARACTER-DEVICE"));
  CHECK_FALSE(may(sbpl, "file-ioctl", "/dev/ttys001", "CHARACTER-DEVICE"));
  CHECK_FALSE(makes_socket(sbpl, "AF_UNIX"));
  CHECK_FALSE(makes_socket(sbpl, "AF_SYSTEM"));  // but for protocol 2
}

TEST_CASE("a network is the guard's port, or none") {
  Access access = workplace();
  {
    const Sbpl none = profile_of(access);
    CHECK_FALSE(connects(none, "127.0.0.1:3128"));
    CHECK_FALSE(connects(none, "192.0.2.1:443"));
    CHECK_FALSE(listens(none, "127.0.0.1:8080"));
  }
  access.network = Network::kGuard;
  CHECK_THAT(error_of(access), Catch::Contains("no port"));
  access.guard_port = 3128;
  {
    const Sbpl guard = profile_of(access);
    CHECK(connects(guard, "127.0.0.1:3128"));
    CHECK(connects(guard, "[::1]:3128"));
    CHECK_FALSE(connects(guard, "127.0.0.1:3129"));
    CHECK_FALSE(connects(guard, "192.0.2.1:3128"));
    CHECK_FALSE(connects(guard, "[::ffff:127.0.0.1]:3128"));
    CHECK_FALSE(listens(guard, "127.0.0.1:3128"));
  }
  access.host.local_binding = true;
  {
    const Sbpl local = profile_of(access);
    CHECK(connects(local, "127.0.0.1:9"));
    CHECK(listens(local, "127.0.0.1:8080"));
    CHECK_FALSE(listens(local, "192.0.2.7:8080"));
    CHECK_FALSE(connects(local, "192.0.2.1:443"));
  }
  access.network = Network::kHost;
  const Sbpl host = profile_of(access);
  CHECK(connects(host, "192.0.2.1:443"));
  CHECK(listens(host, "192.0.2.7:8080"));
  CHECK(makes_socket(host, "AF_UNIX"));
  CHECK(reaches_socket(host, "/var/run/mDNSResponder", "network-outbound"));
}

TEST_CASE("unix sockets are those that are named") {
  Access access = workplace();
  access.host.unix_sockets = {"/tmp/agent.sock", "/w/run"};
  access.own_folders = {"/var/db/srt"};
  const Sbpl sbpl = profile_of(access);
  CHECK(makes_socket(sbpl, "AF_UNIX"));
  CHECK_FALSE(makes_socket(sbpl, "AF_INET"));
  CHECK(reaches_socket(sbpl, "/tmp/agent.sock", "network-outbound"));
  CHECK_FALSE(reaches_socket(sbpl, "/tmp/agent.sock2", "network-outbound"));
  CHECK_FALSE(reaches_socket(sbpl, "/tmp/other.sock", "network-outbound"));
  CHECK(reaches_socket(sbpl, "/w/run/s", "network-bind"));
  // Binding makes a file.
  CHECK_FALSE(reaches_socket(sbpl, "/tmp/agent.sock", "network-bind"));
  access.host.all_unix_sockets = true;
  const Sbpl all = profile_of(access);
  CHECK(reaches_socket(all, "/tmp/other.sock", "network-outbound"));
  CHECK(reaches_socket(all, "/w/s", "network-bind"));
  CHECK_FALSE(reaches_socket(all, "/w/.git/hooks/s", "network-bind"));
  // It would ask the network for names; and the runtime's own take orders from the caller's user.
  CHECK_FALSE(reaches_socket(all, "/var/run/mDNSResponder", "network-outbound"));
  CHECK_FALSE(reaches_socket(all, "/var/db/srt/run/control", "network-outbound"));
}

TEST_CASE("services, events, certificates and terminals where a policy asks") {
  Access access = workplace();
  access.host.mach_services = {"com.example.agent", "com.example.group.*"};
  access.host.apple_events = access.host.weaker_network_isolation = access.host.terminals = true;
  const Sbpl sbpl = profile_of(access);
  CHECK(looks_up(sbpl, "com.example.agent"));
  CHECK_FALSE(looks_up(sbpl, "com.example.agent2"));
  CHECK(looks_up(sbpl, "com.example.group.x"));
  CHECK_FALSE(looks_up(sbpl, "com.example.groups"));
  CHECK(looks_up(sbpl, "com.apple.trustd.agent"));
  CHECK(looks_up(sbpl, "com.apple.coreservices.appleevents"));
  CHECK(may(sbpl, "file-ioctl", "/dev/ttys001", "CHARACTER-DEVICE"));
  CHECK(may(sbpl, "file-write-data", "/dev/ptmx", "CHARACTER-DEVICE"));
  CHECK_FALSE(may(sbpl, "file-write-data", "/dev/ttysnoop/x"));
  for (const char* service : {"", "*", "a*b"}) {
    access.host.mach_services = {service};
    CHECK_THAT(error_of(access), Catch::Contains("is not the name of a service"));
  }
}

TEST_CASE("what a profile cannot be made of is an error") {
  Access access = workplace();
  access.log_suffix = "a\" OR 1";
  CHECK_THAT(error_of(access), Catch::Contains("log suffix"));
  for (const char* path : {"", "w", "/w/", "/w//x", "/w/../x", "/w/."}) {
    access = workplace();
    access.host.filesystem.layers[0].rules.push_back(rule(PathEffect::kDenyRead, path));
    CHECK_THAT(error_of(access), Catch::Contains("is not an absolute path"));
    access = workplace();
    access.host.unix_sockets = {path};
    CHECK_THAT(error_of(access), Catch::Contains("is not an absolute path"));
  }
  access = workplace();
  access.host.filesystem.layers[0].rules.push_back(rule(PathEffect::kDenyWrite, "/w", "[/]"));
  CHECK_THAT(error_of(access), Catch::Contains("matches nothing"));
}

TEST_CASE("no layer says what may be written: nothing") {
  const Sbpl sbpl = profile_of(Access());
  CHECK(may(sbpl, "file-read-data", "/etc/hosts"));
  CHECK_FALSE(may(sbpl, "file-write-data", "/etc/hosts"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/tmp/x"));
}

TEST_CASE("/tmp, /var and /etc are meant under both names") {
  Access access = workplace();
  auto& rules = access.host.filesystem.layers[0].rules;
  rules.push_back(rule(PathEffect::kDenyRead, "/etc/ssh"));
  rules.push_back(rule(PathEffect::kDenyRead, "/private/var/log", "*.log"));
  const Sbpl sbpl = profile_of(access);
  const auto reads = [&](const std::string& path) {
    SbplRequest request;
    request.operation = "file-read-data";
    request.path = path;
    return allows(sbpl, request);
  };
  CHECK_FALSE(reads("/etc/ssh/ssh_config"));
  CHECK_FALSE(reads("/private/etc/ssh/ssh_config"));
  CHECK_FALSE(reads("/private/var/log/a.log"));
  CHECK_FALSE(reads("/var/log/a.log"));
  CHECK(reads("/private/etc/hosts"));
  CHECK(may(sbpl, "file-write-create", "/tmp/v/x"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/tmp/x"));
}

TEST_CASE("folders on the way to what is opened in a denied one can be looked up, not listed") {
  Access access = workplace();
  auto& rules = access.host.filesystem.layers[0].rules;
  rules.push_back(rule(PathEffect::kDenyRead, "/"));
  rules.push_back(rule(PathEffect::kAllowRead, "/Users/u/lib"));
  access.cwd = "/Users/u/hidden";
  const Sbpl sbpl = profile_of(access);
  for (const char* path : {"/Users", "/Users/u", "/Users/u/hidden", "/tmp"}) {
    INFO(path);
    CHECK(may(sbpl, "file-read-metadata", path, "DIRECTORY"));
    CHECK_FALSE(may(sbpl, "file-read-data", path, "DIRECTORY"));
  }
  CHECK(may(sbpl, "file-read-data", "/Users/u/lib/x"));
  CHECK(may(sbpl, "file-read-data", "/w/x"));
  CHECK_FALSE(may(sbpl, "file-read-metadata", "/Users/v"));
  CHECK_FALSE(may(sbpl, "file-read-metadata", "/Users/u/hidden/x"));
  CHECK(may(sbpl, "file-read-data", "/", "DIRECTORY"));
}

TEST_CASE("the run's own folder is written whatever the rules say, the runtime's never") {
  Access access;
  access.host.filesystem.layers.push_back(
      {true, {rule(PathEffect::kAllowWrite, "/"), rule(PathEffect::kDenyRead, "/var/db")}});
  access.private_folder = "/var/db/srt/run1/tmp";
  access.own_folders = {"/var/db/srt"};
  const Sbpl sbpl = profile_of(access);
  CHECK(may(sbpl, "file-write-create", "/var/db/srt/run1/tmp/x"));
  CHECK(may(sbpl, "file-read-data", "/var/db/srt/run1/tmp/x"));
  CHECK_FALSE(may(sbpl, "file-read-data", "/var/db/srt/run1/state.json"));
  CHECK_FALSE(may(sbpl, "file-write-unlink", "/var/db/srt/run1/tmp", "DIRECTORY"));
  CHECK_FALSE(may(sbpl, "file-write-unlink", "/var/db/srt", "DIRECTORY"));
  access.host.filesystem = {};
  access.host.filesystem.unrestricted = true;
  const Sbpl open = profile_of(access);
  CHECK(may(open, "file-write-create", "/Users/u/.bashrc"));
  CHECK_FALSE(may(open, "file-read-data", "/var/db/srt/run1/state.json"));
  CHECK_FALSE(may(open, "file-write-unlink", "/var/db", "DIRECTORY"));
}

TEST_CASE("a place that a denied link led through keeps its link") {
  Access access = workplace();
  PathRule denied = rule(PathEffect::kDenyWrite, "/elsewhere/secret");
  denied.links = {"/w/conf"};
  access.host.filesystem.layers[0].rules.push_back(denied);
  const Sbpl sbpl = profile_of(access);
  CHECK_FALSE(may(sbpl, "file-write-unlink", "/w/conf", "SYMLINK"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/conf", "SYMLINK"));
  CHECK(may(sbpl, "file-write-create", "/w/conf2", "SYMLINK"));
}

TEST_CASE("nothing is moved out from under a pattern, nor in") {
  Access access = workplace();
  access.host.filesystem.protect_names = false;
  auto& rules = access.host.filesystem.layers[0].rules;
  rules.push_back(rule(PathEffect::kDenyRead, "/w/p", "**/secrets/*.key"));
  rules.push_back(rule(PathEffect::kDenyWrite, "/w/p", "pkg/*/lock"));
  const Sbpl sbpl = profile_of(access);
  // mv secrets s; cat s/a.key
  CHECK_FALSE(may(sbpl, "file-write-unlink", "/w/p/a/secrets", "DIRECTORY"));
  // mv q/lock-writer pkg/a: it brings its own
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/p/pkg/a", "DIRECTORY"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/p/pkg/a", "SYMLINK"));
  CHECK_FALSE(may(sbpl, "file-write-unlink", "/w/p/pkg", "DIRECTORY"));
  CHECK(may(sbpl, "file-write-create", "/w/p/pkg/readme"));
  // mv a /tmp/v; cat /tmp/v/a/secrets/a.key
  CHECK(may_rename(sbpl, "/w/p/a", "/tmp/v/a", "DIRECTORY"));
  CHECK_FALSE(may(sbpl, "file-read-data", "/tmp/v/a/secrets/a.key"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/tmp/v/a/secrets/a.key"));
  CHECK_FALSE(may(sbpl, "file-write-unlink", "/tmp/v/a/secrets", "DIRECTORY"));
  CHECK(may(sbpl, "file-read-data", "/tmp/v/a/secrets/readme"));
}

// ---- protected names ----

TEST_CASE(
    "protected names are those of the table, at any depth and in every place that can be written") {
  constexpr const char* kNames[] = {".git",          "hooks",    "config",     ".claude",
                                    "settings.json", "src",      "modules",    ".bashrc",
                                    "info",          "x",        "attributes", "worktrees",
                                    "gitdir",        "commands", ".vscode",    "rebase-merge"};
  std::vector<runtime::PathPattern> table;
  for (const auto& name : platform::kProtectedNames) {
    if (name.protection != platform::Protection::kGitLink) {
      table.emplace_back("/", std::string(name.pattern));
    }
  }
  const Sbpl sbpl = profile_of(workplace());
  Dice dice(11);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string path = dice.one_in(2) ? "/w" : "/tmp/v";
    for (size_t depth = 1 + dice.below(5); depth > 0; --depth) {
      path += std::string("/") + dice.one_of(kNames);
    }
    bool covered = false;
    for (const auto& pattern : table) covered |= pattern.covered(path) > 0;
    INFO(path);
    CHECK(may(sbpl, "file-write-data", path) != covered);
    CHECK(may(sbpl, "file-read-data", path));
    if (!covered) continue;
    ++refused;
    for (const char* type : {"REGULAR-FILE", "DIRECTORY", "SYMLINK"}) {
      CHECK_FALSE(may(sbpl, "file-write-create", path, type));
      CHECK_FALSE(may(sbpl, "file-write-unlink", path, type));
    }
  }
  CHECK(refused > 500);
}

TEST_CASE("no spelling of a protected name gets by that a volume takes for the same") {
  const Sbpl sbpl = profile_of(workplace());
  for (const char* name :
       {".BASHRC", ".BashRc", ".ba\u017fhrc", ".pro\ufb01le", ".GIT/hooks/pre-commit",
        ".git/hoo\u212as/pre-commit", ".g\u200cit/hooks/x", "\u200d.bashrc", ".git/ho\u200coks/x",
        ".git\ufeff/config", ".CLAUDE/settings.LOCAL.json", "a/.VSCode/tasks.json"}) {
    INFO(name);
    const std::string path = std::string("/w/") + name;
    CHECK_FALSE(may(sbpl, "file-write-create", path));
    CHECK_FALSE(may(sbpl, "file-write-data", path));
  }
  for (const char* name : {"bashrc", ".bashrc2", "x.bashrc", "git/hooks/x", "\u200d", "a\u200db",
                           "\U0001f468\u200d\U0001f469.txt", ".\U0001f468"}) {
    INFO(name);
    CHECK(may(sbpl, "file-write-create", std::string("/w/") + name));
  }
}

TEST_CASE("nothing that was filled elsewhere becomes a protected folder") {
  const Sbpl sbpl = profile_of(workplace());
  for (const char* name : {".git", ".claude", ".cursor", "a/b/.git", ".git/info", ".git/modules",
                           ".git/modules/sub", ".git/worktrees"}) {
    INFO(name);
    const std::string path = std::string("/w/") + name;
    CHECK_FALSE(may_rename(sbpl, "/w/evil", path, "DIRECTORY"));
    CHECK_FALSE(may_rename(sbpl, "/tmp/v/evil", path, "DIRECTORY"));
    CHECK_FALSE(may_rename(sbpl, path, "/w/away", "DIRECTORY"));
    CHECK_FALSE(may(sbpl, "file-write-create", path, "SYMLINK"));
  }
  // A `.git` that is a file points anywhere.
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/new/.git"));
  // Ordinary folders go where they like.
  CHECK(may_rename(sbpl, "/w/src", "/w/lib", "DIRECTORY"));
  CHECK(may_rename(sbpl, "/w/src", "/tmp/v/src", "DIRECTORY"));
  // Where what can be written begins, no link is put that would lead the next run elsewhere.
  CHECK_FALSE(may(sbpl, "file-write-create", "/w", "SYMLINK"));
  CHECK(may(sbpl, "file-write-create", "/w", "DIRECTORY"));
}

TEST_CASE("no folder becomes a repository that no name protects") {
  const Sbpl sbpl = profile_of(workplace());
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/bare/HEAD"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/bare/head"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/bare/HEAD", "SYMLINK"));
  CHECK_FALSE(may_rename(sbpl, "/w/bare/x", "/w/bare/HEAD"));
  CHECK(may(sbpl, "file-write-create", "/w/pages/head", "DIRECTORY"));
  // Nor by taking one out of .git.
  CHECK_FALSE(may_rename(sbpl, "/w/.git/refs/remotes/origin", "/w/bare", "DIRECTORY"));
}

TEST_CASE("git works in a repository that is there") {
  const Sbpl sbpl = profile_of(workplace());
  for (const char* made : {"index.lock", "HEAD.lock", "objects/ab/cdef", "refs/heads/topic.lock",
                           "logs/refs/heads/topic", "COMMIT_EDITMSG", "MERGE_HEAD",
                           "packed-refs.lock", "refs/remotes/origin/HEAD", "FETCH_HEAD"}) {
    INFO(made);
    CHECK(may(sbpl, "file-write-create", std::string("/w/p/.git/") + made));
    CHECK(may(sbpl, "file-write-unlink", std::string("/w/p/.git/") + made));
  }
  CHECK(may(sbpl, "file-write-create", "/w/p/.git/objects/ab", "DIRECTORY"));
  CHECK(may_rename(sbpl, "/w/p/.git/HEAD.lock", "/w/p/.git/HEAD"));
  CHECK(may_rename(sbpl, "/w/p/.git/index.lock", "/w/p/.git/index"));
}

TEST_CASE("allowGitConfig lets a repository be made, its hooks excepted") {
  Access access = workplace();
  access.host.filesystem.allow_git_config = true;
  const Sbpl sbpl = profile_of(access);
  CHECK(may(sbpl, "file-write-create", "/w/new/.git", "DIRECTORY"));
  CHECK(may(sbpl, "file-write-create", "/w/new/.git/config"));
  CHECK(may(sbpl, "file-write-create", "/w/new/.git/HEAD"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/new/.git"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/new/.git", "SYMLINK"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/new/.git/hooks", "DIRECTORY"));
  CHECK_FALSE(may(sbpl, "file-write-unlink", "/w/new/.git", "DIRECTORY"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/.gitconfig"));
}

TEST_CASE("what the user opens by name is open, and no more") {
  Access access = workplace();
  PathRule opened = rule(PathEffect::kAllowWrite, "/w/.claude/commands");
  opened.opens_protected = true;
  PathRule ordinary = rule(PathEffect::kAllowWrite, "/w/src");
  ordinary.opens_protected = true;
  auto& rules = access.host.filesystem.layers[0].rules;
  rules.push_back(opened);
  rules.push_back(ordinary);
  access.host.filesystem.settings_files = {"/w/.claude/commands/settings.json", "/w/.srt.json"};
  const Sbpl sbpl = profile_of(access);
  CHECK(may(sbpl, "file-write-create", "/w/.claude/commands/x.md"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/.claude/agents/x.md"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/.claude", "DIRECTORY"));
  // An ordinary place opens none that lies in it.
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/src/.bashrc"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/.claude/commands/settings.json"));
  CHECK_FALSE(may(sbpl, "file-write-create", "/w/.SRT.json"));
  CHECK(may(sbpl, "file-write-create", "/w/.srt.json2"));
}
