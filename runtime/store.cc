#include "runtime/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <thread>

#include "oci/parse.h"
#include "oci/print.h"
#include "runtime/atomic_file.h"
#include "runtime/log.h"

namespace srt::runtime {
namespace {

constexpr const char* kMend = "make it writable, or choose another one (srt-runtime --root)";

constexpr const char* kState = "state.json";
constexpr const char* kConfig = "config.json";
// Annotations make up most of it, and config.json may be 16 MiB.
constexpr size_t kLargestState = 20 << 20;

Error no_such_container() { return Error{"", "container does not exist", "", ENOENT}; }

Result<std::vector<std::string>> names_in(int dir, const std::string& what) {
  // A descriptor of its own: fdopendir() takes it over, and reading moves its offset.
  UniqueFd again(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again) return fail_errno(what, "open");
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(again.get()), closedir);
  if (!stream) return fail_errno(what, "read");
  again.release();
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

// mkdir -p, 0700 for what is new.
Result<void> make_folders(const std::string& path) {
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    if (mkdir(path.substr(0, end).c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS &&
        errno != EACCES && errno != EPERM) {
      return fail_errno("state folder " + path, "make");
    }
  }
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("state folder " + path, "make", errno, kMend);
  }
  return {};
}

Result<UniqueFd> open_folder(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
  if (!fd) {
    return fail_errno("state folder " + path, "open", errno, kMend);
  }
  return fd;
}

// In a folder that everyone may write, the name may have been taken by somebody else: a folder that
// is not ours, not closed to others, or a link is refused.
Result<UniqueFd> open_private_folder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("state folder " + path, "make", errno, "set XDG_RUNTIME_DIR or --root");
  }
  SRT_ASSIGN(UniqueFd fd, open_folder(path, O_NOFOLLOW));
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return fail_errno("state folder " + path, "stat");
  if (st.st_uid != geteuid()) {
    return fail("state folder " + path, "belongs to " + user_name(st.st_uid),
                "set XDG_RUNTIME_DIR to a folder of yours, or choose one with --root");
  }
  if ((st.st_mode & 077) != 0) {
    return fail("state folder " + path, "is open to other users", "chmod 700 " + path);
  }
  return fd;
}

// XDG Base Directory: one that cannot be used is replaced. `su` and `sudo` leave the variable as it was,
// and without a login session the folder that it names is not there.
bool can_be_used(const char* path) {
  struct stat st {};
  if (path[0] != '/') return false;
  if (stat(path, &st) != 0 && !make_folders(path)) return false;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0;
}

// XDG Base Directory: what is not marked sticky may be cleaned away.
void mark_in_use(int root) { (void)fchmod(root, 0700 | S_ISVTX); }

Result<UniqueFd> make_root(const std::string& path, Store::Place place) {
  if (place == Store::Place::kShared) return open_private_folder(path);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) return fd;
  SRT_TRY(make_folders(path));
  SRT_ASSIGN(fd, open_folder(path, 0));
  if (place == Store::Place::kOwn) mark_in_use(fd.get());
  return fd;
}

// Whoever ends last removes the root, if it is empty: perhaps between our making it and our putting
// something into it. One that appears with `first` in it stays: made beside, under a name of its own, then
// renamed, which replaces at most an empty folder. Error code EEXIST: somebody else's is there.
Result<UniqueFd> appear_as(const std::string& path, Store::Place place, const std::string& first) {
  const std::string root = path.substr(0, path.find_last_not_of('/') + 1);
  const size_t name = root.rfind('/') + 1;  // npos + 1 is 0
  std::string beside = root.substr(0, name) + "." + root.substr(name) + ".XXXXXX";
  const std::string object = "state folder " + path;
  // 0700 and nobody's link, also in /tmp.
  if (mkdtemp(beside.data()) == nullptr) {
    return fail_errno(object, "make", errno, kMend);
  }
  Result<UniqueFd> fd = open_folder(beside, O_NOFOLLOW);
  if (fd && place == Store::Place::kOwn) mark_in_use(fd->get());
  const bool filled = fd && (first.empty() || mkdirat(fd->get(), first.c_str(), 0700) == 0);
  if (filled && rename(beside.c_str(), root.c_str()) == 0) return fd;
  const int code = errno;
  if (filled && !first.empty()) (void)unlinkat(fd->get(), first.c_str(), AT_REMOVEDIR);
  (void)rmdir(beside.c_str());
  if (!fd) return fd;
  return fail_errno(object, "make", code == ENOTEMPTY ? EEXIST : code);
}

// Those who look for the root at the same time, one after the other: each round one of them has made it,
// and another has come to its end.
constexpr int kRounds = 1000;

