#include "oci/state.h"

#include <catch2/catch.hpp>

namespace srt::oci {
namespace {

State running() {
  return {"1.3.0", "web", Status::kRunning, 4422, "/bundles/web", {{{"com.example.key", "v"}}}};
}

TEST_CASE("a state prints as the specification has it") {
  CHECK(print(running(), Layout::kCompact) ==
        R"({"ociVersion":"1.3.0","id":"web","status":"running","pid":4422,)"
        R"("bundle":"/bundles/web","annotations":{"com.example.key":"v"}})");
}

TEST_CASE("a state is read back as it was printed") {
  for (Status status : {Status::kCreating, Status::kCreated, Status::kRunning, Status::kStopped}) {
    State state = running();
    state.status = status;
    if (status == Status::kStopped) state.pid.reset();
    const Checked<State> parsed = parse_state(print(state), "state.json");
    REQUIRE(parsed);
    CHECK(*parsed == state);
  }
}

TEST_CASE("a state that is incomplete or wrong says so") {
  const Checked<State> parsed =
      parse_state(R"({"ociVersion":"1.0.2","status":"paused","bundle":"/b"})", "state.json");
  REQUIRE_FALSE(parsed);
  CHECK(to_string(parsed.error()) ==
        "state.json: /id: is required\n"
        "state.json: /status: must be one of \"creating\", \"created\", \"running\", \"stopped\", "
        "got \"paused\"");
}

TEST_CASE("a seccomp agent is told names of descriptors, metadata and state") {
  State state = running();
  state.annotations.reset();
  const ContainerProcessState process{"1.3.0", {{"seccompFd"}}, 4422, "MKNOD=/dev/null", state};
  CHECK(print(process) ==
        R"({"ociVersion":"1.3.0","fds":["seccompFd"],"pid":4422,"metadata":"MKNOD=/dev/null",)"
        R"("state":{"ociVersion":"1.3.0","id":"web","status":"running","pid":4422,)"
        R"("bundle":"/bundles/web"}})");
}

}  // namespace
}  // namespace srt::oci
