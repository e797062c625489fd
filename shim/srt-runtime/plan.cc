// srt-runtime plan: what would be done for a bundle, without doing it.
#include "platform/platform.h"
#include "runtime/bundle.h"
#include "shim/srt-runtime/report.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {{"json", "", "as JSON"}};

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(platform::Bundle bundle, runtime::load_bundle(call.words() ? call.word(0) : "."));
  platform::CreateOptions options;
  options.id = "plan";        // where an id shows in the plan, in a cgroup's name
  options.foreground = true;  // or a terminal would need a socket
  options.debug = call.log.debugging();
  SRT_ASSIGN(platform::Plan plan, platform::make_plan(bundle, options));
  for (const std::string& warning : plan.warnings()) call.log.warn(one_line(warning));
  std::string text = call.arguments.on("json") ? plan.to_json() : plan.to_text();
  if (!text.ends_with('\n')) text += "\n";
  return print(text);
}

}  // namespace

const Verb kPlan{"plan",
                 "[BUNDLE]",
                 "print what would be done for a bundle, without doing it",
                 "  srt-runtime plan web/\n"
                 "  srt-runtime plan --json web/\n",
                 kOptions,
                 0,
                 1,
                 run};

}  // namespace srt::shim
