// Any bytes as a policy document: the parser ends without a crash, what it accepts is printed back to
// an equal document, and what a policy is made of it reads back too.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/policy_merge.h"
#include "runtime/settings.h"

namespace {

using namespace srt;           // NOLINT: a program of one file
using namespace srt::runtime;  // NOLINT

[[noreturn]] void stop(const char* what, const std::string& text) {
  std::fprintf(stderr, "%s:\n%s\n", what, text.c_str());
  std::abort();
}

void check_message(const std::string& text) {
  if (text.empty()) stop("an error without a text", text);
  for (unsigned char c : text) {
    if ((c < 0x20 && c != '\n') || c == 0x7f) stop("a control character in an error", text);
  }
}

void check_policy(const Settings& settings) {
  const PolicyDocument ceiling{"ceiling", PolicyAuthor::kOperator, settings};
  const PolicyDocument bundle{"bundle", PolicyAuthor::kBundle, settings};
  Result<EffectivePolicy> policy = merge_documents({ceiling});
  if (!policy) return check_message(to_string(policy.error()));
  // locate_unix_proxy() asks the file system where it is.
  if (policy->egress.mitm) policy->egress.mitm->socket_path = "/run/proxy";
  const std::string text = to_json(*policy, Secrets::kShown);
  const Result<EffectivePolicy> again = parse_effective_policy(text, "policy");
  if (!again) stop("a policy that cannot be read", text + to_string(again.error()));
  if (!(*again == *policy)) stop("a policy that is another", text);
  // The operator's alone.
  if ((settings.audit && settings.audit->file) || policy->egress.mitm) return;
  // Whatever a document says, it is within itself.
  const Result<EffectivePolicy> both = merge_documents({ceiling, bundle});
  if (!both) stop("a document is not within itself", text + to_string(both.error()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const oci::Checked<Settings> settings = parse_settings(text, "srt.json");
  if (!settings) {
    check_message(to_string(settings.error()));
    return 0;
  }
  const std::string printed = print_settings(*settings);
  const oci::Checked<Settings> again = parse_settings(printed, "srt.json");
  if (!again) stop("what was printed cannot be read", printed + to_string(again.error()));
  if (!(*again == *settings)) stop("what was printed is something else", printed);
  check_policy(*settings);
  return 0;
}
