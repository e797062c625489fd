// Any bytes as a path, a pattern and a name, in rules of a profile: what is printed is read back, and the path
// that a rule denies is denied. Nothing that it is called opens something else.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/darwin/sandbox_profile.h"
#include "tests/fuzz/stop.h"
#include "tests/platform/darwin/sbpl_evaluator.h"

using namespace srt;                    // NOLINT: a program of one file
using namespace srt::platform;          // NOLINT
using namespace srt::platform::darwin;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t half = input.find('\n');
  const std::string path = "/w/" + std::string(input.substr(0, half));
  const std::string pattern(half == input.npos ? "" : input.substr(half + 1));
  Access access;
  access.host.filesystem.layers.push_back(
      {true,
       {{PathEffect::kAllowWrite, "/w", {}, {}, std::string::npos, false},
        {PathEffect::kDenyRead, path, {}, {}, 3, false},
        {PathEffect::kDenyWrite, "/w", pattern, {}, std::string::npos, false}}});
  access.host.filesystem.protect_names = false;  // many expressions, and none of the input's
  if (pattern.empty()) access.host.filesystem.layers[0].rules.pop_back();
  const auto profile = sandbox_profile(access);
  if (!profile) return 0;
  const auto text = print(*profile);
  if (!text) return 0;
  const auto sbpl = test::Sbpl::read(*text);
  if (!sbpl) stop(to_string(sbpl.error()).c_str(), *text);
  test::SbplRequest request;
  request.path = path;
  for (const char* operation : {"file-read-data", "file-write-data", "file-write-create"}) {
    request.operation = operation;
    const test::SbplVerdict verdict = sbpl->decide(request);
    if (verdict.last_match || verdict.most_specific) stop("a denied path is open", *text);
  }
  request.path = "/v";
  const test::SbplVerdict outside = sbpl->decide(request);
  if (outside.last_match || outside.contested) stop("a name opened something else", *text);
  return 0;
}
