// A secret of which the sandbox has only a stand-in. Where a request to one of the secret's hosts says the
// stand-in in a header, the secret goes out in its place.
//
//   MaskedSecrets secrets{{{"GITHUB_TOKEN", "fake_value_3f…", "ghp_…", {hosts}}}, false};
//   secrets.put_into("Bearer fake_value_3f…", {host})    // "Bearer ghp_…"
//
// Pure functions over hostile bytes. What goes wrong goes wrong towards the stand-in, which opens nothing: a host
// that is not the secret's, a spelling that is not recognised, a body.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/domain_pattern.h"

namespace srt::proxy {

struct MaskedSecret {
  std::string name;      // of the variable: for messages
  std::string stand_in;  // random; no other one's part
  std::string secret;
  // One list for each settings document that masks it: a host must be in all of them. No other secret's hosts can
  // be used to get at this one.
  std::vector<std::vector<DomainPattern>> hosts;

  bool is_for(const Host& host) const;
  bool operator==(const MaskedSecret&) const = default;
};

struct MaskedSecrets {
  std::vector<MaskedSecret> all;
  // allowPlaintextInject: also into requests that travel as they are. Else only into those that go out over TLS which
  // srt-tls has opened and verified.
  bool in_plaintext = false;

  // The value of a request's header. All of `hosts` must be the secret's: the one that is dialled, the one whose
  // certificate was verified, the one that the request asks for. Basic credentials (RFC 7617), as git sends its
  // tokens, are looked into.
  std::string put_into(std::string_view value, std::initializer_list<const Host*> hosts) const;
};

// Whether it can be the value of a header (RFC 9110 §5.5), and nothing more: a line break in a secret would begin
// another header.
bool can_be_sent(std::string_view secret);

}  // namespace srt::proxy
