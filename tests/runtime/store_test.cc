#include "runtime/store.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/runtime/temp_dir.h"

using namespace srt::runtime;
using srt::UniqueFd;
using srt::test::TempDir;

namespace {

ContainerId id(const std::string& text) { return ContainerId::parse(text).value(); }

Record record_of(const std::string& text) {
  Record record;
  record.oci_version = "1.3.0";
  record.id = text;
  record.bundle = "/bundle";
  return record;
}

// A child that ends when it is told to, or is killed.
class Child {
 public:
  // `work` runs in the child, which then says that it is done and waits.
  explicit Child(const std::function<void()>& work) {
    int said[2];
    REQUIRE(pipe2(said, O_CLOEXEC) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      work();
      if (write(said[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    close(said[1]);
    UniqueFd reader(said[0]);
    char byte;
    REQUIRE(read(reader.get(), &byte, 1) == 1);
  }
  ~Child() { kill_and_wait(); }
  void kill_and_wait() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

}  // namespace

TEST_CASE("of many processes that want one id at once, one gets it") {
  TempDir dir;
  constexpr int kRacers = 16;
  int gate[2];
  REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
  std::vector<pid_t> racers;
  for (int i = 0; i < kRacers; ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      close(gate[1]);
      auto store = Store::open(dir / "root");
      char byte;
      if (!store || read(gate[0], &byte, 1) != 0) _exit(3);  // until the gate is closed
      auto entry = store->reserve(id("one"));
      if (entry) _exit(entry->save(record_of("one")) ? 0 : 3);
      _exit(entry.error().why == "container with given ID already exists" ? 1 : 3);
    }
    racers.push_back(pid);
  }
  close(gate[0]);
  close(gate[1]);
  int winners = 0, losers = 0;
  for (pid_t pid : racers) {
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    winners += WEXITSTATUS(status) == 0;
    losers += WEXITSTATUS(status) == 1;
  }
  CHECK(winners == 1);
  CHECK(losers == kRacers - 1);
}

TEST_CASE(
    "a container whose creator lives is creating, and kill -9 makes it stopped and removable") {
  TempDir dir;
  auto store = Store::open(dir.path());
  REQUIRE(store);
  Child creator([&] {
    auto own = Store::open(dir.path());
    auto entry = new auto(own->reserve(id("half")));
    if (!(*entry)->save(record_of("half"))) _exit(1);
  });
  {
    auto listed = store->list();
    REQUIRE(listed);
    REQUIRE(listed->size() == 1);
    CHECK(listed->front().status == Status::kCreating);
  }
  auto busy = store->lock(id("half"), Lock::kExclusive, std::chrono::milliseconds(20));
  REQUIRE_FALSE(busy);
  CHECK(busy.error().code == EBUSY);

  creator.kill_and_wait();
  CHECK(store->list()->front().status == Status::kStopped);
  auto entry = store->lock(id("half"), Lock::kExclusive);
  REQUIRE(entry);
  CHECK(entry->status(*entry->load()) == Status::kStopped);
  CHECK(entry->remove());
  CHECK(store->list()->empty());
}

TEST_CASE("a root that others remove as they end is made anew") {
  const TempDir dir;
  const std::string root = dir.path() + "/root";
  REQUIRE(Store::open(root));
  Child remover([&] {
    if (fork() != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) (void)rmdir(root.c_str());
  });
  for (int round = 0; round < 60; ++round) {
    auto store = Store::open(root);
    REQUIRE(store);
    auto entry = store->reserve(id("a"));
    INFO((entry ? std::string() : to_string(entry.error())));
    REQUIRE(entry);
    CHECK(store->find(id("a")));
    CHECK(fcntl(entry->dir(), F_GETFD) == FD_CLOEXEC);
    REQUIRE(entry->remove());
  }
  for (const auto& left : std::filesystem::directory_iterator(dir.path())) {
    CHECK(left.path() == root);
  }
}

TEST_CASE("many begin and end in one root at once, and the last one leaves none") {
  const TempDir dir;
  const std::string root = dir.path() + "/root";
  constexpr int kSandboxes = 4;
  pid_t sandboxes[kSandboxes];
  for (pid_t& sandbox : sandboxes) {
    sandbox = fork();
    if (sandbox != 0) continue;
    for (int round = 0; round < 100; ++round) {
      auto store = Store::open(root);
      if (!store) _exit(1);
      auto entry = store->reserve(id(std::to_string(getpid())));
      if (!entry || !entry->remove()) _exit(2);
      store->remove_if_empty();
    }
    _exit(0);
  }
  for (const pid_t sandbox : sandboxes) {
    int status = -1;
    REQUIRE(waitpid(sandbox, &status, 0) == sandbox);
    CHECK(status == 0);
  }
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("a creator killed before it wrote anything leaves a container that list shows") {
  TempDir dir;
  auto store = Store::open(dir.path());
  {
    Child creator([&] { new auto(Store::open(dir.path())->reserve(id("empty"))); });
    CHECK(store->list()->front().status == Status::kCreating);
  }
  auto listed = store->list();
  REQUIRE(listed->size() == 1);
  CHECK(listed->front().record.id == "empty");
  CHECK(listed->front().status == Status::kStopped);
  CHECK_FALSE(listed->front().damage.empty());
  auto entry = store->lock(id("empty"), Lock::kExclusive);
  REQUIRE(entry);
  CHECK(entry->load().error().code == ENOENT);
  CHECK(entry->remove());
  CHECK(store->reserve(id("empty")));
}

TEST_CASE("a reader at any moment sees the old or the new state, never half of it") {
  TempDir dir;
  auto store = Store::open(dir.path());
  auto entry = store->reserve(id("busy"));
  Record record = record_of("busy");
  REQUIRE(entry->save(record));
  pid_t writer = fork();
  if (writer == 0) {
    for (size_t i = 0;; ++i) {
      record.annotations["x"] = std::string((i % 64) * 1024, 'x');
      if (!entry->save(record)) _exit(1);
    }
  }
  for (int i = 0; i < 300; ++i) {
    auto read = store->find(id("busy"))->load();
    if (!read) FAIL(srt::to_string(read.error()));
  }
  kill(writer, SIGKILL);
  waitpid(writer, nullptr, 0);
  CHECK(store->find(id("busy"))->load());
  // What a killed writer left beside the state does not keep the folder from going.
  std::ofstream(dir / "busy/.state.json.1") << "half";
  CHECK(entry->remove());
}

TEST_CASE("a lock that was waited for is on the container that has the name now") {
  TempDir dir;
  auto store = Store::open(dir.path());
  auto first = std::make_unique<Entry>(store->reserve(id("again")).value());
  REQUIRE(first->save(record_of("again")));
  std::string bundle;
  std::thread waiter([&] {
    // ENOENT: it looked between the two folders, or it has the second one's lock before its maker has.
    for (;;) {
      auto entry = store->lock(id("again"), Lock::kExclusive);
      auto record = entry ? entry->load() : srt::fail(entry.error());
      if (record) bundle = record->bundle;
      if (record || record.error().code != ENOENT) return;
    }
  });
  REQUIRE(first->remove());
  auto second = std::make_unique<Entry>(store->reserve(id("again")).value());
  Record record = record_of("again");
  record.bundle = "/second";
  REQUIRE(second->save(record));
  first.reset();
  second.reset();
  waiter.join();
  CHECK(bundle == "/second");
}

TEST_CASE("many may hold a shared lock, and none beside an exclusive one") {
  TempDir dir;
  auto store = Store::open(dir.path());
  REQUIRE(store->reserve(id("x"))->save(record_of("x")));
  const auto moment = std::chrono::milliseconds(10);
  {
    auto one = store->lock(id("x"), Lock::kShared, moment);
    auto two = store->lock(id("x"), Lock::kShared, moment);
    CHECK(one);
    CHECK(two);
    CHECK_FALSE(store->lock(id("x"), Lock::kExclusive, moment));
  }
  auto alone = store->lock(id("x"), Lock::kExclusive, moment);
  CHECK(alone);
  CHECK_FALSE(store->lock(id("x"), Lock::kShared, moment));
}

TEST_CASE("an unknown container is an error that says so") {
  TempDir dir;
  auto store = Store::open(dir.path());
  auto found = store->find(id("none"));
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ENOENT);
  CHECK(srt::to_string(found.error()) == "container does not exist");
  std::ofstream(dir / "file") << "";
  CHECK(store->find(id("file")).error().code == ENOENT);
  REQUIRE(symlink(".", (dir / "link").c_str()) == 0);
  CHECK_FALSE(store->find(id("link")));
  CHECK(store->list()->empty());
}

TEST_CASE("a state that names another container is refused") {
  TempDir dir;
  auto store = Store::open(dir.path());
  REQUIRE(store->reserve(id("a"))->save(record_of("b")));
  auto read = store->find(id("a"))->load();
  REQUIRE_FALSE(read);
  CHECK(read.error().why == "is that of another container: b");
}

TEST_CASE("an id longer than a folder's name is kept and listed in full") {
  TempDir dir;
  auto store = Store::open(dir.path());
  std::string name(1024, 'n');
  REQUIRE(store->reserve(id(name))->save(record_of(name)));
  CHECK(store->list()->front().record.id == name);
  CHECK(store->find(id(name))->load());
  CHECK_FALSE(store->find(id(name.substr(1))));
}

TEST_CASE("a damaged state does not keep the others from being listed") {
  TempDir dir;
  auto store = Store::open(dir.path());
  REQUIRE(store->reserve(id("bad"))->save(record_of("bad")));
  REQUIRE(store->reserve(id("good"))->save(record_of("good")));
  std::ofstream(dir / "bad/state.json") << "{\"pid\":";
  auto listed = store->list();
  REQUIRE(listed->size() == 2);
  CHECK_FALSE((*listed)[0].damage.empty());
  CHECK((*listed)[1].damage.empty());
}

TEST_CASE("the root is made with all its parents, closed to others") {
  TempDir dir;
  REQUIRE(Store::open(dir / "a/b/c"));
  struct stat st {};
  REQUIRE(stat((dir / "a/b/c").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0700);
}

TEST_CASE("only the host's root may use /run, others have XDG_RUNTIME_DIR or a checked folder") {
  if (geteuid() != 0) {
    WARN("skipped: needs root to become another user");
    return;
  }
  TempDir dir;
  const uid_t kUser = 54321;
  REQUIRE(chmod(dir.path().c_str(), 0777) == 0);
  const std::string shared = "/tmp/srt-" + std::to_string(kUser);
  rmdir(shared.c_str());
  auto as_user = [&](const std::function<int()>& work) {
    pid_t pid = fork();
    if (pid == 0) _exit(setresuid(kUser, kUser, kUser) == 0 ? work() : 99);
    int status = 0;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  };
  CHECK(as_user([&] {
          setenv("XDG_RUNTIME_DIR", dir.path().c_str(), 1);
          auto store = Store::open("");
          return store && store->path() == dir / "srt" ? 0 : 1;
        }) == 0);
  auto without_xdg = [&] {
    unsetenv("XDG_RUNTIME_DIR");
    auto store = Store::open("");
    return store && store->path() == shared ? 0 : 1;
  };
  // What su leaves behind, and a login session that has ended.
  for (const char* unusable : {"/root", "/proc/no/such/folder"}) {
    CHECK(as_user([&] {
            setenv("XDG_RUNTIME_DIR", unusable, 1);
            auto store = Store::open("");
            return store && store->path() == shared ? 0 : 1;
          }) == 0);
  }
  CHECK(as_user(without_xdg) == 0);
  struct stat st {};
  REQUIRE(stat(shared.c_str(), &st) == 0);
  CHECK(st.st_uid == kUser);
  CHECK((st.st_mode & 07777) == 0700);
  // Open to others, somebody else's, or a link: each might be a trap.
  REQUIRE(chmod(shared.c_str(), 0755) == 0);
  CHECK(as_user(without_xdg) == 1);
  REQUIRE(rmdir(shared.c_str()) == 0);
  REQUIRE(mkdir(shared.c_str(), 0700) == 0);
  CHECK(as_user(without_xdg) == 1);
  REQUIRE(rmdir(shared.c_str()) == 0);
  REQUIRE(symlink((dir / "srt").c_str(), shared.c_str()) == 0);
  CHECK(as_user(without_xdg) == 1);
  unlink(shared.c_str());
}
