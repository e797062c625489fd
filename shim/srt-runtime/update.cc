// srt-runtime update: other egress rules or other limits for a running container.
#include "runtime/egress.h"
#include "runtime/lifecycle.h"
#include "shim/srt-runtime/resources.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {
    {"policy", "FILE", "the new rules: a settings document, as srt.json beside config.json"},
    SRT_RESOURCE_OPTIONS,
};

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  std::string file = call.arguments.text("policy");
  SRT_ASSIGN(std::optional<oci::Resources> resources, given_resources(call.arguments));
  if (file.empty() && !resources) {
    return fail("", "neither rules nor limits are given",
                "usage: srt-runtime update --policy FILE ID, or srt-runtime update --memory 1G ID");
  }
  if (!file.empty()) SRT_TRY(runtime::update_policy(store, id, file));
  if (resources) SRT_TRY(runtime::update_resources(store, id, *resources));
  return 0;
}

}  // namespace

const Verb kUpdate{"update",
                   "ID",
                   "change the egress rules or the limits of a running container",
                   "  srt-runtime update --memory 512M --pids-limit 100 web\n"
                   "  srt-runtime update --policy stricter.json web\n"
                   "New connections follow the new rules at once; existing ones that they deny are "
                   "cut.\n",
                   kOptions,
                   1,
                   1,
                   run};

}  // namespace srt::shim
