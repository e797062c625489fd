#include "platform/linux/broker/question.h"

#include <algorithm>
#include <string_view>

#include "platform/protected_names.h"

namespace srt::platform {

Question::Question(std::string text, const Facts& known) : path(std::move(text)), facts(&known) {
  exact = components(path);
  spellings.reserve(exact.size());
  for (std::string_view name : exact) {
    const bool plain = !name.ends_with('.') && !name.ends_with(' ') &&
                       std::none_of(name.begin(), name.end(), [](char c) {
                         return static_cast<unsigned char>(c) >= 0x80 || (c >= 'A' && c <= 'Z');
                       });
    folded.push_back(plain ? name : std::string_view(spellings.emplace_back(fold_name(name))));
    dotted |= folded.back().starts_with('.');
  }
}

std::string Question::first(size_t count) const {
  if (count == 0) return "/";
  return path.substr(
      0, static_cast<size_t>(exact[count - 1].data() - path.data()) + exact[count - 1].size());
}

}  // namespace srt::platform
