// The rules that need no host, each broken once: the whole of what is said about it.
#include "oci/validate.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "oci/template.h"
#include "tests/oci/documents.h"

namespace srt::oci {
namespace {

using nlohmann::json;

struct Case {
  const char* pointer;  // set to …
  const char* value;    // … this JSON, in a file that is otherwise right
  const char* said;     // without the file's name; "" where it is right
};

void check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO(one.pointer << " = " << one.value);
    const std::string said = one.said;
    CHECK(verdict(with(every_property(), one.pointer, one.value)) ==
          (said.empty() ? "" : "config.json: " + said));
  }
}

TEST_CASE("ociVersion is any 1.x") {
  check({
      {"/ociVersion", R"("1.0.0")", ""},
      {"/ociVersion", R"("1.0.0-rc5")", ""},
      {"/ociVersion", R"("1.0.2-dev")", ""},
      {"/ociVersion", R"("1.2.1+build")", ""},
      {"/ociVersion", R"("1.99.0")", ""},
      {"/ociVersion", R"("2.0.0")", R"(/ociVersion: must be a version 1.x, got "2.0.0")"},
      {"/ociVersion", R"("0.9.0")", R"(/ociVersion: must be a version 1.x, got "0.9.0")"},
      {"/ociVersion", R"("1.0")",
       R"(/ociVersion: must be a semantic version such as "1.3.0", got "1.0")"},
      {"/ociVersion", R"("")",
       R"(/ociVersion: must be a semantic version such as "1.3.0", got "")"},
  });
}

TEST_CASE("root, names and annotations") {
  check({
      {"/root", R"({"path": ""})", "/root/path: must not be empty"},
      {"/root", R"({"path": "/"})", ""},
      {"/hostname", R"("0123456789012345678901234567890123456789012345678901234567890123")", ""},
      {"/hostname", R"("01234567890123456789012345678901234567890123456789012345678901234")",
       "/hostname: must be at most 64 bytes, got 65"},
      {"/domainname", R"("01234567890123456789012345678901234567890123456789012345678901234")",
       "/domainname: must be at most 64 bytes, got 65"},
      {"/annotations", R"({"": "x"})", "/annotations/: must not have an empty key"},
  });
  CHECK(verdict(without(every_property(), "/root")) == "config.json: /root: is required");
}

TEST_CASE("mounts have a destination, and both id maps or none") {
  check({
      {"/mounts/1/destination", R"("")", "/mounts/1/destination: must not be empty"},
      {"/mounts/0/gidMappings", "[]", "/mounts/0/gidMappings: is required with uidMappings"},
      {"/mounts/0/uidMappings", "null", "/mounts/0/uidMappings: is required with gidMappings"},
      {"/mounts/0/uidMappings/0/size", "0", "/mounts/0/uidMappings/0/size: must be at least 1"},
  });
}

TEST_CASE("hooks have an absolute path and a timeout of at least a second") {
  check({
      {"/hooks/prestart/0/path", R"("bin/x")",
       R"(/hooks/prestart/0/path: must be absolute, got "bin/x")"},
      {"/hooks/createRuntime/0/path", R"("x")",
       R"(/hooks/createRuntime/0/path: must be absolute, got "x")"},
      {"/hooks/createContainer/0/path", R"("x")",
       R"(/hooks/createContainer/0/path: must be absolute, got "x")"},
      {"/hooks/startContainer/0/path", R"("x")",
       R"(/hooks/startContainer/0/path: must be absolute, got "x")"},
      {"/hooks/poststart/0/timeout", "0",
       "/hooks/poststart/0/timeout: must be at least 1 second, got 0"},
      {"/hooks/poststop/0/timeout", "-1",
       "/hooks/poststop/0/timeout: must be at least 1 second, got -1"},
  });
}

