#include "tests/platform/linux/bpf_evaluator.h"

#include <cstring>

namespace srt::test {
namespace {

struct Outcome {
  std::optional<uint32_t> verdict;
  size_t steps = 0;
};

std::optional<uint32_t> load_word(const seccomp_data& data, uint32_t offset) {
  if (offset % 4 || offset + 4 > sizeof data) return {};
  uint32_t word;
  std::memcpy(&word, reinterpret_cast<const char*>(&data) + offset, 4);
  return word;
}

bool holds(uint16_t test, uint32_t a, uint32_t b) {
  switch (test) {
    case BPF_JEQ: return a == b;
    case BPF_JGT: return a > b;
    case BPF_JGE: return a >= b;
    case BPF_JSET: return (a & b) != 0;
  }
  return false;
}

std::optional<uint32_t> calculate(uint16_t op, uint32_t a, uint32_t b) {
  switch (op) {
    case BPF_AND: return a & b;
    case BPF_OR: return a | b;
    case BPF_XOR: return a ^ b;
    case BPF_ADD: return a + b;
    case BPF_SUB: return a - b;
    case BPF_LSH: return b < 32 ? std::optional(a << b) : std::nullopt;
    case BPF_RSH: return b < 32 ? std::optional(a >> b) : std::nullopt;
    case BPF_NEG: return -a;
  }
  return {};
}

Outcome run(const std::vector<sock_filter>& program, const seccomp_data& data) {
  if (program.size() > BPF_MAXINSNS) return {};
  uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {};
  size_t count = 0;
  for (size_t pc = 0; pc < program.size(); ++pc) {  // jumps go forward only: this ends
    ++count;
    const sock_filter& insn = program[pc];
    const uint32_t operand = BPF_SRC(insn.code) == BPF_X ? x : insn.k;
    switch (BPF_CLASS(insn.code)) {
      case BPF_RET: return {BPF_RVAL(insn.code) == BPF_A ? a : insn.k, count};
      case BPF_LD:
        if (BPF_MODE(insn.code) == BPF_ABS && BPF_SIZE(insn.code) == BPF_W) {
          const auto word = load_word(data, insn.k);
          if (!word) return {};
          a = *word;
        } else if (BPF_MODE(insn.code) == BPF_IMM) {
          a = insn.k;
        } else if (BPF_MODE(insn.code) == BPF_MEM && insn.k < BPF_MEMWORDS) {
          a = memory[insn.k];
        } else {
          return {};
        }
        break;
      case BPF_LDX:
        if (BPF_MODE(insn.code) == BPF_IMM) {
          x = insn.k;
        } else if (BPF_MODE(insn.code) == BPF_MEM && insn.k < BPF_MEMWORDS) {
          x = memory[insn.k];
        } else {
          return {};
        }
        break;
      case BPF_ST:
        if (insn.k >= BPF_MEMWORDS) return {};
        memory[insn.k] = a;
        break;
      case BPF_JMP:
        if (BPF_OP(insn.code) == BPF_JA) {
          pc += insn.k;
        } else {
          pc += holds(BPF_OP(insn.code), a, operand) ? insn.jt : insn.jf;
        }
        break;
      case BPF_ALU: {
        const auto result = calculate(BPF_OP(insn.code), a, operand);
        if (!result) return {};
        a = *result;
        break;
      }
      case BPF_MISC:
        (BPF_MISCOP(insn.code) == BPF_TAX ? x : a) = BPF_MISCOP(insn.code) == BPF_TAX ? a : x;
        break;
      default: return {};
    }
  }
  return {};  // ran off the end
}

}  // namespace

std::optional<uint32_t> evaluate(const std::vector<sock_filter>& program,
                                 const seccomp_data& data) {
  return run(program, data).verdict;
}

size_t steps(const std::vector<sock_filter>& program, const seccomp_data& data) {
  return run(program, data).steps;
}

}  // namespace srt::test
