#include "platform/linux/cgroup_limits.h"

#include <cmath>
#include <string_view>

namespace srt::platform {
namespace {

constexpr char kRoot[] = "/linux/resources";

// Collects writes, and the first property that this version of cgroups has no word for.
class Limits {
 public:
  explicit Limits(bool v2) : v2_(v2) {}

  bool v2() const { return v2_; }
  std::vector<CgroupLimit> take() { return std::move(limits_); }

  // `file` names the controller by what stands before its first dot.
  void add(std::string file, std::string value, std::string_view property, bool unlimited = false,
           bool optional = false) {
    std::string controller = file.substr(0, file.find('.'));
    if (controller == "cgroup") controller.clear();
    limits_.push_back({std::move(controller),
                       std::move(file),
                       std::move(value),
                       std::string(kRoot) + "/" + std::string(property),
                       unlimited,
                       optional,
                       {},
                       {}});
  }
  // What is written instead of the last where the kernel has not that file.
  void or_else(std::string file, std::string value) {
    limits_.back().else_file = std::move(file);
    limits_.back().else_value = std::move(value);
  }

 private:
  bool v2_;
  std::vector<CgroupLimit> limits_;
};

tl::unexpected<Error> no_word(std::string_view property, std::string why) {
  return fail(std::string(kRoot) + "/" + std::string(property), std::move(why));
}

// Bytes; -1 is no limit.
std::string bytes(int64_t value, bool v2) {
  if (value < 0) return v2 ? "max" : "-1";
  return std::to_string(value);
}

// Memory plus swap → swap, for v2; "" for nothing to write.
Result<std::string> swap_alone(int64_t limit, int64_t swap) {
  if (swap < 0 || (limit < 0 && swap == 0)) return "max";
  if (swap == 0) return "";
  if (limit == 0) return no_word("memory/swap", "cannot be set without memory.limit");
  if (limit < 0) return std::to_string(swap);
  return std::to_string(swap - limit);
}

Result<void> add_swap(Limits& limits, int64_t limit, int64_t swap) {
  // As runc: no limit on memory is none on memory and swap either, which the kernel wants above it.
  if (limit < 0 && swap == 0) swap = -1;
  if (limit > 0 && swap > 0 && swap < limit) {
    return no_word("memory/swap", "counts memory and swap, so it must be at least memory.limit (" +
                                      std::to_string(limit) + "), got " + std::to_string(swap));
  }
  if (!limits.v2()) {
    // Optional where it lifts: without swap accounting (swapaccount=0) there is no such file.
    if (swap) {
      limits.add("memory.memsw.limit_in_bytes", bytes(swap, false), "memory/swap", swap < 0,
                 swap < 0);
    }
    return {};
  }
  SRT_ASSIGN(std::string value, swap_alone(limit, swap));
  if (value.empty()) return {};
  // A kernel without swap has no such file, and neither gives nor takes any.
  const bool without_effect = value == "max" || value == "0";
  limits.add("memory.swap.max", value, "memory/swap", value == "max", without_effect);
  return {};
}

Result<void> add_v1_memory(Limits& limits, const oci::MemoryResources& memory) {
  if (memory.use_hierarchy) {
    // Always so from Linux 5.11: 1 is accepted, 0 is not.
    limits.add("memory.use_hierarchy", *memory.use_hierarchy ? "1" : "0", "memory/useHierarchy",
               *memory.use_hierarchy, *memory.use_hierarchy);
  }
  if (int64_t kernel = memory.kernel.value_or(0); kernel > 0) {
    limits.add("memory.kmem.limit_in_bytes", bytes(kernel, false), "memory/kernel");
  }
  if (int64_t tcp = memory.kernel_tcp.value_or(0); tcp > 0) {
    limits.add("memory.kmem.tcp.limit_in_bytes", bytes(tcp, false), "memory/kernelTCP");
  }
  // Docker writes -1 for "not set", which is the largest uint64 here.
  if (memory.swappiness && *memory.swappiness != UINT64_MAX) {
    if (*memory.swappiness > 100) {
      return no_word("memory/swappiness",
                     "must be 0 to 100, got " + std::to_string(*memory.swappiness));
    }
    limits.add("memory.swappiness", std::to_string(*memory.swappiness), "memory/swappiness");
  }
  if (memory.disable_oom_killer.value_or(false)) {
    limits.add("memory.oom_control", "1", "memory/disableOOMKiller");
  }
  return {};
}

Result<void> check_v2_memory(const oci::MemoryResources& memory) {
  if (!memory.use_hierarchy.value_or(true)) {
    return no_word("memory/useHierarchy", "cgroup v2 always accounts hierarchically");
  }
  if (memory.kernel.value_or(0) > 0) {
    return no_word("memory/kernel", "cgroup v2 has no limit of its own for kernel memory");
  }
  if (memory.kernel_tcp.value_or(0) > 0) {
    return no_word("memory/kernelTCP", "cgroup v2 has no limit of its own for TCP buffers");
  }
  if (memory.swappiness && *memory.swappiness != UINT64_MAX) {
    return no_word("memory/swappiness", "cgroup v2 has no swappiness per cgroup");
  }
  if (memory.disable_oom_killer.value_or(false)) {
    return no_word("memory/disableOOMKiller", "cgroup v2 cannot switch the OOM killer off");
  }
  return {};
}

// checkBeforeUpdate says nothing here: a new cgroup uses no memory that a limit could be below.
Result<void> add_memory(Limits& limits, const oci::MemoryResources& memory) {
  const int64_t limit = memory.limit.value_or(0);
  const bool v2 = limits.v2();
  // use_hierarchy comes first: it cannot be changed once there are children.
  SRT_TRY(v2 ? check_v2_memory(memory) : add_v1_memory(limits, memory));
  // The limit before memory plus swap, which must not be below it.
  if (limit) {
    limits.add(v2 ? "memory.max" : "memory.limit_in_bytes", bytes(limit, v2), "memory/limit",
               limit < 0);
  }
  SRT_TRY(add_swap(limits, limit, memory.swap.value_or(0)));
  if (int64_t low = memory.reservation.value_or(0)) {
    limits.add(v2 ? "memory.low" : "memory.soft_limit_in_bytes", bytes(low, v2),
               "memory/reservation", low < 0);
  }
  return {};
}

Result<void> add_realtime(Limits& limits, const oci::CpuResources& cpu) {
  const uint64_t period = cpu.realtime_period.value_or(0);
  const int64_t runtime = cpu.realtime_runtime.value_or(0);
  if (limits.v2() && (period || runtime)) {
    return no_word(period ? "cpu/realtimePeriod" : "cpu/realtimeRuntime",
                   "cgroup v2 has no realtime limits");
  }
  if (period) limits.add("cpu.rt_period_us", std::to_string(period), "cpu/realtimePeriod");
  if (runtime) limits.add("cpu.rt_runtime_us", std::to_string(runtime), "cpu/realtimeRuntime");
  return {};
}

void add_bandwidth(Limits& limits, const oci::CpuResources& cpu) {
  const uint64_t period = cpu.period.value_or(0);
  const int64_t quota = cpu.quota.value_or(0);
  if (limits.v2()) {
    if (period || quota) {
      const std::string value = (quota > 0 ? std::to_string(quota) : "max") + " " +
                                std::to_string(period ? period : 100000);  // the kernel's default
      limits.add("cpu.max", value, quota ? "cpu/quota" : "cpu/period", quota <= 0);
    }
  } else {
    if (period) limits.add("cpu.cfs_period_us", std::to_string(period), "cpu/period", quota <= 0);
    if (quota) {
      limits.add("cpu.cfs_quota_us", quota < 0 ? "-1" : std::to_string(quota), "cpu/quota",
                 quota < 0);
    }
  }
  // Behind the quota, above which it must not be.
  if (cpu.burst) {
    limits.add(limits.v2() ? "cpu.max.burst" : "cpu.cfs_burst_us", std::to_string(*cpu.burst),
               "cpu/burst", *cpu.burst == 0, *cpu.burst == 0);
  }
}

Result<void> add_cpu(Limits& limits, const oci::CpuResources& cpu) {
  if (uint64_t shares = cpu.shares.value_or(0)) {
    const bool v2 = limits.v2();
    limits.add(v2 ? "cpu.weight" : "cpu.shares", std::to_string(v2 ? cpu_weight(shares) : shares),
               "cpu/shares", shares == 1024);
  }
  add_bandwidth(limits, cpu);
  SRT_TRY(add_realtime(limits, cpu));
  // Behind the weight: that of an idle cgroup cannot be written.
  if (cpu.idle) {
    limits.add("cpu.idle", std::to_string(*cpu.idle), "cpu/idle", *cpu.idle == 0, *cpu.idle == 0);
  }
  // The same file names on both versions.
  if (!cpu.cpus.value_or("").empty()) limits.add("cpuset.cpus", *cpu.cpus, "cpu/cpus");
  if (!cpu.mems.value_or("").empty()) limits.add("cpuset.mems", *cpu.mems, "cpu/mems");
  return {};
}

void add_pids(Limits& limits, const oci::PidsResources& pids) {
  // config-linux.md "PIDs": 0 is a limit. As runc, which leaves room for the program itself.
  const bool unlimited = pids.limit < 0;
  const int64_t limit = std::max<int64_t>(pids.limit, 1);
  limits.add("pids.max", unlimited ? "max" : std::to_string(limit), "pids/limit", unlimited);
}

std::string escape_pointer(const std::string& key) {  // RFC 6901
  std::string escaped;
  for (char c : key) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return escaped;
}

Result<void> add_unified(Limits& limits, const std::map<std::string, std::string>& unified) {
  for (const auto& [file, value] : unified) {
    const std::string property = "unified/" + escape_pointer(file);
    if (!limits.v2()) {
      return no_word(property, "this host has its controllers in cgroup v1, unified is for v2");
    }
    if (file.find('/') != std::string::npos || file.find('.') == std::string::npos ||
        file[0] == '.') {
      return no_word(property, "must be a file name CONTROLLER.PARAMETER");
    }
    // These act on processes, not on what they may use.
    for (std::string_view act :
         {"cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze"}) {
      if (file == act) return no_word(property, "is not a resource");
    }
    // One record a write is what files like io.max take.
    for (size_t begin = 0; begin < value.size();) {
      const size_t end = std::min(value.find('\n', begin), value.size());
      limits.add(file, value.substr(begin, end - begin), property);
      begin = end + 1;
    }
  }
  return {};
}

std::string device_name(int64_t major, int64_t minor) {
  return std::to_string(major) + ":" + std::to_string(minor);
}

// 10…1000 to the 1…10000 of io.weight, as runc does.
uint64_t io_weight(uint64_t weight) { return 1 + (weight - 10) * 9999 / 990; }

// Weights are those of the BFQ scheduler; where a kernel has them not, v1's CFQ (up to Linux 4.20)
// or v2's io.cost may. `device`: "8:0 ", or nothing for all.
void add_io_weight(Limits& limits, uint16_t weight, const std::string& device,
                   const std::string& property) {
  const std::string value = device + std::to_string(weight);
  if (limits.v2()) {
    limits.add("io.bfq.weight", value, property);
    limits.or_else("io.weight", device + std::to_string(io_weight(weight)));
  } else {
    const std::string suffix = device.empty() ? "" : "_device";
    limits.add("blkio.bfq.weight" + suffix, value, property);
    limits.or_else("blkio.weight" + suffix, value);
  }
}

Result<void> add_leaf_weight(Limits& limits, uint16_t weight, const std::string& device,
                             const std::string& property) {
  if (limits.v2()) return no_word(property, "cgroup v2 has no weight for a cgroup's own processes");
  limits.add(device.empty() ? "blkio.leaf_weight" : "blkio.leaf_weight_device",
             device + std::to_string(weight), property);
  return {};
}

struct Throttle {
  oci::List<oci::ThrottleDevice> oci::BlockIoResources::*devices;
  std::string_view property, v1_file, v2_key;
};
constexpr Throttle kThrottles[] = {
    {&oci::BlockIoResources::throttle_read_bps_device, "throttleReadBpsDevice", "read_bps", "rbps"},
    {&oci::BlockIoResources::throttle_write_bps_device, "throttleWriteBpsDevice", "write_bps",
     "wbps"},
    {&oci::BlockIoResources::throttle_read_iops_device, "throttleReadIOPSDevice", "read_iops",
     "riops"},
    {&oci::BlockIoResources::throttle_write_iops_device, "throttleWriteIOPSDevice", "write_iops",
     "wiops"},
};

void add_throttle(Limits& limits, const Throttle& throttle, const oci::ThrottleDevice& device,
                  const std::string& property) {
  const std::string name = device_name(device.major, device.minor) + " ";
  const uint64_t rate = device.rate.value_or(0);  // 0: none, which v2 calls "max"
  if (limits.v2()) {
    limits.add("io.max",
               name + std::string(throttle.v2_key) + "=" + (rate ? std::to_string(rate) : "max"),
               property);
  } else {
    limits.add("blkio.throttle." + std::string(throttle.v1_file) + "_device",
               name + std::to_string(rate), property);
  }
}

Result<void> add_block_io(Limits& limits, const oci::BlockIoResources& io) {
  if (io.weight.value_or(0)) add_io_weight(limits, *io.weight, "", "blockIO/weight");
  if (io.leaf_weight.value_or(0)) {
    SRT_TRY(add_leaf_weight(limits, *io.leaf_weight, "", "blockIO/leafWeight"));
  }
  size_t i = 0;
  for (const oci::WeightDevice& device : oci::items(io.weight_device)) {
    const std::string property = "blockIO/weightDevice/" + std::to_string(i++);
    const std::string name = device_name(device.major, device.minor) + " ";
    if (device.weight) add_io_weight(limits, *device.weight, name, property + "/weight");
    if (device.leaf_weight) {
      SRT_TRY(add_leaf_weight(limits, *device.leaf_weight, name, property + "/leafWeight"));
    }
  }
  for (const Throttle& throttle : kThrottles) {
    i = 0;
    for (const oci::ThrottleDevice& device : oci::items(io.*throttle.devices)) {
      add_throttle(limits, throttle, device,
                   "blockIO/" + std::string(throttle.property) + "/" + std::to_string(i++));
    }
  }
  return {};
}

void add_hugepages(Limits& limits, const oci::List<oci::HugepageLimit>& pages, bool v2) {
  size_t i = 0;
  for (const oci::HugepageLimit& page : oci::items(pages)) {
    const std::string property = "hugepageLimits/" + std::to_string(i++);
    const std::string size = "hugetlb." + page.page_size;
    const std::string file = v2 ? ".max" : ".limit_in_bytes";
    limits.add(size + file, std::to_string(page.limit), property);
    // What is reserved and not yet used (Linux 5.7): else mmap() succeeds and the access is SIGBUS.
    limits.add(size + ".rsvd" + file, std::to_string(page.limit), property, false, true);
  }
}

Result<void> add_network(Limits& limits, const oci::NetworkResources& network) {
  const bool any = network.class_id.value_or(0) || !oci::items(network.priorities).empty();
  if (limits.v2() && any) {
    return no_word(network.class_id.value_or(0) ? "network/classID" : "network/priorities",
                   "cgroup v2 marks no packets: a filter on the cgroup's path does");
  }
  if (network.class_id.value_or(0)) {
    limits.add("net_cls.classid", std::to_string(*network.class_id), "network/classID");
  }
  size_t i = 0;
  for (const oci::InterfacePriority& one : oci::items(network.priorities)) {
    limits.add("net_prio.ifpriomap", one.name + " " + std::to_string(one.priority),
               "network/priorities/" + std::to_string(i++));
  }
  return {};
}

// The same file on both versions.
void add_rdma(Limits& limits, const std::map<std::string, oci::RdmaLimit>& rdma) {
  for (const auto& [device, limit] : rdma) {
    std::string value = device;
    if (limit.hca_handles) value += " hca_handle=" + std::to_string(*limit.hca_handles);
    if (limit.hca_objects) value += " hca_object=" + std::to_string(*limit.hca_objects);
    if (value != device) limits.add("rdma.max", value, "rdma/" + escape_pointer(device));
  }
}

}  // namespace

uint64_t cpu_weight(uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const double l = std::log2(static_cast<double>(shares));
  return static_cast<uint64_t>(std::ceil(std::pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0)));
}

CgroupWrite cgroup_write(const CgroupLimit& limit, const std::string& directory) {
  return {directory + "/" + limit.file,
          limit.value,
          limit.pointer,
          limit.optional,
          limit.else_file.empty() ? "" : directory + "/" + limit.else_file,
          limit.else_value};
}

Result<std::vector<CgroupLimit>> cgroup_limits(const oci::Resources& resources,
                                               CgroupVersions versions) {
  Limits limits(versions.v2);
  if (resources.memory) SRT_TRY(add_memory(limits, *resources.memory));
  if (resources.cpu) SRT_TRY(add_cpu(limits, *resources.cpu));
  if (resources.pids) add_pids(limits, *resources.pids);
  if (resources.block_io) SRT_TRY(add_block_io(limits, *resources.block_io));
  add_hugepages(limits, resources.hugepage_limits, versions.hugetlb_v2);
  if (resources.network) SRT_TRY(add_network(limits, *resources.network));
  if (resources.rdma) add_rdma(limits, *resources.rdma);
  if (resources.unified) SRT_TRY(add_unified(limits, *resources.unified));
  return limits.take();
}

}  // namespace srt::platform
