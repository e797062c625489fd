// srt-runtime create: the container exists, its program waits for `start`.
#include "shim/srt-runtime/create_options.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {SRT_CREATE_OPTIONS};

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::CreateRequest request, create_request(call, IdIs::kGiven));
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_TRY(runtime::create(store, request, call.log));
  return 0;
}

}  // namespace

const Verb kCreate{"create",
                   "[BUNDLE] ID",
                   "make a container; its program waits for start",
                   "  srt-runtime create --bundle web/ --pid-file web.pid web\n"
                   "  srt-runtime start web\n",
                   kOptions,
                   0,
                   2,
                   run};

}  // namespace srt::shim
