// The documents that decide what `srt` lets a command do, and who wrote each.
//
//   /etc/srt/policy.json       the operator's: a ceiling for all others
//   ~/.srt-settings.json       the user's; `-s FILE` or SRT_SETTINGS=FILE takes its place
//   SRT_* in the environment   the user's
//   flags                      the user's
//   .srt-settings.json         of the working directory: earlier sandboxed code may have written it, so
//                              that it only narrows, and not what a variable or a flag allows
//
//   SRT_SETTINGS                                                      a file
//   SRT_ALLOW_DOMAINS, SRT_DENY_DOMAINS                               separated by commas
//   SRT_ALLOW_WRITE, SRT_DENY_WRITE, SRT_ALLOW_READ, SRT_DENY_READ    separated by colons
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/error.h"
#include "runtime/policy.h"
#include "runtime/policy_document.h"

namespace srt::runtime {

inline constexpr char kUserSettings[] = ".srt-settings.json";  // in the home folder and in projects

struct FlagRules {
  std::vector<std::string> allow_domain;
  std::vector<std::string> deny_domain;
  std::vector<std::string> allow_write;
  std::vector<std::string> deny_read;
};

struct LayerSources {
  std::string cwd;                           // absolute
  std::string home;                          // absolute; empty: there is none, and "~" is an error
  std::optional<std::string> settings_file;  // -s: must be there and hold a document
  std::map<std::string, std::string> environment;  // SRT_*, and callers_proxy.h's
  FlagRules flags;
  std::string operator_file = kOperatorPolicy;  // none if it does not exist; empty: none
  // A document in place of all but the operator's: a line of --control-fd.
  std::optional<std::string> replacement;
};

struct Layers {
  std::vector<PolicyDocument> documents;  // in the order above
  std::vector<std::string> files;         // that were read, absolute
  // Where a later run looks for settings, there or not: what runs inside must not write one of them.
  std::vector<std::string> settings_places;
};

// A document that is named and missing, empty, unreadable or wrong is an error, and so is one at its
// usual place that is there and cannot be read or understood: never a laxer default.
Result<Layers> load_layers(const LayerSources& sources);

}  // namespace srt::runtime
