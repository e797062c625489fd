// The programs that we run ourselves: bwrap, newuidmap, newgidmap.
//
//   SRT_ASSIGN(std::string bwrap, find_program(Program::kBwrap));
//
// Never looked up in the caller's PATH: what runs here builds the sandbox, or is setuid. A program
// counts only at one of a few absolute paths, owned by root like the folder it lies in, both
// writable by nobody else. Costs two stat calls where the first place has it.
#pragma once

#include <string>

#include "oci/error.h"

namespace srt::platform {

enum class Program { kBwrap, kNewuidmap, kNewgidmap };

// An absolute path. The error says what is wrong with the one that was found, or which package
// has it. Configure with -DSRT_BWRAP=/path (SRT_NEWUIDMAP, SRT_NEWGIDMAP) for another place: then
// only that one is looked at.
Result<std::string> find_program(Program program);

// The same for any absolute path; `owner_unmapped` allows the overflow uid as owner, which is how
// root's files look inside a user namespace that does not map host root.
Result<void> check_trusted_file(const std::string& path, bool owner_unmapped);

}  // namespace srt::platform
