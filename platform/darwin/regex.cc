#include "platform/darwin/regex.h"

#include <algorithm>
#include <utility>

namespace srt::platform::darwin {
namespace {

constexpr std::string_view kSpecial = ".*+?^${}()|[]\\";
// What is outside ASCII (control characters as well, which no harm comes of), with the letter in front of
// it that it may belong to, and the letter that it may hold itself.
constexpr std::string_view kForeignRun = "([A-Za-z]?[A-Za-z]?[^ -~]+)+";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_foreign(char c) { return static_cast<unsigned char>(c) >= 0x80; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

void add_exact(std::string& out, char c) {
  if (kSpecial.find(c) != kSpecial.npos) out += '\\';
  out += c;
}

std::string letter(char c) {
  const char small = lower(c);
  std::string both = {'[', static_cast<char>(small - ('a' - 'A')), small, ']'};
  if (small == 'k') return "(" + both + "|\u212a)";  // KELVIN SIGN
  if (small == 's') return "(" + both + "|\u017f)";  // LATIN SMALL LETTER LONG S
  return both;
}

struct Ligature {
  std::string_view letters, spellings;
};
constexpr Ligature kLigatures[] = {
    // the longest first; a longer one holds the shorter ones within
    {"ffi", "\ufb03|\ufb00[Ii]|[Ff]\ufb01"},
    {"ffl", "\ufb04|\ufb00[Ll]|[Ff]\ufb02"},
    {"ss", "\u00df|\u1e9e"},
    {"ff", "\ufb00"},
    {"fi", "\ufb01"},
    {"fl", "\ufb02"},
    {"st", "\ufb05|\ufb06"},
};

const Ligature* ligature_at(std::string_view bytes) {
  for (const Ligature& ligature : kLigatures) {
    if (bytes.size() < ligature.letters.size()) continue;
    if (std::equal(ligature.letters.begin(), ligature.letters.end(), bytes.begin(),
                   [](char a, char b) { return a == lower(b); })) {
      return &ligature;
    }
  }
  return nullptr;
}

}  // namespace

std::string regex_exact(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) add_exact(out, c);
  return out;
}

std::string regex_any_case(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size();) {
    // A letter and a mark behind it may be one character in another Unicode form, and the other way round.
    size_t end = i;
    while (end < bytes.size() &&
           (is_foreign(bytes[end]) ||
            (is_letter(bytes[end]) && end + 1 < bytes.size() && is_foreign(bytes[end + 1])))) {
      ++end;
    }
    if (end > i) {
      out += kForeignRun;
      i = end;
    } else if (const Ligature* ligature = ligature_at(bytes.substr(i))) {
      out += '(';
      for (const char c : ligature->letters) out += letter(c);
      out += '|';
      out += ligature->spellings;
      out += ')';
      i += ligature->letters.size();
    } else {
      if (is_letter(bytes[i])) {
        out += letter(bytes[i]);
      } else {
        add_exact(out, bytes[i]);
      }
      ++i;
    }
  }
  return out;
}

// As git refuses them in ".git" on HFS+: ZWNJ, ZWJ, marks of direction and the byte order mark.
std::string_view regex_ignorable() {
  return "\u200c|\u200d|\u200e|\u200f|\u202a|\u202b|\u202c|\u202d|\u202e|\u206a|\u206b|\u206c|"
         "\u206d|"
         "\u206e|\u206f|\ufeff";
}

}  // namespace srt::platform::darwin
