#include "platform/broker_config.h"

#include "oci/fields_resources.h"
#include "oci/read.h"
#include "oci/write.h"

namespace srt::platform {

template <oci::FieldsOf<PathAlias> T, class Visit>
void visit_fields(T& alias, Visit&& visit) {
  visit("target", alias.target);
  visit("name", alias.name);
}

template <oci::FieldsOf<BrokerRules> T, class Visit>
void visit_fields(T& rules, Visit&& visit) {
  visit("writeRoots", rules.write_roots);
  visit("denied", rules.denied);
  visit("deniedExact", rules.denied_exact);
  visit("hidden", rules.hidden);
  visit("settingsFiles", rules.settings_files);
  visit("opened", rules.opened);
  visit("aliases", rules.aliases);
  visit("protectNames", rules.protect_names);
  visit("allowGitConfig", rules.allow_git_config);
  visit("policeFiles", rules.police_files);
  visit("policeSockets", rules.police_sockets);
  visit("unixSockets", rules.unix_sockets);
  visit("abstractSockets", rules.abstract_sockets);
}

template <oci::FieldsOf<BrokerConfig> T, class Visit>
void visit_fields(T& config, Visit&& visit) {
  visit("uid", config.uid);
  visit("gid", config.gid);
  visit("groups", config.groups);
  visit("threads", config.threads);
  visit("fixedRoot", config.fixed_root);
  visit("fixedUser", config.fixed_user);
  visit("nestedSandboxes", config.nested_sandboxes);
  visit("asCaller", config.as_caller);
  visit("readsAllProcesses", config.reads_all_processes);
  visit("devices", config.devices);
  visit("rules", config.rules);
}

std::string to_json(const BrokerConfig& config) {
  return oci::write_document(config, oci::Layout::kCompact);
}

Result<BrokerConfig> parse_broker_config(std::string_view json) {
  oci::Checked<BrokerConfig> config =
      oci::read_document<BrokerConfig>(json, "srt-broker's config", oci::Openness::kClosed);
  if (!config) return fail(config.error());
  return *std::move(config);
}

}  // namespace srt::platform
