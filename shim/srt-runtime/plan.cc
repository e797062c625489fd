// srt-runtime plan: what would be done for a bundle, without doing it.
#include "platform/platform.h"
#include "runtime/bundle.h"
#include "runtime/egress.h"
#include "runtime/file_rules.h"
#include "shim/srt-runtime/report.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {
    {"json", "", "as JSON"},
    {"policy", "FILE", "a ceiling for what the bundle's own policy may allow"},
};

// The effective egress policy: each rule, and where it stands.
std::string policy_text(const runtime::EffectivePolicy& policy, const std::string& level) {
  std::string text = "egress policy " + policy.hash + "\n  guard here: " + level + "\n";
  for (const std::string& source : policy.sources) text += "  from " + source + "\n";
  for (const proxy::RuleLayer& layer : policy.egress.layers) {
    for (const proxy::Rule& rule : layer.allowed) {
      text += "  allow " + rule.pattern.text + "    # " + rule.origin + "\n";
    }
    for (const proxy::Rule& rule : layer.denied) {
      text += "  deny  " + rule.pattern.text + "    # " + rule.origin + "\n";
    }
  }
  return text + "  deny  everything else\n";
}

std::string with_policy(const std::string& plan_json, const runtime::EffectivePolicy& policy,
                        const std::string& level, const runtime::FileRules& files) {
  std::string text = plan_json;
  while (text.ends_with('\n')) text.pop_back();
  text = "{\"plan\":" + text;
  if (policy.present) {
    text += ",\"egress\":" + to_json(policy, runtime::Secrets::kHidden) + ",\"guard\":\"" + level +
            "\"";
  }
  if (files.present()) {
    oci::JsonWriter writer(oci::Layout::kCompact);
    files.write(writer);
    text += ",\"filesystem\":" + std::move(writer).take();
  }
  return text + "}";
}

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(platform::Bundle bundle, runtime::load_bundle(call.words() ? call.word(0) : "."));
  platform::CreateOptions options;
  options.id = "plan";        // where an id shows in the plan, in a cgroup's name
  options.foreground = true;  // or a terminal would need a socket
  options.systemd_cgroup = call.systemd_cgroup;
  options.debug = call.log.debugging();
  SRT_ASSIGN(runtime::Egress egress,
             runtime::Egress::of(bundle, call.arguments.text("policy"), /*state_folder=*/""));
  if (egress.present()) options.egress = egress.options();
  SRT_ASSIGN(const runtime::FileRules files,
             runtime::FileRules::of(bundle, call.arguments.text("policy")));
  files.add_to(options);
  SRT_ASSIGN(platform::Plan plan, platform::make_plan(bundle, options));
  for (const std::string& warning : plan.warnings()) call.log.warn(one_line(warning));
  std::string text = call.arguments.on("json") ? plan.to_json() : plan.to_text();
  if (!text.ends_with('\n')) text += "\n";
  if (!egress.present() && !files.present()) return print(text);
  const std::string level =
      egress.present() ? platform::features().annotations[platform::kEgressLevel] : "";
  if (call.arguments.on("json")) {
    return print(with_policy(text, egress.policy(), level, files) + "\n");
  }
  if (egress.present()) text += policy_text(egress.policy(), level);
  if (files.present()) text += files.to_text();
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
