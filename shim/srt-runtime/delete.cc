// srt-runtime delete: a container and all it held goes.
#include "runtime/lifecycle.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {
    {"f,force", "", "end a running one first; no error if there is none"}};

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_TRY(runtime::remove(store, id, {.force = call.arguments.on("force")}, call.log));
  return 0;
}

}  // namespace

const Verb kDelete{"delete",
                   "ID",
                   "remove a stopped (or only created) container and all it held",
                   "  srt-runtime delete web\n"
                   "  srt-runtime delete --force web\n",
                   kOptions,
                   1,
                   1,
                   run};

}  // namespace srt::shim
