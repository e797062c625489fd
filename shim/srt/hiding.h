// While a command runs: what takes the place of something that denyRead hides is hidden as well, or the command
// ends.
//
//   Hiding hiding(policy, bundle);                 // from the bundle as it is mounted
//   … .when_settled = [&] { return hiding.begin(handle); } …
//   if (hiding.seen) …                             // something could not be hidden
#pragma once

#include <optional>
#include <vector>

#include "platform/hidden_places.h"
#include "runtime/command_bundle.h"
#include "shim/foreground.h"

namespace srt::shim {

class Hiding {
 public:
  Hiding(const runtime::SandboxPolicy& policy, const platform::Bundle& bundle)
      : places_(runtime::hidden_places(policy, bundle)) {}
  Hiding(const Hiding&) = delete;
  Hiding& operator=(const Hiding&) = delete;

  // Not at once: most commands have ended before anybody saves a file. What was replaced since is found.
  std::vector<Watched> begin(const platform::Handle& handle);

  std::optional<Error> seen;

 private:
  bool cover(const platform::Handle& handle);
  bool holds(Result<void> done, const platform::Handle& handle);

  platform::HiddenPlaces places_;
};

}  // namespace srt::shim
