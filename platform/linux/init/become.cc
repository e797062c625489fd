#include "platform/linux/init/become.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/init/memory.h"
#include "platform/linux/init/own_group.h"
#include "platform/linux/init/procfs.h"
#include "platform/linux/init/reaper.h"
#include "platform/linux/init/report.h"
#include "platform/linux/init/run_hooks.h"
#include "platform/linux/init/seccomp_load.h"
#include "platform/linux/init/sys.h"

namespace srt::init {
namespace {

constexpr int kLastCapability = 63;

void set_scheduler(const SchedAttr& wanted) {
  if (!wanted.set) return;
  struct {
    uint32_t size = 48, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attr{};
  attr.size = sizeof attr;
  attr.policy = static_cast<uint32_t>(wanted.policy);
  attr.flags = wanted.flags;
  attr.nice = static_cast<int32_t>(wanted.nice);
  attr.priority = static_cast<uint32_t>(wanted.priority);
  attr.runtime = wanted.runtime;
  attr.deadline = wanted.deadline;
  attr.period = wanted.period;
  if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0) die("/process/scheduler", "sched_setattr");
}

void set_scheduling(const Process<Viewed>& process) {
  set_scheduler(process.scheduler);
  if (process.io_priority >= 0 &&
      syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, process.io_priority) != 0) {
    die("/process/ioPriority", "ioprio_set");
  }
  if (!process.affinity_final.empty() &&
      syscall(SYS_sched_setaffinity, 0, process.affinity_final.size(),
              process.affinity_final.data()) < 0) {
    die("/process/execCPUAffinity/final", "sched_setaffinity");
  }
  if (process.memory_policy >= 0 &&
      syscall(SYS_set_mempolicy, process.memory_policy,
              process.memory_nodes.empty() ? nullptr : process.memory_nodes.data(),
              process.memory_nodes.size() * CHAR_BIT + 1) != 0) {
    die("/linux/memoryPolicy", "set_mempolicy");
  }
  if (process.personality >= 0 &&
      syscall(SYS_personality, static_cast<unsigned long>(process.personality)) < 0) {
    die("/linux/personality", "personality");
  }
}

void set_rlimits(const Process<Viewed>& process) {
  for (const Rlimit& limit : process.rlimits) {
    rlimit value{limit.soft, limit.hard};
    if (setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) != 0) {
      die("/process/rlimits",
          Line() << "set limit " << limit.resource << " to " << limit.soft << ":" << limit.hard);
    }
  }
}

void write_label(std::string_view pointer, const char* file, std::string_view label) {
  int proc = private_procfs();
  int fd = proc < 0 ? -1 : openat(proc, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, label.data(), label.size()) != static_cast<ssize_t>(label.size())) {
    die(pointer, Line() << "set \"" << label << "\"");
  }
  close(fd);
}

constexpr uint64_t kNoId = UINT32_MAX;  // chown(2): leave it

void set_labels(const Process<Viewed>& process) {
  if (!process.selinux_label.empty()) {
    write_label("/process/selinuxLabel", "thread-self/attr/exec", process.selinux_label);
  }
  if (!process.apparmor_profile.empty()) {
    FixedText<4096> text;
    text << "exec " << process.apparmor_profile;
    write_label("/process/apparmorProfile", "thread-self/attr/apparmor/exec", text.view());
  }
}

void limit_bounding_set(const Process<Viewed>& process) {
  for (int cap = 0; cap <= kLastCapability; ++cap) {
    if ((process.capabilities.bounding >> cap & 1) != 0) continue;
    if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 1) continue;  // already gone, or unknown here
    if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) die("/process/capabilities/bounding", "drop");
  }
}

void set_ids(const Process<Viewed>& process) {
  // Keep capabilities over the change of ids: the sets are then made exactly what is asked for.
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) die("/process/user", "keep capabilities");
  if (process.set_groups) {
    gid_t* groups = take_array<gid_t>(process.groups.size());
    size_t count = 0;
    for (uint64_t gid : process.groups) groups[count++] = static_cast<gid_t>(gid);
    bool denied = setgroups(count, groups) != 0;
    // A joined user namespace with one mapped id denies even the empty list; that drops nothing that
    // the caller's groups could do outside of it.
    if (denied && (errno != EPERM || count != 0 || !process.groups_may_stay))
      die("/process/user/additionalGids", "setgroups");
  }
  auto gid = static_cast<gid_t>(process.gid);
  auto uid = static_cast<uid_t>(process.uid);
  if (setresgid(gid, gid, gid) != 0) die("/process/user/gid", "setresgid");
  if (setresuid(uid, uid, uid) != 0) die("/process/user/uid", "setresuid");
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) die("/process/user", "keep capabilities");
}

