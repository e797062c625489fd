// A Seatbelt profile as a value, and its text in SBPL, the small Scheme that sandbox-exec reads.
//
//   Profile profile;
//   profile.rules.push_back({Action::kDeny, {Operation::kDefault}, {}, "suffix"});
//   profile.rules.push_back({Action::kAllow, {Operation::kFileWrite},
//                            {Filter::all({Filter::subpath("/Users/u/p"),
//                                          Filter::negation(Filter::literal("/Users/u/p/.env"))})}, {}});
//   print(profile)   // (version 1) (deny default (with message "suffix")) (allow file-write* …
//
// Values are compared with ==. Text is made in one place, print(): names of files are quoted there, and
// nowhere else is a rule put together from text, so that no name can end a string and begin a rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"

namespace srt::platform::darwin {

enum class Action { kAllow, kDeny };

enum class Operation {
  kDefault,
  kAppleEventSend,
  kDistributedNotificationPost,
  kFileIoctl,
  kFileRead,  // "file-read*": data, metadata and extended attributes
  kFileReadData,
  kFileReadMetadata,
  kFileWrite,        // "file-write*"
  kFileWriteCreate,  // and the new name of a rename
  kFileWriteData,
  kFileWriteFlags,
  kFileWriteMode,
  kFileWriteOwner,
  kFileWriteTimes,
  kFileWriteUnlink,  // and the old name of a rename
  kFileWriteXattr,
  kIokitGetProperties,
  kIokitOpen,
  kIpcPosixSem,
  kIpcPosixShm,
  kLsOpen,
  kMachLookup,
  kMachPrivTaskPort,
  kNetworkBind,
  kNetworkInbound,
  kNetworkOutbound,
  kProcessExec,
  kProcessFork,
  kProcessInfo,  // "process-info*"
  kPseudoTty,
  kSignal,
  kSysctlRead,
  kSysctlWrite,
  kSystemSocket,
  kUserPreferenceRead,
};
std::string_view name_of(Operation operation);

enum class VnodeType { kRegularFile, kDirectory, kSymlink, kCharacterDevice };

// Seatbelt knows no other hosts.
enum class IpHost { kAny, kLocalhost };

struct Filter {
  enum class Kind {
    // of a path, after symbolic links are resolved
    kLiteral,
    kSubpath,  // it and all below it
    kPrefix,
    kRegex,
    kVnodeType,
    // of other things
    kTarget,
    kGlobalName,
    kGlobalNamePrefix,
    kSysctlName,
    kSysctlNamePrefix,
    kIokitRegistryEntryClass,
    kIokitUserClientClass,
    kSocketDomain,
    kSocketProtocol,
    kRemoteIp,
    kLocalIp,
    kRemoteUnixSocket,  // one part: of its path
    kLocalUnixSocket,
    // of filters
    kAll,
    kAny,
    kNot,
  };
  Kind kind = Kind::kAny;
  std::string text;
  std::vector<Filter> parts;

  static Filter literal(std::string path);
  static Filter subpath(std::string path);
  static Filter prefix(std::string path);
  // POSIX extended, of bytes; found anywhere, so it wants its own "^" and "$". See regex.h.
  static Filter regex(std::string expression);
  static Filter vnode_type(VnodeType type);
  static Filter same_sandbox();                            // (target same-sandbox)
  static Filter named(Kind kind, std::string text);        // kGlobalName … kIokitUserClientClass
  static Filter socket_domain(std::string_view constant);  // "AF_UNIX"
  static Filter socket_protocol(unsigned number);
  // port 0: any. (local ip …) says nothing of where a connection goes: on network-outbound it admits
  // everything, so print() refuses it there.
  static Filter remote_ip(IpHost host, uint16_t port);
  static Filter local_ip(IpHost host, uint16_t port);
  static Filter remote_unix_socket(Filter path);
  static Filter local_unix_socket(Filter path);
  // Made simple: parts of the same kind are taken apart, one part alone is itself. all({}) is
  // everything, any({}) nothing; neither can be printed.
  static Filter all(std::vector<Filter> parts);
  static Filter any(std::vector<Filter> parts);
  static Filter negation(Filter part);

  bool is_everything() const { return kind == Kind::kAll && parts.empty(); }
  bool is_nothing() const { return kind == Kind::kAny && parts.empty(); }
  bool operator==(const Filter&) const = default;
};

struct Rule {
  Action action = Action::kAllow;
  std::vector<Operation> operations;
  std::vector<Filter> filters;  // one of them; none: always
  std::string message;          // reported with a violation; empty: none
  bool operator==(const Rule&) const = default;
};

struct Profile {
  std::vector<Rule> rules;
  bool operator==(const Profile&) const = default;
};

// The longest string that sandbox-exec reads is 1025 bytes, and the whole text is one argument of its
// command line.
inline constexpr size_t kMaxProfileString = 1000;
inline constexpr size_t kMaxProfile = size_t{400} << 10;

// An error: a string with a NUL in it or too long, a profile too large, a filter that says nothing where
// it stands.
Result<std::string> print(const Profile& profile);

// As it stands between quotes in SBPL, quotes included.
std::string quote(std::string_view bytes);

}  // namespace srt::platform::darwin
