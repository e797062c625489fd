// Access → Profile. Pure; nothing of the filesystem is looked at.
//
//   SRT_ASSIGN(Profile profile, sandbox_profile(access));
//   SRT_ASSIGN(std::string text, print(profile));     // sandbox-exec -p TEXT program…
//
// But for `(deny default)` there are only rules that allow, each with all of its exceptions in its own
// filters. So no verdict depends on the order of rules, nor on whether a rule of a narrower operation
// beats a later one of a wider: of the rules that match a request there is never one that denies.
#pragma once

#include "oci/error.h"
#include "platform/darwin/access.h"
#include "platform/darwin/profile.h"

namespace srt::platform::darwin {

// An error: a path that is not absolute and resolved, a rule that cannot be said (too long), an invalid
// log suffix.
Result<Profile> sandbox_profile(const Access& access);

}  // namespace srt::platform::darwin
