#include "runtime/monitor_config.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oci/read.h"
#include "oci/write.h"
#include "proxy/base64.h"

namespace srt::runtime {
namespace {

struct SecretText {
  std::string name;
  std::string stand_in;
  std::string secret;  // base64: its bytes need not be UTF-8, which JSON's are
  std::vector<std::vector<std::string>> hosts;
};

template <oci::FieldsOf<SecretText> T, class Visit>
void visit_fields(T& secret, Visit&& visit) {
  visit("name", secret.name);
  visit("standIn", secret.stand_in);
  visit("secret", secret.secret);
  visit("hosts", secret.hosts);
}

// The policy travels as text: its own printer and parser stay the only ones.
struct Envelope {
  std::string container;
  std::string policy;
  std::string token;
  std::vector<SecretText> secrets;
  bool secrets_in_plaintext = false;
};

template <oci::FieldsOf<Envelope> T, class Visit>
void visit_fields(T& envelope, Visit&& visit) {
  visit("container", envelope.container);
  visit("policy", envelope.policy);
  visit("token", envelope.token);
  visit("secrets", envelope.secrets);
  visit("secretsInPlaintext", envelope.secrets_in_plaintext);
}

SecretText to_text(const proxy::MaskedSecret& secret) {
  SecretText text{secret.name, secret.stand_in, proxy::base64(secret.secret), {}};
  for (const auto& list : secret.hosts) {
    auto& hosts = text.hosts.emplace_back();
    for (const proxy::DomainPattern& host : list) hosts.push_back(host.text);
  }
  return text;
}

Result<proxy::MaskedSecret> from_text(SecretText text) {
  std::optional<std::string> bytes = proxy::base64_decoded(text.secret);
  if (!bytes) return fail("srt-monitor's config", "has a secret that is not base64");
  proxy::MaskedSecret secret{std::move(text.name), std::move(text.stand_in), std::move(*bytes), {}};
  for (const auto& list : text.hosts) {
    auto& hosts = secret.hosts.emplace_back();
    for (const std::string& host : list) {
      // "*" is one of ours: no document can name it.
      auto pattern = proxy::DomainPattern::parse(host, proxy::PatternList::kDeny);
      if (!pattern) return fail("srt-monitor's config", pattern.error());
      hosts.push_back(std::move(*pattern));
    }
  }
  return secret;
}

}  // namespace

std::string to_json(const MonitorConfig& config) {
  Envelope envelope{config.container,
                    to_json(config.policy, Secrets::kShown),
                    config.token,
                    {},
                    config.secrets.in_plaintext};
  for (const proxy::MaskedSecret& secret : config.secrets.all) {
    envelope.secrets.push_back(to_text(secret));
  }
  return oci::write_document(envelope, oci::Layout::kCompact);
}

Result<MonitorConfig> parse_monitor_config(std::string_view json) {
  oci::Checked<Envelope> envelope = oci::read_document<Envelope>(json, "srt-monitor's config");
  if (!envelope) return fail(envelope.error());
  SRT_ASSIGN(EffectivePolicy policy, parse_effective_policy(envelope->policy, "policy"));
  MonitorConfig config{envelope->container, std::move(policy), envelope->token, {}};
  config.secrets.in_plaintext = envelope->secrets_in_plaintext;
  for (SecretText& text : envelope->secrets) {
    SRT_ASSIGN(proxy::MaskedSecret secret, from_text(std::move(text)));
    config.secrets.all.push_back(std::move(secret));
  }
  return config;
}

}  // namespace srt::runtime
