#include "platform/linux/seccomp_table.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "platform/linux/seccomp_arch.h"

namespace srt::platform {
namespace {

using oci::SeccompArg;
using oci::SeccompOperator;

constexpr uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT
constexpr uint64_t kEnd = uint64_t{1} << 32;

// i386 calls that exist behind socketcall(2) and ipc(2) too, by libseccomp's pseudo number:
// -(100 + socketcall's first argument), -(200 + ipc's). `direct`: their own number, 0 without one.
// Source: arch/x86/entry/syscalls/syscall_32.tbl, include/uapi/linux/{net,ipc}.h.
constexpr uint32_t kSocketcall = 102;
constexpr uint32_t kIpc = 117;
struct Multiplexed {
  int pseudo;
  uint32_t direct;
};
constexpr auto kMultiplexed = std::to_array<Multiplexed>({
    {-101, 359}, {-102, 361}, {-103, 362}, {-104, 363}, {-105, 0},   {-106, 367}, {-107, 368},
    {-108, 360}, {-109, 0},   {-110, 0},   {-111, 369}, {-112, 371}, {-113, 373}, {-114, 366},
    {-115, 365}, {-116, 370}, {-117, 372}, {-118, 364}, {-119, 337}, {-120, 345}, {-201, 0},
    {-202, 393}, {-203, 394}, {-204, 0},   {-211, 400}, {-212, 401}, {-213, 399}, {-214, 402},
    {-221, 397}, {-222, 398}, {-223, 395}, {-224, 396},
});

bool is_wide(uint32_t token) {
  return token == SCMP_ARCH_X86_64 || token == SCMP_ARCH_AARCH64 || token == SCMP_ARCH_RISCV64;
}

bool is_plain(uint32_t token) {
  return is_wide(token) || token == SCMP_ARCH_X86 || token == SCMP_ARCH_X32 ||
         token == SCMP_ARCH_ARM;
}

// The condition as the width sees it; nullopt: always holds.
std::optional<SeccompArg> at_width(SeccompArg condition, bool wide) {
  const uint64_t seen = wide ? UINT64_MAX : UINT32_MAX;
  condition.value &= seen;
  if (condition.op == SeccompOperator::kMaskedEq) {
    condition.value_two = condition.value_two.value_or(0) & condition.value;
    if (condition.value == 0) return {};
  }
  return condition;
}

// First and last value that hold; first > last: none. Not for kNe and kMaskedEq.
std::pair<uint64_t, uint64_t> interval(const SeccompArg& condition) {
  const uint64_t v = condition.value;
  switch (condition.op) {
    case SeccompOperator::kEq: return {v, v};
    case SeccompOperator::kLt:
      return v == 0 ? std::pair<uint64_t, uint64_t>{1, 0} : std::pair<uint64_t, uint64_t>{0, v - 1};
    case SeccompOperator::kLe: return {0, v};
    case SeccompOperator::kGe: return {v, UINT64_MAX};
    case SeccompOperator::kGt:
      return v == UINT64_MAX ? std::pair<uint64_t, uint64_t>{1, 0}
                             : std::pair<uint64_t, uint64_t>{v + 1, UINT64_MAX};
    case SeccompOperator::kNe:
    case SeccompOperator::kMaskedEq: return {0, UINT64_MAX};
  }
  __builtin_unreachable();
}

bool holds(const SeccompArg& condition, uint64_t value) {
  if (condition.op == SeccompOperator::kNe) return value != condition.value;
  if (condition.op == SeccompOperator::kMaskedEq) {
    return (value & condition.value) == *condition.value_two;
  }
  const auto [first, last] = interval(condition);
  return first <= value && value <= last;
}

// Whether two conditions on one argument can surely not hold together.
bool exclude(const SeccompArg& a, const SeccompArg& b) {
  if (a.op == SeccompOperator::kEq) return !holds(b, a.value);
  if (b.op == SeccompOperator::kEq) return !holds(a, b.value);
  if (a.op == SeccompOperator::kMaskedEq && b.op == SeccompOperator::kMaskedEq) {
    return ((*a.value_two ^ *b.value_two) & a.value & b.value) != 0;
  }
  const auto [a_first, a_last] = interval(a);
  const auto [b_first, b_last] = interval(b);
  return std::max(a_first, b_first) > std::min(a_last, b_last);
}

bool exclude(const SeccompCase& a, const SeccompCase& b) {
  for (const SeccompArg& one : a.conditions) {
    for (const SeccompArg& other : b.conditions) {
      if (one.index == other.index && exclude(one, other)) return true;
    }
  }
  return false;
}

bool ambiguous(const std::vector<SeccompCase>& cases) {
  for (size_t i = 0; i < cases.size(); ++i) {
    for (size_t j = i + 1; j < cases.size(); ++j) {
      if (cases[i].action != cases[j].action && !exclude(cases[i], cases[j])) return true;
    }
  }
  return false;
}

// The rules for one architecture by number, in the profile's order within a number.
class ArchRules {
 public:
  explicit ArchRules(uint32_t token) : token_(token), wide_(is_wide(token)) {}

  void add(const SeccompRule& rule, bool says_something) {
    for (const std::string& name : rule.names) {
      const int number = syscall_number(token_, name);
      if (number >= 0) {
        highest_ = std::max(highest_, static_cast<uint32_t>(number));
        if (says_something) add(static_cast<uint32_t>(number), rule, {});
      } else if (token_ == SCMP_ARCH_X86) {
        add_multiplexed(number, rule, says_something);
      }
    }
  }

