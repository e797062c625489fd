#include "platform/linux/programs.h"

#include <sys/stat.h>

#include <array>
#include <string_view>

#include "platform/linux/user_namespace.h"

#ifndef SRT_BWRAP
#define SRT_BWRAP ""
#endif
#ifndef SRT_NEWUIDMAP
#define SRT_NEWUIDMAP ""
#endif
#ifndef SRT_NEWGIDMAP
#define SRT_NEWGIDMAP ""
#endif

namespace srt::platform {
namespace {

struct Entry {
  Program program;
  const char* name;
  const char* configured;  // absolute; empty: search
  const char* package;
};
constexpr std::array kPrograms = {
    Entry{Program::kBwrap, "bwrap", SRT_BWRAP, "bubblewrap"},
    Entry{Program::kNewuidmap, "newuidmap", SRT_NEWUIDMAP, "uidmap"},
    Entry{Program::kNewgidmap, "newgidmap", SRT_NEWGIDMAP, "uidmap"},
};
constexpr std::array kFolders = {"/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"};

constexpr uid_t kOverflowUid = 65534;  // default of /proc/sys/kernel/overflowuid

Result<void> check_owner(const std::string& path, const struct stat& st, bool owner_unmapped) {
  if (st.st_uid != 0 && !(owner_unmapped && st.st_uid == kOverflowUid)) {
    return fail(path, "is owned by uid " + std::to_string(st.st_uid) + ", not by root",
                "chown root " + path);
  }
  // A folder with the sticky bit (or a link target elsewhere) is no better: names can be added.
  if (st.st_mode & (S_IWGRP | S_IWOTH)) {
    return fail(path, "can be written by others than root", "chmod go-w " + path);
  }
  return {};
}

}  // namespace

Result<void> check_trusted_file(const std::string& path, bool owner_unmapped) {
  struct stat st;
  if (stat(path.c_str(), &st) != 0) return fail_errno(path, "stat");
  if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IXUSR)) {
    return fail(path, "is not a program", "reinstall the package that it belongs to");
  }
  SRT_TRY(check_owner(path, st, owner_unmapped));
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  if (stat(folder.c_str(), &st) != 0) return fail_errno(folder, "stat");
  return check_owner(folder, st, owner_unmapped);
}

Result<std::string> find_program(Program program) {
  const Entry& entry = kPrograms[static_cast<size_t>(program)];
  // Read only where an owner other than root turns up: see the order of the checks below.
  auto check = [](const std::string& path) -> Result<void> {
    auto trusted = check_trusted_file(path, false);
    if (trusted || trusted.error().code != 0 || in_initial_user_namespace()) return trusted;
    return check_trusted_file(path, true);
  };
  if (*entry.configured) {
    SRT_TRY(check(entry.configured));
    return std::string(entry.configured);
  }
  for (const char* folder : kFolders) {
    std::string path = std::string(folder) + "/" + entry.name;
    auto trusted = check(path);
    if (trusted) return path;
    if (trusted.error().code != ENOENT) return fail(trusted.error());
  }
  return fail(entry.name, "not found in /usr/bin, /bin, /usr/local/bin, /usr/sbin, /sbin",
              std::string("apt install ") + entry.package);
}

}  // namespace srt::platform
