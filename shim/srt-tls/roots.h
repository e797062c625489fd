// The certificates that servers are verified with: the host's, and those that the settings add.
//
//   Roots roots;
//   roots.add(text of ca-certificates.crt);
//   SRT_TRY(roots.write_bundle(fd, authority.certificate()));
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/error.h"
#include "shim/srt-tls/openssl.h"

namespace srt::tls {

class Roots {
 public:
  // The certificates of a PEM text. What else is in it, as a private key, is passed over, and so is a block that
  // is none: one of them would keep OpenSSL's clients from reading the others of the bundle.
  void add(std::string_view pem);

  // What the sandbox's programs trust: `authority` and all of these, encoded anew, so that no byte of the files
  // which is no certificate gets there.
  Result<void> write_bundle(int fd, X509* authority) const;

  Store store() const;  // null: no memory
  size_t size() const { return certificates_.size(); }

 private:
  std::vector<Certificate> certificates_;
  std::set<std::string> known_;  // their digests: files of roots have much in common
};

}  // namespace srt::tls
