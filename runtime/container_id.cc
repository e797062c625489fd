#include "runtime/container_id.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace srt::runtime {
namespace {

constexpr size_t kLongestId = 1024;
constexpr size_t kLongestFolder = 255;  // NAME_MAX
constexpr size_t kHead = 200;

bool may_be_in_id(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '+' || c == '.' || c == '-';
}

// FNV-1a. Two ids with one digest would share a folder; state.json holds the id in full, so that
// the second is refused and never taken for the first.
uint64_t digest(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

Result<ContainerId> ContainerId::parse(std::string_view text) {
  std::string object = "container id \"" + std::string(text.substr(0, 64)) + "\"";
  if (text.empty()) return fail("container id", "must not be empty");
  if (text.size() > kLongestId) return fail(object + "…", "is longer than 1024 bytes");
  auto bad = std::find_if_not(text.begin(), text.end(), may_be_in_id);
  if (bad != text.end() || text == "." || text == "..") {
    const std::string which =
        bad == text.end() ? "" : std::string(": invalid character \"") + *bad + "\"";
    return fail(object, "invalid container ID format" + which,
                "use letters, digits and _ + . - only, and not \".\" or \"..\"");
  }
  return ContainerId(text);
}

std::string ContainerId::folder() const {
  if (text_.size() <= kLongestFolder) return text_;
  char hex[20];
  std::snprintf(hex, sizeof hex, "@%016llx", static_cast<unsigned long long>(digest(text_)));
  return text_.substr(0, kHead) + hex;
}

Result<ContainerId> made_up_id(const std::string& bundle) {
  size_t end = bundle.find_last_not_of('/');
  std::string path = end == std::string::npos ? std::string() : bundle.substr(0, end + 1);
  std::string name = path.substr(path.rfind('/') + 1);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !may_be_in_id(c); }, '_');
  if (name.empty() || name == "." || name == "..") name = "container";
  uint32_t random;
  if (getentropy(&random, sizeof random) != 0) return fail_errno("container id", "getentropy");
  char hex[8];
  std::snprintf(hex, sizeof hex, "-%06x", random & 0xffffff);
  return ContainerId::parse(name + hex);
}

}  // namespace srt::runtime
