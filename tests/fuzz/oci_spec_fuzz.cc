// Any bytes as config.json: the parser ends without a crash, and what it accepts is printed back to
// an equal Spec, in both layouts.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "oci/parse.h"
#include "oci/print.h"

namespace {

using namespace srt::oci;  // NOLINT: a program of one file

[[noreturn]] void stop(const char* what, const std::string& text) {
  std::fprintf(stderr, "%s:\n%s\n", what, text.c_str());
  std::abort();
}

void check_message(const Diagnostics& diagnostics) {
  const std::string text = to_string(diagnostics);
  if (text.empty()) stop("an error without a text", text);
  // One line a problem, no matter what the file says; nothing that a terminal would act on.
  size_t lines = 1;
  for (unsigned char c : text) {
    lines += c == '\n' ? 1 : 0;
    if ((c < 0x20 && c != '\n') || c == 0x7f) stop("a control character in an error", text);
  }
  if (lines > Diagnostics::kMaxPrinted + 1) stop("too many lines", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Checked<Spec> spec = parse_spec(text, "config.json");
  if (!spec) {
    check_message(spec.error());
    return 0;
  }
  for (Layout layout : {Layout::kCompact, Layout::kPretty}) {
    const std::string printed = print(*spec, layout);
    const Checked<Spec> again = parse_spec(printed, "config.json");
    if (!again) stop("what was printed cannot be read", printed + to_string(again.error()));
    if (!(*again == *spec)) stop("what was printed is something else", printed);
  }
  return 0;
}
