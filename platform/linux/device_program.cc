// The eBPF side of device_filter.h.
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>

#include "platform/fd.h"
#include "platform/linux/device_filter.h"

namespace srt::platform {
namespace {

// Registers of the program. The context is struct bpf_cgroup_dev_ctx {access_type, major, minor},
// access_type being the access letters above 16 bits of device type.
enum Register : uint8_t {
  kVerdict = 0,
  kContext = 1,
  kAccess = 2,
  kType = 3,
  kMajor = 4,
  kMinor = 5
};

uint64_t instruction(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
  bpf_insn insn{};
  insn.code = code;
  insn.dst_reg = dst & 0xf;
  insn.src_reg = src & 0xf;
  insn.off = off;
  insn.imm = imm;
  return std::bit_cast<uint64_t>(insn);
}
uint64_t load_field(Register dst, size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, dst, kContext, static_cast<int16_t>(offset), 0);
}
uint64_t alu(uint8_t op, Register dst, int32_t value) {
  return instruction(static_cast<uint8_t>(BPF_ALU | op | BPF_K), dst, 0, 0, value);
}
// Compares the lower half of the register, since device numbers are unsigned 32 bits.
uint64_t jump(uint8_t op, Register dst, int64_t value, size_t skip) {
  return instruction(static_cast<uint8_t>(BPF_JMP32 | op | BPF_K), dst, 0,
                     static_cast<int16_t>(skip), static_cast<int32_t>(value));
}
void leave(std::vector<uint64_t>& code, bool allow) {
  code.push_back(alu(BPF_MOV, kVerdict, allow));
  code.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

// What happens on a device that the rule names. kAccess holds the letters not yet decided.
std::vector<uint64_t> verdict(const DeviceRule& rule) {
  std::vector<uint64_t> code;
  if (rule.access == kAllAccess) {
    leave(code, rule.allow);
  } else if (rule.allow) {
    code.push_back(alu(BPF_AND, kAccess, static_cast<int32_t>(kAllAccess & ~rule.access)));
    code.push_back(jump(BPF_JNE, kAccess, 0, 2));
    leave(code, true);
  } else {
    code.push_back(jump(BPF_JSET, kAccess, rule.access, 1));
    code.push_back(instruction(BPF_JMP | BPF_JA, 0, 0, 2, 0));
    leave(code, false);
  }
  return code;
}

void add_rule(std::vector<uint64_t>& program, const DeviceRule& rule) {
  const std::vector<uint64_t> then = verdict(rule);
  struct Test {
    Register field;
    int64_t value;
  };
  std::vector<Test> tests = {{kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR}};
  if (rule.major != -1) tests.push_back({kMajor, rule.major});
  if (rule.minor != -1) tests.push_back({kMinor, rule.minor});
  for (size_t i = 0; i < tests.size(); ++i) {
    const size_t rest = tests.size() - i - 1 + then.size();
    program.push_back(jump(BPF_JNE, tests[i].field, tests[i].value, rest));
  }
  program.insert(program.end(), then.begin(), then.end());
}

long bpf(int command, bpf_attr& attr) { return syscall(SYS_bpf, command, &attr, sizeof attr); }

}  // namespace

std::vector<uint64_t> device_program(const DeviceFilter& filter) {
  if (filter.allows_everything()) return {};
  std::vector<uint64_t> program = {
      load_field(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
      instruction(BPF_ALU | BPF_MOV | BPF_X, kAccess, kType, 0, 0),
      alu(BPF_AND, kType, 0xffff),
      alu(BPF_RSH, kAccess, 16),
      load_field(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
      load_field(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
  };
  for (auto rule = filter.rules.rbegin(); rule != filter.rules.rend(); ++rule) {
    add_rule(program, *rule);
  }
  leave(program, filter.allow_by_default);
  return program;
}

Result<void> load_device_program(const std::vector<uint64_t>& program,
                                 const std::string& directory) {
  static constexpr char kLicense[] = "Apache-2.0";
  static constexpr char kName[] = "srt_devices";
  static_assert(sizeof kName <= BPF_OBJ_NAME_LEN);
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insn_cnt = static_cast<uint32_t>(program.size());
  load.insns = reinterpret_cast<uint64_t>(program.data());
  load.license = reinterpret_cast<uint64_t>(kLicense);
  std::copy(std::begin(kName), std::end(kName), load.prog_name);
  UniqueFd loaded(static_cast<int>(bpf(BPF_PROG_LOAD, load)));
  if (!loaded) {
    return fail_errno("/linux/resources/devices", "load the device program", errno,
                      errno == EPERM ? "needs CAP_BPF or CAP_SYS_ADMIN, and before Linux 5.11 "
                                       "a higher ulimit -l"
                                     : "");
  }
  UniqueFd cgroup(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) return fail_errno(directory, "open");
  bpf_attr attach{};
  attach.target_fd = static_cast<uint32_t>(cgroup.get());
  attach.attach_bpf_fd = static_cast<uint32_t>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(BPF_PROG_ATTACH, attach) != 0) {
    return fail_errno(directory, "attach the device program");
  }
  return {};
}

}  // namespace srt::platform
