// The certificate authority of one sandbox, and the certificates that it makes for the names of servers.
//
//   SRT_ASSIGN(Authority authority, Authority::make());            // its key is nowhere but here
//   SRT_ASSIGN(Authority authority, Authority::load(cert, key));   // of the settings
//   X509* leaf = authority.leaf("api.example.com");
#pragma once

#include <ctime>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "oci/error.h"
#include "shim/srt-tls/openssl.h"

namespace srt::tls {

class Authority {
 public:
  static Result<Authority> make();
  static Result<Authority> load(std::string_view certificate, std::string_view key);

  X509* certificate() const { return certificate_.get(); }
  // Of all leaves. Not the authority's: what a session's memory might give away signs nothing.
  EVP_PKEY* leaf_key() const { return leaf_key_.get(); }

  // Good for this name or address only, for a week at most; kept for who comes next. Null: it cannot be made.
  X509* leaf(const std::string& name);

  static constexpr size_t kMostLeaves = 256;

 private:
  struct Leaf {
    std::string name;
    Certificate certificate;
    std::time_t made = 0;
  };
  static Result<Authority> of(Certificate certificate, Key key);
  Certificate mint(const std::string& name) const;

  Certificate certificate_;
  Key key_, leaf_key_;
  std::list<Leaf> leaves_;  // the last one used first
  std::unordered_map<std::string_view, std::list<Leaf>::iterator> by_name_;
};

}  // namespace srt::tls