void write_own(const char* file, std::string_view text) {
  int proc = private_procfs();
  FixedText<64> path;
  path << "self/" << file;
  int fd = proc < 0 ? -1 : openat(proc, path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    die("user namespace", Line() << "write " << file);
  }
  close(fd);
}

// The program sees the ids that its user has outside. An own namespace, since root of the one that made
// the mounts must be 0 for bwrap; in it there is nothing that the new one's ids could be privileged over.
void take_own_ids(const Process<Viewed>& process) {
  if (!process.own_ids) return;
  (void)private_procfs();  // while we may mount one
  if (unshare(CLONE_NEWUSER) != 0) die("user namespace", "make the program's own");
  // Its maps are written through files that belong to root while we are non-dumpable.
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) die("user namespace", "become dumpable");
  FixedText<64> uids, gids;
  uids << process.own_uid << " 0 1";
  gids << process.own_gid << " 0 1";
  write_own("setgroups", "deny");
  write_own("uid_map", uids.view());
  write_own("gid_map", gids.view());
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) die("user namespace", "become non-dumpable");
}

void set_capabilities(const Process<Viewed>& process) {
  const CapabilitySets& sets = process.capabilities;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (int word = 0; word < 2; ++word) {
    data[word].effective = static_cast<uint32_t>(sets.effective >> (32 * word));
    data[word].permitted = static_cast<uint32_t>(sets.permitted >> (32 * word));
    data[word].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * word));
  }
  if (syscall(SYS_capset, &header, data) != 0) die("/process/capabilities", "capset");
  // The setuid that left uid 0 cleared the ambient set; what was inherited goes the same way.
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
    die("/process/capabilities/ambient", "clear");
  }
  for (int cap = 0; cap <= kLastCapability; ++cap) {
    if ((sets.ambient >> cap & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0) {
      die("/process/capabilities/ambient", Line()
                                               << "raise capability " << static_cast<uint64_t>(cap)
                                               << ", which must be permitted and inheritable too");
    }
  }
}

void ignore_signals(uint64_t set) {
  for (int number = 1; set != 0; ++number, set >>= 1) {
    if ((set & 1) != 0) (void)signal(number, SIG_IGN);
  }
}

// True where the working directory could be entered. The kernel's own answer tells whether it is
// inside: one that was reached through a leaked descriptor is "(unreachable)" (CVE-2024-21626).
bool enter_directory(std::string_view cwd) {
  if (chdir(cwd.data()) != 0) return false;
  char* where = take_array<char>(PATH_MAX);
  long size = syscall(SYS_getcwd, where, PATH_MAX);
  if (size <= 0 || where[0] != '/') {
    die("/process/cwd", Line() << cwd << " is outside of the container", 0);
  }
  return true;
}

}  // namespace

void leave_keyring(const Process<Viewed>& process) {
  if (!process.new_keyring) return;
  long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, process.keyring.data());
  if (ring < 0 && errno != ENOSYS) die("session keyring", "join", errno);
}

void check_ids(const Process<Viewed>& process) {
  if (process.own_ids) return;  // those are mapped by a namespace that is still to be made
  // chown(2) translates the ids before it looks at anything else. The file is nobody's.
  const auto file = static_cast<int>(syscall(SYS_memfd_create, "", MFD_CLOEXEC));
  if (file < 0) return;  // then the change itself tells
  const auto check = [&](const char* pointer, uint64_t uid, uint64_t gid) {
    if (fchown(file, static_cast<uid_t>(uid), static_cast<gid_t>(gid)) == 0 || errno != EINVAL)
      return;
    die(pointer, Line() << (uid == kNoId ? gid : uid) << " is not mapped in the user namespace", 0);
  };
  check("/process/user/uid", process.uid, kNoId);
  check("/process/user/gid", kNoId, process.gid);
  for (uint64_t gid : process.groups) check("/process/user/additionalGids", kNoId, gid);
  close(file);
}

void give_stdio_to_user(const Process<Viewed>& process) {
  struct stat null {};
  bool have_null = stat("/dev/null", &null) == 0;
  for (int fd = 0; fd < 3; ++fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) continue;
    if (st.st_uid == process.uid) continue;
    if (S_ISCHR(st.st_mode) &&
        (st.st_rdev == makedev(1, 3) || (have_null && st.st_rdev == null.st_rdev))) {
      continue;
    }
    // Foreign owners (a pipe of another user, a read-only file) are what they are.
    (void)fchown(fd, static_cast<uid_t>(process.uid), static_cast<gid_t>(-1));
  }
}

