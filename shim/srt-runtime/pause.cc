// srt-runtime pause: stop every process of a container where it is.
#include "runtime/lifecycle.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_TRY(runtime::pause(store, id));
  return 0;
}

}  // namespace

const Verb kPause{"pause",
                  "ID",
                  "stop every process of a container where it is",
                  "  srt-runtime pause web\n",
                  {},
                  1,
                  1,
                  run};

}  // namespace srt::shim
