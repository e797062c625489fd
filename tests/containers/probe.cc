// Prints what a process of a container sees, as one JSON object on stdout: the witness of the
// container suites. It is the container's program (or an exec'd one), static, and takes what it
// reports from system calls wherever there is one, so that a rootfs cannot lie to it through files.
//
//   probe                          everything that needs no argument
//   probe stat:/dev/null list:/    … and, under "asked", one answer a request
//
// Requests: stat lstat read write create list readlink access statfs syscall (see answer()).
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

using nlohmann::json;

extern char** environ;

namespace {

constexpr size_t kReadLimit = 256 * 1024;

json failure(int error) { return {{"errno", error}, {"error", strerrorname_np(error)}}; }

std::string slurp(int fd) {
  std::string text;
  std::array<char, 8192> block;
  for (ssize_t n; text.size() < kReadLimit && (n = read(fd, block.data(), block.size())) > 0;)
    text.append(block.data(), static_cast<size_t>(n));
  return text;
}

json read_file(const char* path) {
  // Non-blocking: a fifo or terminal in the way must not hang the probe.
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return failure(errno);
  std::string text = slurp(fd);
  close(fd);
  return {{"text", std::move(text)}};
}

// Null when the file cannot be read: the container may have no /proc.
json text_of(const char* path) {
  json file = read_file(path);
  return file.contains("text") ? file["text"] : json(nullptr);
}

json link_of(const char* path) {
  std::array<char, 4096> target;
  const ssize_t n = readlink(path, target.data(), target.size());
  if (n < 0) return nullptr;
  return std::string(target.data(), static_cast<size_t>(n));
}

json names_in(const char* path) {
  DIR* dir = opendir(path);
  if (dir == nullptr) return failure(errno);
  json names = json::array();
  while (const dirent* entry = readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(dir);
  return names;
}

json status_of(const char* path, int flags) {
  struct stat st = {};
  if (fstatat(AT_FDCWD, path, &st, flags) != 0) return failure(errno);
  return {{"type", st.st_mode & S_IFMT},
          {"mode", st.st_mode & 07777},
          {"uid", st.st_uid},
          {"gid", st.st_gid},
          {"major", major(st.st_rdev)},
          {"minor", minor(st.st_rdev)},
          {"dev", st.st_dev},
          {"ino", st.st_ino},
          {"size", st.st_size},
          {"atime", st.st_atime},
          {"is_char", S_ISCHR(st.st_mode)},
          {"is_dir", S_ISDIR(st.st_mode)},
          {"is_link", S_ISLNK(st.st_mode)}};
}

json opened(const char* path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0) return failure(errno);
  close(fd);
  return {{"errno", 0}};
}

json raw_syscall(const char* text) {
  std::array<long, 7> word = {};  // number and six arguments, separated by colons
  char* rest = const_cast<char*>(text);
  for (long& w : word) {
    w = strtol(rest, &rest, 0);
    if (*rest == ':') ++rest;
  }
  const long result = syscall(word[0], word[1], word[2], word[3], word[4], word[5], word[6]);
  if (result == -1) return failure(errno);
  return {{"errno", 0}, {"result", result}};
}

json answer(std::string_view verb, const char* path) {
  if (verb == "stat") return status_of(path, 0);
  if (verb == "lstat") return status_of(path, AT_SYMLINK_NOFOLLOW);
  if (verb == "read") return read_file(path);
  if (verb == "write") return opened(path, O_WRONLY);  // opened only: nothing is written
  if (verb == "create") {
    json result = opened(path, O_WRONLY | O_CREAT | O_EXCL);
    if (result["errno"] == 0) unlink(path);
    return result;
  }
  if (verb == "list") return names_in(path);
  if (verb == "readlink") return link_of(path);
  if (verb == "access") return access(path, X_OK) == 0 ? json{{"errno", 0}} : failure(errno);
  if (verb == "statfs") {
    struct statfs fs = {};
    if (statfs(path, &fs) != 0) return failure(errno);
    return {{"type", fs.f_type}, {"bytes", fs.f_blocks * static_cast<unsigned long>(fs.f_bsize)}};
  }
  if (verb == "syscall") return raw_syscall(path);
  return {{"error", "unknown request"}};
}

json capabilities() {
  json sets = {{"bounding", json::array()},
               {"permitted", json::array()},
               {"effective", json::array()},
               {"inheritable", json::array()},
               {"ambient", json::array()}};
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data = {};
  if (syscall(SYS_capget, &header, data.data()) != 0) return failure(errno);
  for (unsigned cap = 0; cap < 64; ++cap) {
    const int bounding = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
    if (bounding < 0) break;  // the kernel's last capability was the one before
    const auto& word = data[cap / 32];
    const unsigned bit = 1U << (cap % 32);
    if (bounding == 1) sets["bounding"].push_back(cap);
    if (word.permitted & bit) sets["permitted"].push_back(cap);
    if (word.effective & bit) sets["effective"].push_back(cap);
    if (word.inheritable & bit) sets["inheritable"].push_back(cap);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
      sets["ambient"].push_back(cap);
  }
  return sets;
}

json identity() {
  std::array<uid_t, 3> uid = {};
  std::array<gid_t, 3> gid = {};
  getresuid(&uid[0], &uid[1], &uid[2]);
  getresgid(&gid[0], &gid[1], &gid[2]);
  std::array<gid_t, 256> groups = {};
  const int count = getgroups(groups.size(), groups.data());
  const mode_t mask = umask(0);
  umask(mask);
  return {{"uid", uid},
          {"gid", gid},
          {"groups", std::vector<gid_t>(groups.begin(), groups.begin() + (count > 0 ? count : 0))},
          {"umask", mask}};
}

json limits() {
  constexpr std::array kNames = {// by resource number
                                 "CPU",      "FSIZE",  "DATA",    "STACK", "CORE",  "RSS",
                                 "NPROC",    "NOFILE", "MEMLOCK", "AS",    "LOCKS", "SIGPENDING",
                                 "MSGQUEUE", "NICE",   "RTPRIO",  "RTTIME"};
  json result;
  for (size_t i = 0; i < kNames.size(); ++i) {
    rlimit limit = {};
    getrlimit(static_cast<__rlimit_resource>(i), &limit);
    result[std::string("RLIMIT_") + kNames[i]] = {limit.rlim_cur, limit.rlim_max};
  }
  return result;
}

// struct sched_attr is not in glibc 2.36.
struct SchedAttr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

json scheduling() {
  SchedAttr attr = {};
  syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0);
  // linux/ioprio.h is not C++ (a parameter named "class"): class in the top three bits of 16.
  constexpr int kWhoProcess = 1;
  constexpr long kClassShift = 13;
  const long io = syscall(SYS_ioprio_get, kWhoProcess, 0);
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  json cpus = json::array();
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  int policy_mode = 0;
  unsigned long nodes = 0;
  const long got = syscall(SYS_get_mempolicy, &policy_mode, &nodes, sizeof nodes * 8, nullptr, 0);
  return {{"policy", attr.policy},
          {"flags", attr.flags},
          {"nice", attr.nice},
          {"priority", attr.priority},
          {"runtime", attr.runtime},
          {"deadline", attr.deadline},
          {"period", attr.period},
          {"ioprio_class", io >> kClassShift},
          {"ioprio_level", io & ((1L << kClassShift) - 1)},
          {"cpus", cpus},
          {"mempolicy", got == 0 ? json{{"mode", policy_mode}, {"nodes", nodes}} : failure(errno)}};
}

