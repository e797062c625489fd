// git's configuration files, read strictly, and which of their entries run no code.
//
// The grammar is that of git-config(1) without what two readers could read differently: dotted section
// names, continued lines, carriage returns, NUL. What is allowed is a list of keys (everything else is
// not), so that a key that a later git runs as a command is refused too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace srt::platform {

struct GitConfigEntry {
  std::string section;     // lower case
  std::string subsection;  // as spelled
  std::string key;         // lower case
  std::string value;       // "true" for a key without one
  bool operator==(const GitConfigEntry&) const = default;
};

std::optional<std::vector<GitConfigEntry>> parse_git_config(std::string_view text);

// "core.hooksPath", as a person would write it.
std::string to_string(const GitConfigEntry& entry);

// An URL that git fetches by itself: no remote helper (`ext::`, `foo://`), nothing that a program
// would take for an option.
bool is_plain_git_url(std::string_view url);

bool is_harmless_in_config(const GitConfigEntry& entry);
bool is_harmless_in_gitmodules(const GitConfigEntry& entry);

}  // namespace srt::platform
