// The names that are protected by default in every write root, at any depth, existing or not: what runs
// code, or configures what runs code, in the user's other programs.
#pragma once

#include <string>
#include <string_view>

namespace srt::platform {

enum class Protection {
  kCode,        // never written, made or replaced
  kEditor,      // existing: never changed; absent: not at write roots and at tops of repositories
  kGitConfig,   // made or replaced only with content that was looked at (git_config.h)
  kGitModules,  // likewise
  kGitLink,  // a `.git` that is a file: only one that points at a git directory; a folder may be made
  kGitPointer,  // commondir and gitdir of a linked worktree: likewise
};

struct ProtectedName {
  std::string_view pattern;  // begins with "**/"
  Protection protection;
  bool guards_links = true;  // no symlink may stand on the way to it
};

// In the order of the settings' documentation.
inline constexpr ProtectedName kProtectedNames[] = {
    {"**/.bashrc", Protection::kCode},
    {"**/.bash_profile", Protection::kCode},
    {"**/.bash_login", Protection::kCode},
    {"**/.profile", Protection::kCode},
    {"**/.zshrc", Protection::kCode},
    {"**/.zprofile", Protection::kCode},
    {"**/.zshenv", Protection::kCode},
    {"**/.zlogin", Protection::kCode},
    {"**/.inputrc", Protection::kCode},

    {"**/.git/hooks", Protection::kCode},
    {"**/.git/config", Protection::kGitConfig},
    {"**/.git/config.worktree", Protection::kCode},
    {"**/.git/info/attributes", Protection::kCode},
    {"**/.git/commondir", Protection::kCode},
    {"**/.git/remotes",
     Protection::kCode},  // remotes as git had them before its config; still read
    {"**/.git/branches", Protection::kCode},  //
    {"**/.git/rebase-*", Protection::kCode},
    {"**/.git/sequencer", Protection::kCode},
    // A submodule's name may have a slash, and submodules have their own. (git tries in a git directory
    // whether links work; one to elsewhere finds no repository there, see Judge::bare_repository.)
    {"**/.git/**/modules/*/hooks", Protection::kCode},
    {"**/.git/**/modules/*/config", Protection::kGitConfig},
    {"**/.git/**/modules/*/config.worktree", Protection::kCode},
    {"**/.git/**/modules/*/commondir", Protection::kCode},
    {"**/.git/**/modules/*/info/attributes", Protection::kCode},
    {"**/.git/**/modules/*/rebase-*", Protection::kCode},
    {"**/.git/**/modules/*/sequencer", Protection::kCode},
    {"**/.git/modules/*/*/hooks", Protection::kCode, false},
    {"**/.git/modules/*/*/config", Protection::kGitConfig, false},
    {"**/.git/modules/*/*/config.worktree", Protection::kCode, false},
    {"**/.git/modules/*/*/commondir", Protection::kCode, false},
    {"**/.git/**/worktrees/*/config.worktree", Protection::kCode},
    {"**/.git/**/worktrees/*/commondir", Protection::kGitPointer},
    {"**/.git/**/worktrees/*/gitdir", Protection::kGitPointer},
    {"**/.git/**/worktrees/*/hooks", Protection::kCode},
    {"**/.git/**/worktrees/*/rebase-*", Protection::kCode},
    {"**/.git/**/worktrees/*/sequencer", Protection::kCode},
    {"**/.gitmodules", Protection::kGitModules},
    {"**/.gitconfig", Protection::kCode},
    {"**/.git", Protection::kGitLink},

    {"**/.vscode", Protection::kEditor},
    {"**/.idea", Protection::kEditor},
    {"**/.cursor/mcp.json", Protection::kEditor},
    {"**/.mcp.json", Protection::kEditor},
    {"**/.claude/commands", Protection::kEditor},
    {"**/.claude/agents", Protection::kEditor},
    {"**/.claude/settings*.json", Protection::kEditor},
    {"**/.husky", Protection::kEditor},
    {"**/.envrc", Protection::kEditor},
    {"**/.ripgreprc", Protection::kEditor},
};

// As a file system that ignores case compares names: lower case, without what Unicode calls ignorable,
// with the few letters outside ASCII that fold into ASCII, and without the dots and blanks at the end that
// FAT and NTFS drop. On others it protects a few names too many.
std::string fold_name(std::string_view name);

}  // namespace srt::platform