json descriptors() {
  json open_ones = json::array();
  for (int fd = 0; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    struct stat st = {};
    fstat(fd, &st);
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    open_ones.push_back(
        {{"fd", fd}, {"is_dir", S_ISDIR(st.st_mode)}, {"target", link_of(link.c_str())}});
  }
  return open_ones;
}

json terminal() {
  winsize size = {};
  const bool tty = ioctl(0, TIOCGWINSZ, &size) == 0;
  return {{"is_tty", tty},
          {"rows", size.ws_row},
          {"columns", size.ws_col},
          {"foreground_group", tcgetpgrp(0)},
          {"name", ttyname(0) != nullptr ? json(ttyname(0)) : json(nullptr)}};
}

json clock_seconds(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

json namespaces() {
  json result;
  for (const char* type : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"})
    result[type] = link_of((std::string("/proc/self/ns/") + type).c_str());
  return result;
}

json process() {
  std::array<char, 4096> cwd = {};
  utsname name = {};
  uname(&name);
  json env = json::array();
  for (char** entry = environ; *entry != nullptr; ++entry) env.push_back(*entry);
  constexpr int kSessionKeyring = -3, kGetKeyringId = 0;
  const long keyring = syscall(SYS_keyctl, kGetKeyringId, kSessionKeyring, 0);
  return {{"pid", getpid()},
          {"ppid", getppid()},
          {"sid", getsid(0)},
          {"pgid", getpgid(0)},
          {"cwd", getcwd(cwd.data(), cwd.size()) != nullptr ? json(cwd.data()) : failure(errno)},
          {"env", env},
          {"hostname", name.nodename},
          {"domainname", name.domainname},
          {"machine", name.machine},
          {"personality", personality(0xffffffff)},
          {"no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)},
          {"seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0)},
          {"dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)},
          {"keyring", keyring},
          {"oom_score_adj", text_of("/proc/self/oom_score_adj")}};
}

}  // namespace

int main(int argc, char** argv) {
  json seen = {{"descriptors", descriptors()},  // first: before anything here opens one
               {"process", process()},
               {"identity", identity()},
               {"capabilities", capabilities()},
               {"limits", limits()},
               {"scheduling", scheduling()},
               {"terminal", terminal()},
               {"namespaces", namespaces()},
               {"boottime", clock_seconds(CLOCK_BOOTTIME)},
               {"monotonic", clock_seconds(CLOCK_MONOTONIC)},
               {"mountinfo", text_of("/proc/self/mountinfo")},
               {"status", text_of("/proc/self/status")},
               {"cgroup", text_of("/proc/self/cgroup")},
               {"uid_map", text_of("/proc/self/uid_map")},
               {"gid_map", text_of("/proc/self/gid_map")},
               {"setgroups", text_of("/proc/self/setgroups")}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view request = argv[i];
    const size_t colon = request.find(':');
    if (colon == std::string_view::npos) continue;
    seen["asked"][argv[i]] = answer(request.substr(0, colon), argv[i] + colon + 1);
  }
  const std::string text = seen.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (n <= 0) return 1;
    done += static_cast<size_t>(n);
  }
  return 0;
}
