// srt-runtime start: a created container runs its program.
#include "runtime/lifecycle.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_TRY(runtime::start(store, id, call.log));
  return 0;
}

}  // namespace

const Verb kStart{
    "start", "ID", "run the program of a created container", "  srt-runtime start web\n", {}, 1,
    1,       run};

}  // namespace srt::shim
