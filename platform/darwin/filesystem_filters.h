// The filesystem part of an Access as filters of paths, for one rule that allows each.
#pragma once

#include "oci/error.h"
#include "platform/darwin/access.h"
#include "platform/darwin/profile.h"

namespace srt::platform::darwin {

struct FilesystemFilters {
  Filter read;
  Filter look_up;  // metadata alone, of folders on the way to what may be read
  Filter write;    // content and attributes
  // Of `write`: what is not made, and what is not removed or renamed, because a rule would lose its place.
  Filter not_made;
  Filter not_removed;
};

Result<FilesystemFilters> filesystem_filters(const Access& access);

}  // namespace srt::platform::darwin
