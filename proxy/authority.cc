#include "proxy/authority.h"

namespace srt::proxy {
namespace {

std::string bracketed(const Host& host) {
  std::string text = host.to_text();
  if (text.find(':') == std::string::npos) return text;
  std::string brackets = "[";
  brackets += text;
  brackets += ']';
  return brackets;
}

}  // namespace

std::string authority(const Destination& destination) {
  return bracketed(destination.host).append(":").append(std::to_string(destination.port));
}

std::string host_header(const Destination& destination, uint16_t default_port) {
  return destination.port == default_port ? bracketed(destination.host) : authority(destination);
}

}  // namespace srt::proxy
