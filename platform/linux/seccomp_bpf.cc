#include "platform/linux/seccomp_bpf.h"

#include <linux/seccomp.h>

#include <cstddef>
#include <span>

namespace srt::platform {
namespace {

using Code = std::vector<sock_filter>;
using oci::SeccompArg;
using oci::SeccompOperator;

constexpr uint8_t kMiss = 0xff;  // a jump to where the case has failed; patched when that is known

constexpr sock_filter load(size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}
constexpr sock_filter jump(uint16_t test, uint32_t value, uint8_t if_true, uint8_t if_false) {
  return BPF_JUMP(static_cast<uint16_t>(BPF_JMP | test | BPF_K), value, if_true, if_false);
}
constexpr sock_filter answer(uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }

void append(Code& code, const Code& more) { code.insert(code.end(), more.begin(), more.end()); }

// `test` with any distance to the false branch, where 8 bits may not do. Falls through when true.
void branch(Code& code, uint16_t test, uint32_t value, size_t if_false) {
  if (if_false <= UINT8_MAX) {
    code.push_back(jump(test, value, 0, static_cast<uint8_t>(if_false)));
  } else {
    code.push_back(jump(test, value, 1, 0));
    code.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(if_false)));
  }
}

size_t low(const SeccompArg& condition) {  // little endian: seccomp_table.cc sees to that
  return offsetof(seccomp_data, args) + condition.index * sizeof(uint64_t);
}
size_t high(const SeccompArg& condition) { return low(condition) + sizeof(uint32_t); }

// The last, deciding test: the lower halves, or all there is of a narrow argument.
Code compare_low(const SeccompArg& condition) {
  const auto value = static_cast<uint32_t>(condition.value);
  Code code = {load(low(condition))};
  switch (condition.op) {
    case SeccompOperator::kEq: code.push_back(jump(BPF_JEQ, value, 0, kMiss)); break;
    case SeccompOperator::kNe: code.push_back(jump(BPF_JEQ, value, kMiss, 0)); break;
    case SeccompOperator::kLt: code.push_back(jump(BPF_JGE, value, kMiss, 0)); break;
    case SeccompOperator::kLe: code.push_back(jump(BPF_JGT, value, kMiss, 0)); break;
    case SeccompOperator::kGe: code.push_back(jump(BPF_JGE, value, 0, kMiss)); break;
    case SeccompOperator::kGt: code.push_back(jump(BPF_JGT, value, 0, kMiss)); break;
    case SeccompOperator::kMaskedEq:
      code.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value));
      code.push_back(jump(BPF_JEQ, static_cast<uint32_t>(*condition.value_two), 0, kMiss));
      break;
  }
  return code;
}

// The upper halves, before compare_low(): decides, or goes on where they are equal.
Code compare_high(const SeccompArg& condition) {
  const auto value = static_cast<uint32_t>(condition.value >> 32);
  constexpr uint8_t kHolds = 2;  // over compare_low()'s two instructions
  Code code = {load(high(condition))};
  switch (condition.op) {
    case SeccompOperator::kEq: code.push_back(jump(BPF_JEQ, value, 0, kMiss)); break;
    case SeccompOperator::kNe: code.push_back(jump(BPF_JEQ, value, 0, kHolds)); break;
    case SeccompOperator::kLt:
    case SeccompOperator::kLe:
      code.push_back(jump(BPF_JGT, value, kMiss, 0));
      code.push_back(jump(BPF_JEQ, value, 0, kHolds));
      break;
    case SeccompOperator::kGe:
    case SeccompOperator::kGt:
      code.push_back(jump(BPF_JGT, value, kHolds + 1, 0));
      code.push_back(jump(BPF_JEQ, value, 0, kMiss));
      break;
    case SeccompOperator::kMaskedEq:
      code.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value));
      code.push_back(jump(BPF_JEQ, static_cast<uint32_t>(*condition.value_two >> 32), 0, kMiss));
      break;
  }
  return code;
}

// Falls out at its end when a condition does not hold.
Code case_code(const SeccompCase& one) {
  Code code;
  for (const SeccompArg& condition : one.conditions) {
    const bool masked = condition.op == SeccompOperator::kMaskedEq;
    const bool skip_high = !one.wide || (masked && condition.value >> 32 == 0);
    const bool skip_low = masked && static_cast<uint32_t>(condition.value) == 0;
    if (!skip_high) append(code, compare_high(condition));
    if (!skip_low) append(code, compare_low(condition));
  }
  code.push_back(answer(one.action));
  // At most six conditions of at most six instructions: every distance fits.
  for (size_t i = 0; i < code.size(); ++i) {
    if (BPF_CLASS(code[i].code) != BPF_JMP) continue;
    const auto miss = static_cast<uint8_t>(code.size() - i - 1);
    if (code[i].jt == kMiss) code[i].jt = miss;
    if (code[i].jf == kMiss) code[i].jf = miss;
  }
  return code;
}

Code range_code(const SeccompRange& range) {
  Code code;
  for (const SeccompCase& one : range.cases) append(code, case_code(one));
  code.push_back(answer(range.action));
  return code;
}

// The number is in the accumulator and in one of `ranges`.
Code search(std::span<const SeccompRange> ranges) {
  if (ranges.size() == 1) return range_code(ranges.front());
  const size_t middle = ranges.size() / 2;
  const Code upper = search(ranges.subspan(middle));
  Code code;
  branch(code, BPF_JGE, ranges[middle].first, upper.size());
  append(code, upper);
  append(code, search(ranges.first(middle)));
  return code;
}

}  // namespace

std::vector<sock_filter> seccomp_bpf(const std::vector<SeccompArchTable>& tables) {
  Code program = {load(offsetof(seccomp_data, arch))};
  for (const SeccompArchTable& table : tables) {
    Code code = {load(offsetof(seccomp_data, nr))};
    append(code, search(table.ranges));
    branch(program, BPF_JEQ, table.audit_arch, code.size());
    append(program, code);
  }
  program.push_back(answer(SECCOMP_RET_KILL_THREAD));
  return program;
}

}  // namespace srt::platform
