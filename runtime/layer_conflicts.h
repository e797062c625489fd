// What one layer says against another: errors of the user's documents, notes for a project's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/diagnostics.h"
#include "runtime/layers.h"

namespace srt::runtime {

struct LayerConflicts {
  oci::Diagnostics found{"settings"};
  std::vector<std::string> notes;

  void problem(std::string_view origin, std::string_view key, std::string_view text) {
    found.add(std::string(), line(origin, key, text));
  }
  void note(std::string_view origin, std::string_view key, std::string_view text) {
    notes.push_back(line(origin, key, text));
  }
  // A project's document that asks for more, or chooses for the user.
  void left_out(const LayerDocument& document, std::string_view key) {
    note(document.origin, key, "is left out: a project's settings only narrow");
  }

 private:
  static std::string line(std::string_view origin, std::string_view key, std::string_view text) {
    return oci::printable(origin, 200) + ": " + std::string(key) + ": " + std::string(text);
  }
};

}  // namespace srt::runtime
