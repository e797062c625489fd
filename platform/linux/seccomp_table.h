// A profile as a table: what each system call number of each architecture is answered.
//
// libseccomp knows the numbers; its code generator is not used where it need not be. It takes 14 ms
// for an engine's usual profile (430 names, three architectures), which is twice the time that the
// rest of a container's start takes. Here every architecture is a list of ranges of numbers, which
// seccomp_bpf.h turns into a binary search, in a fraction of a millisecond.
//
// The answers are libseccomp's; tests/platform/linux/seccomp_test.cc compares the two:
//   - the first rule without conditions that names a call decides, whatever else names it;
//   - else a rule applies whose conditions all hold; else the default does.
// What it is not sure to answer alike is left to libseccomp: architectures with conventions of
// their own, and rules with different actions whose conditions can hold at the same time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/spec.h"

namespace srt::platform {

// A rule of the profile, checked and in the kernel's terms.
struct SeccompRule {
  uint32_t action = 0;                      // SECCOMP_RET_… with its data
  std::vector<oci::SeccompArg> conditions;  // all must hold; at most one for an argument
  std::vector<std::string> names;
  std::string pointer;  // JSON pointer of the rule
};

// In an answer: `action` if all conditions hold.
struct SeccompCase {
  uint32_t action = 0;
  bool wide = false;  // compares 64 bits, else the lower 32
  std::vector<oci::SeccompArg> conditions;
  bool operator==(const SeccompCase&) const = default;
};

// What the numbers from `first` to the next range's are answered.
struct SeccompRange {
  uint32_t first = 0;
  uint32_t action = 0;             // where no case holds
  std::vector<SeccompCase> cases;  // at most one holds, or several with the same action
  bool operator==(const SeccompRange&) const = default;
};

struct SeccompArchTable {
  uint32_t audit_arch = 0;           // seccomp_data.arch
  std::vector<SeccompRange> ranges;  // the first begins at 0; neighbours differ
};

struct SeccompProfile {
  uint32_t default_action = 0;
  std::optional<uint32_t> newer;  // for numbers above the highest that the profile names
  std::vector<uint32_t> archs;    // libseccomp's tokens
  std::vector<SeccompRule> rules;
};

// The highest number that the profile names on an architecture; 0: none.
uint32_t highest_number(const SeccompProfile& profile, uint32_t token);

// nullopt: only libseccomp can.
std::optional<std::vector<SeccompArchTable>> make_seccomp_table(const SeccompProfile& profile);

}  // namespace srt::platform
