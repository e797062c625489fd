// One sandbox's file broker: what its threads share, and one call being served.
//
// Whether a name is protected can depend on its neighbours and on what its folder is called, so that
// judging and doing must not be torn apart by another thread of the sandbox. Every change of a name goes
// through here, hence a lock is enough: shared for what concerns one name, exclusive for renames and for
// names whose meaning hangs on their neighbours.
#pragma once

#include <linux/seccomp.h>
#include <sys/stat.h>

#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "platform/broker_config.h"
#include "platform/broker_rules.h"
#include "platform/fd.h"
#include "platform/linux/broker/call.h"
#include "platform/linux/broker/caller.h"
#include "platform/linux/broker/judge.h"
#include "platform/linux/broker/made_here.h"
#include "platform/linux/broker/neighbours.h"
#include "platform/linux/broker/place.h"
#include "platform/linux/broker/umasks.h"
#include "platform/linux/broker/vetted_files.h"
#include "platform/linux/broker/violation_log.h"
#include "platform/linux/broker/waiting_opens.h"
#include "platform/linux/device_filter.h"

namespace srt::platform {

// The judgement's facts, from the sandbox's own file system.
class FileFacts final : public Facts {
 public:
  explicit FileFacts(const MadeHere& made) : made_(made) {}
  FileKind kind(const std::string& path) const override;
  bool made_here(const std::string& path) const override;
  std::vector<std::string> names_in(const std::string& folder) const override;

 private:
  const MadeHere& made_;
};

struct Service {
  Service(const BrokerConfig& config, Judge compiled, UniqueFd violations)
      : rules(config.rules),
        judge(std::move(compiled)),
        fixed_user(config.fixed_user),
        nested_sandboxes(config.nested_sandboxes),
        as_caller(config.as_caller),
        log(std::move(violations)) {}

  const BrokerRules rules;
  const Judge judge;
  const bool fixed_user;
  const bool nested_sandboxes;
  const bool as_caller;
  std::optional<DeviceFilter> devices;  // of the callers' control group
  Caller::Status user;                  // as the callers' is read
  uint64_t network = 0;                 // the cookie of the sandbox's; 0: not known
  Vantage vantage;
  MadeHere made;
  FileFacts facts{made};
  ViolationLog log;
  MadeHere sockets;  // bound in the sandbox
  WaitingOpens waiting;
  VettedFiles vetted;
  Umasks umasks;
  std::shared_mutex names;
  std::shared_timed_mutex hand_overs;  // shared: a caller gets a descriptor that we still have, too
  Neighbours neighbours;

  bool may_connect(std::string_view path) const;
  // Whether a folder of that name would have, or be in, a place whose sockets may be connected to.
  bool leads_to_sockets(std::string_view path) const;
  bool may_open(const struct stat& file, int flags) const;
  // Standard input may be a socket of the host's network: where it is connected to is the caller's to say, but it
  // could be led to anywhere else past the guard, or listen.
  bool is_of_the_host(int socket) const;
};

// One call, from the notification to what the caller is answered.
class CallInService {
 public:
  CallInService(Service& service, int listener, const seccomp_notif& notification);
  void serve();

 private:
  struct Answer {
    int error = 0;
    UniqueFd file;           // open(2)
    bool cloexec = false;    // of `file`
    bool postponed = false;  // somebody else will answer
    bool by_kernel = false;  // the caller's own kernel does it after all
    int64_t value = 0;       // where there is no error and no file
  };
  static Answer error(int code) { return Answer{code, {}, false, false, false, 0}; }
  static Answer by_kernel();
  static Answer result(int value) { return error(value < 0 ? errno : 0); }

