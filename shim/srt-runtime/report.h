// How a failed command says so.
#pragma once

#include <string>

#include "oci/error.h"
#include "runtime/log.h"

namespace srt::shim {

struct Report {
  const runtime::Log& log;
  std::string verb;     // empty: none was recognised
  std::string subject;  // the container; empty: none

  // On stderr "srt-runtime: VERB ID: what: why (how to mend)", always one line. With --log also a
  // record there, whose message is the error alone: engines look for fixed texts in it. Returns
  // `status`.
  int failure(const Error& error, int status) const;
  std::string prefix() const;  // "VERB ID: "; empty without a verb
};

// On one line and without terminal escapes, whatever a path or a config.json held.
std::string one_line(std::string_view text);

}  // namespace srt::shim
