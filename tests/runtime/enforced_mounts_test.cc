// The mounts of filesystem rules in a real sandbox: srt-runtime, bwrap, a shell that tries. As whoever
// runs the test and, where that is root, as an ordinary user as well.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "oci/print.h"
#include "oci/template.h"
#include "runtime/filesystem_mounts.h"
#include "tests/runtime/temp_dir.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

namespace fs = std::filesystem;

struct Caller {
  uid_t uid = geteuid();
  gid_t gid = getegid();
};

// SRT_TEST_USER, or the first account for a person.
std::vector<Caller> callers() {
  std::vector<Caller> out = {Caller{}};
  if (geteuid() != 0) return out;
  const char* name = std::getenv("SRT_TEST_USER");
  const passwd* user = name != nullptr ? getpwnam(name) : nullptr;
  setpwent();
  while (user == nullptr || user->pw_uid < 1000 || user->pw_uid > 60000) {
    user = getpwent();
    if (user == nullptr) break;
  }
  if (user != nullptr) out.push_back({user->pw_uid, user->pw_gid});
  endpwent();
  if (out.size() == 1) WARN("skipped: no ordinary user to run as (set SRT_TEST_USER)");
  return out;
}

class Sandbox {
 public:
  explicit Sandbox(const Caller& caller) : caller_(caller) {
    root = fs::canonical(dir_.path()).string();
    chmod(root.c_str(), 0755);
    for (const char* program : {"srt", "srt-runtime", "srt-init", "srt-monitor", "srt-broker"}) {
      fs::copy_file(fs::path(SRT_PROGRAMS) / program, root + "/" + program);
    }
    for (const char* folder : {"private", "bundle", "state", "home/project/src", "home/.ssh"}) {
      fs::create_directories(root + "/" + folder);
    }
    for (const char* file : {"home/.ssh/id", "home/.ssh/config", "home/project/.env",
                             "home/project/src/a.c", "home/note"}) {
      std::ofstream(root + "/" + file) << "content";
    }
    std::ofstream(root + "/unreadable");
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (lchown(entry.path().c_str(), caller_.uid, caller_.gid) != 0) FAIL("lchown");
    }
    chmod((root + "/unreadable").c_str(), 0);
    layer_.origin = "test";
  }

  Sandbox& rule(PathList list, const std::string& path) {
    layer_.rules.push_back({list, {path, false}, "test"});
    return *this;
  }

  // What `script` prints, run in home/project.
  std::string run(const std::string& script) {
    const std::string cwd = root + "/home/project";
    auto rules = filesystem_rules({layer_}, cwd, root + "/home");
    REQUIRE(rules);
    auto built = filesystem_mounts(
        *rules,
        {.tmpdir = root + "/private", .unreadable_file = root + "/unreadable", .uid = caller_.uid});
    INFO((built ? std::string() : to_string(built.error())));
    REQUIRE(built);
    oci::Spec spec = oci::host_spec({cwd, caller_.uid, caller_.gid, ""});
    spec.root = oci::Root{"/", built->root_readonly};
    spec.mounts = built->mounts;
    spec.process->terminal = false;
    spec.process->args = {{"/bin/sh", "-c", script}};
    std::ofstream(root + "/bundle/config.json") << oci::print(spec);
    return call({root + "/srt-runtime", "--root", root + "/state", "run", "--bundle",
                 root + "/bundle", "t" + std::to_string(getpid())});
  }

  // The command `srt` with these words, in home/project.
  std::string srt(std::vector<std::string> words) {
    words.insert(words.begin(), root + "/srt");
    return call(std::move(words));
  }

  std::string root;

 private:
  std::string call(std::vector<std::string> words) {
    int out[2];
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    const pid_t child = fork();
    if (child == 0) {
      dup2(out[1], 1);
      dup2(out[1], 2);
      const bool same = caller_.uid == geteuid();
      if (!same &&
          (setgroups(0, nullptr) != 0 || setgid(caller_.gid) != 0 || setuid(caller_.uid) != 0)) {
        _exit(1);
      }
      setenv("HOME", (root + "/home").c_str(), 1);
      setenv("XDG_RUNTIME_DIR", (root + "/state").c_str(), 1);
      if (chdir((root + "/home/project").c_str()) != 0) _exit(1);
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(out[0], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<size_t>(got));
    }
    close(out[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return text;
  }

  Caller caller_;
  test::TempDir dir_;
  WrittenLayer layer_;
};

// Prints "yes" or "no".
std::string can(const std::string& command) {
  return "if (" + command + ") >/dev/null 2>&1; then echo yes; else echo no; fi; ";
}

std::set<std::string> names_below(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.insert(entry.path().string());
  }
  return names;
}

}  // namespace

TEST_CASE("enforced: everything can be read, nothing written", "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    CHECK(sandbox.run(can("cat ../.ssh/id") + can("echo x > src/a.c") + can("touch /tmp/x") +
                      can("mkdir /var/tmp/x") + can("echo x > /dev/null") +
                      can("echo x > " + sandbox.root + "/private/x") + "pwd") ==
          "yes\nno\nno\nno\nyes\nyes\n" + sandbox.root + "/home/project\n");
  }
}

