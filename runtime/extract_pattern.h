// `extract` of a credential: a regular expression of JavaScript's whose first group is the secret. It has no effect
// here (see CredentialSettings), but a mistake in it is one all the same: the package that a document was written
// for would not start with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace srt::runtime {

// What is wrong with `pattern`; nullopt: it compiles, without the flags u and v, and has a group. Linear in its
// length, no recursion. Pure.
std::optional<std::string> extract_problem(std::string_view pattern);

}  // namespace srt::runtime