Result<UniqueFd> open_root(const std::string& path, Store::Place place) {
  Result<UniqueFd> root = make_root(path, place);
  for (int round = 0; !root && root.error().code == ENOENT && round < kRounds; ++round) {
    root = appear_as(path, place, "");
    if (!root && root.error().code == EEXIST) root = make_root(path, place);
  }
  return root;
}

bool try_lock(int fd, Lock how) {
  int operation = how == Lock::kExclusive ? LOCK_EX : LOCK_SH;
  int result;
  do {
    result = flock(fd, operation | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

}  // namespace

Result<Record> Entry::load() const {
  std::string object = folder_ + "/" + kState;
  Result<std::string> text = read_file_at(dir_.get(), kState, kLargestState);
  if (!text) {
    Error error = text.error();
    error.object = object;
    if (error.code == ENOENT) {
      error.why = "is missing: the container was left half-made";
      error.mend = "delete --force removes it";
    }
    return fail(std::move(error));
  }
  SRT_ASSIGN(Record record, parse_record(*text, object));
  SRT_ASSIGN(ContainerId id, ContainerId::parse(record.id));
  if (id.folder() != folder_) return fail(object, "is that of another container: " + record.id);
  return record;
}

Result<void> Entry::save(const Record& record) const {
  return write_file(kState, to_json(record), 0600);
}

Result<oci::Spec> Entry::load_spec() const {
  SRT_ASSIGN(std::string text, read_file_at(dir_.get(), kConfig));
  SRT_ASSIGN(oci::Spec spec, oci::parse_spec(text, folder_ + "/" + kConfig));
  return spec;
}

Result<void> Entry::save_spec(const oci::Spec& spec) const {
  return write_file(kConfig, oci::print(spec, oci::Layout::kCompact), 0600);
}

Result<void> Entry::write_file(const std::string& name, std::string_view text, mode_t mode) const {
  Result<void> written = replace_file_at(dir_.get(), name, text, mode);
  if (written) return written;
  Error error = std::move(written).error();
  error.object = path_ + "/" + name;
  if (error.code == ENOSPC || error.code == EDQUOT) {
    error.mend = "free some space there";
  }
  return fail(std::move(error));
}

bool Entry::being_created() const {
  if (held_ == Lock::kExclusive) return false;  // we are not creating when we ask
  if (!try_lock(dir_.get(), Lock::kShared)) return true;
  if (held_ == Lock::kNone) flock(dir_.get(), LOCK_UN);
  return false;
}

Status Entry::status(const Record& record) const {
  if (record.phase == Phase::kCreating) {
    return being_created() ? Status::kCreating : Status::kStopped;
  }
  if (record.handle.init <= 0 ||
      platform::init_status(record.handle) == platform::InitStatus::kGone) {
    return Status::kStopped;
  }
  if (platform::is_paused(record.handle)) return Status::kPaused;
  // `start` writes "running" only after the program runs, and may have been killed in between: the
  // init itself knows.
  if (record.phase == Phase::kCreated && platform::awaits_start(dir_.get())) {
    return Status::kCreated;
  }
  return Status::kRunning;
}

// The audit log: a folder of plain files.
static bool remove_folder(int parent, const std::string& name) {
  UniqueFd dir(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Result<std::vector<std::string>> names = names_in(dir.get(), name);
  if (!dir || !names) return false;
  for (const std::string& file : *names) (void)unlinkat(dir.get(), file.c_str(), 0);
  return unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0;
}

Result<void> Entry::remove() {
  SRT_ASSIGN(std::vector<std::string> names, names_in(dir_.get(), folder_));
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return name != kState; });
  for (const std::string& name : names) {
    if (unlinkat(dir_.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR || !remove_folder(dir_.get(), name)) {
      return fail_errno(folder_ + "/" + name, "remove");
    }
  }
  if (unlinkat(root_, folder_.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return fail_errno("state folder " + folder_, "remove");
  }
  return {};
}

namespace {

constexpr const char* kName = "/srt";

std::string shared_place() { return "/tmp/srt-" + std::to_string(geteuid()); }

}  // namespace

std::vector<std::string> Store::places() {
  if (platform::is_host_root()) return {platform::host_state_folder()};
  std::vector<std::string> places = {shared_place(),
                                     "/run/user/" + std::to_string(geteuid()) + kName};
  if (const char* own = std::getenv("XDG_RUNTIME_DIR"); own && own[0] == '/') {
    places.push_back(std::string(own) + kName);
  }
  return places;
}

Result<Store> Store::open(const std::string& chosen) {
  std::string path = chosen;
  Place place = chosen.empty() ? Place::kOwn : Place::kChosen;
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  if (path.empty() && platform::is_host_root()) {
    path = platform::host_state_folder();
  } else if (path.empty() && runtime_dir && can_be_used(runtime_dir)) {
    path = std::string(runtime_dir) + kName;
  } else if (path.empty()) {
    path = shared_place();
    place = Place::kShared;
  }
  SRT_ASSIGN(UniqueFd fd, open_root(path, place));
  return Store(std::move(fd), path, place);
}

void Store::remove_if_empty() const { (void)rmdir(path_.c_str()); }

// Under the number of the one that was removed, by which entries know it.
Result<void> Store::take(const UniqueFd& root) const {
  if (dup2(root.get(), root_.get()) < 0 || fcntl(root_.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return fail_errno("state folder " + path_, "dup");
  }
  return {};
}

// Error code EEXIST: the folder, of whomever.
Result<void> Store::make(const std::string& folder) const {
  for (int round = 0;; ++round) {
    if (mkdirat(root_.get(), folder.c_str(), 0700) == 0) return {};
    if (errno != ENOENT || round == kRounds) {
      return fail_errno("state folder " + path_ + "/" + folder, "make");
    }
    const Result<UniqueFd> with_it = appear_as(path_, place_, folder);
    if (with_it) return take(*with_it);
    if (with_it.error().code != EEXIST) return fail(with_it.error());
    SRT_ASSIGN(const UniqueFd root, open_root(path_, place_));
    SRT_TRY(take(root));
  }
}

Result<Entry> Store::open_entry(const std::string& folder) const {
  UniqueFd dir(
      openat(root_.get(), folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir && (errno == ENOENT || errno == ENOTDIR)) return fail(no_such_container());
  if (!dir) return fail_errno("state folder " + path_ + "/" + folder, "open");
  return Entry(std::move(dir), root_.get(), path_, folder, Lock::kNone);
}

bool Store::still_there(const Entry& entry) const {
  struct stat open_one {
  }, named_one{};
  return fstat(entry.dir(), &open_one) == 0 &&
         fstatat(root_.get(), entry.folder_.c_str(), &named_one, AT_SYMLINK_NOFOLLOW) == 0 &&
         open_one.st_dev == named_one.st_dev && open_one.st_ino == named_one.st_ino;
}

Result<Entry> Store::reserve(const ContainerId& id) const {
  std::string folder = id.folder();
  if (Result<void> made = make(folder); !made) {
    if (made.error().code != EEXIST) return fail(std::move(made).error());
    return fail("", "container with given ID already exists",
                "delete it first, or choose another id");
  }
  SRT_ASSIGN(Entry entry, open_entry(folder));
  // Only a `delete --force` can come between mkdir and here; it removes the empty folder.
  if (flock(entry.dir(), LOCK_EX) != 0) return fail_errno(folder, "lock");
  if (!still_there(entry)) return fail("", "was deleted while it was being created");
  entry.held_ = Lock::kExclusive;
  return entry;
}

Result<Entry> Store::find(const ContainerId& id) const { return open_entry(id.folder()); }

Result<Entry> Store::lock(const ContainerId& id, Lock how,
                          std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    SRT_ASSIGN(Entry entry, find(id));
    while (!try_lock(entry.dir(), how)) {
      if (errno != EWOULDBLOCK) return fail_errno(id.str(), "lock");
      if (std::chrono::steady_clock::now() >= deadline) {
        return fail(Error{"", "another command is at work on this container",
                          "try again when it is done", EBUSY});
      }
      // flock() has no timeout, and an alarm would belong to the whole process.
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    // Deleted, and perhaps made anew, while we waited: look again.
    if (!still_there(entry)) continue;
    entry.held_ = how;
    return entry;
  }
}

Result<std::vector<Store::Listed>> Store::list() const {
  SRT_ASSIGN(std::vector<std::string> folders, names_in(root_.get(), path_));
  std::vector<Listed> all;
  for (const std::string& folder : folders) {
    Result<Entry> entry = open_entry(folder);
    if (!entry) continue;  // a file, or deleted meanwhile
    Listed listed;
    if (Result<Record> record = entry->load()) {
      listed.record = std::move(*record);
      listed.status = entry->status(listed.record);
    } else {
      struct stat st {};
      if (!still_there(*entry) || fstat(entry->dir(), &st) != 0) continue;
      listed.damage = to_string(record.error());
      listed.record.id = folder;
      listed.record.oci_version = "1.0.0";
      listed.record.created = timestamp({.tv_sec = st.st_mtime, .tv_nsec = 0});
      listed.record.owner = user_name(st.st_uid);
      listed.status = entry->being_created() ? Status::kCreating : Status::kStopped;
    }
    all.push_back(std::move(listed));
  }
  return all;
}

}  // namespace srt::runtime
