// Puts the mounts of filesystem rules (platform/file_rules.h) over a finished tree.
#pragma once

#include "platform/file_rules.h"
#include "platform/wire.h"

namespace srt::init {

// `root` is the tree's; `null` a detached clone of the host's null device.
void apply_file_rules(const platform::FileRules<wire::Viewed>& rules, int root, int null);

}  // namespace srt::init
