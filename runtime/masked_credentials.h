// Credentials of mode "mask": the command has a stand-in, and the guard puts the secret into requests to its hosts
// (proxy/masked_secret.h).
#pragma once

#include <string>
#include <vector>

#include "oci/error.h"
#include "proxy/masked_secret.h"
#include "runtime/policy_document.h"

namespace srt::runtime {

struct MaskedCredential {
  enum class Kind { kVariable, kFile };
  Kind kind = Kind::kVariable;
  std::string name;  // of the variable; of a file its path, resolved
  std::vector<std::vector<proxy::DomainPattern>> hosts;  // proxy::MaskedSecret::hosts
  std::string origin;                                    // of the first document that masks it
  // Where the links stand that led to a file. One that the sandbox may write could have been made by an earlier run, and
  // lead to a file whose content nobody meant to send anywhere.
  std::vector<std::string> links;
  bool operator==(const MaskedCredential&) const = default;
};

// Of all documents. What one author's documents say of a credential adds up; of several authors' hosts those are left
// that each of them names. Where anybody denies it, it is denied.
std::vector<MaskedCredential> merge_masked(const std::vector<PolicyDocument>& documents,
                                           const std::string& cwd, const std::string& home);

// What a masked file has instead of its content: `content` is what the file says inside.
struct MaskedFile {
  std::string path;
  std::string content;
};
struct Masking {
  proxy::MaskedSecrets secrets;
  std::vector<MaskedFile> files;
};

// Reads the secrets, as the caller, and puts stand-ins into `environment`. A variable that is not set or empty, and a
// file that does not exist, are no secrets. Error: one that cannot be the value of a header, which says so without the
// secret.
Result<Masking> mask(const std::vector<MaskedCredential>& credentials, bool in_plaintext,
                     std::vector<std::string>& environment);

}  // namespace srt::runtime
