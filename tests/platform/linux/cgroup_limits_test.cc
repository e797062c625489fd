#include "platform/linux/cgroup_limits.h"

#include <catch2/catch.hpp>

namespace srt::platform {
namespace {

std::vector<std::string> lines_of(const oci::Resources& resources, bool v2) {
  auto limits = cgroup_limits(resources, {.v2 = v2});
  INFO((limits ? "" : to_string(limits.error())));
  REQUIRE(limits);
  std::vector<std::string> lines;
  for (const CgroupLimit& limit : *limits) {
    lines.push_back(limit.file + " = " + limit.value + (limit.unlimited ? " (unlimited)" : ""));
    if (!limit.else_file.empty()) {
      lines.push_back("else " + limit.else_file + " = " + limit.else_value);
    }
  }
  return lines;
}

std::string error_of(const oci::Resources& resources, bool v2) {
  auto limits = cgroup_limits(resources, {.v2 = v2});
  REQUIRE(!limits);
  return limits.error().object;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("memory, on both versions") {
  oci::Resources resources;
  resources.memory =
      oci::MemoryResources{.limit = 1000, .reservation = 500, .swap = 3000, .swappiness = 60};
  CHECK(lines_of(resources, false) ==
        Lines{"memory.swappiness = 60", "memory.limit_in_bytes = 1000",
              "memory.memsw.limit_in_bytes = 3000", "memory.soft_limit_in_bytes = 500"});
  resources.memory->swappiness.reset();
  CHECK(lines_of(resources, true) ==
        Lines{"memory.max = 1000", "memory.swap.max = 2000", "memory.low = 500"});
}

TEST_CASE("memory plus swap becomes swap alone") {
  auto v2 = [](std::optional<int64_t> limit, std::optional<int64_t> swap) {
    oci::Resources resources;
    resources.memory = oci::MemoryResources{.limit = limit, .swap = swap};
    Lines lines = lines_of(resources, true);
    return lines.empty() ? "" : lines.back();
  };
  CHECK(v2(1000, 1000) == "memory.swap.max = 0");
  CHECK(v2(1000, -1) == "memory.swap.max = max (unlimited)");
  CHECK(v2(1000, 0) == "memory.max = 1000");
  CHECK(v2(-1, 0) == "memory.swap.max = max (unlimited)");
  CHECK(v2(-1, 700) == "memory.swap.max = 700");
  CHECK(v2({}, {}) == "");
  oci::Resources resources;
  resources.memory = oci::MemoryResources{.limit = 1000, .swap = 999};
  CHECK(error_of(resources, true) == "/linux/resources/memory/swap");
  CHECK(error_of(resources, false) == "/linux/resources/memory/swap");
  resources.memory = oci::MemoryResources{.swap = 999};
  CHECK(error_of(resources, true) == "/linux/resources/memory/swap");
}

TEST_CASE("what v2 has no word for is refused, what means nothing is not") {
  oci::Resources resources;
  auto with = [&](oci::MemoryResources memory) {
    resources.memory = memory;
    return error_of(resources, true);
  };
  CHECK(with({.kernel = 1}) == "/linux/resources/memory/kernel");
  CHECK(with({.kernel_tcp = 1}) == "/linux/resources/memory/kernelTCP");
  CHECK(with({.swappiness = 0}) == "/linux/resources/memory/swappiness");
  CHECK(with({.disable_oom_killer = true}) == "/linux/resources/memory/disableOOMKiller");
  CHECK(with({.use_hierarchy = false}) == "/linux/resources/memory/useHierarchy");
  resources.memory = oci::MemoryResources{.kernel = 0,
                                          .kernel_tcp = -1,
                                          .swappiness = UINT64_MAX,
                                          .disable_oom_killer = false,
                                          .use_hierarchy = true,
                                          .check_before_update = true};
  CHECK(lines_of(resources, true).empty());
}

TEST_CASE("processors, on both versions") {
  oci::Resources resources;
  resources.cpu = oci::CpuResources{.shares = 2048,
                                    .quota = 50000,
                                    .burst = 1000,
                                    .period = 100000,
                                    .cpus = "0-1",
                                    .mems = "0",
                                    .idle = 1};
  CHECK(lines_of(resources, false) ==
        Lines{"cpu.shares = 2048", "cpu.cfs_period_us = 100000", "cpu.cfs_quota_us = 50000",
              "cpu.cfs_burst_us = 1000", "cpu.idle = 1", "cpuset.cpus = 0-1", "cpuset.mems = 0"});
  CHECK(lines_of(resources, true) == Lines{"cpu.weight = 174", "cpu.max = 50000 100000",
                                           "cpu.max.burst = 1000", "cpu.idle = 1",
                                           "cpuset.cpus = 0-1", "cpuset.mems = 0"});
  resources.cpu = oci::CpuResources{.quota = 50000};
  CHECK(lines_of(resources, true) == Lines{"cpu.max = 50000 100000"});
  resources.cpu = oci::CpuResources{.quota = -1, .period = 20000};
  CHECK(lines_of(resources, true) == Lines{"cpu.max = max 20000 (unlimited)"});
  resources.cpu = oci::CpuResources{.realtime_runtime = 9000, .realtime_period = 10000};
  CHECK(lines_of(resources, false) ==
        Lines{"cpu.rt_period_us = 10000", "cpu.rt_runtime_us = 9000"});
  CHECK(error_of(resources, true) == "/linux/resources/cpu/realtimePeriod");
}

TEST_CASE("zeros and empty lists that engines write mean nothing") {
  oci::Resources resources;
  resources.cpu = oci::CpuResources{.shares = 0,
                                    .quota = 0,
                                    .period = 0,
                                    .realtime_runtime = 0,
                                    .realtime_period = 0,
                                    .cpus = "",
                                    .mems = ""};
  resources.memory = oci::MemoryResources{.limit = 0, .reservation = 0, .swap = 0};
  resources.block_io = oci::BlockIoResources{.weight = 0, .throttle_read_bps_device = {{}}};
  resources.block_io->throttle_read_bps_device->clear();
  resources.hugepage_limits.emplace();
  resources.network = oci::NetworkResources{.class_id = 0};
  resources.rdma.emplace();
  resources.unified.emplace();
  CHECK(lines_of(resources, false).empty());
  CHECK(lines_of(resources, true).empty());
}

TEST_CASE("weights of disk access, on both versions") {
  oci::Resources resources;
  resources.block_io = oci::BlockIoResources{
      .weight = 10, .weight_device = {{{.major = 8, .minor = 16, .weight = 1000}}}};
  CHECK(lines_of(resources, false) == Lines{"blkio.bfq.weight = 10", "else blkio.weight = 10",
                                            "blkio.bfq.weight_device = 8:16 1000",
                                            "else blkio.weight_device = 8:16 1000"});
  CHECK(lines_of(resources, true) == Lines{"io.bfq.weight = 10", "else io.weight = 1",
                                           "io.bfq.weight = 8:16 1000",
                                           "else io.weight = 8:16 10000"});
  resources.block_io = oci::BlockIoResources{
      .leaf_weight = 20, .weight_device = {{{.major = 8, .minor = 0, .leaf_weight = 30}}}};
  CHECK(lines_of(resources, false) ==
        Lines{"blkio.leaf_weight = 20", "blkio.leaf_weight_device = 8:0 30"});
  CHECK(error_of(resources, true) == "/linux/resources/blockIO/leafWeight");
  resources.block_io->leaf_weight.reset();
  CHECK(error_of(resources, true) == "/linux/resources/blockIO/weightDevice/0/leafWeight");
}

TEST_CASE("rates of disk access, on both versions") {
  oci::Resources resources;
  resources.block_io =
      oci::BlockIoResources{.throttle_read_bps_device = {{{.major = 8, .minor = 0, .rate = 1000}}},
                            .throttle_write_bps_device = {{{.major = 8, .minor = 0, .rate = 0}}},
                            .throttle_read_iops_device = {{{.major = 8, .minor = 1, .rate = 30}}},
                            .throttle_write_iops_device = {{{.major = 8, .minor = 2, .rate = 40}}}};
  CHECK(lines_of(resources, false) == Lines{"blkio.throttle.read_bps_device = 8:0 1000",
                                            "blkio.throttle.write_bps_device = 8:0 0",
                                            "blkio.throttle.read_iops_device = 8:1 30",
                                            "blkio.throttle.write_iops_device = 8:2 40"});
  CHECK(lines_of(resources, true) == Lines{"io.max = 8:0 rbps=1000", "io.max = 8:0 wbps=max",
                                           "io.max = 8:1 riops=30", "io.max = 8:2 wiops=40"});
}

TEST_CASE("huge pages are limited in use and in reserve, in v2 where v1 has them not") {
  oci::Resources resources;
  resources.hugepage_limits = {{{.page_size = "2MB", .limit = 4194304}}};
  CHECK(lines_of(resources, false) ==
        Lines{"hugetlb.2MB.limit_in_bytes = 4194304", "hugetlb.2MB.rsvd.limit_in_bytes = 4194304"});
  const Lines v2{"hugetlb.2MB.max = 4194304", "hugetlb.2MB.rsvd.max = 4194304"};
  CHECK(lines_of(resources, true) == v2);
  auto mixed = cgroup_limits(resources, {.v2 = false, .hugetlb_v2 = true});
  REQUIRE(mixed);
  CHECK(mixed->front().file == "hugetlb.2MB.max");
}

TEST_CASE("a mark for packets is for v1 only") {
  oci::Resources resources;
  resources.network =
      oci::NetworkResources{.class_id = 7, .priorities = {{{.name = "lo", .priority = 3}}}};
  CHECK(lines_of(resources, false) == Lines{"net_cls.classid = 7", "net_prio.ifpriomap = lo 3"});
  CHECK(error_of(resources, true) == "/linux/resources/network/classID");
  resources.network->class_id.reset();
  CHECK(error_of(resources, true) == "/linux/resources/network/priorities");
}

TEST_CASE("rdma says of each device what is given, under the same name on both versions") {
  oci::Resources resources;
  resources.rdma.emplace();
  (*resources.rdma)["hfi1"] = {};
  (*resources.rdma)["mlx5_1"] = {.hca_handles = 3, .hca_objects = 10000};
  (*resources.rdma)["mlx4_0"] = {.hca_objects = 5};
  const Lines lines{"rdma.max = mlx4_0 hca_object=5",
                    "rdma.max = mlx5_1 hca_handle=3 hca_object=10000"};
  CHECK(lines_of(resources, false) == lines);
  CHECK(lines_of(resources, true) == lines);
}

TEST_CASE("memory without a limit is swap without one") {
  oci::Resources resources;
  resources.memory = oci::MemoryResources{.limit = -1};
  CHECK(lines_of(resources, false) == Lines{"memory.limit_in_bytes = -1 (unlimited)",
                                            "memory.memsw.limit_in_bytes = -1 (unlimited)"});
  CHECK(lines_of(resources, true) ==
        Lines{"memory.max = max (unlimited)", "memory.swap.max = max (unlimited)"});
}

TEST_CASE("shares and weights meet at their bounds and defaults") {
  CHECK(cpu_weight(2) == 1);
  CHECK(cpu_weight(1024) == 100);
  CHECK(cpu_weight(262144) == 10000);
  uint64_t before = 0;
  for (uint64_t shares = 2; shares <= 262144; shares *= 2) {
    CHECK(cpu_weight(shares) > before);
    before = cpu_weight(shares);
  }
}

TEST_CASE("a limit of zero processes leaves the program alone, a negative one is none") {
  oci::Resources resources;
  resources.pids = oci::PidsResources{.limit = 2048};
  CHECK(lines_of(resources, false) == Lines{"pids.max = 2048"});
  resources.pids = oci::PidsResources{.limit = 0};
  CHECK(lines_of(resources, true) == Lines{"pids.max = 1"});
  resources.pids = oci::PidsResources{.limit = -1};
  CHECK(lines_of(resources, true) == Lines{"pids.max = max (unlimited)"});
}

TEST_CASE("unified is written as given, line by line, on v2 only") {
  oci::Resources resources;
  resources.unified = std::map<std::string, std::string>{{"io.max", "8:0 rbps=1\n8:16 wbps=2"},
                                                         {"memory.high", "1000"}};
  CHECK(lines_of(resources, true) ==
        Lines{"io.max = 8:0 rbps=1", "io.max = 8:16 wbps=2", "memory.high = 1000"});
  CHECK(error_of(resources, false) == "/linux/resources/unified/io.max");
  for (const char* bad : {"../x.y", "a/b.c", "nodot", "cgroup.procs", "cgroup.kill",
                          "cgroup.freeze", "cgroup.threads", ".hidden"}) {
    resources.unified = std::map<std::string, std::string>{{bad, "1"}};
    INFO(bad);
    CHECK(error_of(resources, true).find("/linux/resources/unified/") == 0);
  }
  resources.unified = std::map<std::string, std::string>{{"a/b.c", "1"}};
  CHECK(error_of(resources, true) == "/linux/resources/unified/a~1b.c");
}

}  // namespace srt::platform
