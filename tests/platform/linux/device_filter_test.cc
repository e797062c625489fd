#include "platform/linux/device_filter.h"

#include <random>

#include <catch2/catch.hpp>

#include "tests/platform/linux/ebpf_evaluator.h"

namespace srt::platform {
namespace {

using oci::DeviceCgroupRule;
using test::DeviceRequest;

DeviceFilter filter_of(std::vector<DeviceCgroupRule> rules) {
  oci::Resources resources;
  resources.devices = std::move(rules);
  auto filter = make_device_filter(&resources);
  INFO((filter ? "" : to_string(filter.error())));
  REQUIRE(filter);
  return *filter;
}

bool allows(const DeviceFilter& filter, const DeviceRequest& request) {
  const auto program = device_program(filter);
  if (program.empty()) return true;
  const auto verdict = test::evaluate_device(program, request);
  REQUIRE(verdict);
  // Who acts for a process of the container answers as its control group does.
  REQUIRE(allows(filter, request.type, request.major, request.minor, request.access) == *verdict);
  return *verdict;
}

std::vector<std::string> writes_of(const DeviceFilter& filter) {
  auto writes = device_writes(filter);
  INFO((writes ? "" : to_string(writes.error())));
  REQUIRE(writes);
  std::vector<std::string> lines;
  for (const DeviceWrite& write : *writes) {
    lines.push_back((write.allow ? "allow " : "deny ") + write.value);
  }
  return lines;
}

const DeviceCgroupRule kDenyAll{.allow = false, .access = "rwm"};
const DeviceCgroupRule kAllowAll{.allow = true, .access = "rwm"};

}  // namespace

TEST_CASE("without rules a container has the devices that every container needs") {
  for (const DeviceFilter& filter : {make_device_filter(nullptr).value(), filter_of({kDenyAll})}) {
    const std::vector<std::pair<uint32_t, uint32_t>> needed = {
        {1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}, {136, 0}, {136, 77}};
    for (auto [major, minor] : needed) {
      CHECK(allows(filter, {kRead | kWrite, 'c', major, minor}));
      CHECK(!allows(filter, {kRead, 'b', major, minor}));
    }
    CHECK(!allows(filter, {kRead, 'c', 1, 1}));      // mem
    CHECK(!allows(filter, {kRead, 'c', 1, 11}));     // kmsg
    CHECK(!allows(filter, {kRead, 'c', 5, 1}));      // the host's console
    CHECK(!allows(filter, {kRead, 'b', 8, 0}));      // a disk
    CHECK(!allows(filter, {kWrite, 'c', 10, 237}));  // loop-control
    // A node may be made of any device, but not opened.
    CHECK(allows(filter, {kMknod, 'b', 8, 0}));
    CHECK(!allows(filter, {kMknod | kRead, 'b', 8, 0}));
  }
}

TEST_CASE("the last rule that names a letter decides it") {
  const DeviceFilter filter =
      filter_of({kDenyAll,
                 {.allow = true, .type = "c", .major = 10, .access = "rw"},
                 {.allow = false, .type = "c", .major = 10, .minor = 5, .access = "w"},
                 {.allow = true, .type = "b", .access = "r"}});
  CHECK(allows(filter, {kRead | kWrite, 'c', 10, 4}));
  CHECK(allows(filter, {kRead, 'c', 10, 5}));
  CHECK(!allows(filter, {kWrite, 'c', 10, 5}));
  CHECK(!allows(filter, {kRead | kWrite, 'c', 10, 5}));
  CHECK(!allows(filter, {kRead, 'c', 11, 5}));
  CHECK(allows(filter, {kRead, 'b', 8, 1}));
  CHECK(allows(filter, {kRead | kMknod, 'b', 8, 1}));  // m is what every container has
  CHECK(!allows(filter, {kWrite, 'b', 8, 1}));
}

TEST_CASE("a rule for everything forgets those before it") {
  CHECK(filter_of({kDenyAll, kAllowAll}).allows_everything());
  CHECK(device_program(filter_of({kAllowAll})).empty());
  CHECK(writes_of(filter_of({kAllowAll})).empty());
  const DeviceFilter filter = filter_of({{.allow = true, .type = "b", .access = "rw"}, kDenyAll});
  CHECK(!allows(filter, {kRead, 'b', 8, 0}));
}

TEST_CASE("everything but some") {
  const DeviceFilter filter =
      filter_of({kAllowAll, {.allow = false, .type = "b", .major = 8, .access = "w"}});
  CHECK(allows(filter, {kRead, 'b', 8, 0}));
  CHECK(!allows(filter, {kWrite, 'b', 8, 0}));
  CHECK(!allows(filter, {kRead | kWrite, 'b', 8, 0}));
  CHECK(allows(filter, {kRead | kWrite | kMknod, 'b', 9, 0}));
  CHECK(writes_of(filter) == std::vector<std::string>{"deny b 8:* w"});
}

TEST_CASE("type a with numbers is both types, not everything") {
  const DeviceFilter filter =
      filter_of({kDenyAll, {.allow = true, .major = 10, .minor = 229, .access = "rw"}});
  CHECK(allows(filter, {kRead, 'c', 10, 229}));
  CHECK(allows(filter, {kRead, 'b', 10, 229}));
  CHECK(!allows(filter, {kRead, 'c', 10, 230}));
}

TEST_CASE("v1 gets the rules as writes, everything denied first") {
  CHECK(
      writes_of(filter_of(
          {kDenyAll, {.allow = true, .type = "c", .major = 10, .minor = 229, .access = "rwm"}})) ==
      std::vector<std::string>{"deny a", "allow c 10:229 rwm", "allow c *:* m", "allow b *:* m",
                               "allow c 1:3 rwm", "allow c 1:8 rwm", "allow c 1:7 rwm",
                               "allow c 5:0 rwm", "allow c 1:5 rwm", "allow c 1:9 rwm",
                               "allow c 136:* rwm", "allow c 5:2 rwm", "allow c 10:200 rwm"});
}

TEST_CASE("v1 takes an equal rule back, and refuses to take a part out of a wider one") {
  const auto lines =
      writes_of(filter_of({kDenyAll,
                           {.allow = true, .type = "b", .major = 8, .minor = 0, .access = "rw"},
                           {.allow = false, .type = "b", .major = 8, .minor = 0, .access = "w"}}));
  CHECK(lines[1] == "allow b 8:0 rw");
  CHECK(lines[2] == "deny b 8:0 w");
  const DeviceFilter hole =
      filter_of({kDenyAll,
                 {.allow = true, .type = "b", .major = 8, .access = "rw"},
                 {.allow = false, .type = "b", .major = 8, .minor = 0, .access = "w"}});
  auto writes = device_writes(hole);
  REQUIRE(!writes);
  CHECK(writes.error().object == "/linux/resources/devices/2");
  CHECK(!allows(hole, {kWrite, 'b', 8, 0}));  // v2 can
  CHECK(allows(hole, {kWrite, 'b', 8, 1}));
}

TEST_CASE("device numbers are unsigned 32 bits") {
  const DeviceFilter filter = filter_of(
      {kDenyAll, {.allow = true, .type = "c", .major = 4000000000, .minor = 0, .access = "r"}});
  CHECK(allows(filter, {kRead, 'c', 4000000000u, 0}));
  CHECK(!allows(filter, {kRead, 'c', 4000000001u, 0}));
}

TEST_CASE("a malformed rule is refused with its place") {
  auto error = [](const DeviceCgroupRule& rule) {
    oci::Resources resources;
    resources.devices = {{kDenyAll, rule}};
    auto filter = make_device_filter(&resources);
    REQUIRE(!filter);
    return filter.error().object;
  };
  CHECK(error({.type = "p"}) == "/linux/resources/devices/1/type");
  CHECK(error({.access = ""}) == "/linux/resources/devices/1/access");
  CHECK(error({.access = "rx"}) == "/linux/resources/devices/1/access");
  CHECK(error({.major = -2}) == "/linux/resources/devices/1/major");
  CHECK(error({.minor = int64_t{1} << 32}) == "/linux/resources/devices/1/minor");
}

TEST_CASE("programs of random rules decide as the rules do, letter by letter") {
  std::mt19937 random(7);
  auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 200; ++round) {
    std::vector<DeviceCgroupRule> rules;
    for (int n = pick(8); n > 0; --n) {
      DeviceCgroupRule rule{.allow = pick(2) == 0};
      const char* types[] = {"a", "b", "c"};
      const char* accesses[] = {"r", "w", "m", "rw", "rwm", "wm"};
      rule.type = types[pick(3)];
      rule.access = accesses[pick(6)];
      if (pick(2)) rule.major = pick(3) - 1;
      if (pick(2)) rule.minor = pick(3) - 1;
      rules.push_back(rule);
    }
    const DeviceFilter filter = filter_of(rules);
    for (char type : {'b', 'c'}) {
      for (uint32_t major : {0u, 1u, 2u}) {
        for (uint32_t minor : {0u, 1u, 3u}) {
          for (uint32_t access = 1; access <= kAllAccess; ++access) {
            bool expected = true;  // by the rules, the slow way
            for (uint32_t letter : {kMknod, kRead, kWrite}) {
              if (!(access & letter)) continue;
              bool granted = filter.allow_by_default;
              for (const DeviceRule& rule : filter.rules) {
                if (rule.type == type && (rule.major == -1 || rule.major == major) &&
                    (rule.minor == -1 || rule.minor == minor) && (rule.access & letter)) {
                  granted = rule.allow;
                }
              }
              expected = expected && granted;
            }
            if (allows(filter, {access, type, major, minor}) != expected) {
              FAIL("round " << round << ": " << type << " " << major << ":" << minor << " access "
                            << access);
            }
          }
        }
      }
    }
  }
}

}  // namespace srt::platform
