// srt-runtime spec: a config.json to start from.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "oci/print.h"
#include "oci/template.h"
#include "platform/fd.h"
#include "platform/platform.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {
    {"b,bundle", "DIR", "where to write it (default: the working directory)"},
    {"rootless", "", "for an ordinary user"},
    {"host", "",
     "the host's own files: read-only but for the working directory, keys hidden, no network"},
};

// As runc: where the controllers are v1's, tools look for a container by its path in /proc/PID/cgroup,
// which a cgroup namespace would hide.
oci::Spec with_namespaces_of_host(oci::Spec spec) {
  if (!platform::has_unified_cgroups()) {
    std::erase_if(*spec.linux_->namespaces, [](const oci::Namespace& one) {
      return one.type == oci::NamespaceType::kCgroup;
    });
  }
  return spec;
}

Result<oci::Spec> wanted_spec(const Arguments& given) {
  if (given.on("host") && given.on("rootless")) {
    return fail("--host", "cannot be combined with --rootless", "--host works for every user");
  }
  if (given.on("rootless")) return oci::rootless_spec(geteuid(), getegid());
  if (!given.on("host")) return with_namespaces_of_host(oci::default_spec());
  std::unique_ptr<char, void (*)(void*)> cwd(getcwd(nullptr, 0), std::free);
  if (!cwd) return fail_errno("working directory", "getcwd");
  const char* home = std::getenv("HOME");
  return oci::host_spec({.cwd = cwd.get(),
                         .uid = geteuid(),
                         .gid = getegid(),
                         .home = home != nullptr && home[0] == '/' ? home : ""});
}

Result<int> run(const Invocation& call) {
  SRT_ASSIGN(oci::Spec spec, wanted_spec(call.arguments));
  std::string path = call.arguments.text("bundle", ".") + "/config.json";
  // O_EXCL: somebody's work is never overwritten.
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd && errno == EEXIST) {
    return fail(path, "exists already", "remove it first, or choose another folder with --bundle");
  }
  if (!fd) return fail_errno(path, "make");
  std::string text = oci::print(spec, oci::Layout::kPretty);
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    int code = errno;
    unlink(path.c_str());
    return fail_errno(path, "write", code);
  }
  return 0;
}

}  // namespace

const Verb kSpec{"spec",
                 "",
                 "write a config.json to start from",
                 "  mkdir -p demo/rootfs && srt-runtime spec -b demo\n",
                 kOptions,
                 0,
                 0,
                 run};

}  // namespace srt::shim