TEST_CASE("a process has a program and a place to run") {
  check({
      {"/process/cwd", R"("")", R"(/process/cwd: must be absolute, got "")"},
      {"/process/args", "[]", "/process/args: must name the program to run, got none"},
      {"/process/args", "null", "/process/args: must name the program to run, got none"},
      {"/process/args", R"(["", "x"])", ""},  // no program has this name: engines want 127
      {"/process/args", R"(["x", ""])", ""},
      {"/process/env", R"(["", "no value", "="])", ""},
      {"/process/consoleSize/height", "65536",
       "/process/consoleSize/height: must be at most 65535, got 65536"},
      {"/process/user/uid", "4294967295",
       "/process/user/uid: must be below 4294967295, which is no id"},
      {"/process/user/gid", "4294967295",
       "/process/user/gid: must be below 4294967295, which is no id"},
      {"/process/user/additionalGids/0", "4294967295",
       "/process/user/additionalGids/0: must be below 4294967295, which is no id"},
      {"/process/user/uid", "4294967294", ""},
      {"/process/user/umask", "512", "/process/user/umask: must be at most 511, got 512"},
      {"/process/oomScoreAdj", "1001",
       "/process/oomScoreAdj: must be between -1000 and 1000, got 1001"},
      {"/process/ioPriority/priority", "8",
       "/process/ioPriority/priority: must be between 0 and 7, got 8"},
      {"/process/execCPUAffinity/initial", R"("all")",
       R"(/process/execCPUAffinity/initial: must be a list of numbers and ranges ("0-3,7"), got "all")"},
      {"/process/execCPUAffinity/final", R"("")", ""},
  });
}

TEST_CASE("rlimits are known, named once, soft at most hard") {
  check({
      {"/process/rlimits/0/type", R"("RLIMIT_NOFILES")",
       R"(/process/rlimits/0/type: must be one of "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", )"
       R"("RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", )"
       R"("RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", )"
       R"("RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK", got "RLIMIT_NOFILES" )"
       R"((did you mean "RLIMIT_NOFILE"?))"},
      {"/process/rlimits/1/type", R"("RLIMIT_NOFILE")",
       R"(/process/rlimits/1/type: "RLIMIT_NOFILE" is there twice, first at /process/rlimits/0)"},
      {"/process/rlimits/1/soft", "1",
       "/process/rlimits/1/soft: must be at most the hard limit, 0, got 1"},
  });
}

TEST_CASE("the scheduler's parameters fit its policy") {
  check({
      {"/process/scheduler", R"({"policy": "SCHED_OTHER", "nice": -20})", ""},
      {"/process/scheduler", R"({"policy": "SCHED_OTHER", "nice": 20})",
       "/process/scheduler/nice: must be between -20 and 19, got 20"},
      {"/process/scheduler", R"({"policy": "SCHED_FIFO", "priority": 99})", ""},
      {"/process/scheduler", R"({"policy": "SCHED_RR", "priority": 100})",
       "/process/scheduler/priority: must be between 1 and 99, got 100"},
      {"/process/scheduler", R"({"policy": "SCHED_RR"})",
       "/process/scheduler/priority: must be between 1 and 99, got 0"},
      {"/process/scheduler", R"({"policy": "SCHED_BATCH", "priority": 1})",
       "/process/scheduler/priority: has a meaning with SCHED_FIFO and SCHED_RR only, got 1"},
      {"/process/scheduler", R"({"policy": "SCHED_IDLE", "runtime": 1, "period": 0})",
       "/process/scheduler/runtime: has a meaning with SCHED_DEADLINE only"},
      {"/process/scheduler", R"({"policy": "SCHED_DEADLINE", "runtime": 5, "deadline": 5})", ""},
      {"/process/scheduler", R"({"policy": "SCHED_DEADLINE"})",
       "/process/scheduler/runtime: is required with SCHED_DEADLINE"},
      {"/process/scheduler", R"({"policy": "SCHED_DEADLINE", "runtime": 5, "deadline": 4})",
       "/process/scheduler/deadline: must be at least the runtime, 5, got 4"},
      {"/process/scheduler",
       R"({"policy": "SCHED_DEADLINE", "runtime": 5, "deadline": 5, "period": 4})",
       "/process/scheduler/period: must be at least the deadline, 5, got 4"},
  });
}