  Answer perform(const Call& call);
  Answer open(const Call& call);
  Answer open_in(Place& place, int flags, const Call& call);
  Answer open_path_only(Place place, int flags);
  OrErrno<UniqueFd> open_named(const Place& place, int flags, mode_t mode);
  Answer open_followed(Place place, int flags, const Call& call);
  Answer open_vetted(const Place& place, const Verdict& verdict, const Call& call);
  Answer open_unnamed(const std::string& path, const Call& call);
  Answer open_terminal(const Call& call);
  Answer opened(UniqueFd file, const Call& call);
  Answer make_folder(const Call& call);
  Answer make_node(const Call& call);
  Answer symlink(const Call& call);
  Answer link(const Call& call);
  Answer remove(const Call& call);
  Answer rename(const Call& call);
  Answer rename_vetted(const Place& from, const Place& to, const Verdict& verdict);
  Answer truncate(const Call& call);
  Answer change_mode(const Call& call);
  Answer change_attribute(const Call& call);
  Answer bind(const Call& call);
  Answer connect(const Call& call);
  Answer change_umask();
  Answer send_to(const Call& call);
  Answer send_message(const Call& call);
  Answer send_messages(const Call& call);
  struct Message;
  Answer send(UniqueFd socket, Message message, int flags, uint64_t length_at);
  OrErrno<Message> read_message(int socket, uint64_t at);
  OrErrno<void> read_parts(uint64_t at, size_t count, Message& message) const;
  OrErrno<void> read_control(uint64_t at, size_t size, Message& message) const;
  OrErrno<void> judge_address(int socket, Message& message);
  // Of a socket that is not of the sandbox's network: nothing, but to go on with what it is connected to.
  OrErrno<void> may_name(int socket, const char* operation);
  // A unix socket's path, judged; the address begins in the host's /proc and leads to what was judged.
  struct Reached {
    std::string address;
    UniqueFd target;
  };
  OrErrno<Reached> reach(const std::string& path);
  Answer connect_unix(UniqueFd socket, const std::string& address);
  Answer connect_elsewhere(UniqueFd socket, std::string address);
  // `working_directory` is where the address's path begins.
  Answer connect_apart(UniqueFd socket, std::string address, int working_directory,
                       UniqueFd target);

  // Reads the path and, with the lock held from then on, resolves it: what is judged stays where it is.
  OrErrno<Place> place(const Call::Name& name, bool quiet = false);
  OrErrno<Place> place(int folder, const std::string& path, bool quiet = false);
  bool is_our_user();
  bool is_nested(const Call& call) const;
  bool valid() const;  // the caller still waits for this answer
  OrErrno<void> take_umask();
  void hand_over(UniqueFd file, bool cloexec);
  void await_hand_overs();
  // What a call that changes a file itself is about, held; and whether it may.
  OrErrno<UniqueFd> subject(const Call& call);
  OrErrno<void> may_change(int file, const Call& call);
  // Whether another name of what `name` is, `to`, would open a socket of the host that its own name does not.
  bool moves_socket(const Place& from, const Place& to);
  bool opens_socket(int folder, const char* name, const struct stat& info, const std::string& to);
  // Whether a file of the mode `before`, or a new one (S_IFREG), would become a set-user-id or set-group-id program.
  bool sets_ids(mode_t before, mode_t mode) const;
  // Allowed, or the error to answer, which has been noted.
  OrErrno<Verdict> judged(Act act, const std::string& path, int open_flags = 0);
  int refused(Act act, const std::string& path, const std::string& rule) {
    return refused(Violation{to_string(act), path, rule, 0, {}, {}});
  }
  int refused(Violation violation);
  void lock(bool exclusive);
  void unlock();

  Service& service_;
  int listener_;
  const seccomp_notif& notification_;
  Caller caller_;
  Paths paths_;
  std::shared_lock<std::shared_mutex> shared_;
  std::unique_lock<std::shared_mutex> exclusive_;
};

constexpr const char* kSetsIds = "set-user-id program";

// Whether what may be made under that name hangs on its neighbours (a bare repository's parts).
bool needs_quiet(std::string_view path);

// Sends what open(2) or send(2) gave, or an error.
void answer_with_error(int listener, uint64_t id, int error);
void answer_with_value(int listener, uint64_t id, int64_t value);
bool answer_with_file(int listener, uint64_t id, int file, bool cloexec);

}  // namespace srt::platform
