// srt-runtime: global options, then a verb. Everything else is in the verb's own file.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "oci/diagnostics.h"
#include "shim/srt-runtime/report.h"
#include "shim/srt-runtime/verb.h"
#include "shim/standard_descriptors.h"
#include "shim/version.h"

namespace srt::shim {
namespace {

constexpr std::array<const Verb*, 17> kVerbs = {
    &kRun,  &kCreate, &kStart, &kState,    &kKill, &kPause,  &kResume, &kDelete, &kExec,
    &kList, &kPs,     &kSpec,  &kFeatures, &kPlan, &kDoctor, &kUpdate, &kEvents};

constexpr Option kGlobalOptions[] = {
    {"root", "DIR", "where the state of containers is kept"},
    {"log", "FILE", "append messages to this file"},
    {"log-format", "text|json", "how messages look in that file"},
    {"debug", "", "also log what is done and why"},
    {"systemd-cgroup", "", "let systemd make the cgroup: linux.cgroupsPath is SLICE:PREFIX:NAME"},
    {"cgroup-manager", "NAME", "as crun has it: cgroupfs, or systemd (--systemd-cgroup)"},
    {"rootless", "true|false|auto", "accepted for runc's sake: the host tells"},
    {"v,version", "", "print the version"},
};

constexpr int kUnknownVerb = 3;  // as runc

std::string general_help() {
  std::string text =
      "srt-runtime - runs OCI containers in a bubblewrap sandbox\n\n"
      "Usage: srt-runtime [global options] VERB [options] …\n\nVerbs:\n";
  for (const Verb* verb : kVerbs) {
    std::string name(verb->name);
    name.resize(10, ' ');
    text += "  " + name + std::string(verb->purpose) + "\n";
  }
  text += "\nGlobal options:\n" + describe_options(kGlobalOptions) +
          "\nExample: srt-runtime spec -b demo && srt-runtime run demo/\n"
          "         srt-runtime VERB --help tells more\n";
  return text;
}

std::string verb_help(const Verb& verb) {
  std::string usage = "srt-runtime " + std::string(verb.name);
  if (!verb.options.empty()) usage += " [options]";
  if (!verb.usage.empty()) usage += " " + std::string(verb.usage);
  return usage + "\n  " + std::string(verb.purpose) + "\n\nOptions:\n" +
         describe_options(verb.options) + "\nExample:\n" + std::string(verb.example);
}

const Verb* find_verb(std::string_view name) {
  auto it = std::find_if(kVerbs.begin(), kVerbs.end(),
                         [&](const Verb* verb) { return verb->name == name; });
  return it == kVerbs.end() ? nullptr : *it;
}

Error unknown_verb(const std::string& word) {
  std::vector<std::string_view> names;
  for (const Verb* verb : kVerbs) names.push_back(verb->name);
  std::string_view near = oci::nearest(word, names.data(), names.size());
  return Error{
      "", "unknown verb \"" + word + "\"",
      near.empty() ? "srt-runtime --help lists them" : "did you mean " + std::string(near) + "?"};
}

// As runc: `update ID --memory 1G` is `update --memory 1G ID`. Not where the words that follow belong to
// a program.
std::vector<const char*> options_first(const Verb& verb, std::span<const char* const> words) {
  std::vector<const char*> options, others;
  auto takes_value = [&](std::string_view word) {
    const std::string_view name = word.substr(word.starts_with("--") ? 2 : 1);
    return std::any_of(verb.options.begin(), verb.options.end(), [&](const Option& option) {
      const bool this_one = word.starts_with("--") ? option.long_name() == name
                                                   : name == std::string(1, option.short_name());
      return this_one && !option.is_switch();
    });
  };
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--" || word.size() < 2 || word[0] != '-') {
      others.push_back(words[i]);
      if (word == "--") others.insert(others.end(), words.begin() + i + 1, words.end());
      if (word == "--") break;
      continue;
    }
    options.push_back(words[i]);
    if (takes_value(word) && i + 1 < words.size()) options.push_back(words[++i]);
  }
  options.insert(options.end(), others.begin(), others.end());
  return options;
}

Result<void> check_words(const Verb& verb, const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.rest();
  const std::string usage = "usage: srt-runtime " + std::string(verb.name) +
                            (verb.options.empty() ? "" : " [options]") +
                            (verb.usage.empty() ? "" : " " + std::string(verb.usage));
  if (words.size() < verb.min_words) return fail("", "too few arguments", usage);
  if (words.size() <= verb.max_words) return {};
  return fail("\"" + words[verb.max_words] + "\"", "one argument too many", usage);
}

