// Any bytes as a request head, split as a plain reader would: what passes both checks has one target.
#include <strings.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http_head.h"
#include "stop.h"

namespace {

using namespace srt::proxy;  // NOLINT: a program of one file

struct Head {
  std::string method, target;
  unsigned version = 0;
  HeaderFields fields;
};

// Only for heads without a defect.
Head split(std::string_view raw) {
  Head head;
  size_t end = raw.find("\r\n");
  const std::string_view line = raw.substr(0, end);
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  head.version = line.back() == '1' ? 11 : 10;
  for (raw.remove_prefix(end + 2); (end = raw.find("\r\n")) != 0; raw.remove_prefix(end + 2)) {
    const std::string_view field = raw.substr(0, end);
    const size_t colon = field.find(':');
    head.fields.emplace_back(field.substr(0, colon), field.substr(colon + 1));
  }
  return head;
}

size_t count(const HeaderFields& fields, std::string_view name) {
  size_t found = 0;
  for (const auto& [field, value] : fields) {
    found +=
        field.size() == name.size() && strncasecmp(field.data(), name.data(), name.size()) == 0;
  }
  return found;
}

void check(const Head& head, const std::optional<Destination>& implied, std::string_view raw) {
  const RequestCheck request =
      check_request(head.method, head.target, head.version, head.fields, implied);
  if (request.fault != RequestFault::kNone) {
    if (request.detail.empty()) stop("a fault without a text", raw);
    return;
  }
  if (count(head.fields, "host") > 1) stop("two Host headers", raw);
  if (count(head.fields, "content-length") > 1) stop("two lengths", raw);
  if (count(head.fields, "content-length") > 0 && count(head.fields, "transfer-encoding") > 0)
    stop("a length and a coding", raw);
  const RequestTarget& target = request.target;
  if (target.destination.port == 0) stop("port 0", raw);
  if (target.connect != target.origin_form.empty()) stop("a path of CONNECT, or none", raw);
  if (!target.connect && target.origin_form[0] != '/' && target.origin_form != "*")
    stop("a path that is none", raw);
  if (implied && !(target.destination == *implied) &&
      (implied->host.is_name() || target.destination.port != implied->port))
    stop("another destination than the connection's", raw);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  if (!head_defect(raw).empty()) return 0;
  const Head head = split(raw);
  check(head, std::nullopt, raw);
  check(head, Destination{*canonical_host("a"), 80}, raw);
  check(head, Destination{*canonical_host("1.2.3.4"), 8080}, raw);
  for (const bool websocket : {false, true}) {
    for (const std::string& name : hop_by_hop(head.fields, websocket)) {
      if (name == "host" || name == "content-length") stop("a judged header is dropped", raw);
    }
  }
  asks_for_websocket(head.fields);
  return 0;
}
