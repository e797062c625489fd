#include "shim/srt-scope/request.h"

#include <algorithm>
#include <utility>

namespace srt::oci {

template <>
inline constexpr NameTable<4> kNames<scope::Act> = {"start", "attach", "set", "stop"};

}  // namespace srt::oci

namespace srt::scope {

template <oci::FieldsOf<Request> T, class Visit>
void visit_fields(T& request, Visit&& visit) {
  visit("do", request.act);
  visit("buses", request.buses);
  visit("unit", request.unit);
  visit("slice", request.slice);
  visit("description", request.description);
  visit("properties", request.properties);
  visit("pids", request.pids);
  visit("patience", request.patience);
}

namespace {

constexpr size_t kLongestUnit = 255, kLongestDescription = 512;
constexpr size_t kMostBuses = 8, kMostProperties = 128, kMostPids = 64;

bool is_socket(std::string_view address) {
  // Of an address that libsystemd takes, "unixexec:" starts a program and ";" begins another address.
  return address.starts_with("unix:path=/") && address.find_first_of(";,") == std::string::npos;
}

bool is_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

tl::unexpected<Error> bad(const char* key, std::string why) { return fail(key, std::move(why)); }

Result<void> check(const Request& request) {
  if (request.buses.empty() || request.buses.size() > kMostBuses) {
    return bad("buses", "must be 1 to 8 addresses");
  }
  for (const std::string& bus : request.buses) {
    if (!is_socket(bus)) {
      return bad("buses", "must be unix:path=/…, got " + oci::in_quotes(bus));
    }
  }
  if (!is_unit_name(request.unit, ".scope")) {
    return bad("unit", "must be the name of a scope, got " + oci::in_quotes(request.unit));
  }
  const bool starts = request.act == Act::kStart;
  if (starts != request.slice.has_value()) return bad("slice", "belongs to \"start\", always");
  if (starts && !is_unit_name(*request.slice, ".slice")) {
    return bad("slice", "must be the name of a slice, got " + oci::in_quotes(*request.slice));
  }
  if (request.description && (!starts || request.description->size() > kLongestDescription ||
                              !is_line(*request.description))) {
    return bad("description", "must be a line of 512 bytes at most, for \"start\"");
  }
  const bool sets = request.act == Act::kSet;
  if (sets && !request.properties) return bad("properties", "are what \"set\" is about");
  if (request.properties && ((!starts && !sets) || request.properties->size() > kMostProperties)) {
    return bad("properties", "must be 128 at most, for \"start\" or \"set\"");
  }
  if ((request.act == Act::kAttach) != request.pids.has_value()) {
    return bad("pids", "belong to \"attach\", always");
  }
  // 0 would be whoever asks.
  if (request.pids && (request.pids->empty() || request.pids->size() > kMostPids ||
                       std::count(request.pids->begin(), request.pids->end(), 0u) != 0)) {
    return bad("pids", "must be 1 to 64 process ids");
  }
  if (request.patience && (*request.patience < 1 || *request.patience > kLongestPatience.count())) {
    return bad("patience", "must be 1 to 30 seconds");
  }
  return {};
}

}  // namespace

bool is_unit_name(std::string_view name, std::string_view ending) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";
  return name.size() > ending.size() && name.size() <= kLongestUnit && name.ends_with(ending) &&
         name.front() != '@' && name.find_first_not_of(kAlphabet) == std::string_view::npos;
}

Result<Request> parse_request(std::string_view json) {
  oci::Checked<Request> request =
      oci::read_document<Request>(json, "request", oci::Openness::kClosed);
  if (!request) {
    const oci::Problem& first = request.error().problems().front();
    return fail("request" + (first.pointer.empty() ? "" : " " + first.pointer), first.text);
  }
  SRT_TRY(check(*request));
  return *std::move(request);
}

}  // namespace srt::scope