TEST_CASE("enforced: a write root, and what is denied in it", "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    sandbox.rule(PathList::kAllowWrite, ".").rule(PathList::kDenyWrite, "src");
    sandbox.rule(PathList::kDenyRead, ".env");
    CHECK(sandbox.run(can("echo x > new") + can("echo x > src/a.c") + can("rm -rf src") +
                      can("mv src moved") + can("cat src/a.c") + can("cat .env") +
                      can("echo x > .env") + can("rm .env") + can("chmod 644 .env") +
                      can("touch ../x")) == "yes\nno\nno\nno\nyes\nno\nno\nno\nno\nno\n");
    CHECK(fs::exists(sandbox.root + "/home/project/new"));
    CHECK(fs::file_size(sandbox.root + "/home/project/.env") == 7);
  }
}

TEST_CASE("enforced: a denied folder is empty and read-only", "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    sandbox.rule(PathList::kDenyRead, "~/.ssh");
    CHECK(sandbox.run("ls -A ../.ssh | wc -l; " + can("touch ../.ssh/x") + can("cat ../.ssh/id") +
                      can("chmod 777 ../.ssh") + can("umount ../.ssh") +
                      can("cat /proc/1/root" + sandbox.root + "/home/.ssh/id")) ==
          "0\nno\nno\nno\nno\nno\n");
  }
}

TEST_CASE("enforced: what is opened in a denied folder is there, and the folder stays sealed",
          "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    const auto before = names_below(sandbox.root + "/home");
    sandbox.rule(PathList::kDenyRead, "~").rule(PathList::kAllowWrite, ".");
    sandbox.rule(PathList::kAllowRead, "~/.ssh/config").rule(PathList::kDenyRead, "src");
    CHECK(sandbox.run("ls -A ..; ls -A ../.ssh; cat ../.ssh/config; ls -A src | wc -l; " +
                      can("touch ../x") + can("touch ../.ssh/x") + can("echo > ../.ssh/config") +
                      can("echo x > src/x") + can("echo x >> .env")) ==
          ".ssh\nproject\nconfig\ncontent0\nno\nno\nno\nno\nyes\n");
    CHECK(names_below(sandbox.root + "/home") == before);  // no mount point was left
  }
}

TEST_CASE("enforced: a denied parent leaves the working directory where it is", "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    sandbox.rule(PathList::kDenyRead, "..");
    CHECK(sandbox.run("pwd; /bin/pwd -P; ls -A | wc -l; ls -A ..; " + can("touch x")) ==
          sandbox.root + "/home/project\n" + sandbox.root + "/home/project\n0\nproject\nno\n");
  }
}

TEST_CASE("enforced: the whole tree can be denied but for what a program needs", "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    sandbox.rule(PathList::kDenyRead, "/").rule(PathList::kAllowRead, "/usr");
    for (const char* place : {"/bin", "/lib", "/lib64"}) {
      if (fs::exists(place)) sandbox.rule(PathList::kAllowRead, place);
    }
    CHECK(sandbox.run(can("ls /usr/bin") + can("ls /etc/passwd") + can("touch /x") +
                      can("echo x > /dev/null") + can("touch " + sandbox.root + "/private/x")) ==
          "yes\nno\nno\nyes\nyes\n");
  }
}

TEST_CASE("enforced: links lead where they led when the rules were read", "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    fs::create_symlink("../.ssh", sandbox.root + "/home/project/keys");
    sandbox.rule(PathList::kAllowWrite, ".").rule(PathList::kDenyRead, "keys");
    CHECK(sandbox.run(can("cat keys/id") + can("cat ../.ssh/id") +
                      can("ln -sf ../.ssh/id other && cat other")) == "no\nno\nno\n");
  }
}

TEST_CASE("enforced: processes and devices of the host are out of sight", "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    const auto outside = static_cast<size_t>(std::count_if(
        fs::directory_iterator("/proc"), fs::directory_iterator(),
        [](const auto& entry) { return isdigit(entry.path().filename().c_str()[0]); }));
    const std::string seen = sandbox.run(
        can("echo x > /dev/shm/x && [ $(ls /dev/shm | wc -l) = 1 ]") + can("ls /dev/kmsg") +
        can("[ -z \"$(ls -A /etc/ssh/ssh_config.d)\" ]") + "ls /proc | grep -c '^[0-9]'");
    REQUIRE(seen.starts_with("yes\nno\nyes\n"));
    CHECK(std::stoul(seen.substr(11)) < std::min<size_t>(outside, 10));
  }
}

TEST_CASE("enforced: a folder that becomes a link while it is mounted is not followed",
          "[enforced]") {
  for (const Caller& caller : callers()) {
    INFO("as user " << caller.uid);
    Sandbox sandbox(caller);
    // Where another sandbox may write, and does: a folder and a link to secrets change places.
    const std::string shared = sandbox.root + "/home/shared", hidden = shared + "/hidden";
    fs::create_directories(hidden + "/a");
    for (const std::string& path : {shared, hidden, hidden + "/a"}) {
      REQUIRE(chown(path.c_str(), caller.uid, caller.gid) == 0);
    }
    fs::create_symlink(sandbox.root + "/home/.ssh", hidden + "/b");
    std::atomic<bool> done = false;
    std::thread swaps([&] {
      const std::string a = hidden + "/a", b = hidden + "/b";
      while (!done) renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
    });
    size_t ran = 0;
    for (int i = 0; i < 40; ++i) {
      const std::string said =
          sandbox.srt({"--allow-write", shared, "--deny-read", hidden, "--allow-write",
                       hidden + "/a", "/bin/sh", "-c", "touch " + hidden + "/a/planted; echo ran"});
      ran += said.find("ran\n") != std::string::npos;
    }
    done = true;
    swaps.join();
    CHECK(ran > 0);
    CHECK_FALSE(fs::exists(sandbox.root + "/home/.ssh/planted"));
  }
}