TEST_CASE("namespaces are named once, by absolute paths") {
  check({
      {"/linux/namespaces/1/type", R"("pid")",
       "/linux/namespaces/1/type: \"pid\" is there twice, first at /linux/namespaces/0"},
      {"/linux/namespaces/0/path", R"("ns")",
       R"(/linux/namespaces/0/path: must be absolute, got "ns")"},
      {"/linux/namespaces/0/path", R"("")", ""},
      {"/linux/namespaces/0/type", R"("pidd")",
       "/linux/namespaces/0/type: must be one of \"pid\", \"network\", \"mount\", \"ipc\", "
       "\"uts\", \"user\", \"cgroup\", \"time\", got \"pidd\" (did you mean \"pid\"?)"},
  });
}

TEST_CASE("what configures a namespace needs that namespace") {
  check({{"/linux/namespaces", R"([{"type": "mount"}])",
          "/linux/netDevices: needs a network namespace in /linux/namespaces\n"
          "config.json: /linux/uidMappings: needs a user namespace in /linux/namespaces\n"
          "config.json: /linux/gidMappings: needs a user namespace in /linux/namespaces\n"
          "config.json: /linux/timeOffsets: needs a time namespace in /linux/namespaces"}});
}

TEST_CASE("id maps have no empty, endless or overlapping range") {
  check({
      {"/linux/uidMappings/0/size", "0", "/linux/uidMappings/0/size: must be at least 1"},
      {"/linux/uidMappings/0/size", "2",
       "/linux/uidMappings/1/containerID: overlaps with "
       "/linux/uidMappings/0"},
      {"/linux/uidMappings/0/hostID", "165534",
       "/linux/uidMappings/1/hostID: overlaps with /linux/uidMappings/0"},
      {"/linux/uidMappings/0/hostID", "165535", ""},
      {"/linux/gidMappings/0", R"({"containerID": 0, "hostID": 4294967295, "size": 1})", ""},
      {"/linux/gidMappings/0", R"({"containerID": 0, "hostID": 4294967295, "size": 2})",
       "/linux/gidMappings/0/size: must not reach beyond id 4294967295, got 2"},
      {"/linux/gidMappings",
       R"([{"containerID": 0, "hostID": 0, "size": 100}, {"containerID": 200, "hostID": 10, "size": 5},
           {"containerID": 300, "hostID": 50, "size": 5}])",
       "/linux/gidMappings/1/hostID: overlaps with /linux/gidMappings/0\n"
       "config.json: /linux/gidMappings/2/hostID: overlaps with /linux/gidMappings/0"},
  });
}

TEST_CASE("devices have numbers unless they are FIFOs") {
  check({
      {"/linux/devices/0/path", R"("fuse")",
       R"(/linux/devices/0/path: must be absolute, got "fuse")"},
      {"/linux/devices/0", R"({"type": "c", "path": "/dev/x"})",
       "/linux/devices/0/major: is required unless the type is \"p\"\n"
       "config.json: /linux/devices/0/minor: is required unless the type is \"p\""},
      {"/linux/devices/0/major", "4096",
       "/linux/devices/0/major: must be between 0 and 4095, got 4096"},
      {"/linux/devices/0/minor", "-1",
       "/linux/devices/0/minor: must be between 0 and 1048575, got -1"},
      {"/linux/devices/0/fileMode", "4095", ""},
      {"/linux/devices/0/fileMode", "65536",
       "/linux/devices/0/fileMode: must be at most 4095 (07777) and a file type, got 65536"},
      {"/linux/devices/0/type", R"("d")",
       R"(/linux/devices/0/type: must be one of "c", "u", "b", "p", got "d")"},
      {"/linux/devices/3", R"({"type": "p", "path": "/dev/x", "major": -5})", ""},
  });
}

