// A plan as text for a person and as JSON for a program.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include <nlohmann/json.hpp>

#include "oci/names.h"
#include "platform/linux/content.h"
#include "platform/linux/init/egress_socket.h"
#include "platform/linux/namespaces.h"

namespace srt::platform {
namespace {

using Json = nlohmann::ordered_json;

// The third reader of init::…::fields(), beside the encoder and the decoder.
class JsonWriter {
 public:
  template <class T>
  static Json to_json(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return static_cast<uint64_t>(value);
    } else if constexpr (std::is_arithmetic_v<T>) {
      return value;
    } else if constexpr (std::is_same_v<T, std::string>) {
      // Filters and masks are bytes, not text.
      for (char c : value) {
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
          return "<" + std::to_string(value.size()) + " bytes>";
        }
      }
      return value;
    } else if constexpr (requires { typename T::value_type; }) {
      Json array = Json::array();
      for (const auto& element : value) array.push_back(to_json(element));
      return array;
    } else {
      JsonWriter writer;
      T::fields(writer, value);
      return std::move(writer.object_);
    }
  }
  template <class T>
  void operator()(const char* name, const T& value) {
    object_[name] = to_json(value);
  }

 private:
  Json object_ = Json::object();
};

std::string quote(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n\"'\\$`*?[]{}()<>|&;#~") == std::string::npos)
    return word;
  std::string quoted = "'";
  for (char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

const char* writer_name(MapWriter writer) {
  switch (writer) {
    case MapWriter::kNobody: return "none";
    case MapWriter::kRuntime: return "written by the runtime";
    case MapWriter::kStage: return "one id, setgroups denied";
    case MapWriter::kHelpers: return "written by newuidmap and newgidmap";
  }
  return "none";
}

Json mappings_json(const std::vector<oci::IdMapping>& mappings) {
  Json array = Json::array();
  for (const oci::IdMapping& map : mappings) {
    array.push_back(
        {{"containerID", map.container_id}, {"hostID", map.host_id}, {"size", map.size}});
  }
  return array;
}

std::string describe(const init::Mount<wire::Owned>& mount) {
  std::string text;
  switch (mount.kind) {
    case init::MountKind::kBind:
      text = (mount.recursive ? "rbind " : "bind ") + quote(mount.source);
      break;
    case init::MountKind::kFilesystem: text = "mount " + mount.type; break;
    case init::MountKind::kRemount: text = "remount"; break;
  }
  text += " on " + quote(mount.destination);
  if ((mount.set & MOUNT_ATTR_RDONLY) != 0) text += " ro";
  if ((mount.set & MOUNT_ATTR_NOSUID) != 0) text += " nosuid";
  if ((mount.set & MOUNT_ATTR_NODEV) != 0) text += " nodev";
  if ((mount.set & MOUNT_ATTR_NOEXEC) != 0) text += " noexec";
  if (mount.copy_up) text += " tmpcopyup";
  for (const std::string& data : mount.data) text += " " + data;
  return text;
}

}  // namespace

std::string Plan::to_json() const {
  const Content& plan = *content_;
  Json json;
  json["id"] = plan.id;
  json["bundle"] = plan.bundle;
  Json bwrap = Json::array({plan.bwrap});
  for (const BwrapOp& op : plan.base) {
    for (const std::string& word : op.words) bwrap.push_back(word);
  }
  json["bwrap"] = std::move(bwrap);
  Json namespaces;
  for (const NamespaceKind& kind : kNamespaces) {
    if ((plan.unshare & kind.clone_flag) != 0)
      namespaces[std::string(oci::name(kind.type))] = "new";
  }
  for (const JoinedNamespace& join : plan.joins)
    namespaces[std::string(oci::name(join.type))] = join.path;
  if (plan.user.writer != MapWriter::kNobody) {
    namespaces["user"] = {{"maps", writer_name(plan.user.writer)},
                          {"uidMappings", mappings_json(plan.user.uids)},
                          {"gidMappings", mappings_json(plan.user.gids)}};
  }
  json["namespaces"] = std::move(namespaces);
  Json writes = Json::array();
  for (const CgroupWrite& write : plan.cgroup.writes) {
    writes.push_back({{"file", write.file}, {"value", write.value}});
  }
  json["cgroup"] = {{"directories", plan.cgroup.directories}, {"writes", std::move(writes)}};
  if (plan.cgroup.scope) {
    json["cgroup"]["scope"] = {{"unit", plan.cgroup.scope->unit},
                               {"slice", plan.cgroup.scope->slice}};
  }
  json["init"] = JsonWriter::to_json(plan.init);
  json["warnings"] = plan.warnings;
  json["notes"] = plan.notes;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string address_text(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = "?";
  uint16_t port = 0;
  if (bytes.size() == sizeof(sockaddr_in)) {
    sockaddr_in address;
    memcpy(&address, bytes.data(), sizeof address);
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    port = ntohs(address.sin_port);
    return std::string(text) + ":" + std::to_string(port);
  }
  sockaddr_in6 address;
  if (bytes.size() != sizeof address) return text;
  memcpy(&address, bytes.data(), sizeof address);
  inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(address.sin6_port));
}

