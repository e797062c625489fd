#include "runtime/masked_credentials.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "platform/fd.h"
#include "platform/no_links.h"
#include "runtime/resolved_path.h"

namespace srt::runtime {
namespace {

constexpr size_t kLongestSecret = 32 * 1024;  // half of a request's head

using Kind = MaskedCredential::Kind;
using Key = std::pair<Kind, std::string>;

// All hosts that the policy allows.
proxy::DomainPattern any_host() {
  proxy::DomainPattern any;
  any.kind = proxy::DomainPattern::Kind::kAny;
  any.text = "*";
  return any;
}

std::vector<proxy::DomainPattern> hosts_of(const Credential& credential) {
  if (!credential.inject_hosts) return {any_host()};
  std::vector<proxy::DomainPattern> hosts;
  for (const std::string& text : *credential.inject_hosts) {
    auto host = proxy::DomainPattern::parse_portless(text);
    if (host) hosts.push_back(std::move(*host));  // checked with the document
  }
  return hosts;
}

// The documents' credentials, one after the other.
template <class Visit>
void each_credential(const Settings& settings, const std::string& cwd, const std::string& home,
                     const Visit& visit) {
  if (!settings.credentials) return;
  for (const Credential& variable :
       settings.credentials->env_vars.value_or(std::vector<Credential>())) {
    visit(Key(Kind::kVariable, variable.name.value_or(std::string())), variable, {});
  }
  for (const Credential& file : settings.credentials->files.value_or(std::vector<Credential>())) {
    std::string path = file.path.value_or(std::string());
    if (path == "~" || path.starts_with("~/")) path = home + path.substr(1);
    ResolvedPath resolved = resolve_path(spelled_path(cwd, path));
    visit(Key(Kind::kFile, std::move(resolved.path)), file, std::move(resolved.links));
  }
}

// As the npm package's: a word that shells, JSON and URLs leave as it is, with 122 random bits: no text that is not
// about this secret has it, and no other stand-in is a part of it.
Result<std::string> new_stand_in() {
  uint8_t random[16];
  if (getentropy(random, sizeof random) != 0) return fail_errno("credentials", "getentropy");
  random[6] = static_cast<uint8_t>((random[6] & 0x0f) | 0x40);  // RFC 9562 §5.4
  random[8] = static_cast<uint8_t>((random[8] & 0x3f) | 0x80);
  std::string text = "fake_value_";
  for (size_t i = 0; i < sizeof random; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", random[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += hex;
  }
  return text;
}

Error unusable(const MaskedCredential& credential, const char* why) {
  const std::string what = credential.kind == Kind::kVariable ? "$" : "";
  return {"credentials: " + what + credential.name, why,
          "mode \"deny\" hides it, too, and sends it nowhere"};
}

Result<proxy::MaskedSecret> masked(const MaskedCredential& credential, std::string secret) {
  if (secret.size() > kLongestSecret) return fail(unusable(credential, "is too long for a header"));
  if (!proxy::can_be_sent(secret)) {
    return fail(unusable(credential,
                         "cannot be sent in a header: it has a line break, or blanks around it"));
  }
  SRT_ASSIGN(std::string stand_in, new_stand_in());
  return proxy::MaskedSecret{credential.name, std::move(stand_in), std::move(secret),
                             credential.hosts};
}

// Nothing where there is no such file.
Result<std::optional<std::string>> read_secret(const MaskedCredential& credential) {
  // Its path was resolved: a link that is on it by now leads to what nobody named. A named pipe must not keep us.
  const UniqueFd file = platform::open_no_links(credential.name, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!file) return fail_errno("credentials: " + credential.name, "open");
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return fail_errno("credentials: " + credential.name, "fstat");
  if (!S_ISREG(info.st_mode)) return fail(unusable(credential, "is not a regular file"));
  std::string text(kLongestSecret + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("credentials: " + credential.name, "read");
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

std::vector<MaskedCredential> merge_masked(const std::vector<PolicyDocument>& documents,
                                           const std::string& cwd, const std::string& home) {
  std::set<Key> denied;
  std::vector<MaskedCredential> out;
  std::map<Key, std::pair<size_t, std::map<PolicyAuthor, size_t>>>
      places;  // in `out`, in its hosts
  for (const PolicyDocument& document : documents) {
    each_credential(document.settings, cwd, home,
                    [&](Key key, const Credential& credential, std::vector<std::string> links) {
                      if (credential.mode == CredentialMode::kDeny) {
                        denied.insert(std::move(key));
                        return;
                      }
                      const auto [place, is_new] =
                          places.try_emplace(key, out.size(), std::map<PolicyAuthor, size_t>());
                      if (is_new) out.push_back({key.first, key.second, {}, document.origin, {}});
                      MaskedCredential& one = out[place->second.first];
                      one.links.insert(one.links.end(), links.begin(), links.end());
                      auto& lists = one.hosts;
                      const auto [list, first] =
                          place->second.second.try_emplace(document.author, lists.size());
                      if (first) lists.emplace_back();
                      for (proxy::DomainPattern& host : hosts_of(credential)) {
                        lists[list->second].push_back(std::move(host));
                      }
                    });
  }
  std::erase_if(
      out, [&](const MaskedCredential& one) { return denied.contains(Key(one.kind, one.name)); });
  return out;
}

Result<Masking> mask(const std::vector<MaskedCredential>& credentials, bool in_plaintext,
                     std::vector<std::string>& environment) {
  Masking out;
  out.secrets.in_plaintext = in_plaintext;
  for (const MaskedCredential& credential : credentials) {
    if (credential.kind == Kind::kFile) {
      SRT_ASSIGN(std::optional<std::string> text, read_secret(credential));
      if (!text) continue;
      // The line's end is the file's, not the secret's: programs cut it off.
      const size_t end = text->find_last_not_of("\r\n");
      const std::string rest = text->substr(end == std::string::npos ? 0 : end + 1);
      text->resize(text->size() - rest.size());
      if (text->empty()) continue;
      SRT_ASSIGN(proxy::MaskedSecret secret, masked(credential, std::move(*text)));
      out.files.push_back({credential.name, secret.stand_in + rest});
      out.secrets.all.push_back(std::move(secret));
      continue;
    }
    // Of a name that stands twice either one may be read.
    const std::string prefix = credential.name + "=";
    for (std::string& entry : environment) {
      if (!entry.starts_with(prefix) || entry.size() == prefix.size()) continue;
      SRT_ASSIGN(proxy::MaskedSecret secret, masked(credential, entry.substr(prefix.size())));
      entry = prefix + secret.stand_in;
      out.secrets.all.push_back(std::move(secret));
    }
  }
  return out;
}

}  // namespace srt::runtime
