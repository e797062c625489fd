// Names as regular expressions of Seatbelt: POSIX extended, over the bytes of a path.
//
//   "^" + regex_exact("/Users/u/a+b") + "$"       // only that path
//   "^" + regex_any_case("/.bashrc") + "$"        // /.BASHRC too: to APFS it is the same file
#pragma once

#include <string>
#include <string_view>

namespace srt::platform::darwin {

std::string regex_exact(std::string_view bytes);

// Every spelling that a volume which ignores case and Unicode form (APFS, HFS+) takes for the same name:
// letters in both cases, the few letters outside ASCII that fold into ASCII, and for a run outside ASCII
// any such run.
std::string regex_any_case(std::string_view bytes);

// Characters that HFS+ leaves out when it compares names: a name with one of them is another spelling of
// the name without. As alternatives, without parentheses.
std::string_view regex_ignorable();

}  // namespace srt::platform::darwin
