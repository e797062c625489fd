#include "runtime/exec_process.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace srt::runtime {
namespace {

Result<uint32_t> parse_number(std::string_view text, const char* option) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || value == UINT32_MAX) {  // which the kernel takes for "no change"
    return fail(option, "must be a number below 4294967295, got \"" + std::string(text) + "\"");
  }
  return value;
}

template <class T>
T& engaged(std::optional<T>& member) {
  return member ? *member : member.emplace();
}

// As runc: "UID" alone leaves the group of the container's process.
Result<void> set_user(oci::Process& process, std::string_view text) {
  if (text.empty()) return {};
  oci::User& user = engaged(process.user);
  size_t colon = text.find(':');
  SRT_ASSIGN(user.uid, parse_number(text.substr(0, colon), "--user"));
  if (colon == std::string_view::npos) return {};
  SRT_ASSIGN(user.gid, parse_number(text.substr(colon + 1), "--user"));
  return {};
}

Result<void> add_gids(oci::Process& process, const std::vector<std::string>& gids) {
  if (gids.empty()) return {};
  std::vector<uint32_t>& list = engaged(engaged(process.user).additional_gids);
  for (const std::string& text : gids) {
    SRT_ASSIGN(uint32_t gid, parse_number(text, "--additional-gids"));
    list.push_back(gid);
  }
  return {};
}

std::string capability_name(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text.starts_with("CAP_") ? text : "CAP_" + text;
}

void add_to(oci::List<std::string>& set, const std::string& name) {
  std::vector<std::string>& list = engaged(set);
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

void add_capabilities(oci::Process& process, const std::vector<std::string>& names) {
  if (names.empty()) return;
  oci::Capabilities& sets = engaged(process.capabilities);
  for (const std::string& text : names) {
    std::string name = capability_name(text);
    add_to(sets.bounding, name);
    add_to(sets.effective, name);
    add_to(sets.permitted, name);
    // As runc: ambient needs inheritable (capabilities(7)), which only config.json gives.
    const std::vector<std::string>& inheritable = oci::items(sets.inheritable);
    if (std::find(inheritable.begin(), inheritable.end(), name) != inheritable.end()) {
      add_to(sets.ambient, name);
    }
  }
}

}  // namespace

Result<oci::Process> exec_process(const oci::Spec& spec, const ExecChanges& changes) {
  if (!spec.process) return fail("/process", "is missing, so exec has nothing to start from");
  if (changes.args.empty()) return fail("", "process args cannot be empty");
  oci::Process process = *spec.process;
  process.args = changes.args;
  process.terminal = changes.terminal;
  if (!changes.cwd.empty()) process.cwd = changes.cwd;
  if (!process.cwd.starts_with('/')) {
    return fail("--cwd", "must be absolute, got \"" + process.cwd + "\"");
  }
  std::vector<std::string>& env = engaged(process.env);
  env.insert(env.end(), changes.env.begin(), changes.env.end());
  SRT_TRY(set_user(process, changes.user));
  SRT_TRY(add_gids(process, changes.additional_gids));
  add_capabilities(process, changes.capabilities);
  if (changes.no_new_privileges) process.no_new_privileges = changes.no_new_privileges;
  if (!changes.apparmor_profile.empty()) process.apparmor_profile = changes.apparmor_profile;
  if (!changes.selinux_label.empty()) process.selinux_label = changes.selinux_label;
  return process;
}

}  // namespace srt::runtime
