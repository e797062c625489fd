#include "platform/linux/broker/service.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>

#include "platform/linux/broker/credentials.h"

namespace srt::platform {

FileKind FileFacts::kind(const std::string& path) const {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return FileKind::kNone;
  if (S_ISREG(info.st_mode)) return FileKind::kRegular;
  if (S_ISDIR(info.st_mode)) return FileKind::kFolder;
  return S_ISLNK(info.st_mode) ? FileKind::kSymlink : FileKind::kOther;
}

bool FileFacts::made_here(const std::string& path) const {
  return made_.has(AT_FDCWD, path.c_str());
}

std::vector<std::string> FileFacts::names_in(const std::string& folder) const {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(folder.c_str()), closedir);
  while (stream) {
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

bool needs_quiet(std::string_view path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string_view::npos) return false;
  path = path.substr(0, end + 1);
  if (const size_t slash = path.rfind('/'); slash != path.npos) path.remove_prefix(slash + 1);
  const std::string name = fold_name(path);
  for (const char* special : {"head", "objects", "refs", "config", "hooks", "commondir"}) {
    if (name == special) return true;
  }
  return false;
}

void answer_with_error(int listener, uint64_t id, int error) {
  seccomp_notif_resp response{};
  response.id = id;
  response.error = -error;
  (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

void answer_with_value(int listener, uint64_t id, int64_t value) {
  seccomp_notif_resp response{};
  response.id = id;
  response.val = value;
  (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

bool answer_with_file(int listener, uint64_t id, int file, bool cloexec) {
  seccomp_notif_addfd added{};
  added.id = id;
  added.flags = SECCOMP_ADDFD_FLAG_SEND;  // given and answered at once: no number without its file
  added.srcfd = static_cast<uint32_t>(file);
  added.newfd_flags = cloexec ? O_CLOEXEC : 0;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &added) >= 0) return true;
  if (errno != ENOENT) answer_with_error(listener, id, errno);  // EMFILE is the caller's limit
  return false;
}

// The same without a moment in which both have the file: while anybody has it open for writing it cannot be run.
static bool answer_with_program(int listener, uint64_t id, UniqueFd file, bool cloexec) {
  seccomp_notif_addfd added{};
  added.id = id;
  added.srcfd = static_cast<uint32_t>(file.get());
  added.newfd_flags = cloexec ? O_CLOEXEC : 0;
  const int number = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
  const int code = errno;
  file.reset();
  if (number >= 0) {
    answer_with_value(listener, id, number);
  } else if (code != ENOENT) {
    answer_with_error(listener, id, code);
  }
  return number >= 0;
}

static bool may_be_run(int file) {
  struct stat info;
  return (fcntl(file, F_GETFL) & O_ACCMODE) != O_RDONLY && fstat(file, &info) == 0 &&
         S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0;
}

// No path, nothing behind a pointer: what the kernel does then is what we saw.
void answer_by_kernel(int listener, uint64_t id) {
  seccomp_notif_resp response{};
  response.id = id;
  response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

CallInService::Answer CallInService::change_umask() {
  service_.umasks.about_to_change(caller_);
  return by_kernel();
}

CallInService::CallInService(Service& service, int listener, const seccomp_notif& notification)
    : service_(service),
      listener_(listener),
      notification_(notification),
      caller_(service.vantage, static_cast<pid_t>(notification.pid)),
      paths_(service.vantage, caller_),
      shared_(service.names, std::defer_lock),
      exclusive_(service.names, std::defer_lock) {}

void CallInService::serve() {
  service_.umasks.calls(caller_);
  // Files that were just written must be seen by what comes after.
  if (!service_.vetted.is_empty()) service_.vetted.settle();
  const std::optional<Call> call = decode(notification_.data);
  Answer answer = !call ? error(ENOSYS) : is_our_user() ? perform(*call) : error(EPERM);
  unlock();
  if (answer.postponed) return;
  if (call && call->kind == Call::Kind::kMode && (call->mode & 0111) != 0) await_hand_overs();
  if (answer.by_kernel) return answer_by_kernel(listener_, notification_.id);
  if (answer.file) {
    hand_over(std::move(answer.file), answer.cloexec);
  } else if (answer.error != 0) {
    answer_with_error(listener_, notification_.id, answer.error);
  } else {
    answer_with_value(listener_, notification_.id, answer.value);
  }
}

// Once the caller has its descriptor it goes on, and may write, close and run the file before we have closed ours:
// "Text file busy". For a program that is cured by one switch more; for what is made one afterwards (a script,
// `chmod +x`) in await_hand_overs(), at no cost for all other files.
void CallInService::hand_over(UniqueFd file, bool cloexec) {
  if (may_be_run(file.get())) {
    (void)answer_with_program(listener_, notification_.id, std::move(file), cloexec);
    return;
  }
  const std::shared_lock lock(service_.hand_overs);
  (void)answer_with_file(listener_, notification_.id, file.get(), cloexec);
  file.reset();
}

// Not for ever: a caller that somebody has stopped does not take its descriptor.
void CallInService::await_hand_overs() {
  constexpr std::chrono::milliseconds kPatience(50);
  (void)std::unique_lock(service_.hand_overs, kPatience);
}

// Whoever wants to get around the names in this way can: allowNestedUserNamespaces says so. Sockets of the
// host are judged as ever.
bool CallInService::is_nested(const Call& call) const {
  switch (call.kind) {
    case Call::Kind::kConnect:
    case Call::Kind::kSendTo:
    case Call::Kind::kSendMessage:
    case Call::Kind::kSendMessages:
    case Call::Kind::kUmask: return false;
    case Call::Kind::kOpen:
    case Call::Kind::kMakeFolder:
    case Call::Kind::kMakeNode:
    case Call::Kind::kSymlink:
    case Call::Kind::kLink:
    case Call::Kind::kRemove:
    case Call::Kind::kRename:
    case Call::Kind::kTruncate:
    case Call::Kind::kMode:
    case Call::Kind::kSetAttribute:
    case Call::Kind::kRemoveAttribute:
    case Call::Kind::kBind: break;
  }
  return service_.nested_sandboxes && !caller_.has_sandbox_root();
}

CallInService::Answer CallInService::by_kernel() {
  Answer answer;
  answer.by_kernel = true;
  return answer;
}

CallInService::Answer CallInService::perform(const Call& call) {
  if (is_nested(call)) return by_kernel();
  switch (call.kind) {
    case Call::Kind::kOpen: return open(call);
    case Call::Kind::kMakeFolder: return make_folder(call);
    case Call::Kind::kMakeNode: return make_node(call);
    case Call::Kind::kSymlink: return symlink(call);
    case Call::Kind::kLink: return link(call);
    case Call::Kind::kRemove: return remove(call);
    case Call::Kind::kRename: return rename(call);
    case Call::Kind::kTruncate: return truncate(call);
    case Call::Kind::kMode: return change_mode(call);
    case Call::Kind::kSetAttribute:
    case Call::Kind::kRemoveAttribute: return change_attribute(call);
    case Call::Kind::kBind: return bind(call);
    case Call::Kind::kConnect: return connect(call);
    case Call::Kind::kSendTo: return send_to(call);
    case Call::Kind::kSendMessage: return send_message(call);
    case Call::Kind::kSendMessages: return send_messages(call);
    case Call::Kind::kUmask: return change_umask();
  }
  return error(ENOSYS);
}

bool CallInService::is_our_user() {
  if (service_.fixed_user) return true;
  const OrErrno<Caller::Status> status = caller_.status();
  if (!status) return false;
  if (service_.as_caller && take_credentials(*status, service_.user)) return true;
  if (!service_.as_caller && status->file_uid == service_.user.file_uid &&
      status->file_gid == service_.user.file_gid && status->groups == service_.user.groups) {
    return true;
  }
  (void)refused({"call", "", "another user of the sandbox", 0, {}, {}});
  return false;
}

bool CallInService::valid() const {
  uint64_t id = notification_.id;
  return ioctl(listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

OrErrno<Place> CallInService::place(const Call::Name& name, bool quiet) {
  const OrErrno<std::string> path = caller_.text(name.path);
  if (!path) return failed(path.error());
  return place(name.folder, *path, quiet);
}

OrErrno<Place> CallInService::place(int folder, const std::string& path, bool quiet) {
  lock(quiet || needs_quiet(path));
  return paths_.parent(folder, path);
}

OrErrno<void> CallInService::take_umask() {
  const OrErrno<mode_t> mask = service_.umasks.of(caller_);
  if (!mask) return failed(mask.error());
  ::umask(*mask);  // this thread's own: its struct fs is not shared
  return {};
}

int CallInService::refused(Violation violation) {
  violation.pid = caller_.tid();
  if (const OrErrno<Caller::Status> status = caller_.status()) {
    violation.pid = status->pid;
    violation.comm = status->name;
  }
  service_.log.write(violation);
  return EPERM;
}

OrErrno<Verdict> CallInService::judged(Act act, const std::string& path, int open_flags) {
  if (path.empty()) return failed(EPERM);
  Verdict verdict = service_.judge.deed(act, path, service_.facts);
  if (verdict.kind != Verdict::Kind::kAllow && (open_flags & O_EXCL) != 0 &&
      service_.facts.kind(path) != FileKind::kNone) {
    return failed(EEXIST);  // as the kernel says, and programs expect of their locks
  }
  if (verdict.kind == Verdict::Kind::kRefuse) return failed(refused(act, path, verdict.rule));
  return verdict;
}

void CallInService::lock(bool exclusive) {
  if (exclusive_.owns_lock() || (shared_.owns_lock() && !exclusive)) return;
  unlock();
  if (exclusive) {
    exclusive_.lock();
  } else {
    shared_.lock();
  }
  service_.neighbours.lock(exclusive);
}

void CallInService::unlock() {
  if (!shared_.owns_lock() && !exclusive_.owns_lock()) return;
  service_.neighbours.unlock();
  if (shared_.owns_lock()) shared_.unlock();
  if (exclusive_.owns_lock()) exclusive_.unlock();
}

}  // namespace srt::platform
