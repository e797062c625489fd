// srt-runtime run: create and start; then, in the foreground, stay until the program ends, and
// delete the container.
#include "runtime/lifecycle.h"
#include "shim/foreground.h"
#include "shim/srt-runtime/create_options.h"
#include "shim/terminal.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {
    SRT_CREATE_OPTIONS,
    {"d,detach", "", "do not wait for the program"},
    {"keep", "", "do not delete the container when the program ends"},
    {"no-subreaper", "", "accepted for runc's sake: run is never a subreaper"},
};

void remove_logged(const Invocation& call, const runtime::Store& store,
                   const runtime::ContainerId& id) {
  Result<void> removed = runtime::remove(store, id, {.force = true}, call.log);
  if (!removed) call.log.warn("delete: " + to_string(removed.error()));
}

Result<void> create_and_start(const Invocation& call, const runtime::Store& store,
                              const runtime::CreateRequest& request, runtime::Created& created) {
  SRT_ASSIGN(created, runtime::create(store, request, call.log));
  // Before the program runs: it may ask for the size first of all.
  if (created.terminal) copy_size(created.terminal.get());
  Result<void> started = runtime::start(store, created, call.log);
  if (!started) remove_logged(call, store, request.id);
  return started;
}

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::CreateRequest request, create_request(call, IdIs::kMadeUp));
  request.detach = call.arguments.on("detach");
  request.options.foreground = !request.detach;
  request.start_follows = true;
  SRT_ASSIGN(runtime::Store store, call.store());
  runtime::Created created;
  if (request.detach) {
    SRT_TRY(create_and_start(call, store, request, created));
    return 0;
  }
  SRT_ASSIGN(Foreground foreground, Foreground::take());
  SRT_TRY(create_and_start(call, store, request, created));
  const platform::Handle handle = created.record.handle;
  const bool has_terminal = static_cast<bool>(created.terminal);
  Result<int> status = foreground.attend(
      {.child = handle.init,
       .terminal = std::move(created.terminal),
       .shares_session = !has_terminal,
       .signal = [&](int signal) { (void)platform::signal_init(handle, signal); },
       .signal_all = [&](int signal) { (void)platform::signal_all(handle, signal); }});
  if (!call.arguments.on("keep")) remove_logged(call, store, request.id);
  return status;
}

}  // namespace

const Verb kRun{"run",
                kCreateUsage,
                "run a bundle: create, start, wait, delete",
                "  srt-runtime run web/\n"
                "  srt-runtime run --detach --bundle web/ web1\n",
                kOptions,
                0,
                2,
                run};

}  // namespace srt::shim
