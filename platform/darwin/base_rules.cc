#include "platform/darwin/base_rules.h"

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace srt::platform::darwin {
namespace {

using Kind = Filter::Kind;

constexpr std::string_view kMachServices[] = {
    "com.apple.FontObjectsServer",
    "com.apple.PowerManagement.control",
    "com.apple.SecurityServer",
    "com.apple.audio.systemsoundserver",
    "com.apple.bsd.dirhelper",
    "com.apple.coreservices.launchservicesd",
    "com.apple.distributed_notifications@Uv3",
    "com.apple.fonts",
    "com.apple.logd",
    "com.apple.lsd.mapdb",
    "com.apple.securityd.xpc",
    "com.apple.system.logger",
    "com.apple.system.notification_center",
    "com.apple.system.opendirectoryd.libinfo",
    "com.apple.system.opendirectoryd.membership",
};

// `open` and osascript ask these to start programs, outside any sandbox: with Apple events only.
constexpr std::string_view kLaunchServices[] = {
    "com.apple.CoreServices.coreservicesd",
    "com.apple.coreservices.appleevents",
    "com.apple.coreservices.quarantine-resolver",
};

constexpr std::string_view kSysctls[] = {
    "hw.activecpu",
    "hw.busfrequency_compat",
    "hw.byteorder",
    "hw.cacheconfig",
    "hw.cachelinesize_compat",
    "hw.cpufamily",
    "hw.cpufrequency",
    "hw.cpufrequency_compat",
    "hw.cputype",
    "hw.l1dcachesize_compat",
    "hw.l1icachesize_compat",
    "hw.l2cachesize_compat",
    "hw.l3cachesize_compat",
    "hw.logicalcpu",
    "hw.logicalcpu_max",
    "hw.machine",
    "hw.memsize",
    "hw.ncpu",
    "hw.nperflevels",
    "hw.packages",
    "hw.pagesize",
    "hw.pagesize_compat",
    "hw.physicalcpu",
    "hw.physicalcpu_max",
    "hw.tbfrequency_compat",
    "hw.vectorunit",
    "kern.argmax",
    "kern.bootargs",
    "kern.hostname",
    "kern.maxfiles",
    "kern.maxfilesperproc",
    "kern.maxproc",
    "kern.ngroups",
    "kern.osproductversion",
    "kern.osrelease",
    "kern.ostype",
    "kern.osvariant_status",
    "kern.osversion",
    "kern.secure_kernel",
    "kern.tcsm_available",
    "kern.tcsm_enable",
    "kern.usrstack64",
    "kern.version",
    "kern.willshutdown",
    "machdep.cpu.brand_string",
    "machdep.ptrauth_enabled",
    "security.mac.lockdown_mode_state",
    "sysctl.proc_cputype",
    "vm.loadavg",
};

constexpr std::string_view kSysctlPrefixes[] = {
    "hw.optional.arm",  // and hw.optional.armv8_…
    "hw.perflevel",    "kern.proc.all", "kern.proc.pgrp.",
    "kern.proc.pid.",  "machdep.cpu.",  "net.routetable.",
};

constexpr std::string_view kIoctlDevices[] = {"/dev/dtracehelper", "/dev/null", "/dev/random",
                                              "/dev/urandom", "/dev/zero"};

constexpr std::string_view kStreams[] = {"/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2"};

template <size_t n>
std::vector<Filter> named(Kind kind, const std::string_view (&names)[n]) {
  std::vector<Filter> filters;
  for (const std::string_view name : names) {
    filters.push_back(Filter::named(kind, std::string(name)));
  }
  return filters;
}

Rule allow(std::vector<Operation> operations, std::vector<Filter> filters = {}) {
  return {Action::kAllow, std::move(operations), std::move(filters), {}};
}

// A device file, not a file that somebody made at its place.
Filter device(std::string_view path) {
  return Filter::all(
      {Filter::literal(std::string(path)), Filter::vnode_type(VnodeType::kCharacterDevice)});
}

}  // namespace

std::vector<Rule> base_rules() {
  std::vector<Rule> rules;
  rules.push_back(allow({Operation::kProcessExec, Operation::kProcessFork}));
  rules.push_back(allow({Operation::kProcessInfo, Operation::kSignal, Operation::kMachPrivTaskPort},
                        {Filter::same_sandbox()}));
  rules.push_back(allow({Operation::kUserPreferenceRead}));
  rules.push_back(allow({Operation::kMachLookup}, named(Kind::kGlobalName, kMachServices)));
  rules.push_back(allow({Operation::kIpcPosixShm, Operation::kIpcPosixSem}));
  rules.push_back(allow({Operation::kIokitOpen},
                        {Filter::named(Kind::kIokitRegistryEntryClass, "IOSurfaceRootUserClient"),
                         Filter::named(Kind::kIokitRegistryEntryClass, "RootDomainUserClient"),
                         Filter::named(Kind::kIokitUserClientClass, "IOSurfaceSendRight")}));
  rules.push_back(allow({Operation::kIokitGetProperties, Operation::kDistributedNotificationPost}));
  // Control sockets of the kernel: no way to a network.
  rules.push_back(
      allow({Operation::kSystemSocket},
            {Filter::all({Filter::socket_domain("AF_SYSTEM"), Filter::socket_protocol(2)})}));
  std::vector<Filter> sysctls = named(Kind::kSysctlName, kSysctls);
  std::vector<Filter> prefixes = named(Kind::kSysctlNamePrefix, kSysctlPrefixes);
  std::move(prefixes.begin(), prefixes.end(), std::back_inserter(sysctls));
  rules.push_back(allow({Operation::kSysctlRead}, std::move(sysctls)));
  rules.push_back(
      allow({Operation::kSysctlWrite}, {Filter::named(Kind::kSysctlName, "kern.tcsm_enable")}));
  rules.push_back(allow({Operation::kFileIoctl}, named(Kind::kLiteral, kIoctlDevices)));
  rules.push_back(
      allow({Operation::kFileReadData, Operation::kFileWriteData}, {device("/dev/null")}));
  // The terminal and the streams that the program has already. No ioctl: with TIOCSTI it would type for the
  // user, and what it typed would be read by the shell outside.
  rules.push_back(allow({Operation::kFileWriteData}, {device("/dev/tty")}));
  rules.push_back(allow({Operation::kFileWriteData}, named(Kind::kLiteral, kStreams)));
  return rules;
}

std::vector<Rule> asked_rules(const HostAccess& host) {
  std::vector<Rule> rules;
  std::vector<Filter> services;
  for (const std::string& service : host.mach_services) {
    const bool all = service.ends_with('*');
    services.push_back(Filter::named(all ? Kind::kGlobalNamePrefix : Kind::kGlobalName,
                                     service.substr(0, service.size() - (all ? 1 : 0))));
  }
  // It fetches what a certificate names, on the program's behalf and past the guard.
  if (host.weaker_network_isolation) {
    services.push_back(Filter::named(Kind::kGlobalName, "com.apple.trustd.agent"));
  }
  if (host.apple_events) {
    std::vector<Filter> launch = named(Kind::kGlobalName, kLaunchServices);
    std::move(launch.begin(), launch.end(), std::back_inserter(services));
    rules.push_back(allow({Operation::kAppleEventSend, Operation::kLsOpen}));
  }
  if (!services.empty()) rules.push_back(allow({Operation::kMachLookup}, std::move(services)));
  if (host.terminals) {
    const std::vector<Filter> terminals = {Filter::literal("/dev/ptmx"),
                                           Filter::regex("^/dev/ttys[0-9]+$")};
    rules.push_back(allow({Operation::kPseudoTty}));
    rules.push_back(
        allow({Operation::kFileIoctl, Operation::kFileRead, Operation::kFileWrite}, terminals));
    rules.push_back(allow({Operation::kFileIoctl}, {Filter::literal("/dev/tty")}));
  }
  return rules;
}

}  // namespace srt::platform::darwin
