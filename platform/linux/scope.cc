#include "platform/linux/scope.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "platform/linux/init/sys.h"
#include "platform/linux/init_program.h"
#include "platform/unix_socket.h"

namespace srt::platform {
namespace {

using Json = nlohmann::json;

constexpr char kLayer[] = "systemd";
constexpr char kProgram[] = "srt-scope";
constexpr char kNobodyThere[] = "org.freedesktop.DBus.Error.NoServer";
constexpr int kPatience = 35'000;    // milliseconds: more than srt-scope has
constexpr size_t kLongest = 65'536;  // bytes of an answer

// Tried in this order. systemd's own socket needs no dbus-daemon; where the user's manager runs without one, the
// session's bus. The environment is the caller's to choose, and root's is not asked.
std::vector<std::string> buses() {
  if (is_host_root()) {
    return {"unix:path=/run/systemd/private", "unix:path=/run/dbus/system_bus_socket"};
  }
  const char* folder = std::getenv("XDG_RUNTIME_DIR");
  const std::string runtime =
      folder != nullptr && *folder == '/' ? folder : "/run/user/" + std::to_string(host_uid());
  std::vector<std::string> found = {"unix:path=" + runtime + "/systemd/private",
                                    "unix:path=" + runtime + "/bus"};
  const char* session = std::getenv("DBUS_SESSION_BUS_ADDRESS");
  std::string_view address = session != nullptr ? session : "";
  address = address.substr(0, address.find_first_of(",;"));  // its guid; a second choice
  if (address.starts_with("unix:path=/")) found.emplace_back(address);
  return found;
}

Json to_json(const std::vector<ScopeProperty>& properties) {
  Json list = Json::array();
  for (const ScopeProperty& property : properties) {
    Json value = std::visit([](const auto& held) { return Json(held); }, property.value);
    list.push_back({{"name", property.name}, {"type", property.type}, {"value", std::move(value)}});
  }
  return list;
}

Json request(const char* what, const std::string& unit) {
  return {{"do", what}, {"unit", unit}, {"buses", buses()}};
}

}  // namespace

Result<Scope> Scope::open(const std::string& unit) {
  SRT_ASSIGN(auto pair, make_socket_pair(SOCK_SEQPACKET));
  Scope scope;
  scope.unit_ = unit;
  Result<Sidecar> keeper = Sidecar::spawn(kProgram, {unit}, {pair.second.get()});
  if (!keeper) {
    Error error = std::move(keeper).error();
    error.mend =
        "reinstall srt-runtime (a build needs libsystemd for it), or call it without "
        "--systemd-cgroup";
    return fail(std::move(error));
  }
  scope.keeper_ = *std::move(keeper);
  scope.socket_ = std::move(pair.first);
  return scope;
}

// An answer's "cgroup", if it has one.
Result<std::string> Scope::ask(const std::string& request) {
  if (send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
    return fail_errno(kLayer, "ask srt-scope");
  }
  pollfd wait{socket_.get(), POLLIN, 0};
  if (sys::retry([&] { return poll(&wait, 1, kPatience); }) != 1) {
    return fail(kLayer, "does not answer");
  }
  std::string answer(kLongest, '\0');
  const ssize_t size =
      sys::retry([&] { return recv(socket_.get(), answer.data(), answer.size(), 0); });
  if (size <= 0) return fail(kLayer, "srt-scope ended without an answer", "reinstall srt-runtime");
  answer.resize(static_cast<size_t>(size));
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object()) return fail(kLayer, "srt-scope's answer is not understood");
  if (json.contains("error")) {
    return fail(
        Error{.object = kLayer,
              .why = unit_ + ": " + json.value("error", std::string()),
              .mend = is_host_root()
                          ? "the cgroupfs driver needs no systemd: leave --systemd-cgroup out"
                          : "is there a user manager? `loginctl enable-linger` starts one, and the "
                            "cgroupfs driver needs none",
              .code = json.value("code", std::string()) == kNobodyThere ? ENOTCONN : 0});
  }
  return json.value("cgroup", std::string());
}

Result<Scope> Scope::make(const ScopePlan& plan, const std::string& description) {
  SRT_ASSIGN(Scope scope, open(plan.unit));
  Json asked = request("start", plan.unit);
  asked["slice"] = plan.slice;
  asked["description"] = description;
  asked["properties"] = to_json(plan.properties);
  SRT_ASSIGN(const std::string cgroup,
             scope.ask(asked.dump(-1, ' ', false, Json::error_handler_t::replace)));
  // All else was decided by where it would be.
  if (cgroup != plan.cgroup) {
    return fail(kLayer, "made " + plan.unit + " in " + cgroup + ", not in " + plan.cgroup,
                "call the runtime without --systemd-cgroup");
  }
  return scope;
}

Result<void> Scope::take_in(pid_t pid) {
  Json asked = request("attach", unit_);
  asked["pids"] = {pid};
  return ask(asked.dump()).map([](const std::string&) {});
}

Result<void> Scope::set(const std::vector<ScopeProperty>& properties) {
  Json asked = request("set", unit_);
  asked["properties"] = to_json(properties);
  return ask(asked.dump()).map([](const std::string&) {});
}

Result<void> Scope::stop() {
  return ask(request("stop", unit_).dump()).map([](const std::string&) {});
}

Result<void> end_scope(const Handle& handle) {
  if (handle.scope.empty()) return {};
  SRT_ASSIGN(Scope scope, Scope::open(handle.scope));
  Result<void> stopped = scope.stop();
  if (!stopped && stopped.error().code == ENOTCONN) return {};
  return stopped;
}

bool has_scopes() { return open_installed(kProgram).has_value(); }

}  // namespace srt::platform
