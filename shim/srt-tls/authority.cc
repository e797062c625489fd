#include "shim/srt-tls/authority.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <utility>

namespace srt::tls {
namespace {

constexpr const char* kLayer = "network.tlsTerminate";
constexpr long kDay = 24 * 60 * 60;
constexpr long kAuthorityDays = 825, kLeafDays = 7, kLeafFreshDays = 1;

Key make_key() { return Key(EVP_EC_gen("P-256")); }

// RFC 5280 §4.1.2.2: positive, 20 bytes at most; random, since two of one number make browsers refuse both.
bool set_serial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7f;
  bytes[0] |= 0x40;
  const Owned<BIGNUM, BN_free> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Built by hand: the text form, "DNS:a,DNS:b", would take a comma for the beginning of another name.
bool add_name(X509* certificate, const std::string& name) {
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(GENERAL_NAMES_new());
  Owned<GENERAL_NAME, GENERAL_NAME_free> one(GENERAL_NAME_new());
  if (!names || !one) return false;
  if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str())) {
    GENERAL_NAME_set0_value(one.get(), GEN_IPADD, address);
  } else {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    if (text == nullptr) return false;
    GENERAL_NAME_set0_value(one.get(), GEN_DNS, text);
    if (ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) != 1) return false;
  }
  if (sk_GENERAL_NAME_push(names.get(), one.get()) <= 0) return false;
  (void)one.release();
  constexpr int kCritical = 1;  // RFC 5280 §4.2.1.6: where the subject is empty
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), kCritical, 0) == 1;
}

const EVP_MD* digest_for(EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? nullptr : EVP_sha256();
}

// Whether `certificate` has a validity from a day ago, or the issuer's beginning, to `days` from now, or its end.
bool set_validity(X509* certificate, long days, X509* issuer) {
  std::time_t now = std::time(nullptr);
  ASN1_TIME* from = X509_getm_notBefore(certificate);
  ASN1_TIME* to = X509_getm_notAfter(certificate);
  if (X509_time_adj_ex(from, -1, 0, &now) == nullptr) return false;
  if (X509_time_adj_ex(to, static_cast<int>(days), 0, &now) == nullptr) return false;
  if (issuer == nullptr) return true;
  const ASN1_TIME* first = X509_get0_notBefore(issuer);
  const ASN1_TIME* last = X509_get0_notAfter(issuer);
  if (ASN1_TIME_compare(from, first) < 0 && X509_set1_notBefore(certificate, first) != 1) {
    return false;
  }
  return ASN1_TIME_compare(to, last) <= 0 || X509_set1_notAfter(certificate, last) == 1;
}

// A key that asks for a password is refused: nobody is there to type it.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

Result<Authority> Authority::of(Certificate certificate, Key key) {
  Authority authority;
  authority.certificate_ = std::move(certificate);
  authority.key_ = std::move(key);
  authority.leaf_key_ = make_key();
  // Now, and once: what OpenSSL still has to fetch for it is fetched before we confine ourselves.
  if (!authority.leaf_key_ || !authority.mint("localhost")) {
    return fail(kLayer, "the authority signs no certificates: " + take_error());
  }
  return authority;
}

Result<Authority> Authority::make() {
  const auto wrong = [] { return fail(kLayer, "cannot make an authority: " + take_error()); };
  Key key = make_key();
  Certificate made(X509_new());
  if (!key || !made) return wrong();
  X509* certificate = made.get();
  X509_NAME* subject = X509_get_subject_name(certificate);
  constexpr std::string_view kName = "srt sandbox (ephemeral)";
  const bool whole =
      X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
      set_validity(certificate, kAuthorityDays, nullptr) &&
      X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(kName.data()),
                                 static_cast<int>(kName.size()), -1, 0) == 1 &&
      X509_set_issuer_name(certificate, subject) == 1 &&
      X509_set_pubkey(certificate, key.get()) == 1 &&
      add_extension(certificate, certificate, NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") &&
      add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
      X509_sign(certificate, key.get(), EVP_sha256()) > 0;
  if (!whole) return wrong();
  return of(std::move(made), std::move(key));
}

Result<Authority> Authority::load(std::string_view certificate, std::string_view key) {
  const Bio certificate_text(
      BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())));
  Certificate read(PEM_read_bio_X509(certificate_text.get(), nullptr, no_password, nullptr));
  if (!read) return fail(kLayer, "caCertPath: is no PEM certificate: " + take_error());
  const Bio key_text(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
  Key its(PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_password, nullptr));
  if (!its) {
    return fail(kLayer, "caKeyPath: is no PEM private key without a password: " + take_error());
  }
  if (X509_check_private_key(read.get(), its.get()) != 1) {
    ERR_clear_error();
    return fail(kLayer, "caKeyPath: is not the key of caCertPath");
  }
  constexpr int kTrueAuthority =
      1;  // basicConstraints CA:TRUE; more is what old certificates are taken for
  if (X509_check_ca(read.get()) != kTrueAuthority) {
    return fail(kLayer, "caCertPath: is no certificate of an authority (basicConstraints)");
  }
  if (X509_cmp_current_time(X509_get0_notBefore(read.get())) > 0) {
    return fail(kLayer, "caCertPath: is not valid yet", "look at the clock");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(read.get())) < 0) {
    return fail(kLayer, "caCertPath: has expired");
  }
  return of(std::move(read), std::move(its));
}

Certificate Authority::mint(const std::string& name) const {
  constexpr size_t kLongestCommonName = 64;  // ub-common-name
  Certificate leaf(X509_new());
  if (!leaf) return nullptr;
  X509* certificate = leaf.get();
  X509* issuer = certificate_.get();
  X509_NAME* subject = X509_get_subject_name(certificate);
  const bool whole =
      X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
      set_validity(certificate, kLeafDays, issuer) &&
      (name.size() > kLongestCommonName ||
       X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
                                  reinterpret_cast<const unsigned char*>(name.data()),
                                  static_cast<int>(name.size()), -1, 0) == 1) &&
      X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
      X509_set_pubkey(certificate, leaf_key_.get()) == 1 && add_name(certificate, name) &&
      add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
      add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
      (X509_get0_subject_key_id(issuer) == nullptr ||
       add_extension(certificate, issuer, NID_authority_key_identifier, "keyid")) &&
      X509_sign(certificate, key_.get(), digest_for(key_.get())) > 0;
  return whole ? std::move(leaf) : nullptr;
}

X509* Authority::leaf(const std::string& name) {
  const std::time_t now = std::time(nullptr);
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    const auto at = found->second;
    if (now - at->made < kLeafFreshDays * kDay && now >= at->made) {
      leaves_.splice(leaves_.begin(), leaves_, at);
      return at->certificate.get();
    }
    by_name_.erase(found);
    leaves_.erase(at);
  }
  Certificate made = mint(name);
  if (!made) return nullptr;
  leaves_.push_front({name, std::move(made), now});
  by_name_.emplace(leaves_.front().name, leaves_.begin());
  if (leaves_.size() > kMostLeaves) {
    by_name_.erase(leaves_.back().name);
    leaves_.pop_back();
  }
  return leaves_.front().certificate.get();
}

}  // namespace srt::tls
