#include "platform/linux/scope_plan.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "platform/fd.h"
#include "platform/linux/cgroup_limits.h"

namespace srt::platform {
namespace {

constexpr char kPathPointer[] = "/linux/cgroupsPath";
constexpr std::string_view kSlice = ".slice", kScope = ".scope";
constexpr std::string_view kAnnotation = "org.systemd.property.";
constexpr uint64_t kInfinity = UINT64_MAX;  // CGROUP_LIMIT_MAX and USEC_INFINITY of systemd
constexpr size_t kLongestUnit = 255;        // UNIT_NAME_MAX

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// systemd.unit(5). No slash: it would be another place in the hierarchy.
bool is_unit_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestUnit &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter(c) || is_digit(c) ||
                  std::string_view(":-_.\\@").find(c) != std::string_view::npos;
         });
}

struct Parts {
  std::string slice, prefix, name;
};

Result<Parts> parts_of(const ScopeRequest& request) {
  if (request.cgroups_path.empty()) return Parts{"", "srt", request.id};
  const std::string& path = request.cgroups_path;
  const size_t first = path.find(':');
  const size_t second = first == path.npos ? path.npos : path.find(':', first + 1);
  if (second == path.npos || path.find(':', second + 1) != path.npos) {
    return fail(kPathPointer,
                "\"" + path + "\" is not SLICE:PREFIX:NAME, as --systemd-cgroup wants it",
                "leave it out, or call the runtime without --systemd-cgroup");
  }
  return Parts{path.substr(0, first), path.substr(first + 1, second - first - 1),
               path.substr(second + 1)};
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// "max" is no limit.
std::optional<uint64_t> amount(std::string_view text) {
  return text == "max" ? kInfinity : number<uint64_t>(text);
}

// "0-2,7" as systemd wants a set: bit n of byte n/8.
std::optional<std::vector<uint8_t>> bits(std::string_view list) {
  constexpr unsigned kMost = 8192;  // CONFIG_NR_CPUS at its highest
  std::vector<uint8_t> set;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view range = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const size_t dash = std::min(range.find('-'), range.size());
    const auto from = number<unsigned>(range.substr(0, dash));
    const auto to = dash == range.size() ? from : number<unsigned>(range.substr(dash + 1));
    if (!from || !to || *from > *to || *to >= kMost) return {};
    if (set.size() <= *to / 8) set.resize(*to / 8 + 1);
    for (unsigned bit = *from; bit <= *to; ++bit)
      set[bit / 8] |= static_cast<uint8_t>(1u << (bit % 8));
  }
  return set;
}

// "50000 100000": microseconds of processor time in each period of so many.
void add_quota(std::string_view value, std::vector<ScopeProperty>& properties) {
  constexpr uint64_t kSecond = 1'000'000, kStep = 10'000;
  const size_t blank = std::min(value.find(' '), value.size());
  const auto quota = amount(value.substr(0, blank));
  const auto period = blank == value.size() ? std::optional<uint64_t>(100'000)
                                            : number<uint64_t>(value.substr(blank + 1));
  if (!quota || !period || *period == 0) return;
  uint64_t each_second = kInfinity;
  if (*quota < kInfinity / kSecond) {
    each_second = *quota * kSecond / *period;
    // systemd keeps per cents of 10 ms: rounded up, so that the files' exact value is never above it.
    each_second = (each_second + kStep - 1) / kStep * kStep;
  }
  properties.push_back({"CPUQuotaPerSecUSec", "t", each_second});
  properties.push_back({"CPUQuotaPeriodUSec", "t", *period});
}

// GVariant's text, as far as unit properties have such values: true, 'text', 5, uint64 5.
std::optional<ScopeProperty> property_of(const std::string& name, std::string_view text) {
  if (text == "true" || text == "false") return ScopeProperty{name, "b", text == "true"};
  const bool quoted = text.size() >= 2 && (text.front() == '\'' || text.front() == '"') &&
                      text.back() == text.front();
  if (quoted) {
    const std::string_view inner = text.substr(1, text.size() - 2);
    if (inner.find('\\') != inner.npos || inner.find(text.front()) != inner.npos) return {};
    return ScopeProperty{name, "s", std::string(inner)};
  }
  constexpr std::array<std::pair<std::string_view, const char*>, 4> kTypes = {
      {{"uint64 ", "t"}, {"uint32 ", "u"}, {"int64 ", "x"}, {"int32 ", "i"}}};
  for (const auto& [word, type] : kTypes) {
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    if (word.starts_with("uint")) {
      const auto value = number<uint64_t>(text);
      if (!value || (*type == 'u' && *value > UINT32_MAX)) return {};
      return ScopeProperty{name, type, *value};
    }
    const auto value = number<int64_t>(text);
    if (!value || (*type == 'i' && (*value < INT32_MIN || *value > INT32_MAX))) return {};
    return ScopeProperty{name, type, *value};
  }
  const auto value = number<int64_t>(text);
  if (!value || *value < INT32_MIN || *value > INT32_MAX) return {};
  return ScopeProperty{name, "i", *value};
}

// As runc: NAMESec is seconds, the property that systemd has is NAMEUSec.
std::optional<ScopeProperty> in_microseconds(std::string name, std::string_view text) {
  constexpr uint64_t kSecond = 1'000'000;
  name.replace(name.size() - 3, 3, "USec");
  if (text.starts_with("uint64 ")) text.remove_prefix(7);
  const auto seconds = number<uint64_t>(text);
  if (!seconds || *seconds > kInfinity / kSecond) return {};
  return ScopeProperty{name, "t", *seconds * kSecond};
}

Result<std::vector<ScopeProperty>> annotated(const oci::StringMap& annotations) {
  // What makes the scope this container's is not an annotation's to say.
  constexpr std::string_view kOurs[] = {"PIDs", "Slice", "Delegate", "DefaultDependencies",
                                        "Description"};
  std::vector<ScopeProperty> properties;
  for (const auto& [key, text] : oci::items(annotations)) {
    if (!key.starts_with(kAnnotation)) continue;
    const std::string name = key.substr(kAnnotation.size());
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), is_letter);
    if (!plain || std::find(std::begin(kOurs), std::end(kOurs), name) != std::end(kOurs)) {
      return fail("/annotations/" + key, "names no property that could be set");
    }
    const bool seconds = name.ends_with("Sec") && !name.ends_with("USec");
    const auto property = seconds ? in_microseconds(name, text) : property_of(name, text);
    if (!property) {
      return fail("/annotations/" + key, "is not a value that is known here: \"" + text + "\"",
                  "write true, 5, uint64 5 or 'text'");
    }
    properties.push_back(*property);
  }
  return properties;
}

}  // namespace

