// Settings that belong to a namespace: refused where the namespace would be the host's own.
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "platform/linux/draft.h"
#include "platform/linux/namespaces.h"

namespace srt::platform {
namespace {

// New, or joined by a path that leads to another one than ours.
bool is_private(const Draft& draft, oci::NamespaceType type) {
  const oci::Namespace* entry = draft.listed(type);
  if (entry == nullptr) return false;
  if (!entry->path || entry->path->empty()) return true;
  struct stat own, joined;
  std::string self = std::string("/proc/self/ns/") + kind_of(type).proc_name;
  return stat(self.c_str(), &own) == 0 && stat(entry->path->c_str(), &joined) == 0 &&
         own.st_ino != joined.st_ino;
}

// Which namespace a sysctl belongs to; nothing: to the whole host.
std::optional<oci::NamespaceType> owner_of(const std::string& path) {
  constexpr std::array<std::string_view, 8> kIpc = {
      "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
      "kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced"};
  if (std::find(kIpc.begin(), kIpc.end(), path) != kIpc.end()) return oci::NamespaceType::kIpc;
  if (path.rfind("fs/mqueue/", 0) == 0) return oci::NamespaceType::kIpc;
  if (path.rfind("net/", 0) == 0) return oci::NamespaceType::kNetwork;
  if (path == "kernel/domainname" || path == "kernel/hostname") return oci::NamespaceType::kUts;
  return std::nullopt;
}

// "net.ipv4.conf.eth0/1.x" and "net/ipv4/conf/eth0.1/x" are the same file (sysctl(8)): the first
// separator that occurs is the separator.
std::string to_path(const std::string& key) {
  std::string path = key;
  size_t first = path.find_first_of("./");
  if (first != std::string::npos && path[first] == '.') {
    for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
  }
  return path;
}

Result<void> require_uts(const Draft& draft, const char* pointer) {
  if (is_private(draft, oci::NamespaceType::kUts)) return {};
  return fail(pointer, "would change the host: the container has no uts namespace of its own",
              "add {\"type\": \"uts\"} to /linux/namespaces");
}

}  // namespace

Result<void> plan_kernel_settings(Draft& draft) {
  auto& init = draft.plan.init;
  for (const auto& [key, value] : oci::items(draft.os().sysctl)) {
    std::string path = to_path(key), pointer = "/linux/sysctl/" + key;
    if (path.find("..") != std::string::npos) return fail(pointer, "is not the name of a sysctl");
    auto owner = owner_of(path);
    if (!owner) {
      return fail(pointer, "belongs to no namespace: setting it would change the host",
                  "set it on the host if that is what you want");
    }
    if (!is_private(draft, *owner)) {
      const char* name = kind_of(*owner).proc_name;
      return fail(pointer,
                  std::string("would change the host: the container has no ") + name +
                      " namespace of its own",
                  "add it to /linux/namespaces");
    }
    // The names have properties of their own. As runc and crun, which take no other way to the host
    // name; runc, too, has a domain name set through sysctl.
    if (path == "kernel/hostname") {
      return fail(pointer, "conflicts with the property /hostname", "set that instead");
    }
    if (path == "kernel/domainname" && draft.spec().domainname.value_or(value) != value) {
      return fail(pointer, "conflicts with /domainname", "set one of them");
    }
    init.sysctl.push_back({path, value});
  }
  if (draft.spec().hostname && !draft.spec().hostname->empty()) {
    SRT_TRY(require_uts(draft, "/hostname"));
    init.set_hostname = true;
    init.hostname = *draft.spec().hostname;
  }
  if (draft.spec().domainname && !draft.spec().domainname->empty()) {
    SRT_TRY(require_uts(draft, "/domainname"));
    init.set_domainname = true;
    init.domainname = *draft.spec().domainname;
  }
  return {};
}

}  // namespace srt::platform
