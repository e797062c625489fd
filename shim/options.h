// Command lines as the OCI runtimes read them (the urfave/cli conventions of runc), over cxxopts.
//
//   static constexpr Option kOptions[] = {
//       {"b,bundle", "DIR", "the folder that holds config.json"},
//       {"d,detach", "", "do not wait for the program"},
//       {"e,env", "NAME=VALUE", "set a variable", Option::kRepeated},
//   };
//   SRT_ASSIGN(Arguments args, parse_options(kOptions, words));
//   if (args.on("detach")) …  args.text("bundle")  args.list("env")  args.rest()
//
// Conventions, each of which some engine relies on:
// - options end at the first word that is none, or at "--"; what follows is left alone, so that
//   `exec ID ls -l` passes -l on;
// - `--opt=value`, `--opt value`, `-opt value` (one dash, long name) are the same;
// - short switches may be bundled (`-td`), a short option's value may be glued (`-eA=1`);
// - a switch may be told `--no-pivot=false`.
//
// cxxopts holds the declarations, checks values and lays out the help; the walk over the words is
// ours, since cxxopts would look for options behind the first positional too. No exception leaves.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"

namespace srt::shim {

struct Option {
  enum Kind { kOnce, kRepeated, kNumber };
  std::string_view names;     // "b,bundle" or "bundle": the long name is last
  std::string_view argument;  // what the value is called in the help; empty: a switch
  std::string_view help;
  Kind kind = kOnce;

  std::string_view long_name() const { return names.substr(names.find(',') + 1); }
  // '\0': it has none.
  char short_name() const { return names.size() > 1 && names[1] == ',' ? names[0] : '\0'; }
  bool is_switch() const { return argument.empty(); }
};

class Arguments {
 public:
  bool given(std::string_view name) const { return values_.contains(name); }
  // A switch: given, and not as =false.
  bool on(std::string_view name) const;
  // An option with a value; the last one counts.
  std::string text(std::string_view name, std::string_view otherwise = {}) const;
  unsigned number(std::string_view name, unsigned otherwise = 0) const;
  // All the values of a repeated option, in order; a comma does not split.
  std::vector<std::string> list(std::string_view name) const;
  // The words from the first positional on, "--" taken away.
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  friend Result<Arguments> parse_options(std::span<const Option>, std::span<const char* const>);
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> rest_;
};

// `-h`/`--help` is understood everywhere and need not be declared. Errors are about the word that
// is wrong; an unknown option names the nearest known one.
Result<Arguments> parse_options(std::span<const Option> options,
                                std::span<const char* const> words);

// The options as lines of a help text.
std::string describe_options(std::span<const Option> options);

}  // namespace srt::shim