Result<runtime::Log> open_log(const Arguments& global) {
  using runtime::Log;
  std::string format = global.text("log-format", "text");
  if (format != "text" && format != "json") {
    return fail("--log-format", "must be text or json, got \"" + format + "\"");
  }
  std::string path = global.text("log");
  if (!path.empty() && path != "/dev/stderr") {
    return Log::open(path, format == "json" ? Log::Format::kJson : Log::Format::kText,
                     global.on("debug"));
  }
  Log log;
  log.set_debug(global.on("debug"));
  return log;
}

constexpr char kSystemd[] = "systemd";

Result<void> check_global(const Arguments& global) {
  std::string manager = global.text("cgroup-manager", "cgroupfs");
  if (manager != "cgroupfs" && manager != kSystemd) {
    return fail("--cgroup-manager", "must be cgroupfs or systemd, got \"" + manager + "\"");
  }
  // runc's words: what Go takes for a truth value, or auto.
  constexpr std::string_view kRootless[] = {"auto",  "true",  "True",  "TRUE", "t", "T", "1",
                                            "false", "False", "FALSE", "f",    "F", "0"};
  std::string rootless = global.text("rootless", "auto");
  if (std::find(std::begin(kRootless), std::end(kRootless), rootless) == std::end(kRootless)) {
    return fail("--rootless", "must be true, false or auto, got \"" + rootless + "\"");
  }
  return {};
}

int run_verb(const Verb& verb, const Arguments& global, std::span<const char* const> words,
             runtime::Log& log) {
  Report report{log, std::string(verb.name), {}};
  const std::vector<const char*> ordered =
      verb.max_words == kAnyNumber ? std::vector<const char*>(words.begin(), words.end())
                                   : options_first(verb, words);
  Result<Arguments> arguments = parse_options(verb.options, ordered);
  if (!arguments) return report.failure(arguments.error(), 1);
  if (arguments->on("help")) {
    (void)print(verb_help(verb));
    return 0;
  }
  if (!arguments->rest().empty()) report.subject = arguments->rest().front();
  log.set_prefix(report.prefix());
  if (Result<void> ok = check_words(verb, *arguments); !ok) return report.failure(ok.error(), 1);
  if (Result<void> ok = check_global(global); !ok) return report.failure(ok.error(), 1);
  Result<int> status = verb.run(Invocation{
      .root = global.text("root"),
      .log = log,
      .arguments = std::move(*arguments),
      .systemd_cgroup = global.on("systemd-cgroup") || global.text("cgroup-manager") == kSystemd});
  return status ? *status : report.failure(status.error(), verb.failure_status);
}

int run_program(std::span<const char* const> words) {
  runtime::Log log;
  Result<Arguments> global = parse_options(kGlobalOptions, words);
  if (!global) return Report{log, {}, {}}.failure(global.error(), 1);
  if (global->on("version")) {
    (void)print(version_text());
    return 0;
  }
  const std::vector<std::string>& rest = global->rest();
  if (global->on("help") || rest.empty() || rest[0] == "help") {
    const bool asks_for_one = rest.size() > 1 && rest[0] == "help";
    const Verb* verb = asks_for_one ? find_verb(rest[1]) : nullptr;
    if (asks_for_one && !verb) {
      return Report{log, {}, {}}.failure(unknown_verb(rest[1]), kUnknownVerb);
    }
    if (!verb && !rest.empty() && global->on("help")) verb = find_verb(rest[0]);
    (void)print(verb ? verb_help(*verb) : general_help());
    return 0;
  }
  Result<runtime::Log> opened = open_log(*global);
  if (!opened) return Report{log, rest[0], {}}.failure(opened.error(), 1);
  log = std::move(*opened);
  const Verb* verb = find_verb(rest[0]);
  if (!verb) return Report{log, {}, {}}.failure(unknown_verb(rest[0]), kUnknownVerb);
  return run_verb(*verb, *global, words.last(rest.size() - 1), log);
}

// One that takes the owner's own rights would have an ordinary user make state that he cannot read.
void keep_the_owners_rights() { umask(umask(077) & 077); }

}  // namespace
}  // namespace srt::shim

int main(int argc, char** argv) {
  if (argc < 1 || !srt::shim::open_standard_descriptors()) return 1;
  // A caller that ignores SIGCHLD would have the kernel reap our children before we see how they
  // ended; bubblewrap 0.8.0 stumbles over it too.
  std::signal(SIGCHLD, SIG_DFL);
  // A warning that nobody reads, or a file over the caller's limit (ulimit -f), must not end us with a container
  // half made: both are errors of the write.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  srt::shim::keep_the_owners_rights();
  return srt::shim::run_program({argv + 1, static_cast<size_t>(argc - 1)});
}
