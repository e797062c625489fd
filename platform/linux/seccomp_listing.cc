#include "platform/linux/seccomp_listing.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace srt::platform {
namespace {

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  char text[80];
  const int size = snprintf(text, sizeof text, pattern, arguments...);
  return std::string(text, static_cast<size_t>(size));
}

std::string field(uint32_t offset) {
  if (offset == offsetof(seccomp_data, nr)) return "number";
  if (offset == offsetof(seccomp_data, arch)) return "architecture";
  constexpr uint32_t kArgs = offsetof(seccomp_data, args);
  if (offset < kArgs) return format("word at %u", offset);
  return format("%s half of argument %u", offset % 8 == 0 ? "lower" : "upper",
                (offset - kArgs) / 8);
}

std::string answer(uint32_t value) {
  switch (value & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW: return "allow";
    case SECCOMP_RET_ERRNO: return format("errno %u", value & SECCOMP_RET_DATA);
    case SECCOMP_RET_USER_NOTIF: return "notify";
    case SECCOMP_RET_KILL_THREAD: return "kill the thread";
    case SECCOMP_RET_KILL_PROCESS: return "kill the process";
    case SECCOMP_RET_TRAP: return "trap";
    case SECCOMP_RET_LOG: return "log";
    case SECCOMP_RET_TRACE: return "trace";
  }
  return format("0x%x", value);
}

const char* comparison(uint16_t code) {
  switch (BPF_OP(code)) {
    case BPF_JEQ: return "==";
    case BPF_JGT: return ">";
    case BPF_JGE: return ">=";
    case BPF_JSET: return "&";
  }
  return nullptr;
}

std::string meaning(const sock_filter& insn, size_t at) {
  switch (insn.code) {
    case BPF_LD | BPF_W | BPF_ABS: return "a = " + field(insn.k);
    case BPF_RET | BPF_K: return "return " + answer(insn.k);
    case BPF_ALU | BPF_AND | BPF_K: return format("a &= 0x%x", insn.k);
    case BPF_JMP | BPF_JA: return format("goto %04zu", at + 1 + insn.k);
  }
  const char* compared = comparison(insn.code);
  if (BPF_CLASS(insn.code) != BPF_JMP || compared == nullptr) return {};
  std::string text = format("if (a %s 0x%x)", compared, insn.k);
  if (insn.jt) text += format(" goto %04zu", at + 1 + insn.jt);
  if (insn.jf) text += format(" else goto %04zu", at + 1 + insn.jf);
  return text;
}

}  // namespace

std::string seccomp_listing(const std::vector<sock_filter>& filter) {
  std::string text;
  for (size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& insn = filter[at];
    text += format("%04zu  %02x %02x %02x %08x  ", at, insn.code, insn.jt, insn.jf, insn.k) +
            meaning(insn, at);
    text.resize(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

}  // namespace srt::platform