std::string listeners(const std::vector<init::ListenSocket<wire::Owned>>& sockets) {
  std::string text;
  for (const auto& one : sockets) {
    switch (static_cast<init::EgressRole>(one.role)) {
      case init::EgressRole::kProxy: text += "  listen (proxy) "; break;
      case init::EgressRole::kTransparent: text += "  listen (transparent) "; break;
      case init::EgressRole::kDnsUdp: text += "  listen (dns, udp) "; break;
      case init::EgressRole::kDnsTcp: text += "  listen (dns, tcp) "; break;
    }
    text += address_text(one.address) + "\n";
  }
  return text;
}

// Ports of both families, once each.
std::string ports_of(const std::vector<init::ListenSocket<wire::Owned>>& sockets) {
  std::string text;
  for (const auto& one : sockets) {
    if (one.address.size() != sizeof(sockaddr_in)) continue;
    const std::string address = address_text(one.address);
    text += " " + address.substr(address.rfind(':') + 1);
  }
  return text;
}

std::string egress_steps(const init::Egress<wire::Owned>& egress) {
  return "  route every address to lo\n  nf_tables: TPROXY of all TCP ports\n" +
         listeners(egress.sockets) + listeners(egress.all_ports) +
         "  (without nf_tables, instead of TPROXY: listen on ports" + ports_of(egress.named_ports) +
         ")\n  hand the listeners to srt-monitor\n";
}

std::string Plan::to_text() const {
  const Content& plan = *content_;
  std::string text = "container " + plan.id + " from " + plan.bundle + "\n\nnamespaces\n";
  if (plan.user.writer != MapWriter::kNobody) {
    text += "  user: new, " + std::string(writer_name(plan.user.writer)) + "\n";
  }
  for (const JoinedNamespace& join : plan.joins) {
    text += "  " + std::string(oci::name(join.type)) + ": " + join.path + "\n";
  }
  for (const NamespaceKind& kind : kNamespaces) {
    if ((plan.unshare & kind.clone_flag) != 0)
      text += "  " + std::string(oci::name(kind.type)) + ": new\n";
  }
  text += "\nbwrap\n  " + plan.bwrap;
  for (const BwrapOp& op : plan.base) {
    text += " \\\n   ";
    for (const std::string& word : op.words) text += " " + quote(word);
  }
  text += "\n\ncgroup\n";
  if (plan.cgroup.scope) {
    text += "  systemd: " + plan.cgroup.scope->unit + " in " + plan.cgroup.scope->slice + "\n";
  }
  for (const auto& [controllers, directory] : plan.cgroup.directories) {
    text +=
        "  " + (controllers.empty() ? std::string("v2") : controllers) + ": " + directory + "\n";
  }
  for (const CgroupWrite& write : plan.cgroup.writes)
    text += "  " + write.file + " = " + write.value + "\n";
  text += "\nsteps of srt-init\n";
  const auto& init = plan.init;
  if (init.passthrough) text += "  root: the host's tree as bwrap left it\n";
  if (!init.passthrough)
    text += "  root: " + quote(init.rootfs) + (init.root_readonly ? ", read-only\n" : "\n");
  for (const auto& pinned : init.pinned)
    text += (pinned.hidden ? "  is covered: " : "  is as it was: ") + quote(pinned.path) + "\n";
  for (const auto& mount : init.mounts) text += "  " + describe(mount) + "\n";
  for (const auto& device : init.devices) {
    text += std::string("  ") + (device.bind ? "bind device " : "device ") + device.path + "\n";
  }
  for (const auto& link : init.symlinks)
    text += "  link " + link.path + " -> " + link.target + "\n";
  for (const auto& hook : init.create_container)
    text += "  createContainer hook " + quote(hook.path) + "\n";
  if (init.egress.on) text += egress_steps(init.egress);
  for (const auto& entry : init.sysctl)
    text += "  sysctl " + entry.path + " = " + entry.value + "\n";
  if (init.set_hostname) text += "  hostname " + init.hostname + "\n";
  if (init.set_domainname) text += "  domainname " + init.domainname + "\n";
  for (const auto& path : init.masked) text += "  mask " + path + "\n";
  for (const auto& path : init.readonly) text += "  read-only " + path + "\n";
  for (const auto& path : init.sealed) text += "  read-only in the end " + path + "\n";
  for (const auto& hook : init.start_container)
    text += "  startContainer hook " + quote(hook.path) + "\n";
  const auto& process = init.process;
  if (!process.seccomp.filter.empty()) {
    text += "  seccomp filter, " + std::to_string(process.seccomp.filter.size() / 8) +
            " instructions\n";
  }
  if (process.no_new_privileges) text += "  no_new_privs\n";
  text += "  uid " + std::to_string(process.uid) + ", gid " + std::to_string(process.gid) +
          ", in " + quote(process.cwd) + "\n  exec";
  for (const auto& arg : process.args) text += " " + quote(arg);
  text += "\n";
  for (const std::string& warning : plan.warnings) text += "\nwarning: " + warning;
  for (const std::string& note : plan.notes) text += "\nnote: " + note;
  if (!plan.warnings.empty() || !plan.notes.empty()) text += "\n";
  return text;
}

}  // namespace srt::platform
