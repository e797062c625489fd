// What was blocked, for the person who ran the command.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "oci/error.h"
#include "platform/fd.h"

namespace srt::shim {

struct Violations {
  std::vector<std::string>
      lines;  // NDJSON, with their newlines: denied events of the guard and broker
};

// Out of the sandbox's state folder, before that is removed.
Violations read_violations(const std::string& state_folder);
// ignoreViolations: command pattern ("*", or a part of the command line) → parts of what was blocked.
void ignore(Violations& violations, const std::map<std::string, std::vector<std::string>>& patterns,
            const std::vector<std::string>& argv);
// For appending; made 0600. Before the command runs: in a folder that it may write, it would leave a link to
// elsewhere in the file's place. One that an earlier command left is not followed either.
Result<UniqueFd> open_report(const std::string& path);
Result<void> write_violations(const Violations& violations, int report);
// One line on stderr if there were any and it is a terminal, or `verbose`: then with the first few.
void summarise(const Violations& violations, bool verbose);

}  // namespace srt::shim
