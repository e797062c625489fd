// The property tables of `linux.resources`; see fields.h. `update --resources` reads them too.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "oci/spec.h"

namespace srt::oci {

// An object that may be const: read.h fills it, write.h prints it.
template <class T, class Object>
concept FieldsOf = std::same_as<std::remove_const_t<T>, Object>;

template <FieldsOf<DeviceCgroupRule> T, class Visit>
void visit_fields(T& rule, Visit&& visit) {
  visit("allow", rule.allow);
  visit("type", rule.type);
  visit("major", rule.major);
  visit("minor", rule.minor);
  visit("access", rule.access);
}

template <FieldsOf<MemoryResources> T, class Visit>
void visit_fields(T& memory, Visit&& visit) {
  visit("limit", memory.limit);
  visit("reservation", memory.reservation);
  visit("swap", memory.swap);
  visit("kernel", memory.kernel);
  visit("kernelTCP", memory.kernel_tcp);
  visit("swappiness", memory.swappiness);
  visit("disableOOMKiller", memory.disable_oom_killer);
  visit("useHierarchy", memory.use_hierarchy);
  visit("checkBeforeUpdate", memory.check_before_update);
}

template <FieldsOf<CpuResources> T, class Visit>
void visit_fields(T& cpu, Visit&& visit) {
  visit("shares", cpu.shares);
  visit("quota", cpu.quota);
  visit("burst", cpu.burst);
  visit("period", cpu.period);
  visit("realtimeRuntime", cpu.realtime_runtime);
  visit("realtimePeriod", cpu.realtime_period);
  visit("cpus", cpu.cpus);
  visit("mems", cpu.mems);
  visit("idle", cpu.idle);
}

template <FieldsOf<PidsResources> T, class Visit>
void visit_fields(T& pids, Visit&& visit) {
  visit("limit", pids.limit);
}

template <FieldsOf<WeightDevice> T, class Visit>
void visit_fields(T& device, Visit&& visit) {
  visit("major", device.major);
  visit("minor", device.minor);
  visit("weight", device.weight);
  visit("leafWeight", device.leaf_weight);
}

template <FieldsOf<ThrottleDevice> T, class Visit>
void visit_fields(T& device, Visit&& visit) {
  visit("major", device.major);
  visit("minor", device.minor);
  visit("rate", device.rate);
}

template <FieldsOf<BlockIoResources> T, class Visit>
void visit_fields(T& block, Visit&& visit) {
  visit("weight", block.weight);
  visit("leafWeight", block.leaf_weight);
  visit("weightDevice", block.weight_device);
  visit("throttleReadBpsDevice", block.throttle_read_bps_device);
  visit("throttleWriteBpsDevice", block.throttle_write_bps_device);
  visit("throttleReadIOPSDevice", block.throttle_read_iops_device);
  visit("throttleWriteIOPSDevice", block.throttle_write_iops_device);
}

template <FieldsOf<HugepageLimit> T, class Visit>
void visit_fields(T& limit, Visit&& visit) {
  visit("pageSize", limit.page_size);
  visit("limit", limit.limit);
}

template <FieldsOf<InterfacePriority> T, class Visit>
void visit_fields(T& priority, Visit&& visit) {
  visit("name", priority.name);
  visit("priority", priority.priority);
}

template <FieldsOf<NetworkResources> T, class Visit>
void visit_fields(T& network, Visit&& visit) {
  visit("classID", network.class_id);
  visit("priorities", network.priorities);
}

template <FieldsOf<RdmaLimit> T, class Visit>
void visit_fields(T& limit, Visit&& visit) {
  visit("hcaHandles", limit.hca_handles);
  visit("hcaObjects", limit.hca_objects);
}

template <FieldsOf<Resources> T, class Visit>
void visit_fields(T& resources, Visit&& visit) {
  visit("devices", resources.devices);
  visit("memory", resources.memory);
  visit("cpu", resources.cpu);
  visit("pids", resources.pids);
  visit("blockIO", resources.block_io);
  visit("hugepageLimits", resources.hugepage_limits);
  visit("network", resources.network);
  visit("rdma", resources.rdma);
  visit("unified", resources.unified);
}

}  // namespace srt::oci
