#include "runtime/monitor_config.h"

#include "oci/read.h"
#include "oci/write.h"

namespace srt::runtime {
namespace {

// The policy travels as text: its own printer and parser stay the only ones.
struct Envelope {
  std::string container;
  std::string policy;
  std::string token;
};

template <oci::FieldsOf<Envelope> T, class Visit>
void visit_fields(T& envelope, Visit&& visit) {
  visit("container", envelope.container);
  visit("policy", envelope.policy);
  visit("token", envelope.token);
}

}  // namespace

std::string to_json(const MonitorConfig& config) {
  return oci::write_document(
      Envelope{config.container, to_json(config.policy, Secrets::kShown), config.token},
      oci::Layout::kCompact);
}

Result<MonitorConfig> parse_monitor_config(std::string_view json) {
  oci::Checked<Envelope> envelope = oci::read_document<Envelope>(json, "srt-monitor's config");
  if (!envelope) return fail(envelope.error());
  SRT_ASSIGN(EffectivePolicy policy, parse_effective_policy(envelope->policy, "policy"));
  return MonitorConfig{envelope->container, std::move(policy), envelope->token};
}

}  // namespace srt::runtime
