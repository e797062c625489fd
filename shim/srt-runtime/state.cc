// srt-runtime state: what a container is, as JSON.
#include "runtime/lifecycle.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_ASSIGN(runtime::Inspected found, runtime::inspect(store, id));
  return print(runtime::state_for_caller(found.record, found.status, oci::Layout::kPretty));
}

}  // namespace

const Verb kState{
    "state", "ID", "print what a container is, as JSON", "  srt-runtime state web\n", {}, 1,
    1,       run};

}  // namespace srt::shim