Result<std::string> slice_path(const std::string& slice) {
  if (slice == "-.slice") return std::string();
  const std::string stem =
      slice.ends_with(kSlice) ? slice.substr(0, slice.size() - kSlice.size()) : "";
  if (!is_unit_name(slice) || stem.empty() || stem.front() == '-' || stem.back() == '-' ||
      stem.find("--") != stem.npos) {
    return fail(kPathPointer, "\"" + slice + "\" is not the name of a slice",
                "system.slice is one");
  }
  std::string path;
  for (size_t dash = stem.find('-'); dash != stem.npos; dash = stem.find('-', dash + 1)) {
    path += "/" + stem.substr(0, dash) + std::string(kSlice);
  }
  return path + "/" + slice;
}

uid_t host_uid() {
  const uid_t own = geteuid();
  const Result<std::string> map = read_file("/proc/self/uid_map");
  std::string_view lines = map ? std::string_view(*map) : std::string_view();
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    unsigned inside = 0, outside = 0, count = 0;
    const std::string line(lines.substr(0, end));
    if (std::sscanf(line.c_str(), "%u %u %u", &inside, &outside, &count) == 3 && own >= inside &&
        own - inside < count) {
      return outside + (own - inside);
    }
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return own;
}

std::vector<ScopeProperty> scope_properties(const std::vector<CgroupLimit>& limits) {
  struct Amount {
    const char* file;
    const char* property;
  };
  constexpr Amount kAmounts[] = {{"memory.max", "MemoryMax"},
                                 {"memory.low", "MemoryLow"},
                                 {"memory.swap.max", "MemorySwapMax"},
                                 {"cpu.weight", "CPUWeight"},
                                 {"pids.max", "TasksMax"}};
  std::vector<ScopeProperty> properties;
  for (const CgroupLimit& limit : limits) {
    for (const Amount& known : kAmounts) {
      if (limit.file != known.file) continue;
      if (const auto value = amount(limit.value))
        properties.push_back({known.property, "t", *value});
    }
    if (limit.file == "cpu.max") add_quota(limit.value, properties);
    if (limit.file == "cpuset.cpus" || limit.file == "cpuset.mems") {
      const char* name = limit.file == "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes";
      if (const auto set = bits(limit.value)) properties.push_back({name, "ay", *set});
    }
  }
  return properties;
}

Result<ScopePlan> plan_scope(const ScopeRequest& request) {
  SRT_ASSIGN(Parts parts, parts_of(request));
  ScopePlan plan;
  plan.slice = parts.slice;
  if (plan.slice.empty()) plan.slice = request.is_host_root ? "system.slice" : "user.slice";
  plan.unit = (parts.prefix.empty() ? "" : parts.prefix + "-") + parts.name;
  if (!plan.unit.ends_with(kScope)) plan.unit += kScope;
  if (!is_unit_name(plan.unit) || parts.name.empty()) {
    return fail(kPathPointer, "\"" + plan.unit + "\" cannot be the name of a unit",
                "letters, digits and :-_.\\@ can, 255 at most");
  }
  SRT_ASSIGN(const std::string slice, slice_path(plan.slice));
  std::string manager;
  if (!request.is_host_root) {
    const std::string uid = std::to_string(request.host_uid);
    manager = "/user.slice/user-" + uid + ".slice/user@" + uid + ".service";
  }
  plan.cgroup = manager + slice + "/" + plan.unit;
  SRT_ASSIGN(plan.properties, annotated(request.annotations));
  for (const char* controller : {"CPU", "IO", "Memory", "Tasks"}) {
    plan.properties.push_back({std::string(controller) + "Accounting", "b", true});
  }
  return plan;
}

}  // namespace srt::platform