TEST_CASE("network devices have names that the kernel takes") {
  check({
      {"/linux/netDevices", R"({"a/b": {}})",
       "/linux/netDevices/a~1b: must be a network interface's name (1 to 15 bytes, no '/', ':' or "
       "space), got \"a/b\""},
      {"/linux/netDevices/eth0/name", R"("0123456789abcdef")",
       "/linux/netDevices/eth0/name: must be a network interface's name (1 to 15 bytes, no '/', "
       "':' or space), got \"0123456789abcdef\""},
      {"/linux/netDevices/eth0/name", R"("")", ""},
  });
}

TEST_CASE("paths that are masked or read-only are absolute") {
  check({
      {"/linux/maskedPaths/0", R"("proc")",
       R"(/linux/maskedPaths/0: must be absolute, got "proc")"},
      {"/linux/readonlyPaths/0", R"("")", R"(/linux/readonlyPaths/0: must be absolute, got "")"},
  });
}

TEST_CASE("kernel parameters stay below /proc/sys") {
  check({
      {"/linux/sysctl", R"({"": "1"})",
       "/linux/sysctl/: must be the name of a kernel parameter, got \"\""},
      {"/linux/sysctl", R"({"/etc/passwd": "1"})",
       "/linux/sysctl/~1etc~1passwd: must be the name of a kernel parameter, got \"/etc/passwd\""},
      {"/linux/sysctl", R"({"net/../../x": "1"})",
       "/linux/sysctl/net~1..~1..~1x: must not leave /proc/sys, got \"net/../../x\""},
      {"/linux/sysctl", R"({"net/ipv4/conf/eth0.5/forwarding": "1"})", ""},
  });
}

TEST_CASE("Intel RDT names a class of service and one schema a line") {
  check({
      {"/linux/intelRdt/closID", R"("/")", ""},
      {"/linux/intelRdt/closID", R"("..")",
       R"(/linux/intelRdt/closID: must be "/" or the name of a directory, got "..")"},
      {"/linux/intelRdt/closID", R"("a/b")",
       R"(/linux/intelRdt/closID: must be "/" or the name of a directory, got "a/b")"},
      {"/linux/intelRdt/schemata/0", R"("a\nb")",
       R"(/linux/intelRdt/schemata/0: must not contain a newline, got "a\nb")"},
      {"/linux/intelRdt/l3CacheSchema", R"("L3:0=1\n")",
       R"(/linux/intelRdt/l3CacheSchema: must not contain a newline, got "L3:0=1\n")"},
      {"/linux/intelRdt/memBwSchema", R"("L3:0=1")",
       R"(/linux/intelRdt/memBwSchema: must start with "MB:", got "L3:0=1")"},
  });
}

TEST_CASE("a memory policy has nodes where its mode wants them") {
  check({
      {"/linux/memoryPolicy", R"({})", "/linux/memoryPolicy/mode: is required"},
      {"/linux/memoryPolicy", R"({"mode": "MPOL_LOCAL"})", ""},
      {"/linux/memoryPolicy", R"({"mode": "MPOL_PREFERRED"})", ""},
      {"/linux/memoryPolicy", R"({"mode": "MPOL_DEFAULT", "nodes": "0"})",
       R"(/linux/memoryPolicy/nodes: must be empty with MPOL_DEFAULT, got "0")"},
      {"/linux/memoryPolicy", R"({"mode": "MPOL_INTERLEAVE"})",
       "/linux/memoryPolicy/nodes: is required with MPOL_INTERLEAVE"},
      {"/linux/memoryPolicy/nodes", R"("x")",
       R"(/linux/memoryPolicy/nodes: must be a list of numbers and ranges ("0-3,7"), got "x")"},
      {"/linux/memoryPolicy/flags", R"(["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"])",
       "/linux/memoryPolicy/flags: must not have both MPOL_F_RELATIVE_NODES and "
       "MPOL_F_STATIC_NODES"},
  });
}

