// The verbs of srt-runtime: one file each, and the table of them in main.cc.
//
//   // state.cc
//   namespace {
//   Result<int> run(const Invocation& call) { … return 0; }
//   }
//   const Verb kState{"state", "ID", "print what a container is", …, run};
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "oci/error.h"
#include "runtime/log.h"
#include "runtime/store.h"
#include "shim/options.h"

namespace srt::shim {

struct Invocation {
  std::string root;  // --root; empty: the store's choice
  const runtime::Log& log;
  Arguments arguments;          // of the verb
  bool systemd_cgroup = false;  // --systemd-cgroup

  const std::string& word(size_t index) const { return arguments.rest()[index]; }
  size_t words() const { return arguments.rest().size(); }
  Result<runtime::Store> store() const { return runtime::Store::open(root); }
  // The first word, as the container that the verb is about.
  Result<runtime::ContainerId> id() const { return runtime::ContainerId::parse(word(0)); }
};

struct Verb {
  std::string_view name;
  std::string_view usage;    // what follows the options: "ID [SIGNAL]"
  std::string_view purpose;  // one line
  std::string_view example;  // whole command lines
  std::span<const Option> options;
  size_t min_words = 0;
  size_t max_words = 0;
  // Gives the status to exit with.
  Result<int> (*run)(const Invocation&) = nullptr;
  // What a failed one exits with (runc: 255 for exec, whose 1 would be the program's).
  int failure_status = 1;
};

extern const Verb kCreate, kDelete, kDoctor, kEvents, kExec, kFeatures, kKill, kList, kPause, kPlan,
    kPs, kResume, kRun, kSpec, kStart, kState, kUpdate;

inline constexpr size_t kAnyNumber = static_cast<size_t>(-1);

// All of `text` to stdout; a reader that went away is not an error.
Result<int> print(std::string_view text);

}  // namespace srt::shim
