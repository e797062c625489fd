#include "shim/srt-runtime/create_options.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "runtime/bundle.h"

namespace srt::shim {
namespace {

Result<runtime::ContainerId> make_up(const std::string& bundle) {
  // "run ." is about a folder with a name.
  std::unique_ptr<char, void (*)(void*)> canonical(realpath(bundle.c_str(), nullptr), std::free);
  return runtime::made_up_id(canonical ? canonical.get() : bundle);
}

// sd_listen_fds(3): descriptors that a socket unit hands us come before those of --preserve-fds,
// and are meant for the program.
unsigned listen_fds() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (!pid || !count || std::to_string(getpid()) != pid) return 0;
  long fds = std::strtol(count, nullptr, 10);
  return fds > 0 && fds < 65536 ? static_cast<unsigned>(fds) : 0;
}

}  // namespace

Result<runtime::CreateRequest> create_request(const Invocation& call, IdIs wanted) {
  std::string bundle = call.arguments.text("bundle");
  std::optional<std::string> id;  // one that is given must be good, "" too
  if (call.words() == 2) {
    if (!bundle.empty()) {
      return fail("--bundle", "names a bundle, and so does \"" + call.word(0) + "\"",
                  "give one of them");
    }
    bundle = call.word(0);
    id = call.word(1);
  } else if (call.words() == 1 && bundle.empty() && wanted == IdIs::kMadeUp &&
             runtime::is_bundle(call.word(0))) {
    bundle = call.word(0);
  } else if (call.words() == 1) {
    if (bundle.empty() && wanted == IdIs::kMadeUp && call.word(0).find('/') != std::string::npos) {
      return fail("bundle " + call.word(0), "has no config.json",
                  "srt-runtime spec -b " + call.word(0) + " writes one");
    }
    id = call.word(0);
  }
  if (!id && wanted == IdIs::kGiven) {
    return fail("", "no container id is given",
                "usage: srt-runtime create BUNDLE ID, or srt-runtime create -b BUNDLE ID");
  }
  if (bundle.empty() && !id) {
    return fail("", "neither a bundle nor an id is given",
                "usage: srt-runtime run BUNDLE, or srt-runtime run -b BUNDLE ID");
  }
  if (bundle.empty()) bundle = ".";
  SRT_ASSIGN(runtime::ContainerId checked, id ? runtime::ContainerId::parse(*id) : make_up(bundle));
  runtime::CreateRequest request{
      .id = std::move(checked), .bundle = bundle, .options = {}, .pid_file = {}};
  request.config = call.arguments.text("config");
  request.pid_file = call.arguments.text("pid-file");
  request.policy_file = call.arguments.text("policy");
  request.options.console_socket = call.arguments.text("console-socket");
  request.options.pidfd_socket = call.arguments.text("pidfd-socket");
  request.listen_fds = listen_fds();
  request.options.preserve_fds = call.arguments.number("preserve-fds") + request.listen_fds;
  request.options.no_pivot = call.arguments.on("no-pivot");
  request.options.no_new_keyring = call.arguments.on("no-new-keyring");
  request.options.systemd_cgroup = call.systemd_cgroup;
  request.options.debug = call.log.debugging();
  return request;
}

}  // namespace srt::shim
