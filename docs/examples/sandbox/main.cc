// Runs a command in a sandbox that reaches one host, and says what was blocked.
//
//   cmake -B build && cmake --build build && build/sandboxed example.org -- curl -sS https://example.org
#include <srt/sandbox.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: sandboxed HOST -- COMMAND [ARGUMENT…]\n");
    return 2;
  }
  srt::Sandbox sandbox;
  const std::string settings =
      R"({"network": {"allowedDomains": [], "deniedDomains": []},
          "filesystem": {"denyRead": ["~/.ssh"], "allowWrite": ["."], "denyWrite": []}})";
  std::string error = sandbox.initialise(settings);
  if (error.empty()) error = sandbox.update_network({argv[1]}, {});
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 125;
  }
  sandbox.on_violation([](const std::string& json) { std::printf("blocked: %s\n", json.c_str()); });
  const srt::Outcome outcome = sandbox.run({argv + 3, argv + argc});
  if (!outcome.error.empty()) std::fprintf(stderr, "%s\n", outcome.error.c_str());
  return outcome.status;
}
