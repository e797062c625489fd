// srt-runtime update: other egress rules for a running container.
#include "runtime/egress.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {
    {"policy", "FILE", "the new rules: a settings document, as srt.json beside config.json"},
};

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  std::string file = call.arguments.text("policy");
  if (file.empty()) {
    return fail("--policy", "is missing", "usage: srt-runtime update --policy FILE ID");
  }
  SRT_TRY(runtime::update_policy(store, id, file));
  return 0;
}

}  // namespace

const Verb kUpdate{"update",
                   "ID",
                   "change the egress rules of a running container",
                   "  srt-runtime update --policy stricter.json web\n"
                   "New connections follow the new rules at once; existing ones that they deny are "
                   "cut.\n",
                   kOptions,
                   1,
                   1,
                   run};

}  // namespace srt::shim
