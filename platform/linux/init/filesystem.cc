#include "platform/linux/init/filesystem.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/memory.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

constexpr size_t kFsconfigText = 256;  // fsconfig(2) takes no longer one, its NUL included
constexpr size_t kMountData = 4096;    // mount(2) cuts off what is longer, without a word

bool is_too_long_for_fsconfig(std::string_view source, const ListView<std::string_view>& data) {
  if (source.size() >= kFsconfigText) return true;
  for (std::string_view parameter : data) {
    const size_t equals = parameter.find('=');
    if (equals != std::string_view::npos && parameter.size() - equals - 1 >= kFsconfigText) {
      return true;
    }
  }
  return false;
}

// What mount(2) wants as a flag and fsconfig(2) as a parameter.
unsigned long flag_of(std::string_view parameter) {
  if (parameter == "ro") return MS_RDONLY;
  if (parameter == "sync") return MS_SYNCHRONOUS;
  if (parameter == "dirsync") return MS_DIRSYNC;
  if (parameter == "lazytime") return MS_LAZYTIME;
  return 0;
}

static_assert(MOUNT_ATTR_RDONLY == MS_RDONLY && MOUNT_ATTR_NOSUID == MS_NOSUID &&
              MOUNT_ATTR_NODEV == MS_NODEV && MOUNT_ATTR_NOEXEC == MS_NOEXEC);
constexpr unsigned long kSharedFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

// Mounted in a mount namespace that nobody else sees and that is gone right after; the clone that is
// left in `*made` belongs to none.
[[noreturn]] void mount_elsewhere(std::string_view object, std::string_view type,
                                  std::string_view source, const char* data, unsigned long flags,
                                  int* made) {
  constexpr char kPlace[] = "/tmp";  // bubblewrap needs it, too
  mount_attr aside{};
  aside.propagation = MS_PRIVATE;
  if (unshare(CLONE_NEWNS) != 0 ||
      mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &aside, sizeof aside) != 0) {
    die(object, Line() << "a mount namespace to mount " << type << " in");
  }
  if (sys::mount(source.data(), kPlace, type.data(), flags, data) != 0) {
    die(object, Line() << "mount " << type << ": " << data);
  }
  *made = open_tree(AT_FDCWD, kPlace, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (*made < 0) die(object, Line() << "mount " << type << ": open_tree");
  _exit(0);
}

// The layers of an image are soon longer than what fsconfig(2) takes: overlay's lowerdir.
int make_by_mount(std::string_view object, std::string_view type, std::string_view source,
                  const ListView<std::string_view>& data, unsigned attributes,
                  std::string_view one_more) {
  char* joined = take_array<char>(kMountData);
  size_t size = 0;
  unsigned long flags = attributes & kSharedFlags;
  auto add = [&](std::string_view parameter) {
    if (unsigned long flag = flag_of(parameter)) {
      flags |= flag;
      return;
    }
    if (size + 1 + parameter.size() >= kMountData) {
      die(object,
          Line() << "mount " << type << ": its options are longer than the " << kMountData - 1
                 << " bytes that mount(2) takes",
          0);
    }
    if (size > 0) joined[size++] = ',';
    memcpy(joined + size, parameter.data(), parameter.size());
    size += parameter.size();
  };
  for (std::string_view parameter : data) add(parameter);
  if (!one_more.empty()) add(one_more);
  joined[size] = '\0';
  int* made = take_shared<int>();
  *made = -1;
  // It shares our descriptors, so what it opens is ours; a record of die() is the last thing said.
  const pid_t helper = sys::fork_sharing_descriptors();
  if (helper < 0) die(object, "fork");
  if (helper == 0) mount_elsewhere(object, type, source, joined, flags, made);
  int status = 0;
  sys::retry([&] { return waitpid(helper, &status, 0); });
  if (*made < 0) _exit(1);
  return *made;
}

}  // namespace

int make_filesystem(std::string_view object, std::string_view type, std::string_view source,
                    const ListView<std::string_view>& data, unsigned attributes,
                    std::string_view one_more) {
  if (is_too_long_for_fsconfig(source, data)) {
    return make_by_mount(object, type, source, data, attributes, one_more);
  }
  int fs = fsopen(type.data(), FSOPEN_CLOEXEC);
  if (fs < 0) die(object, Line() << "filesystem type " << type);
  auto refuse = [&](std::string_view what) {
    int error = errno;
    char words[256];
    ssize_t n = read(fs, words, sizeof words);  // "e overlay: lowerdir is missing"
    Line why;
    why << "mount " << type << ": " << what;
    if (n > 2) {
      std::string_view said(words + 2, static_cast<size_t>(n) - 2);
      if (said.back() == '\n') said.remove_suffix(1);
      why << ": " << said;
    }
    die(object, why.view(), error);
  };
  if (!source.empty() && fsconfig(fs, FSCONFIG_SET_STRING, "source", source.data(), 0) != 0) {
    refuse("source");
  }
  auto configure = [&](std::string_view parameter) {
    size_t equals = parameter.find('=');
    int done;
    if (equals == std::string_view::npos) {
      done = fsconfig(fs, FSCONFIG_SET_FLAG, parameter.data(), nullptr, 0);
    } else {
      FixedText<256> key;
      key << parameter.substr(0, equals);
      done = fsconfig(fs, FSCONFIG_SET_STRING, key.c_str(), parameter.data() + equals + 1, 0);
    }
    if (done != 0) refuse(parameter);
  };
  for (std::string_view parameter : data) configure(parameter);
  if (!one_more.empty()) configure(one_more);
  if (fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) refuse("create");
  int tree = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
  if (tree < 0) refuse("fsmount");
  close(fs);
  return tree;
}

}  // namespace srt::init
