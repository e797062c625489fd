// srt-runtime kill: send a signal.
#include "runtime/lifecycle.h"
#include "runtime/signal_name.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {{"a,all", "", "to every process of the container"}};

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(int signal, runtime::parse_signal(call.words() > 1 ? call.word(1) : "SIGTERM"));
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_TRY(runtime::signal(store, id, signal, call.arguments.on("all")));
  return 0;
}

}  // namespace

const Verb kKill{"kill",
                 "ID [SIGNAL]",
                 "send a signal (default TERM) to a container's first process",
                 "  srt-runtime kill web\n"
                 "  srt-runtime kill --all web KILL\n",
                 kOptions,
                 1,
                 2,
                 run};

}  // namespace srt::shim