const char** make_environment(const Process<Viewed>& process) {
  const char** env = take_strings(process.env, 1);
  for (std::string_view entry : process.env) {
    if (entry.substr(0, 5) == "HOME=" && entry.size() > 5) return env;
  }
  char* home = take_array<char>(PATH_MAX + 8);
  memcpy(home, "HOME=/", 7);
  // name:password:uid:gid:comment:home:shell; a file of the container, so: bounded, and as text.
  constexpr size_t kLimit = 1 << 20;
  int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat st;
  if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    char* text = take_array<char>(kLimit);
    size_t size = 0;
    ssize_t n;
    while (size < kLimit && (n = read(fd, text + size, kLimit - size)) > 0)
      size += static_cast<size_t>(n);
    std::string_view rest(text, size);
    FixedText<24> uid;
    uid << process.uid;
    while (!rest.empty()) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
      std::string_view fields[6];
      for (auto& field : fields) {
        field = line.substr(0, line.find(':'));
        line.remove_prefix(field.size() < line.size() ? field.size() + 1 : line.size());
      }
      if (fields[2] != uid.view() || fields[5].empty() || fields[5].size() > PATH_MAX) continue;
      memcpy(home + 5, fields[5].data(), fields[5].size());
      home[5 + fields[5].size()] = '\0';
      break;
    }
  }
  if (fd >= 0) close(fd);
  size_t count = process.env.size();
  // An empty HOME= is replaced, as runc does; any other place is the end.
  size_t at = count;
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(env[i], "HOME=") == 0) at = i;
  }
  env[at] = home;
  return env;
}

void become_program(const Process<Viewed>& process, const char* program,
                    const char* const* environment, int seccomp_agent,
                    std::string_view seccomp_state, const ListView<Hook<Viewed>>& start_hooks,
                    std::string_view hook_state) {
  const char** argv = take_strings(process.args);
  give_stdio_to_user(process);
  set_scheduling(process);  // real-time classes need CAP_SYS_NICE
  set_rlimits(process);     // raising needs CAP_SYS_RESOURCE
  set_labels(process);
  if (process.guard_terminal) guard_terminal();                  // CAP_SYS_ADMIN
  if (!process.own_session && !process.terminal) guard_group();  // CAP_SYS_ADMIN
  if (process.guard_sockets) guard_sockets();                    // CAP_SYS_ADMIN
  bool inside = enter_directory(process.cwd);
  take_own_ids(process);        // a new user namespace brings full sets
  limit_bounding_set(process);  // CAP_SETPCAP
  // Before any filter: with one of ours it is srt-broker's to serve.
  if (process.umask >= 0) umask(static_cast<mode_t>(process.umask));
  const auto load_filters = [&] {
    // Ours first: the other may refuse seccomp(2).
    load_seccomp(process.own_seccomp, seccomp_agent, seccomp_state, Sender::kAwaited);
    load_seccomp(process.seccomp, seccomp_agent, seccomp_state,
                 process.reaper ? Sender::kReaped : Sender::kForgotten);
  };
  if (!process.no_new_privileges) load_filters();
  set_ids(process);
  set_capabilities(process);
  // The change of ids has made the kernel forget it, if it was asked before.
  if (process.die_with_runtime && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    die("process", "ask for its end with the runtime's");
  }
  // A directory that only the user may enter (0700, or a filesystem that squashes root).
  if (!inside && !enter_directory(process.cwd))
    die("/process/cwd", Line() << "chdir to " << process.cwd);
  if (process.no_new_privileges) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("/process/noNewPrivileges", "set it");
    load_filters();
  }
  // They are files of the container, which is not to be trusted with more than its program: with runc,
  // too, they run as that user, with those capabilities and under that filter.
  run_hooks(start_hooks, "startContainer", hook_state, nullptr, environment);
  if (process.reaper) fork_program();
  ignore_signals(process.ignored_signals);  // the one disposition that execve keeps
  execve(program, const_cast<char* const*>(argv), const_cast<char* const*>(environment));
  int error = errno;
  Line object;
  object << "exec: \"" << program << "\"";
  // ENOENT for a file that exists: its interpreter does not.
  // In runc's words, which have neither colon nor quotes here.
  if (error == ENOENT) die(Line() << "exec " << program, "no such file or directory", 0, 127);
  if (error == ENOEXEC) die(Line() << "exec " << program, "exec format error", 0, 126);
  if (error == EACCES) die(object.view(), "permission denied", 0, 126);
  die(object.view(), "execve", error, 126);
}

}  // namespace srt::init
