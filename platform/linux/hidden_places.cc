#include "platform/hidden_places.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "platform/in_container.h"
#include "platform/no_links.h"

namespace srt::platform {
namespace {

constexpr uint64_t kCover =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

constexpr std::chrono::nanoseconds kLookAgain = std::chrono::milliseconds(20);

std::string in_folder(const std::string& folder, std::string_view name) {
  return (folder == "/" ? "" : folder) + "/" + std::string(name);
}

// nodev: the kernel then lets nobody open a device, and whoever asks is told EACCES.
Result<UniqueFd> unreadable_file(const std::string& path) {
  UniqueFd null(open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  struct stat info {};
  if (!null || fstat(null.get(), &info) != 0) return fail_errno(path, "hide: clone /dev/null");
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3)) {
    return fail(path, "hide: /dev/null is not the null device");
  }
  mount_attr attributes{};
  attributes.attr_set = kCover;
  if (mount_setattr(null.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    return fail_errno(path, "hide: mount_setattr");
  }
  return null;
}

Result<UniqueFd> empty_folder(const std::string& path) {
  const UniqueFd context(fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context || fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "0555", 0) != 0 ||
      fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return fail_errno(path, "hide: make a tmpfs");
  }
  UniqueFd folder(fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(kCover)));
  if (!folder) return fail_errno(path, "hide: mount a tmpfs");
  return folder;
}

// Gone again, or a link now, which hides nothing: where it leads is judged by its own name.
bool is_nothing_to_hide(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

// In the container's tree.
Result<void> cover_one(const std::string& path) {
  // CVE-2021-30465: a link that the program put on the way must not lead the mount elsewhere.
  const UniqueFd at = open_no_links(path, O_PATH | O_NOFOLLOW);
  if (!at) {
    if (is_nothing_to_hide(errno)) return {};
    return fail_errno(path, "hide: open");
  }
  struct statx info {};
  if (statx(at.get(), "", AT_EMPTY_PATH, STATX_TYPE, &info) != 0) return fail_errno(path, "statx");
  if (S_ISLNK(info.stx_mode) || (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return {};
  SRT_ASSIGN(const UniqueFd cover,
             S_ISDIR(info.stx_mode) ? empty_folder(path) : unreadable_file(path));
  if (move_mount(cover.get(), "", at.get(), "",
                 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0 &&
      !is_nothing_to_hide(errno)) {
    return fail_errno(path, "hide: move_mount");
  }
  return {};
}

}  // namespace

HiddenPlaces::Identity HiddenPlaces::look(const std::string& place) {
  struct stat info {};
  if (lstat(place.c_str(), &info) != 0) return {};
  constexpr int64_t kSecond = 1'000'000'000;
  return {info.st_dev, info.st_ino, info.st_ctim.tv_sec * kSecond + info.st_ctim.tv_nsec};
}

HiddenPlaces::HiddenPlaces(const std::vector<std::string>& places) {
  for (const std::string& place : places) places_[place] = look(place);
}

std::vector<int> HiddenPlaces::descriptors() const {
  if (!clock_) return {};
  return {events_.get(), clock_.get()};
}

Result<void> HiddenPlaces::watch() {
  if (places_.empty()) return {};
  clock_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!clock_) return fail_errno("hidden files", "make a timer");
  events_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  return watch_ways();
}

Result<void> HiddenPlaces::watch_ways() {
  unwatched_.clear();
  for (const auto& [place, identity] : places_) {
    if (!watch_way(place)) unwatched_.insert(place);
  }
  const timespec period{0, unwatched_.empty() ? 0 : kLookAgain.count()};
  const itimerspec wanted{period, period};
  if (timerfd_settime(clock_.get(), 0, &wanted, nullptr) != 0) {
    return fail_errno("hidden files", "set a timer");
  }
  return {};
}

bool HiddenPlaces::add_watch(const std::string& folder, uint32_t events) {
  constexpr uint32_t kHow = IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD;
  const int watch = inotify_add_watch(events_.get(), folder.c_str(), events | kHow);
  if (watch >= 0) folders_[watch] = folder;
  return watch >= 0;
}

bool HiddenPlaces::watch_way(const std::string& place) {
  std::string last = "/";
  size_t end = 0;
  bool all_there = false;
  while (!all_there) {
    // It is removed, or moved away, perhaps for another one. Those further up may be closed to us, the last one not.
    (void)add_watch(last, IN_MOVE_SELF | IN_DELETE_SELF);
    end = place.find('/', end + 1);
    all_there = end == std::string::npos;
    struct stat info {};
    if (all_there || lstat(place.substr(0, end).c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
      break;
    }
    last = place.substr(0, end);
  }
  if (!add_watch(last, IN_CREATE | IN_MOVED_TO)) return false;
  struct stat made {};  // the next one, since we looked
  return all_there || lstat(place.substr(0, end).c_str(), &made) != 0 || !S_ISDIR(made.st_mode);
}

bool HiddenPlaces::is_on_the_way(const std::string& path) const {
  const auto first = places_.lower_bound(path + "/");
  return first != places_.end() && first->first.starts_with(path + "/");
}

HiddenPlaces::News HiddenPlaces::take_events() {
  News news;
  alignas(inotify_event) char buffer[4096];
  for (ssize_t size; (size = read(events_.get(), buffer, sizeof buffer)) > 0;) {
    for (const char* at = buffer; at < buffer + size;) {
      inotify_event event;
      std::memcpy(&event, at, sizeof event);
      const char* const name = at + sizeof event;
      at = name + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) news.ways_changed = true;
      const auto folder = folders_.find(event.wd);
      if (folder == folders_.end()) continue;
      if ((event.mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_IGNORED)) != 0) {
        (void)inotify_rm_watch(events_.get(), event.wd);  // under this name it is no more
        folders_.erase(folder);
        news.ways_changed = true;
      } else if (event.len > 0) {
        const std::string path = in_folder(folder->second, name);
        if (places_.contains(path)) news.named.insert(path);
        if (is_on_the_way(path)) news.ways_changed = true;
      }
    }
  }
  return news;
}

Result<std::set<std::string>> HiddenPlaces::take_changed() {
  uint64_t ticks = 0;
  (void)!read(clock_.get(), &ticks, sizeof ticks);
  News news = take_events();
  const bool all = news.ways_changed || !std::exchange(looked_at_all_, true);
  if (news.ways_changed) SRT_TRY(watch_ways());
  // Looked at after they are watched: nothing comes in between.
  for (auto& [place, identity] : places_) {
    if (!all && !news.named.contains(place) && !unwatched_.contains(place)) continue;
    const Identity now = look(place);
    if (now != identity) news.named.insert(place);
    identity = now;
  }
  return std::move(news.named);
}

Result<void> HiddenPlaces::cover(const Handle& handle) {
  if (places_.empty()) return {};
  SRT_ASSIGN(const std::set<std::string> changed, take_changed());
  if (changed.empty()) return {};
  const Result<std::string> covered = in_container(handle, [&]() -> Result<std::string> {
    for (const std::string& path : changed) SRT_TRY(cover_one(path));
    return std::string();
  });
  if (covered || init_status(handle) == InitStatus::kGone) return {};
  return fail(covered.error());
}

}  // namespace srt::platform
