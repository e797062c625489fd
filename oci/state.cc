#include "oci/state.h"

#include "oci/read.h"

namespace srt::oci {

template <FieldsOf<State> T, class Visit>
void visit_fields(T& state, Visit&& visit) {
  visit("ociVersion", state.oci_version);
  visit("id", state.id);
  visit("status", state.status);
  visit("pid", state.pid);
  visit("bundle", state.bundle);
  visit("annotations", state.annotations);
}

template <FieldsOf<ContainerProcessState> T, class Visit>
void visit_fields(T& state, Visit&& visit) {
  visit("ociVersion", state.oci_version);
  visit("fds", state.fds);
  visit("pid", state.pid);
  visit("metadata", state.metadata);
  visit("state", state.state);
}

Checked<State> parse_state(std::string_view json, const std::string& file) {
  return read_document<State>(json, file);
}

std::string print(const State& state, Layout layout) { return write_document(state, layout); }

std::string print(const ContainerProcessState& state, Layout layout) {
  return write_document(state, layout);
}

}  // namespace srt::oci
