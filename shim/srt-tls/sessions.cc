#include "shim/srt-tls/sessions.h"

#include <cstring>
#include <string_view>
#include <utility>

namespace srt::tls {
namespace {

constexpr const char* kLayer = "network.tlsTerminate";
constexpr int kLongestChain = 10;
constexpr std::string_view kHttp1 = "\x08http/1.1";  // RFC 7301 §3.1

Context new_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) return nullptr;
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // An idle session keeps no buffers. What was not written at once may stand elsewhere when it is tried again.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  return context;
}

// A client that speaks no HTTP/1.1 is told so by the alert; one that says nothing is taken at its word.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  const std::string_view list(reinterpret_cast<const char*>(offered), offered_size);
  for (size_t at = 0; at < list.size(); at += static_cast<unsigned char>(list[at]) + size_t{1}) {
    if (!list.substr(at).starts_with(kHttp1)) continue;
    *chosen = offered + at + 1;
    *size = static_cast<unsigned char>(kHttp1.size() - 1);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

Result<Sessions> Sessions::make(Authority& authority, const Roots& roots) {
  Sessions sessions;
  sessions.authority_ = &authority;
  sessions.serving_ = new_context(TLS_server_method());
  sessions.dialling_ = new_context(TLS_client_method());
  Store store = roots.store();
  if (!sessions.serving_ || !sessions.dialling_ || !store) {
    return fail(kLayer, "OpenSSL cannot be set up: " + take_error());
  }
  SSL_CTX* serving = sessions.serving_.get();
  SSL_CTX_set_num_tickets(serving, 0);
  SSL_CTX_set_alpn_select_cb(serving, choose_protocol, nullptr);
  // Requests say themselves where they end.
  SSL_CTX_set_options(serving, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX* dialling = sessions.dialling_.get();
  SSL_CTX_set_cert_store(dialling, store.release());
  SSL_CTX_set_verify(dialling, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_verify_depth(dialling, kLongestChain);
  if (SSL_CTX_set_alpn_protos(dialling, reinterpret_cast<const unsigned char*>(kHttp1.data()),
                              static_cast<unsigned>(kHttp1.size())) != 0) {
    return fail(kLayer, "OpenSSL cannot be set up: " + take_error());
  }
  if (!sessions.serve("localhost") || !sessions.dial("localhost")) {
    return fail(kLayer, "OpenSSL makes no sessions: " + take_error());
  }
  return sessions;
}

Session Sessions::serve(const std::string& name) {
  X509* leaf = authority_->leaf(name);
  Session session(SSL_new(serving_.get()));
  if (leaf == nullptr || !session || SSL_use_certificate(session.get(), leaf) != 1 ||
      SSL_use_PrivateKey(session.get(), authority_->leaf_key()) != 1) {
    return nullptr;
  }
  SSL_set_accept_state(session.get());
  return session;
}

Session Sessions::dial(const std::string& name) {
  Session session(SSL_new(dialling_.get()));
  if (!session) return nullptr;
  SSL* ssl = session.get();
  // RFC 9525 §6.3 and §2: the subject's common name is no name of a server, and a wildcard is a whole label.
  SSL_set_hostflags(ssl,
                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool address = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  ERR_clear_error();
  if (!address &&  // RFC 6066 §3: an address is no server name
      (SSL_set1_host(ssl, name.c_str()) != 1 || SSL_set_tlsext_host_name(ssl, name.c_str()) != 1)) {
    return nullptr;
  }
  SSL_set_connect_state(ssl);
  return session;
}

}  // namespace srt::tls
