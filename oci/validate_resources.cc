// Rules of config-linux.md, "Control groups". What the kernel clamps or refuses by itself with an
// error that says so is left to it.
#include <array>
#include <limits>

#include "oci/rules.h"
#include "oci/validate.h"

namespace srt::oci {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

void check_device_rule(const Path& path, const DeviceCgroupRule& rule, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 3> kTypes = {"a", "c", "b"};
  if (is_set(rule.type) && *rule.type != "a" && *rule.type != "b" && *rule.type != "c") {
    diagnostics.add_new(path / "type", not_one_of(*rule.type, kTypes.data(), kTypes.size()));
  }
  check_between(path / "major", rule.major, -1, kUnlimited, diagnostics);
  check_between(path / "minor", rule.minor, -1, kUnlimited, diagnostics);
  if (rule.access && rule.access->find_first_not_of("rwm") != std::string::npos) {
    diagnostics.add_new(path / "access",
                        "must be letters of \"rwm\", got " + in_quotes(*rule.access));
  }
}

void check_memory(const Path& path, const MemoryResources& memory, Diagnostics& diagnostics) {
  check_between(path / "limit", memory.limit, -1, kUnlimited, diagnostics);
  check_between(path / "reservation", memory.reservation, -1, kUnlimited, diagnostics);
  check_between(path / "swap", memory.swap, -1, kUnlimited, diagnostics);
  check_between(path / "kernel", memory.kernel, -1, kUnlimited, diagnostics);
  check_between(path / "kernelTCP", memory.kernel_tcp, -1, kUnlimited, diagnostics);
  // swap is memory plus swap; 0 is "not set" to engines, -1 "no limit".
  const int64_t limit = memory.limit.value_or(0);
  const int64_t swap = memory.swap.value_or(0);
  if (limit > 0 && swap > 0 && swap < limit) {
    diagnostics.add_new(path / "swap", "is memory plus swap: must be at least the limit, " +
                                           std::to_string(limit) + ", got " + std::to_string(swap));
  }
  // -1, as some engines say "not set", arrives as 2^64 - 1.
  if (memory.swappiness != std::numeric_limits<uint64_t>::max()) {
    check_at_most(path / "swappiness", memory.swappiness, 100, diagnostics);
  }
}

void check_cpu(const Path& path, const CpuResources& cpu, Diagnostics& diagnostics) {
  check_between(path / "quota", cpu.quota, -1, kUnlimited, diagnostics);
  check_between(path / "realtimeRuntime", cpu.realtime_runtime, -1, kUnlimited, diagnostics);
  check_between(path / "idle", cpu.idle, 0, 1, diagnostics);
  check_cpu_list(path / "cpus", cpu.cpus, diagnostics);
  check_cpu_list(path / "mems", cpu.mems, diagnostics);
}

void check_weight(const Path& path, const std::optional<uint16_t>& weight,
                  Diagnostics& diagnostics) {
  if (weight && *weight != 0 && (*weight < 10 || *weight > 1000)) {
    diagnostics.add_new(
        path, "must be between 10 and 1000, or 0 for none, got " + std::to_string(*weight));
  }
}

template <class Device>
void check_numbers(const Path& path, const Device& device, Diagnostics& diagnostics) {
  check_between(path / "major", device.major, 0, kUnlimited, diagnostics);
  check_between(path / "minor", device.minor, 0, kUnlimited, diagnostics);
}

void check_throttles(const Path& path, const List<ThrottleDevice>& devices,
                     Diagnostics& diagnostics) {
  for (size_t i = 0; i < items(devices).size(); ++i) {
    check_numbers(path / i, items(devices)[i], diagnostics);
  }
}

void check_block_io(const Path& path, const BlockIoResources& block, Diagnostics& diagnostics) {
  check_weight(path / "weight", block.weight, diagnostics);
  check_weight(path / "leafWeight", block.leaf_weight, diagnostics);
  const Path weights = path / "weightDevice";
  for (size_t i = 0; i < items(block.weight_device).size(); ++i) {
    const WeightDevice& device = items(block.weight_device)[i];
    const Path at = weights / i;
    check_numbers(at, device, diagnostics);
    check_weight(at / "weight", device.weight, diagnostics);
    check_weight(at / "leafWeight", device.leaf_weight, diagnostics);
    // config-linux.md: "You MUST specify at least one of weight or leafWeight".
    if (!device.weight && !device.leaf_weight) {
      diagnostics.add_new(at, "must have a weight or a leafWeight");
    }
  }
  check_throttles(path / "throttleReadBpsDevice", block.throttle_read_bps_device, diagnostics);
  check_throttles(path / "throttleWriteBpsDevice", block.throttle_write_bps_device, diagnostics);
  check_throttles(path / "throttleReadIOPSDevice", block.throttle_read_iops_device, diagnostics);
  check_throttles(path / "throttleWriteIOPSDevice", block.throttle_write_iops_device, diagnostics);
}

// The schema's ^[1-9][0-9]*[KMG]B$.
bool is_page_size(std::string_view text) {
  if (!text.ends_with("KB") && !text.ends_with("MB") && !text.ends_with("GB")) return false;
  const std::string_view digits = text.substr(0, text.size() - 2);
  return !digits.empty() && digits[0] != '0' &&
         digits.find_first_not_of("0123456789") == std::string_view::npos;
}

void check_hugepages(const Path& path, const List<HugepageLimit>& limits,
                     Diagnostics& diagnostics) {
  for (size_t i = 0; i < items(limits).size(); ++i) {
    const Path at = path / i;
    if (!is_page_size(items(limits)[i].page_size)) {
      diagnostics.add_new(at / "pageSize", "must be a number and KB, MB or GB (\"2MB\"), got " +
                                               in_quotes(items(limits)[i].page_size));
    }
  }
}

// Keys of `unified` are files of the container's cgroup: no way out of that directory.
void check_unified(const Path& path, const StringMap& unified, Diagnostics& diagnostics) {
  for (const auto& [key, value] : items(unified)) {
    if (key.empty() || key == "." || key == ".." || key.find('/') != std::string::npos) {
      diagnostics.add_new(path / key, "must be the name of a cgroup file, got " + in_quotes(key));
    }
  }
}

}  // namespace

void check_resources(const Path& path, const Resources& resources, Diagnostics& diagnostics) {
  const Path devices = path / "devices";
  for (size_t i = 0; i < items(resources.devices).size(); ++i) {
    check_device_rule(devices / i, items(resources.devices)[i], diagnostics);
  }
  if (resources.memory) check_memory(path / "memory", *resources.memory, diagnostics);
  if (resources.cpu) check_cpu(path / "cpu", *resources.cpu, diagnostics);
  if (resources.block_io) check_block_io(path / "blockIO", *resources.block_io, diagnostics);
  check_hugepages(path / "hugepageLimits", resources.hugepage_limits, diagnostics);
  if (resources.network) {
    const Path network = path / "network";
    const Path priorities = network / "priorities";
    for (size_t i = 0; i < items(resources.network->priorities).size(); ++i) {
      const Path at = priorities / i;
      check_interface_name(at / "name", items(resources.network->priorities)[i].name, diagnostics);
    }
  }
  for (const auto& [device, limit] : items(resources.rdma)) {
    if (device.empty()) diagnostics.add_new(path / "rdma", "must not have an empty key");
  }
  check_unified(path / "unified", resources.unified, diagnostics);
}

}  // namespace srt::oci
