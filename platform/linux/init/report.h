// How srt-init says that it cannot go on: one fixed record, then the end. Nothing allocates.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace srt::init {

// Text in a fixed buffer; what does not fit is cut. Text<64>() << "/proc/" << 7
template <size_t N>
class FixedText {
 public:
  FixedText& operator<<(std::string_view part) {
    for (char c : part) {
      if (size_ + 1 < N) text_[size_++] = c;
    }
    text_[size_] = '\0';
    return *this;
  }
  FixedText& operator<<(uint64_t n) {
    char digits[20];
    size_t i = sizeof digits;
    do {
      digits[--i] = static_cast<char>('0' + n % 10);
    } while ((n /= 10) != 0);
    return *this << std::string_view(digits + i, sizeof digits - i);
  }
  const char* c_str() const { return text_; }
  std::string_view view() const { return {text_, size_}; }
  operator std::string_view() const { return view(); }  // NOLINT: what it is made for
  bool full() const { return size_ + 1 == N; }

 private:
  char text_[N] = {};
  size_t size_ = 0;
};
using Line = FixedText<480>;

// Where records go: the channel while a container is made, the start-report fifo after that.
enum class ReportTo { kChannel, kStartReport };
void set_report(ReportTo where, int fd);

// Sends {code, exit_status, object, why} and ends the process. `code` is an errno or 0.
[[noreturn]] void die(std::string_view object, std::string_view why, int code = errno,
                      int exit_status = 1);

}  // namespace srt::init
