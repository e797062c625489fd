#include "tests/platform/darwin/sbpl_reader.h"

#include <cctype>
#include <utility>

namespace srt::test {
namespace {

constexpr size_t kMaxString = 1025;  // sandbox-exec reads no longer one
constexpr int kMaxDepth = 200;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<SbplForm>> all() {
    std::vector<SbplForm> forms;
    while (skip()) {
      SRT_ASSIGN(SbplForm form, one(0));
      forms.push_back(std::move(form));
    }
    return forms;
  }

 private:
  bool skip() {
    while (at_ < text_.size()) {
      if (text_[at_] == ';') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        ++at_;
      } else {
        return true;
      }
    }
    return false;
  }

  tl::unexpected<Error> bad(const char* why) const {
    return fail("profile, byte " + std::to_string(at_), why);
  }

  Result<SbplForm> one(int depth) {
    if (depth > kMaxDepth) return bad("nested too deeply");
    if (text_[at_] == '(') return list(depth);
    if (text_[at_] == ')') return bad("a ) too many");
    if (text_[at_] == '"') return string(false);
    if (text_.substr(at_).starts_with("#\"")) {
      ++at_;
      return string(true);
    }
    SbplForm symbol{SbplForm::Kind::kSymbol, {}, {}};
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == '(' || c == ')' || c == ';')
        break;
      if (c == '"' || c == '\'' || static_cast<unsigned char>(c) < 0x20 ||
          static_cast<unsigned char>(c) >= 0x7f) {
        return bad("a character that no symbol has");
      }
      symbol.text += c;
      ++at_;
    }
    return symbol;
  }

  Result<SbplForm> list(int depth) {
    SbplForm list;
    ++at_;
    for (;;) {
      if (!skip()) return bad("a ( that nothing closes");
      if (text_[at_] == ')') break;
      SRT_ASSIGN(SbplForm item, one(depth + 1));
      list.items.push_back(std::move(item));
    }
    ++at_;
    return list;
  }

  Result<SbplForm> string(bool raw) {
    SbplForm string{SbplForm::Kind::kString, {}, {}};
    const size_t begin = ++at_;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') {
        string.text += text_[at_];
        continue;
      }
      if (++at_ == text_.size()) break;
      const char c = text_[at_];
      if (raw) {
        if (c != '"') string.text += '\\';
        string.text += c;
      } else if (c == 'n') {
        string.text += '\n';
      } else if (c == 't') {
        string.text += '\t';
      } else if (c == 'r') {
        string.text += '\r';
      } else if (c == 'x') {
        if (at_ + 2 >= text_.size()) return bad("\\x wants two digits");
        const std::string digits(text_.substr(at_ + 1, 2));
        if (digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) {
          return bad("\\x wants two digits");
        }
        string.text += static_cast<char>(std::stoi(digits, nullptr, 16));
        at_ += 2;
      } else if (c == '"' || c == '\\') {
        string.text += c;
      } else {
        return bad("an escape that not every Scheme knows");
      }
    }
    if (at_ >= text_.size()) return bad("a \" that nothing closes");
    if (at_ - begin > kMaxString) return bad("a string that is too long");
    ++at_;
    return string;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<std::vector<SbplForm>> read_sbpl(std::string_view text) { return Reader(text).all(); }

}  // namespace srt::test