TEST_CASE("personality and time offsets") {
  check({
      {"/linux/personality", "{}", "/linux/personality/domain: is required"},
      {"/linux/personality/flags", R"(["ADDR_NO_RANDOMIZE"])",
       "/linux/personality/flags: must be empty: the specification defines no flag"},
      {"/linux/timeOffsets/monotonic/nanosecs", "1000000000",
       "/linux/timeOffsets/monotonic/nanosecs: must be at most 999999999, got 1000000000"},
  });
}

TEST_CASE("seccomp rules have names, arguments 0 to 5, and errno where it has a meaning") {
  check({
      {"/linux/seccomp/syscalls/0/names", "[]",
       "/linux/seccomp/syscalls/0/names: must have at least one entry"},
      {"/linux/seccomp/syscalls/0/args/0/index", "6",
       "/linux/seccomp/syscalls/0/args/0/index: must be at most 5, got 6"},
      {"/linux/seccomp/syscalls/0/action", R"("SCMP_ACT_ALLOW")",
       "/linux/seccomp/syscalls/0/errnoRet: has a meaning with SCMP_ACT_ERRNO and SCMP_ACT_TRACE "
       "only, not with SCMP_ACT_ALLOW"},
      {"/linux/seccomp/syscalls/0/action", R"("SCMP_ACT_TRACE")", ""},
      {"/linux/seccomp/syscalls/0/errnoRet", "65536",
       "/linux/seccomp/syscalls/0/errnoRet: must be at most 65535, got 65536"},
      {"/linux/seccomp/defaultAction", R"("SCMP_ACT_KILL")",
       "/linux/seccomp/defaultErrnoRet: has a meaning with SCMP_ACT_ERRNO and SCMP_ACT_TRACE only, "
       "not with SCMP_ACT_KILL"},
  });
}

TEST_CASE("seccomp notification needs somebody to notify") {
  check({
      {"/linux/seccomp/listenerPath", "null",
       "/linux/seccomp/listenerPath: is required with SCMP_ACT_NOTIFY"},
      {"/linux/seccomp/listenerPath", R"("")",
       "/linux/seccomp/listenerPath: is required with SCMP_ACT_NOTIFY"},
      {"/linux/seccomp/flags", R"(["SECCOMP_FILTER_FLAG_TSYNC"])",
       "/linux/seccomp/flags: must not have SECCOMP_FILTER_FLAG_TSYNC with SCMP_ACT_NOTIFY"},
      {"/linux/seccomp/syscalls", "[]", ""},
  });
  json quiet = with(every_property(), "/linux/seccomp/syscalls", "[]");
  CHECK(verdict(without(quiet, "/linux/seccomp/listenerPath")) ==
        "config.json: /linux/seccomp/listenerMetadata: must not be set without listenerPath");
  CHECK(verdict(with(quiet, "/linux/seccomp/flags", R"(["SECCOMP_FILTER_FLAG_TSYNC"])")).empty());
}

TEST_CASE("device rules of the cgroup") {
  check({
      {"/linux/resources/devices/0", R"({"allow": true, "type": "a"})", ""},
      {"/linux/resources/devices/0", R"({"allow": true, "type": "", "access": ""})", ""},
      {"/linux/resources/devices/0/type", R"("p")",
       R"(/linux/resources/devices/0/type: must be one of "a", "c", "b", got "p")"},
      {"/linux/resources/devices/0/major", "-2",
       "/linux/resources/devices/0/major: must be between -1 and 9223372036854775807, got -2"},
      {"/linux/resources/devices/0/access", R"("rx")",
       R"(/linux/resources/devices/0/access: must be letters of "rwm", got "rx")"},
  });
}

