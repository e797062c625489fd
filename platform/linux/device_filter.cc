#include "platform/linux/device_filter.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace srt::platform {
namespace {

// What runc 1.x allows every container after the bundle's own rules, so that no bundle can take it
// away; engines rely on each of them. Making a node is harmless, opening it is another matter.
constexpr auto kAlways = std::to_array<std::tuple<char, int64_t, int64_t, uint32_t>>({
    {'c', -1, -1, kMknod},
    {'b', -1, -1, kMknod},
    {'c', 1, 3, kAllAccess},     // null
    {'c', 1, 8, kAllAccess},     // random
    {'c', 1, 7, kAllAccess},     // full
    {'c', 5, 0, kAllAccess},     // tty
    {'c', 1, 5, kAllAccess},     // zero
    {'c', 1, 9, kAllAccess},     // urandom
    {'c', 136, -1, kAllAccess},  // pts/N, the console among them
    {'c', 5, 2, kAllAccess},     // ptmx
    {'c', 10, 200, kAllAccess},  // net/tun
});

Result<uint32_t> parse_access(const std::string& letters, const std::string& pointer) {
  uint32_t access = 0;
  for (char letter : letters) {
    switch (letter) {
      case 'r': access |= kRead; break;
      case 'w': access |= kWrite; break;
      case 'm': access |= kMknod; break;
      default: return fail(pointer, "must be made of r, w and m, got \"" + letters + "\"");
    }
  }
  if (access == 0) return fail(pointer, "must name at least one of r, w and m");
  return access;
}

Result<int64_t> parse_number(const std::optional<int64_t>& number, const std::string& pointer) {
  const int64_t value = number.value_or(-1);
  if (value < -1 || value > UINT32_MAX) {
    return fail(pointer, "must be -1 (any) or a device number, got " + std::to_string(value));
  }
  return value;
}

Result<DeviceRule> parse_rule(const oci::DeviceCgroupRule& rule, const std::string& pointer) {
  DeviceRule parsed{.allow = rule.allow, .pointer = pointer};
  const std::string type = rule.type.value_or("a");
  if (type != "a" && type != "b" && type != "c") {
    return fail(pointer + "/type", "must be a, b or c, got \"" + type + "\"");
  }
  parsed.type = type[0];
  SRT_ASSIGN(parsed.major, parse_number(rule.major, pointer + "/major"));
  SRT_ASSIGN(parsed.minor, parse_number(rule.minor, pointer + "/minor"));
  SRT_ASSIGN(parsed.access, parse_access(rule.access.value_or("rwm"), pointer + "/access"));
  return parsed;
}

bool is_everything(const DeviceRule& rule) {
  return rule.type == 'a' && rule.major == -1 && rule.minor == -1 && rule.access == kAllAccess;
}

void add(DeviceFilter& filter, const DeviceRule& rule) {
  if (is_everything(rule)) {  // whatever stood before no longer counts
    filter = {.allow_by_default = rule.allow, .rules = {}};
    return;
  }
  // "a" with numbers or fewer letters: the kernel's v1 files would read it as everything.
  for (char type : {'b', 'c'}) {
    if (rule.type != 'a' && rule.type != type) continue;
    DeviceRule one = rule;
    one.type = type;
    filter.rules.push_back(std::move(one));
  }
}

bool same_node(const DeviceRule& a, const DeviceRule& b) {
  return a.type == b.type && a.major == b.major && a.minor == b.minor;
}

bool overlap(const DeviceRule& a, const DeviceRule& b) {
  auto meet = [](int64_t x, int64_t y) { return x == -1 || y == -1 || x == y; };
  return a.type == b.type && meet(a.major, b.major) && meet(a.minor, b.minor) &&
         (a.access & b.access) != 0;
}

std::string text(const DeviceRule& rule) {
  auto number = [](int64_t n) { return n == -1 ? std::string("*") : std::to_string(n); };
  std::string line{rule.type};
  line += " " + number(rule.major) + ":" + number(rule.minor) + " ";
  if (rule.access & kRead) line += 'r';
  if (rule.access & kWrite) line += 'w';
  if (rule.access & kMknod) line += 'm';
  return line;
}

}  // namespace

Result<DeviceFilter> make_device_filter(const oci::Resources* resources) {
  DeviceFilter filter;
  if (resources) {
    const auto& rules = oci::items(resources->devices);
    for (size_t i = 0; i < rules.size(); ++i) {
      SRT_ASSIGN(DeviceRule rule,
                 parse_rule(rules[i], "/linux/resources/devices/" + std::to_string(i)));
      add(filter, rule);
    }
  }
  if (filter.allows_everything()) return filter;
  for (const auto& [type, major, minor, access] : kAlways) {
    add(filter, {.allow = true, .type = type, .major = major, .minor = minor, .access = access});
  }
  return filter;
}

bool allows(const DeviceFilter& filter, char type, int64_t major, int64_t minor, uint32_t access) {
  uint32_t allowed = 0;
  if (filter.allow_by_default) allowed = kAllAccess;
  for (const DeviceRule& rule : filter.rules) {
    if (rule.type != type || (rule.major != -1 && rule.major != major) ||
        (rule.minor != -1 && rule.minor != minor)) {
      continue;
    }
    allowed = rule.allow ? allowed | rule.access : allowed & ~rule.access;
  }
  return (access & ~allowed) == 0;
}

Result<std::vector<DeviceWrite>> device_writes(const DeviceFilter& filter) {
  std::vector<DeviceWrite> writes;
  // A new cgroup begins with its parent's rules, so "allow everything" needs no write; it would be
  // EPERM below a parent that does not.
  if (!filter.allow_by_default) writes.push_back({false, "a", ""});
  std::vector<DeviceRule> exceptions;  // as the kernel keeps them
  for (const DeviceRule& rule : filter.rules) {
    if (rule.allow != filter.allow_by_default) {
      exceptions.push_back(rule);
    } else {
      bool takes = false;
      for (DeviceRule& exception : exceptions) {
        if (!overlap(exception, rule)) continue;
        if (!same_node(exception, rule)) {
          // A rule that every container needs may find its device taken from a wider one: leave it.
          if (rule.pointer.empty()) continue;
          return fail(rule.pointer,
                      "\"" + text(rule) + "\" takes a part out of \"" + text(exception) +
                          "\", which cgroup v1 cannot",
                      "list what is wanted instead");
        }
        exception.access &= ~rule.access;
        takes = true;
      }
      if (!takes) continue;  // says nothing
    }
    writes.push_back({rule.allow, text(rule), rule.pointer});
  }
  return writes;
}

}  // namespace srt::platform
