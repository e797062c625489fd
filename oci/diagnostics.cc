#include "oci/diagnostics.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "oci/utf8.h"

namespace srt::oci {
namespace {

constexpr size_t kMaxPointer = 512;  // printed; a key may be 16 MiB long

// RFC 6901: "~" is written "~0" and "/" is written "~1".
void append_token(std::string& pointer, std::string_view key) {
  for (char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

bool is_at_or_below(std::string_view pointer, std::string_view above) {
  return pointer.starts_with(above) &&
         (pointer.size() == above.size() || pointer[above.size()] == '/');
}

bool related(std::string_view a, std::string_view b) {
  return is_at_or_below(a, b) || is_at_or_below(b, a);
}

std::string to_line(const Problem& problem) {
  if (problem.pointer.empty()) return problem.text;
  return printable(problem.pointer, kMaxPointer) + ": " + problem.text;
}

// Everything but the first line's file name.
std::string lines(const Diagnostics& diagnostics) {
  std::string text;
  const std::string prefix = printable(diagnostics.file(), kMaxPointer) + ": ";
  const std::vector<Problem>& problems = diagnostics.problems();
  const size_t printed = std::min(problems.size(), Diagnostics::kMaxPrinted);
  for (size_t i = 0; i < printed; ++i) {
    if (i > 0) text += "\n" + prefix;
    text += to_line(problems[i]);
  }
  if (printed < problems.size()) {
    text += "\n" + prefix + (diagnostics.full() ? "and at least " : "and ") +
            std::to_string(problems.size() - printed) + " more";
  }
  return text;
}

void append_escape(std::string& out, const char* prefix, unsigned value, int digits) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += prefix;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[(value >> shift) & 0xf];
}

// `special`: characters that get a backslash.
std::string escaped(std::string_view text, size_t limit, std::string_view special) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "...";
    const size_t size = utf8_sequence(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (size == 0) {
      append_escape(out, "\\x", byte, 2);
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      append_escape(out, "\\u", byte, 4);
    } else if (byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      append_escape(out, "\\u", static_cast<unsigned char>(text[1]), 4);  // C1: terminal controls
    } else {
      if (special.find(text[0]) != std::string_view::npos) out += '\\';
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

// Levenshtein's distance without regard to case; callers bound both lengths.
size_t distance(std::string_view a, std::string_view b) {
  std::array<size_t, 65> row{};
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = std::tolower(static_cast<unsigned char>(a[i - 1])) ==
                        std::tolower(static_cast<unsigned char>(b[j - 1]));
      const size_t cost = diagonal + (same ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, cost}));
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Path::pointer() const {
  if (parent_ == nullptr) return {};
  std::string pointer = parent_->pointer();
  pointer += '/';
  if (key_.data() != nullptr) {
    append_token(pointer, key_);
  } else {
    pointer += std::to_string(index_);
  }
  return pointer;
}

void Diagnostics::add(std::string pointer, std::string text) {
  if (!full()) problems_.push_back({std::move(pointer), std::move(text)});
}

void Diagnostics::add(const Path& path, std::string text) {
  if (!full()) add(path.pointer(), std::move(text));
}

bool Diagnostics::clean(const Path& path) const {
  if (problems_.empty()) return true;
  if (full()) return false;  // nothing more is kept: spare the search
  const std::string pointer = path.pointer();
  return std::none_of(problems_.begin(), problems_.end(),
                      [&](const Problem& known) { return related(known.pointer, pointer); });
}

void Diagnostics::add_new(const Path& path, std::string text) {
  if (!full() && clean(path)) add(path, std::move(text));
}

std::string to_string(const Diagnostics& diagnostics) {
  if (diagnostics.empty()) return {};
  return to_string(to_error(diagnostics));
}

Error to_error(const Diagnostics& diagnostics) {
  return Error{printable(diagnostics.file(), kMaxPointer), lines(diagnostics)};
}

std::string printable(std::string_view text, size_t limit) { return escaped(text, limit, ""); }

std::string in_quotes(std::string_view text, size_t limit) {
  return '"' + escaped(text, limit, "\"\\") + '"';
}

std::string_view nearest(std::string_view text, const std::string_view* names, size_t count) {
  constexpr size_t kLongest = 64;
  if (text.size() > kLongest) return {};
  std::string_view best;
  size_t best_distance = text.size() / 3 + 1;  // one letter in three may be wrong
  for (const std::string_view* name = names; name != names + count; ++name) {
    if (name->size() > kLongest) continue;
    if (size_t d = distance(text, *name); d < best_distance) {
      best = *name;
      best_distance = d;
    }
  }
  return best;
}

std::string not_one_of(std::string_view text, const std::string_view* names, size_t count) {
  std::string message = "must be one of ";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) message += ", ";
    message += in_quotes(names[i]);
  }
  message += ", got " + in_quotes(text);
  if (std::string_view name = nearest(text, names, count); !name.empty()) {
    message += " (did you mean " + in_quotes(name) + "?)";
  }
  return message;
}

}  // namespace srt::oci
