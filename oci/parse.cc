#include "oci/parse.h"

#include <utility>

#include "oci/read.h"
#include "oci/validate.h"

namespace srt::oci {
namespace {

template <class Object, class Rules>
Checked<Object> parse(std::string_view json, const std::string& file, Rules check) {
  Diagnostics diagnostics(file);
  Object object;
  if (std::optional<Document> document = Document::parse(json, diagnostics)) {
    const Path root;
    Reader(diagnostics).read(root, document->root(), object);
    check(root, object, diagnostics);
  }
  if (!diagnostics.empty()) return tl::unexpected(std::move(diagnostics));
  return object;
}

}  // namespace

Checked<Spec> parse_spec(std::string_view json, const std::string& file) {
  return parse<Spec>(json, file, check_spec);
}

Checked<Process> parse_process(std::string_view json, const std::string& file) {
  return parse<Process>(json, file, check_process);
}

Checked<Resources> parse_resources(std::string_view json, const std::string& file) {
  return parse<Resources>(json, file, check_resources);
}

}  // namespace srt::oci
