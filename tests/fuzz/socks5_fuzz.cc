// Any bytes as SOCKS5 messages: nothing is read beyond the end, and more bytes do not change a verdict.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/host.h"
#include "proxy/socks5.h"
#include "stop.h"

namespace {

template <typename Parse>
void check(Parse parse, std::string_view bytes) {
  const auto whole = parse(bytes);
  if (whole.used > bytes.size()) stop("more was used than there is", bytes);
  using srt::proxy::SocksParse;
  if ((whole.used > 0) != (whole.state == SocksParse::kDone)) stop("used without an end", bytes);
  if (whole.state == SocksParse::kDone) {
    if (parse(bytes.substr(0, whole.used)).state != SocksParse::kDone)
      stop("used too little", bytes);
    if (parse(bytes.substr(0, whole.used - 1)).state != SocksParse::kNeedMore)
      stop("used too much", bytes);
  }
  const auto early = parse(bytes.substr(0, bytes.size() / 2)).state;
  if (early != SocksParse::kNeedMore && early != whole.state) stop("a verdict that changes", bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace srt::proxy;  // NOLINT
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(parse_socks_greeting, bytes);
  check(parse_socks_request, bytes);
  check(parse_socks_password, bytes);
  const SocksRequest request = parse_socks_request(bytes);
  if (request.state == SocksParse::kDone) {
    if (request.host.empty() || request.host.size() > 255) stop("a host without a length", bytes);
    if (bytes[3] != 3 && !IpAddress::parse(request.host)) stop("an address that is none", bytes);
  }
  return 0;
}
