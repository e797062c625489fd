#include "proxy/tls_request.h"

#include <cstring>

namespace srt::proxy {
namespace {

constexpr size_t kLongestReason = 500;

template <class T>
void put(std::string& packet, T value) {
  packet.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
bool take(std::string_view& packet, T& value) {
  if (packet.size() < sizeof value) return false;
  std::memcpy(&value, packet.data(), sizeof value);
  packet.remove_prefix(sizeof value);
  return true;
}

}  // namespace

std::string print(const TlsRequest& request) {
  std::string packet;
  put(packet, request.id);
  put(packet, request.task);
  put(packet, request.patience_ms);
  put(packet, static_cast<uint16_t>(request.name.size()));
  return packet + request.name + request.bytes;
}

std::string print(const TlsReport& report) {
  std::string packet;
  put(packet, report.id);
  put(packet, report.news);
  return packet + report.reason.substr(0, kLongestReason);
}

std::optional<TlsRequest> parse_tls_request(std::string_view packet) {
  TlsRequest request;
  uint16_t length = 0;
  if (!take(packet, request.id) || !take(packet, request.task) ||
      !take(packet, request.patience_ms) || !take(packet, length) || packet.size() < length) {
    return std::nullopt;
  }
  if (request.task != TlsTask::kServe && request.task != TlsTask::kDial) return std::nullopt;
  request.name = packet.substr(0, length);
  request.bytes = packet.substr(length);
  if (request.name.empty() || request.name.find('\0') != std::string::npos) return std::nullopt;
  return request;
}

std::optional<TlsReport> parse_tls_report(std::string_view packet) {
  TlsReport report;
  if (!take(packet, report.id) || !take(packet, report.news)) return std::nullopt;
  if (report.news < TlsNews::kReady || report.news > TlsNews::kCut) return std::nullopt;
  report.reason = packet;
  return report;
}

}  // namespace srt::proxy
