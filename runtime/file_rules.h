// Filesystem rules of a container with a rootfs of its own: what its policy documents say of paths, as
// the container sees them.
//
//   SRT_ASSIGN(FileRules files, FileRules::of(bundle, policy_file));   // no side effect but the bundle's env
//   files.add_to(options);                                             // the filter that they need
//   …  the tree is made, engine's volumes and all …
//   SRT_ASSIGN(FileRules::InTree found, files.in_tree(launch.handle()));
//   launch.seal(found.mounts);                                         // the last mounts of the tree
//
// The rules mean the finished tree, so they are resolved in it: by a process that has entered it, where a
// link of a hostile rootfs leads to nothing but the same tree (CVE-2021-30465). What mounts cannot say
// is srt-broker's, as in a sandbox of `srt`.
//
// /proc stays as config.json has it, and so do the device nodes and /dev/pts; /dev/shm is one of the
// container's own, unless a rule names it. Everything else can be written only where allowWrite says so and
// config.json lets it be.
#pragma once

#include <string>
#include <vector>

#include "oci/error.h"
#include "oci/spec.h"
#include "oci/write.h"
#include "platform/broker_config.h"
#include "platform/platform.h"
#include "runtime/filesystem_mounts.h"

namespace srt::runtime {

class FileRules {
 public:
  // Of the bundle's documents and the operator's, as effective_policy() takes them. Errors: what could not
  // be held, widenings, and what is wrong with a rule as far as its text tells.
  static Result<FileRules> of(platform::Bundle& bundle, const std::string& policy_file);

  bool present() const { return !layers_.empty(); }
  bool brokered() const { return brokered_; }
  void add_to(platform::CreateOptions& options) const;

  struct InTree {
    std::string mounts;  // for platform::Launch::seal()
    platform::BrokerConfig broker;
    std::vector<std::string> notes;
  };
  Result<InTree> in_tree(const platform::Handle& handle) const;

  std::string to_text() const;  // each rule, and where it stands
  void write(oci::JsonWriter& writer) const;

 private:
  Result<void> take(platform::Bundle& bundle);
  Result<FilesystemRules> resolved(PathLookup lookup) const;
  Result<std::string> look() const;

  std::vector<WrittenLayer> layers_;  // the operator's ones first; none: no rules
  size_t ceilings_ = 0;
  bool allow_git_config_ = false;
  bool unlimited_ = false;  // no document says what may be written
  bool brokered_ = false;
  std::string cwd_, home_;
  ContainerTree tree_;
  platform::BrokerConfig broker_;  // all but its rules
};

// Of one more process in a container that has such rules: what it needs, or why it would undo them.
Result<void> check_bounded(const oci::Process& process);
oci::Seccomp file_rules_filter(bool brokered);

// In the container's state folder: where `exec` brings srt-broker more to serve.
inline constexpr const char* kBrokerSocket = "broker.sock";
void set_git_environment(oci::Process& process);

}  // namespace srt::runtime
