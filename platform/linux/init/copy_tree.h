// tmpcopyup: a new tmpfs starts with what the directory below it holds.
#pragma once

#include <string_view>

namespace srt::init {

// Copies the directory behind `from` (O_PATH is enough) into the directory behind `to`: files,
// directories, links, owners, modes, times; devices and sockets are left out. Never leaves the
// filesystem of `from`. Dies with `object` on the first failure.
void copy_tree(std::string_view object, int from, int to);

}  // namespace srt::init
