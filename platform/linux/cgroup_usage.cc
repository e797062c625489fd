// What a container uses, counted by its control groups, in the shape that runc prints.
#include <dirent.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

#include "platform/linux/cgroup.h"
#include "platform/platform.h"

namespace srt::platform {
namespace {

using Json = nlohmann::ordered_json;

// "max" is no limit: the largest number, as runc has it.
std::optional<uint64_t> parse_number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (text == "max") return UINT64_MAX;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

// The cgroup of one controller: its files, as far as they are there.
class Counters {
 public:
  explicit Counters(std::string directory) : directory_(std::move(directory)) {}

  std::string text(const std::string& file) const {
    if (directory_.empty()) return "";
    return read_file(directory_ + "/" + file).value_or("");
  }
  std::optional<uint64_t> number(const std::string& file) const { return parse_number(text(file)); }
  uint64_t count(const std::string& file) const { return number(file).value_or(0); }

  // "nr_periods 3" a line.
  std::map<std::string, uint64_t> table(const std::string& file) const {
    std::map<std::string, uint64_t> counts;
    std::istringstream lines(text(file));
    std::string key;
    for (uint64_t value; lines >> key >> value;) counts[key] = value;
    return counts;
  }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

uint64_t of(const std::map<std::string, uint64_t>& counts, const std::string& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

Json throttling(uint64_t periods, uint64_t throttled, uint64_t time) {
  return {{"periods", periods}, {"throttledPeriods", throttled}, {"throttledTime", time}};
}

Json v2_processors(const Counters& cpu) {
  const auto counts = cpu.table("cpu.stat");
  return {{"usage",
           {{"total", of(counts, "usage_usec") * 1000},
            {"kernel", of(counts, "system_usec") * 1000},
            {"user", of(counts, "user_usec") * 1000}}},
          {"throttling", throttling(of(counts, "nr_periods"), of(counts, "nr_throttled"),
                                    of(counts, "throttled_usec") * 1000)}};
}

Json v1_processors(const Counters& cpu, const Counters& account) {
  const auto ticks = account.table("cpuacct.stat");
  const uint64_t tick = 1000000000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  Json each = Json::array(), kernel = Json::array(), user = Json::array();
  std::istringstream usage(account.text("cpuacct.usage_percpu"));
  for (uint64_t value; usage >> value;) each.push_back(value);
  std::istringstream all(account.text("cpuacct.usage_all"));
  std::string header;
  std::getline(all, header);  // "cpu user system"
  for (uint64_t number, in_user, in_kernel; all >> number >> in_user >> in_kernel;) {
    user.push_back(in_user);
    kernel.push_back(in_kernel);
  }
  const auto counts = cpu.table("cpu.stat");
  return {{"usage",
           {{"total", account.count("cpuacct.usage")},
            {"percpu", each},
            {"percpu_kernel", kernel},
            {"percpu_user", user},
            {"kernel", of(ticks, "system") * tick},
            {"user", of(ticks, "user") * tick}}},
          {"throttling", throttling(of(counts, "nr_periods"), of(counts, "nr_throttled"),
                                    of(counts, "throttled_time"))}};
}

// "0-2,5" → [0,1,2,5]. From the kernel, so in order and without surprises.
Json numbers_of(const std::string& text) {
  Json list = Json::array();
  std::istringstream ranges(text);
  for (std::string range; std::getline(ranges, range, ',');) {
    const size_t dash = range.find('-');
    const auto first = parse_number(std::string_view(range).substr(0, dash));
    const auto last =
        dash == std::string::npos ? first : parse_number(std::string_view(range).substr(dash + 1));
    if (!first || !last || *last > 65535) continue;
    for (uint64_t number = *first; number <= *last; ++number) list.push_back(number);
  }
  return list;
}

Json cpuset(const Counters& set) {
  Json json = {{"cpus", numbers_of(set.text("cpuset.cpus"))},
               {"mems", numbers_of(set.text("cpuset.mems"))}};
  for (const char* name :
       {"cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
        "memory_spread_slab", "memory_pressure", "sched_load_balance"}) {
    json[name] = set.count(std::string("cpuset.") + name);
  }
  const std::string level = set.text("cpuset.sched_relax_domain_level");
  json["sched_relax_domain_level"] = std::strtol(level.c_str(), nullptr, 10);
  return json;
}

Json v1_memory_of(const Counters& memory, const std::string& kind) {
  return {{"limit", memory.count("memory." + kind + "limit_in_bytes")},
          {"usage", memory.count("memory." + kind + "usage_in_bytes")},
          {"max", memory.count("memory." + kind + "max_usage_in_bytes")},
          {"failcnt", memory.count("memory." + kind + "failcnt")}};
}

Json v1_memory(const Counters& memory) {
  const auto raw = memory.table("memory.stat");
  return {{"cache", of(raw, "cache")},
          {"usage", v1_memory_of(memory, "")},
          {"swap", v1_memory_of(memory, "memsw.")},
          {"kernel", v1_memory_of(memory, "kmem.")},
          {"kernelTCP", v1_memory_of(memory, "kmem.tcp.")},
          {"raw", raw}};
}

// Under "swap" v1 counts memory and swap together, and so do its readers.
Json v2_memory(const Counters& memory) {
  const auto raw = memory.table("memory.stat");
  const uint64_t used = memory.count("memory.current");
  const uint64_t limit = memory.number("memory.max").value_or(UINT64_MAX);
  const uint64_t swap = memory.number("memory.swap.max").value_or(UINT64_MAX);
  const bool bounded = limit != UINT64_MAX && swap != UINT64_MAX;
  return {{"cache", of(raw, "file")},
          {"usage",
           {{"limit", limit},
            {"usage", used},
            {"max", memory.count("memory.peak")},
            {"failcnt", of(memory.table("memory.events"), "max")}}},
          {"swap",
           {{"limit", bounded ? limit + swap : UINT64_MAX},
            {"usage", used + memory.count("memory.swap.current")},
            {"failcnt", 0}}},
          {"raw", raw}};
}

Json disk_entry(const std::string& device, const std::string& operation, uint64_t value) {
  const size_t colon = device.find(':');
  return {{"major", parse_number(std::string_view(device).substr(0, colon)).value_or(0)},
          {"minor", parse_number(std::string_view(device).substr(colon + 1)).value_or(0)},
          {"op", operation},
          {"value", value}};
}

// "254:0 Read 4096" a line, and a total without a device. BFQ counts only the disks it schedules.
Json v1_disks(const Counters& blkio, const std::string& what) {
  Json list = Json::array();
  for (const char* policy : {"bfq", "throttle"}) {
    std::istringstream lines(
        blkio.text("blkio." + std::string(policy) + "." + what + "_recursive"));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string device, operation;
      uint64_t value = 0;
      if (!(words >> device >> operation >> value)) continue;
      list.push_back(disk_entry(device, operation, value));
    }
    if (!list.empty()) break;
  }
  return list;
}

// "254:0 rbytes=4096 wbytes=0 rios=1 wios=0 …" a line.
Json v2_disks(const Counters& io) {
  Json bytes = Json::array(), requests = Json::array();
  std::istringstream lines(io.text("io.stat"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string device, word;
    words >> device;
    while (words >> word) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos) continue;
      const std::string key = word.substr(0, equals);
      const uint64_t value = parse_number(word.substr(equals + 1)).value_or(0);
      if (key == "rbytes") bytes.push_back(disk_entry(device, "Read", value));
      if (key == "wbytes") bytes.push_back(disk_entry(device, "Write", value));
      if (key == "rios") requests.push_back(disk_entry(device, "Read", value));
      if (key == "wios") requests.push_back(disk_entry(device, "Write", value));
    }
  }
  return {{"ioServiceBytesRecursive", bytes}, {"ioServicedRecursive", requests}};
}

Json hugepages(const Counters& hugetlb, bool v2) {
  Json json = Json::object();
  if (hugetlb.directory().empty()) return json;
  const std::string last = v2 ? ".current" : ".usage_in_bytes";
  std::unique_ptr<DIR, int (*)(DIR*)> files(opendir(hugetlb.directory().c_str()), closedir);
  while (const dirent* entry = files ? readdir(files.get()) : nullptr) {
    const std::string file = entry->d_name;
    if (!file.starts_with("hugetlb.") || !file.ends_with(last)) continue;
    const std::string size = file.substr(8, file.size() - 8 - last.size());
    if (size.find('.') != std::string::npos) continue;  // "2MB.rsvd"
    const std::string whole = "hugetlb." + size;
    json[size] = {{"usage", hugetlb.count(file)},
                  {"max", hugetlb.count(whole + ".max_usage_in_bytes")},
                  {"failcnt", v2 ? of(hugetlb.table(whole + ".events"), "max")
                                 : hugetlb.count(whole + ".failcnt")}};
  }
  return json;
}

Json pids(const Counters& pids) {
  const uint64_t limit = pids.count("pids.max");
  return {{"current", pids.count("pids.current")}, {"limit", limit == UINT64_MAX ? 0 : limit}};
}

Result<CgroupVersions> versions_for(const Handle& handle) {
  if (handle.cgroups.empty()) {
    return fail("", "the container has no control group, so nothing counts what it uses",
                "run it as root, or delegate a cgroup (docs/rootless.md)");
  }
  SRT_ASSIGN(const CgroupHost host, read_cgroup_host());
  return cgroup_versions(host);
}

}  // namespace

Result<std::string> usage(const Handle& handle) {
  SRT_ASSIGN(const CgroupVersions versions, versions_for(handle));
  auto counters = [&](const char* controller) {
    return Counters(cgroup_directory(handle.cgroups, controller, versions));
  };
  const bool v2 = versions.v2;
  const Counters memory = counters("memory");
  const Counters blkio = counters("blkio");
  Json json;
  json["cpu"] =
      v2 ? v2_processors(counters("cpu")) : v1_processors(counters("cpu"), counters("cpuacct"));
  json["cpuset"] = cpuset(counters("cpuset"));
  json["memory"] = v2 ? v2_memory(memory) : v1_memory(memory);
  json["pids"] = pids(counters("pids"));
  json["blkio"] = v2 ? v2_disks(counters("io"))
                     : Json{{"ioServiceBytesRecursive", v1_disks(blkio, "io_service_bytes")},
                            {"ioServicedRecursive", v1_disks(blkio, "io_serviced")}};
  json["hugetlb"] = hugepages(counters("hugetlb"), versions.hugetlb_v2);
  json["intel_rdt"] = Json::object();
  json["network_interfaces"] = nullptr;
  return json.dump();
}

Result<uint64_t> oom_kills(const Handle& handle) {
  SRT_ASSIGN(const CgroupVersions versions, versions_for(handle));
  const Counters memory(cgroup_directory(handle.cgroups, "memory", versions));
  return of(memory.table(versions.v2 ? "memory.events" : "memory.oom_control"), "oom_kill");
}

Result<UniqueFd> watch_memory(const Handle& handle) {
  SRT_ASSIGN(const CgroupVersions versions, versions_for(handle));
  const std::string memory = cgroup_directory(handle.cgroups, "memory", versions);
  if (memory.empty()) return fail("", "the container has no cgroup with the memory controller");
  if (versions.v2) {
    UniqueFd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const std::string file = memory + "/memory.events";
    if (!watch || inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY) < 0) {
      return fail_errno(file, "watch");
    }
    return watch;
  }
  // cgroup-v1/memory.rst, "OOM Control".
  UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd control(open((memory + "/memory.oom_control").c_str(), O_RDONLY | O_CLOEXEC));
  if (!event || !control) return fail_errno(memory, "watch");
  SRT_TRY(write_file(memory + "/cgroup.event_control",
                     std::to_string(event.get()) + " " + std::to_string(control.get())));
  return event;
}

}  // namespace srt::platform
