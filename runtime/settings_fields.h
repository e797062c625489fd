// Which key of a policy document is which member, in the order in which they are printed: see
// oci/fields.h for how such tables are used. A member that is not optional is a required key.
#pragma once

#include <concepts>
#include <string_view>

#include "oci/fields.h"
#include "oci/names.h"
#include "runtime/settings.h"

namespace srt::oci {

template <>
inline constexpr NameTable<2> kNames<runtime::CredentialMode> = {"deny", "mask"};
template <>
inline constexpr NameTable<3> kNames<runtime::ExtractNoMatch> = {"warn", "deny", "error"};
template <>
inline constexpr NameTable<1> kNames<runtime::CredentialEncoding> = {"jwt"};
template <>
inline constexpr NameTable<2> kNames<runtime::UnsignedAws> = {"deny", "passthrough"};
template <>
inline constexpr NameTable<2> kNames<runtime::WindowsBackend> = {"mxc", "srt-win"};
template <>
inline constexpr NameTable<3> kNames<runtime::AmbiguousTarget> = {"refuse", "asSpelled",
                                                                  "normalize"};

}  // namespace srt::oci

namespace srt::runtime {

using oci::FieldsOf;

template <FieldsOf<ParentProxySettings> T, class Visit>
void visit_fields(T& parent, Visit&& visit) {
  visit("http", parent.http);
  visit("https", parent.https);
  visit("noProxy", parent.no_proxy);
}

template <FieldsOf<MitmProxySettings> T, class Visit>
void visit_fields(T& mitm, Visit&& visit) {
  visit("socketPath", mitm.socket_path);
  visit("domains", mitm.domains);
}

template <FieldsOf<TlsTerminateSettings> T, class Visit>
void visit_fields(T& tls, Visit&& visit) {
  visit("caCertPath", tls.ca_cert_path);
  visit("caKeyPath", tls.ca_key_path);
  visit("excludeDomains", tls.exclude_domains);
  visit("extraCaCertPaths", tls.extra_ca_cert_paths);
  visit("maxTunnels", tls.max_tunnels);
  visit("handshakeTimeoutMs", tls.handshake_timeout_ms);
}

template <FieldsOf<NetworkSettings> T, class Visit>
void visit_fields(T& network, Visit&& visit) {
  visit("allowedDomains", network.allowed_domains);
  visit("deniedDomains", network.denied_domains);
  visit("deniedDomainReasons", network.denied_domain_reasons);
  visit("strictAllowlist", network.strict_allowlist);
  visit("deniedResolvedAddresses", network.denied_resolved_addresses);
  visit("allowUnixSockets", network.allow_unix_sockets);
  visit("allowAllUnixSockets", network.allow_all_unix_sockets);
  visit("allowLocalBinding", network.allow_local_binding);
  visit("allowMachLookup", network.allow_mach_lookup);
  visit("httpProxyPort", network.http_proxy_port);
  visit("socksProxyPort", network.socks_proxy_port);
  visit("mitmProxy", network.mitm_proxy);
  visit("parentProxy", network.parent_proxy);
  visit("tlsTerminate", network.tls_terminate);
  visit("allowPlaintextHeaderSet", network.allow_plaintext_header_set);
  visit("stripResponseHeaders", network.strip_response_headers);
  visit("refuseOpaqueTunnels", network.refuse_opaque_tunnels);
  visit("requireHostMatch", network.require_host_match);
  visit("ambiguousRequestTarget", network.ambiguous_request_target);
  visit("publish", network.publish);
}

template <FieldsOf<FilesystemSettings> T, class Visit>
void visit_fields(T& filesystem, Visit&& visit) {
  visit("disabled", filesystem.disabled);
  visit("denyRead", filesystem.deny_read);
  visit("allowRead", filesystem.allow_read);
  visit("allowWrite", filesystem.allow_write);
  visit("denyWrite", filesystem.deny_write);
  visit("allowGitConfig", filesystem.allow_git_config);
}

template <FieldsOf<Credential> T, class Visit>
void visit_fields(T& credential, Visit&& visit) {
  visit("path", credential.path);
  visit("name", credential.name);
  visit("mode", credential.mode);
  visit("extract", credential.extract);
  visit("onExtractNoMatch", credential.on_extract_no_match);
  visit("decode", credential.decode);
  visit("maskClaims", credential.mask_claims);
  visit("maskDuplicates", credential.mask_duplicates);
  visit("injectHosts", credential.inject_hosts);
}

template <FieldsOf<AwsPair> T, class Visit>
void visit_fields(T& pair, Visit&& visit) {
  visit("accessKeyIdVar", pair.access_key_id_var);
  visit("secretAccessKeyVar", pair.secret_access_key_var);
  visit("sessionTokenVar", pair.session_token_var);
}

template <FieldsOf<SigV4Settings> T, class Visit>
void visit_fields(T& sigv4, Visit&& visit) {
  visit("streaming", sigv4.streaming);
  visit("presigned", sigv4.presigned);
  visit("sigv4a", sigv4.sigv4a);
}

template <FieldsOf<CredentialSettings> T, class Visit>
void visit_fields(T& credentials, Visit&& visit) {
  visit("files", credentials.files);
  visit("envVars", credentials.env_vars);
  visit("allowPlaintextInject", credentials.allow_plaintext_inject);
  visit("awsPairs", credentials.aws_pairs);
  visit("sigv4", credentials.sigv4);
}

template <FieldsOf<RipgrepSettings> T, class Visit>
void visit_fields(T& ripgrep, Visit&& visit) {
  visit("command", ripgrep.command);
  visit("args", ripgrep.args);
  visit("argv0", ripgrep.argv0);
}

template <FieldsOf<SeccompSettings> T, class Visit>
void visit_fields(T& seccomp, Visit&& visit) {
  visit("applyPath", seccomp.apply_path);
  visit("argv0", seccomp.argv0);
}

template <FieldsOf<GitSettings> T, class Visit>
void visit_fields(T& git, Visit&& visit) {
  visit("safeDirectories", git.safe_directories);
}

template <FieldsOf<SrtWinSettings> T, class Visit>
void visit_fields(T& srt_win, Visit&& visit) {
  visit("path", srt_win.path);
}

template <FieldsOf<WindowsSettings> T, class Visit>
void visit_fields(T& windows, Visit&& visit) {
  visit("backend", windows.backend);
  visit("sandboxUser", windows.sandbox_user);
  visit("sublayerGuid", windows.sublayer_guid);
  visit("wfpSublayerGuid", windows.wfp_sublayer_guid);
  visit("proxyPortRange", windows.proxy_port_range);
  visit("srtWin", windows.srt_win);
}

template <FieldsOf<DockerSettings> T, class Visit>
void visit_fields(T& docker, Visit&& visit) {
  visit("image", docker.image);
  visit("name", docker.name);
  visit("workdir", docker.workdir);
  visit("env", docker.env);
  visit("volumes", docker.volumes);
  visit("networkMode", docker.network_mode);
  visit("autoRemove", docker.auto_remove);
  visit("user", docker.user);
  visit("cpuLimit", docker.cpu_limit);
  visit("memoryLimit", docker.memory_limit);
}

template <FieldsOf<ResourceSettings> T, class Visit>
void visit_fields(T& resources, Visit&& visit) {
  visit("memory", resources.memory);
  visit("cpus", resources.cpus);
  visit("pids", resources.pids);
}

template <FieldsOf<AuditSettings> T, class Visit>
void visit_fields(T& audit, Visit&& visit) {
  visit("file", audit.file);
  visit("maxBytes", audit.max_bytes);
  visit("keep", audit.keep);
}

template <FieldsOf<PermissionSettings> T, class Visit>
void visit_fields(T& permissions, Visit&& visit) {
  visit("allow", permissions.allow);
  visit("deny", permissions.deny);
}

template <FieldsOf<Settings> T, class Visit>
void visit_fields(T& settings, Visit&& visit) {
  visit("$schema", settings.schema);
  visit("network", settings.network);
  visit("filesystem", settings.filesystem);
  visit("credentials", settings.credentials);
  visit("ignoreViolations", settings.ignore_violations);
  visit("enableWeakerNestedSandbox", settings.enable_weaker_nested_sandbox);
  visit("allowNestedUserNamespaces", settings.allow_nested_user_namespaces);
  visit("enableWeakerNetworkIsolation", settings.enable_weaker_network_isolation);
  visit("allowAppleEvents", settings.allow_apple_events);
  visit("ripgrep", settings.ripgrep);
  visit("mandatoryDenySearchDepth", settings.mandatory_deny_search_depth);
  visit("allowPty", settings.allow_pty);
  visit("seccomp", settings.seccomp);
  visit("bwrapPath", settings.bwrap_path);
  visit("socatPath", settings.socat_path);
  visit("javaAgentJarPath", settings.java_agent_jar_path);
  visit("git", settings.git);
  visit("windows", settings.windows);
  visit("docker", settings.docker);
  visit("resources", settings.resources);
  visit("audit", settings.audit);
  visit("permissions", settings.permissions);
}

}  // namespace srt::runtime