  uint32_t highest() const { return highest_; }

  // Ranges for the numbers from `begin` up to `end`. False: only libseccomp can.
  bool append(std::vector<SeccompRange>& ranges, uint64_t begin, uint64_t end,
              const SeccompProfile& profile) {
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    uint64_t next = begin;
    for (size_t i = 0; i < entries_.size();) {
      const uint32_t number = entries_[i].first;
      SeccompRange range{number, profile.default_action, {}};
      for (; i < entries_.size() && entries_[i].first == number; ++i) {
        range.cases.push_back(std::move(entries_[i].second));
      }
      if (!settle(range)) return false;
      if (next < number) push(ranges, {static_cast<uint32_t>(next), profile.default_action, {}});
      push(ranges, std::move(range));
      next = uint64_t{number} + 1;
    }
    const uint64_t last = highest_ ? std::max<uint64_t>(highest_ + uint64_t{1}, begin) : end;
    if (next < last) push(ranges, {static_cast<uint32_t>(next), profile.default_action, {}});
    if (last < end) {
      push(ranges,
           {static_cast<uint32_t>(last), profile.newer.value_or(profile.default_action), {}});
    }
    return true;
  }

  static void push(std::vector<SeccompRange>& ranges, SeccompRange range) {
    if (!ranges.empty() && ranges.back().action == range.action && range.cases.empty() &&
        ranges.back().cases.empty()) {
      return;  // goes on
    }
    ranges.push_back(std::move(range));
  }

 private:
  void add(uint32_t number, const SeccompRule& rule, std::optional<SeccompArg> first) {
    SeccompCase one{rule.action, wide_, {}};
    if (first) one.conditions.push_back(*first);
    for (const SeccompArg& condition : rule.conditions) {
      if (first && condition.index == first->index) continue;
      if (auto seen = at_width(condition, wide_)) one.conditions.push_back(*seen);
    }
    entries_.emplace_back(number, std::move(one));
  }

  // socketcall(2) and ipc(2) hide the arguments behind a pointer, so conditions on them compare
  // something else there. The profile's author has to know; libseccomp compiles the same.
  void add_multiplexed(int pseudo, const SeccompRule& rule, bool says_something) {
    for (const Multiplexed& call : kMultiplexed) {
      if (call.pseudo != pseudo) continue;
      const bool socket = pseudo > -200;
      if (says_something) {
        add(socket ? kSocketcall : kIpc, rule,
            SeccompArg{0,
                       static_cast<uint64_t>(-pseudo - (socket ? 100 : 200)),
                       {},
                       SeccompOperator::kEq});
      }
      if (call.direct) {
        highest_ = std::max(highest_, call.direct);
        if (says_something) add(call.direct, rule, {});
      }
    }
  }
  // An unconditional case settles the number; else cases must not contradict.
  static bool settle(SeccompRange& range) {
    for (const SeccompCase& one : range.cases) {
      if (!one.conditions.empty()) continue;
      range.action = one.action;
      range.cases.clear();
      return true;
    }
    return !ambiguous(range.cases);
  }

  uint32_t token_;
  bool wide_;
  uint32_t highest_ = 0;
  std::vector<std::pair<uint32_t, SeccompCase>> entries_;
};

ArchRules collect(const SeccompProfile& profile, uint32_t token) {
  ArchRules rules(token);
  for (const SeccompRule& rule : profile.rules) {
    rules.add(rule, rule.action != profile.default_action);
  }
  return rules;
}

// x86_64 and x32 are one architecture to the kernel; x32's numbers have a bit more.
bool add_x86_64(const SeccompProfile& profile, std::vector<SeccompRange>& ranges) {
  auto has = [&](uint32_t token) {
    return std::find(profile.archs.begin(), profile.archs.end(), token) != profile.archs.end();
  };
  if (!has(SCMP_ARCH_X86_64)) {
    ArchRules::push(ranges, {0, SECCOMP_RET_KILL_THREAD, {}});
  } else if (!collect(profile, SCMP_ARCH_X86_64).append(ranges, 0, kX32Bit, profile)) {
    return false;
  }
  if (has(SCMP_ARCH_X32)) {
    return collect(profile, SCMP_ARCH_X32).append(ranges, kX32Bit, kEnd, profile);
  }
  ArchRules::push(ranges, {kX32Bit, SECCOMP_RET_KILL_THREAD, {}});
  // A tracer skips a call by setting its number to -1, and the filter is asked again.
  ArchRules::push(ranges, {UINT32_MAX, profile.default_action, {}});
  return true;
}

}  // namespace

uint32_t highest_number(const SeccompProfile& profile, uint32_t token) {
  return collect(profile, token).highest();
}

std::optional<std::vector<SeccompArchTable>> make_seccomp_table(const SeccompProfile& profile) {
  if (std::endian::native != std::endian::little) return {};
  std::vector<SeccompArchTable> tables;
  for (uint32_t token : profile.archs) {
    if (!is_plain(token)) return {};
    const uint32_t arch = audit_arch(token);
    if (std::any_of(tables.begin(), tables.end(),
                    [&](const SeccompArchTable& table) { return table.audit_arch == arch; })) {
      continue;
    }
    SeccompArchTable table{arch, {}};
    if (arch == SCMP_ARCH_X86_64) {
      if (!add_x86_64(profile, table.ranges)) return {};
    } else if (!collect(profile, token).append(table.ranges, 0, kEnd, profile)) {
      return {};
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace srt::platform
