// The layers of settings of one `srt` command, the most senior first:
//
//   /etc/srt/policy.json      ceiling: nothing below may be wider
//   ~/.srt-settings.json      or the file of -s, in its place
//   SRT_* in the environment  the user's own, as are the flags: they add
//   flags
//   .srt-settings.json        of the project: only narrows, since earlier sandboxed code may have
//                             written it; what a flag allows, it cannot take away
//
//   SRT_ASSIGN(auto documents, load_command_documents(sources));
//   SRT_ASSIGN(EffectivePolicy policy, command_policy(documents));   // the network side
#pragma once

#include <string>
#include <vector>

#include "oci/error.h"
#include "runtime/policy.h"
#include "runtime/policy_document.h"

namespace srt::runtime {

inline constexpr char kSettingsName[] = ".srt-settings.json";

struct CommandSources {
  std::string operator_file = kOperatorPolicy;  // none if it does not exist; empty: none
  std::string settings_file;                    // -s: must exist, in place of the one at home
  std::string home;                             // directory; empty: none
  std::string project;                          // directory; empty: none
  // "NAME=value" of the caller: SRT_ALLOW_DOMAINS and SRT_DENY_DOMAINS (commas), SRT_ALLOW_WRITE and
  // SRT_DENY_READ (colons). Others are not looked at.
  std::vector<std::string> environment;
  std::vector<std::string> allow_domains, deny_domains, allow_write, deny_read;  // flags
};

Result<std::vector<PolicyDocument>> load_command_documents(const CommandSources& sources);

// What the command may reach. Always present: without rules it reaches nothing.
Result<EffectivePolicy> command_policy(const std::vector<PolicyDocument>& documents);

}  // namespace srt::runtime
