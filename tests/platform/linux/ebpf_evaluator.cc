#include "tests/platform/linux/ebpf_evaluator.h"

#include <linux/bpf.h>

#include <bit>
#include <cstring>

namespace srt::test {
namespace {

class Machine {
 public:
  explicit Machine(const DeviceRequest& request) {
    context_.access_type =
        request.access << 16 | (request.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    context_.major = request.major;
    context_.minor = request.minor;
    written_[1] = true;  // the context's address, kept symbolic
  }

  std::optional<bool> run(const std::vector<uint64_t>& program) {
    for (size_t pc = 0; pc < program.size();) {
      const auto insn = std::bit_cast<bpf_insn>(program[pc]);
      if (insn.code == (BPF_JMP | BPF_EXIT)) {
        if (!written_[0]) return {};
        return values_[0] != 0;
      }
      if (!step(insn)) return {};
      if (jumped_) {
        const int64_t next = static_cast<int64_t>(pc) + 1 + insn.off;
        if (insn.off < 0 || next >= static_cast<int64_t>(program.size())) return {};
        pc = static_cast<size_t>(next);
        jumped_ = false;
      } else {
        ++pc;
      }
    }
    return {};
  }

 private:
  bool step(const bpf_insn& insn) {
    if (insn.dst_reg > 9 || insn.src_reg > 9) return false;
    switch (BPF_CLASS(insn.code)) {
      case BPF_LDX: return load(insn);
      case BPF_ALU: return calculate(insn);
      case BPF_JMP: jumped_ = true; return BPF_OP(insn.code) == BPF_JA;
      case BPF_JMP32: return compare(insn);
    }
    return false;
  }

  bool load(const bpf_insn& insn) {
    if (BPF_SIZE(insn.code) != BPF_W || BPF_MODE(insn.code) != BPF_MEM || insn.src_reg != 1) {
      return false;
    }
    if (insn.off < 0 || insn.off % 4 || insn.off + 4 > static_cast<int>(sizeof context_)) {
      return false;
    }
    uint32_t word;
    std::memcpy(&word, reinterpret_cast<const char*>(&context_) + insn.off, sizeof word);
    return set(insn.dst_reg, word);
  }

  bool calculate(const bpf_insn& insn) {
    const bool from_register = BPF_SRC(insn.code) == BPF_X;
    if (from_register && (!written_[insn.src_reg] || insn.src_reg == 1)) return false;
    const uint32_t operand =
        from_register ? values_[insn.src_reg] : static_cast<uint32_t>(insn.imm);
    if (BPF_OP(insn.code) == BPF_MOV) return set(insn.dst_reg, operand);
    if (!written_[insn.dst_reg] || insn.dst_reg == 1) return false;
    switch (BPF_OP(insn.code)) {
      case BPF_AND: return set(insn.dst_reg, values_[insn.dst_reg] & operand);
      case BPF_RSH: return operand < 32 && set(insn.dst_reg, values_[insn.dst_reg] >> operand);
    }
    return false;
  }

  bool compare(const bpf_insn& insn) {
    if (!written_[insn.dst_reg] || insn.dst_reg == 1 || BPF_SRC(insn.code) != BPF_K) return false;
    const uint32_t value = values_[insn.dst_reg], operand = static_cast<uint32_t>(insn.imm);
    switch (BPF_OP(insn.code)) {
      case BPF_JEQ: jumped_ = value == operand; return true;
      case BPF_JNE: jumped_ = value != operand; return true;
      case BPF_JSET: jumped_ = (value & operand) != 0; return true;
    }
    return false;
  }

  bool set(uint8_t index, uint32_t value) {
    values_[index] = value;
    written_[index] = true;
    return true;
  }

  bpf_cgroup_dev_ctx context_{};
  uint32_t values_[10] = {};
  bool written_[10] = {};
  bool jumped_ = false;
};

}  // namespace

std::optional<bool> evaluate_device(const std::vector<uint64_t>& program,
                                    const DeviceRequest& request) {
  return Machine(request).run(program);
}

}  // namespace srt::test
