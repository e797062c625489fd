#include "oci/error.h"

#include <system_error>

namespace srt {

std::string to_string(const Error& error) {
  std::string text = error.object;
  if (!error.why.empty()) {
    if (!text.empty()) text += ": ";
    text += error.why;
  }
  if (!error.mend.empty()) text += " (" + error.mend + ")";
  return text;
}

tl::unexpected<Error> fail(std::string object, std::string why, std::string mend) {
  return tl::unexpected<Error>(Error{std::move(object), std::move(why), std::move(mend)});
}

tl::unexpected<Error> fail_errno(std::string object, std::string_view what, int code,
                                 std::string mend) {
  std::string why(what);
  if (!why.empty()) why += ": ";
  why += std::generic_category().message(code);
  return tl::unexpected<Error>(Error{std::move(object), std::move(why), std::move(mend), code});
}

}  // namespace srt