TEST_CASE("limits of memory and processor") {
  check({
      {"/linux/resources/memory/limit", "-1", ""},
      {"/linux/resources/memory/limit", "-2",
       "/linux/resources/memory/limit: must be between -1 and 9223372036854775807, got -2"},
      {"/linux/resources/memory/limit", "4194304",
       "/linux/resources/memory/swap: is memory plus swap: must be at least the limit, 4194304, "
       "got "
       "2097152"},
      {"/linux/resources/memory/swap", "0", ""},
      {"/linux/resources/memory/swappiness", "18446744073709551615", ""},
      {"/linux/resources/memory/swappiness", "101",
       "/linux/resources/memory/swappiness: must be at most 100, got 101"},
      {"/linux/resources/cpu/quota", "-2",
       "/linux/resources/cpu/quota: must be between -1 and 9223372036854775807, got -2"},
      {"/linux/resources/cpu/idle", "2",
       "/linux/resources/cpu/idle: must be between 0 and 1, got 2"},
      {"/linux/resources/cpu/cpus", R"("0;1")",
       R"(/linux/resources/cpu/cpus: must be a list of numbers and ranges ("0-3,7"), got "0;1")"},
      {"/linux/resources/cpu/mems", R"("")", ""},
  });
}

TEST_CASE("the other controllers") {
  check({
      {"/linux/resources/blockIO/weight", "0", ""},
      {"/linux/resources/blockIO/weight", "9",
       "/linux/resources/blockIO/weight: must be between 10 and 1000, or 0 for none, got 9"},
      {"/linux/resources/blockIO/weightDevice/0/leafWeight", "1001",
       "/linux/resources/blockIO/weightDevice/0/leafWeight: must be between 10 and 1000, or 0 for "
       "none, got 1001"},
      {"/linux/resources/blockIO/weightDevice/0", R"({"major": 8, "minor": 0})",
       "/linux/resources/blockIO/weightDevice/0: must have a weight or a leafWeight"},
      {"/linux/resources/blockIO/throttleReadBpsDevice/0/major", "-1",
       "/linux/resources/blockIO/throttleReadBpsDevice/0/major: must be between 0 and "
       "9223372036854775807, got -1"},
      {"/linux/resources/hugepageLimits/0/pageSize", R"("64kB")",
       "/linux/resources/hugepageLimits/0/pageSize: must be a number and KB, MB or GB (\"2MB\"), "
       "got \"64kB\""},
      {"/linux/resources/hugepageLimits/0/pageSize", R"("02MB")",
       "/linux/resources/hugepageLimits/0/pageSize: must be a number and KB, MB or GB (\"2MB\"), "
       "got \"02MB\""},
      {"/linux/resources/network/priorities/0/name", R"("")",
       "/linux/resources/network/priorities/0/name: must be a network interface's name (1 to 15 "
       "bytes, no '/', ':' or space), got \"\""},
      {"/linux/resources/rdma", R"({"": {}})", "/linux/resources/rdma: must not have an empty key"},
      {"/linux/resources/unified", R"({"../x": "1"})",
       "/linux/resources/unified/..~1x: must be the name of a cgroup file, got \"../x\""},
      {"/linux/resources/unified", R"({"..": "1"})",
       "/linux/resources/unified/..: must be the name of a cgroup file, got \"..\""},
  });
}

TEST_CASE("a Spec that was changed can be checked again") {
  Spec spec = default_spec();
  Diagnostics none("bundle");
  check_spec(Path(), spec, none);
  CHECK(none.empty());
  spec.process->cwd = "tmp";
  Diagnostics found("bundle");
  check_spec(Path(), spec, found);
  CHECK(to_string(found) == "bundle: /process/cwd: must be absolute, got \"tmp\"");
}

TEST_CASE("a hundred thousand mappings are checked in no time") {
  List<IdMapping> mappings = std::vector<IdMapping>();
  for (uint32_t i = 0; i < 100'000; ++i) mappings->push_back({100'000 - i, i, 1});
  Diagnostics none("f");
  check_id_mappings(Path(), mappings, none);
  CHECK(none.empty());
  for (IdMapping& mapping : *mappings) mapping.size = 2;
  Diagnostics found("f");
  check_id_mappings(Path(), mappings, found);
  CHECK(found.full());
}

}  // namespace
}  // namespace srt::oci
