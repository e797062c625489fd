#include "runtime/tls_authority.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string_view>
#include <utility>

#include "runtime/resolved_path.h"

namespace srt::runtime {
namespace {

// Distributions' names of the bundle that OpenSSL reads: Debian's, Fedora's, openSUSE's, Alpine's.
constexpr std::array kHostRoots = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

constexpr std::array kVariables = {
    "SSL_CERT_FILE",        // OpenSSL, Python, Go, rustls
    "NODE_EXTRA_CA_CERTS",  // Node
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",  // Python's requests
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "DENO_CERT",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "NIX_SSL_CERT_FILE",
    "HTTPLIB2_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
};

constexpr size_t kLargestFile = size_t{16} << 20;

// Whatever it is, it does not block (a FIFO) and takes no terminal.
UniqueFd open_file(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (fd && (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))) {
    errno = EINVAL;
    fd.reset();
  }
  return fd;
}

Result<UniqueFd> open_named(const std::string& path, const char* key) {
  if (path.empty()) return UniqueFd();
  UniqueFd fd = open_file(path);
  if (!fd) return fail_errno("network.tlsTerminate", std::string(key) + ": open " + path);
  return fd;
}

std::string absolute(const std::string& path, const std::string& cwd, const std::string& home) {
  if (path.starts_with("~/") && !home.empty()) return spelled_path(home, path.substr(2));
  return spelled_path(cwd, path);
}

// Which file it is, whatever its name.
std::pair<dev_t, ino_t> identity(int fd) {
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

// Each file once, and `known` not at all: reading a certificate takes longer than anything else here, and a caller's
// SSL_CERT_FILE is mostly the host's own.
std::string together(const std::vector<std::string>& paths, int known) {
  std::string text;
  std::set<std::pair<dev_t, ino_t>> seen{identity(known)};
  for (const std::string& path : paths) {
    const UniqueFd fd = open_file(path);
    if (!fd || !seen.insert(identity(fd.get())).second) continue;
    const Result<std::string> read = read_rest(fd.get(), path, kLargestFile);
    if (read) text += *read + "\n";
  }
  return text;
}

}  // namespace

TlsAuthority tls_authority(const TlsTerminateSettings& settings, const std::string& cwd,
                           const std::string& home) {
  TlsAuthority authority;
  if (settings.ca_cert_path) authority.certificate = absolute(*settings.ca_cert_path, cwd, home);
  if (settings.ca_key_path) authority.key = absolute(*settings.ca_key_path, cwd, home);
  for (const std::string& path :
       settings.extra_ca_cert_paths.value_or(std::vector<std::string>())) {
    authority.more_roots.push_back(absolute(path, cwd, home));
  }
  return authority;
}

void add_callers_roots(TlsAuthority& authority, const std::vector<std::string>& environment,
                       const std::string& cwd) {
  for (const std::string_view name : {"NODE_EXTRA_CA_CERTS=", "SSL_CERT_FILE="}) {
    for (const std::string& entry : environment) {
      if (!entry.starts_with(name) || entry.size() == name.size()) continue;
      authority.more_roots.push_back(absolute(entry.substr(name.size()), cwd, {}));
      break;  // getenv(3) finds the first
    }
  }
}

void set_trust_environment(std::vector<std::string>& environment) {
  std::erase_if(environment, [](const std::string& entry) {
    const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    return std::find(kVariables.begin(), kVariables.end(), name) != kVariables.end();
  });
  for (const char* name : kVariables) {
    environment.push_back(std::string(name) + "=" + kTrustPlace);
  }
}

Result<platform::Terminator> start_terminator(const TlsAuthority& authority, const Entry& entry,
                                              const ContainerId& id) {
  UniqueFd bundle(openat(entry.dir(), kTrustFile, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!bundle) return fail_errno(kTrustFile, "open");
  UniqueFd roots;
  for (size_t i = 0; i < kHostRoots.size() && !roots; ++i) roots = open_file(kHostRoots[i]);
  SRT_ASSIGN(const UniqueFd certificate, open_named(authority.certificate, "caCertPath"));
  SRT_ASSIGN(const UniqueFd key, open_named(authority.key, "caKeyPath"));
  return platform::Terminator::start({.container = id.str(),
                                      .bundle = bundle.get(),
                                      .roots = roots.get(),
                                      .more_roots = together(authority.more_roots, roots.get()),
                                      .certificate = certificate.get(),
                                      .key = key.get()});
}

}  // namespace srt::runtime
