#include "shim/srt-tls/roots.h"

#include <openssl/pem.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>

namespace srt::tls {

namespace {

std::string digest(const X509* certificate) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), bytes, &size) != 1) size = 0;
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

void Roots::add(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  for (size_t at = 0; (at = pem.find(kBegin, at)) != std::string_view::npos;) {
    const size_t end = pem.find(kEnd, at);
    if (end == std::string_view::npos) break;
    const std::string_view block = pem.substr(at, end + kEnd.size() - at);
    at = end + kEnd.size();
    if (block.size() > INT_MAX) continue;
    const Bio bio(BIO_new_mem_buf(block.data(), static_cast<int>(block.size())));
    Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate && known_.insert(digest(certificate.get())).second) {
      certificates_.push_back(std::move(certificate));
    }
    ERR_clear_error();
  }
}

Result<void> Roots::write_bundle(int fd, X509* authority) const {
  const Bio memory(BIO_new(BIO_s_mem()));
  bool whole = memory && PEM_write_bio_X509(memory.get(), authority) == 1;
  for (const Certificate& certificate : certificates_) {
    whole = whole && PEM_write_bio_X509(memory.get(), certificate.get()) == 1;
  }
  if (!whole) {
    return fail("network.tlsTerminate", "the trust bundle cannot be encoded: " + take_error());
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  std::string_view rest(text, static_cast<size_t>(size));
  while (!rest.empty()) {
    const ssize_t n = write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return fail_errno("network.tlsTerminate", "write the trust bundle into the state folder",
                        errno, "make room there: about 300 KB");
    }
    rest.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Store Roots::store() const {
  Store store(X509_STORE_new());
  for (const Certificate& certificate : certificates_) {
    if (store) X509_STORE_add_cert(store.get(), certificate.get());
  }
  ERR_clear_error();
  return store;
}

}  // namespace srt::tls
