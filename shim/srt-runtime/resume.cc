// srt-runtime resume: let the processes of a paused container go on.
#include "runtime/lifecycle.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_TRY(runtime::resume(store, id));
  return 0;
}

}  // namespace

const Verb kResume{"resume",
                   "ID",
                   "let the processes of a paused container go on",
                   "  srt-runtime resume web\n",
                   {},
                   1,
                   1,
                   run};

}  // namespace srt::shim
