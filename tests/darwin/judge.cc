// judge SETTINGS PROFILE [PORT]: what two profiles let a program do. One is made here from the settings, as
// for a program in the working directory; the other is a file with the text of any Seatbelt profile.
//
// Reads requests from stdin, a line each: "operation" and then key=value, separated by tabs. Prints for each
// what ours allows, the other by its last matching rule, and the other by its most specific: "1 0 1".
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "platform/darwin/sandbox_profile.h"
#include "runtime/host_access.h"
#include "tests/platform/darwin/sbpl_evaluator.h"

namespace {

using namespace srt;            // NOLINT: a program of one file
using namespace srt::platform;  // NOLINT

[[noreturn]] void stop(const std::string& text) {
  std::fprintf(stderr, "judge: %s\n", text.c_str());
  std::exit(2);
}

template <class T>
T need(Result<T> result) {
  if (!result) stop(to_string(result.error()));
  return std::move(*result);
}

std::string ours(const std::string& settings, const std::string& port) {
  runtime::LayerSources sources;
  char* cwd = getcwd(nullptr, 0);
  sources.cwd = cwd;
  std::free(cwd);  // NOLINT: getcwd(3) allocates
  const char* home = std::getenv("HOME");
  sources.home = home == nullptr ? "" : home;
  sources.settings_file = settings;
  sources.operator_file.clear();
  const runtime::SandboxPolicy policy = need(runtime::sandbox_policy(sources));
  darwin::Access access;
  access.host = runtime::host_access(policy);
  access.cwd = sources.cwd;
  access.network = darwin::Network::kGuard;
  access.guard_port = static_cast<uint16_t>(std::stoul(port));
  return need(print(need(darwin::sandbox_profile(access))));
}

test::SbplRequest request_of(const std::string& line) {
  test::SbplRequest request;
  size_t at = line.find('\t');
  request.operation = line.substr(0, at);
  while (at != line.npos) {
    const size_t begin = at + 1;
    at = line.find('\t', begin);
    const std::string word = line.substr(begin, at == line.npos ? at : at - begin);
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key == "path")
      request.path = value;
    else if (key == "type")
      request.vnode_type = value;
    else if (key == "remote")
      request.remote = value;
    else if (key == "local")
      request.local = value;
    else if (key == "unix")
      request.unix_socket = value;
    else if (key == "domain")
      request.socket_domain = value;
    else if (key == "protocol")
      request.socket_protocol = value;
    else if (key == "name")
      request.name = value;
    else if (key == "same-sandbox")
      request.same_sandbox = true;
    else
      stop("unknown key " + key);
  }
  return request;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) stop("usage: judge SETTINGS PROFILE PORT");
  const test::Sbpl first = need(test::Sbpl::read(ours(argv[1], argv[3])));
  std::ifstream file(argv[2]);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const test::Sbpl second = need(test::Sbpl::read(text));
  for (std::string line; std::getline(std::cin, line);) {
    const test::SbplRequest request = request_of(line);
    const test::SbplVerdict a = first.decide(request), b = second.decide(request);
    if (a.contested || a.last_match != a.most_specific) stop("ours depends on order: " + line);
    std::printf("%d %d %d\n", a.last_match, b.last_match, b.most_specific);
  }
  return 0;
}
