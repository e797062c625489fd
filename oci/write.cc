#include "oci/write.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "oci/utf8.h"

namespace srt::oci {
namespace {

template <class T>
void append_number(std::string& out, T number) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

}  // namespace

void JsonWriter::begin(char bracket) {
  next();
  out_ += bracket;
  ++depth_;
  first_ = true;
}

void JsonWriter::end(char bracket) {
  --depth_;
  if (!first_) line();  // "{}" and "[]" stay together
  out_ += bracket;
  first_ = false;
}

void JsonWriter::next() {
  if (std::exchange(after_key_, false)) return;
  if (depth_ == 0) return;
  if (!std::exchange(first_, false)) out_ += ',';
  line();
}

void JsonWriter::line() {
  if (layout_ == Layout::kCompact) return;
  out_ += '\n';
  out_.append(2 * depth_, ' ');
}

void JsonWriter::key(std::string_view name) {
  next();
  append(name);
  out_ += layout_ == Layout::kCompact ? ":" : ": ";
  after_key_ = true;
}

void JsonWriter::value(bool boolean) {
  next();
  out_ += boolean ? "true" : "false";
}

void JsonWriter::value(int64_t number) {
  next();
  append_number(out_, number);
}

void JsonWriter::value(uint64_t number) {
  next();
  append_number(out_, number);
}

void JsonWriter::value(std::string_view text) {
  next();
  append(text);
}

void JsonWriter::null() {
  next();
  out_ += "null";
}

static bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

void JsonWriter::append(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out_ += '"';
  while (true) {
    // Most of a configuration is this, and nothing to look at twice.
    const size_t plain =
        static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
    out_ += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text[0]);
    const size_t size = utf8_sequence(text);
    if (size == 0) {
      out_ += "\xef\xbf\xbd";
    } else if (byte == '"' || byte == '\\') {
      out_ += '\\';
      out_ += text[0];
    } else if (byte == '\n') {
      out_ += "\\n";
    } else if (byte == '\t') {
      out_ += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out_ += "\\u00";
      out_ += kHex[byte >> 4];
      out_ += kHex[byte & 0xf];
    } else {
      out_ += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  out_ += '"';
}

std::string JsonWriter::take() && {
  if (layout_ == Layout::kPretty) out_ += '\n';
  return std::move(out_);
}

}  // namespace srt::oci
