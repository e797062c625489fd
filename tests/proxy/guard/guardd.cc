// A guard without a sandbox: listens where it is told, on this host, so that curl, a benchmark or a
// person can drive it. Prints its audit events as NDJSON. A tool for tests; it is not installed.
//
//   guardd --listen 127.0.0.1:3128 --allow '*.example.com' --allow 127.0.0.1:8000
//   guardd --listen-fd 3 --transparent-fd 4 --dns-udp-fd 5 --dns-tcp-fd 6 --allow example.com
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "proxy/guard.h"
#include "tests/proxy/guard/listeners.h"

using namespace srt::proxy;

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "guardd: %s\n", what.c_str());
  std::exit(2);
}

Rule rule(const std::string& text, PatternList list) {
  auto pattern = DomainPattern::parse(text, list);
  if (!pattern) fail(pattern.error());
  return Rule{*std::move(pattern), "command line", ""};
}

struct Arguments {
  std::vector<Listener> listeners;
  EgressPolicy policy;
  GuardOptions options;
  bool quiet = false;
};

Listener listen_on(Listener::Kind kind, const std::string& place) {
  const size_t colon = place.rfind(':');
  const auto address =
      colon == std::string::npos ? std::nullopt : IpAddress::parse(place.substr(0, colon));
  if (!address) fail("not an address and a port: " + place);
  const auto port = static_cast<uint16_t>(std::strtoul(place.c_str() + colon + 1, nullptr, 10));
  const int fd = kind == Listener::Kind::kDnsUdp ? tests::bind_udp({*address, port})
                                                 : tests::listen_tcp({*address, port});
  if (fd < 0) fail("cannot listen on " + place + ": " + std::strerror(errno));
  return {kind, fd};
}

Arguments parse(int argc, char** argv) {
  using Kind = Listener::Kind;
  Arguments arguments;
  arguments.policy.layers.emplace_back();
  RuleLayer& layer = arguments.policy.layers.back();
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--quiet") {
      arguments.quiet = true;
      continue;
    }
    if (i + 1 == argc) fail(std::string(option) + " wants a value");
    const std::string value = argv[++i];
    const auto inherited = [&](Kind kind) {
      arguments.listeners.push_back({kind, std::atoi(value.c_str())});
    };
    if (option == "--listen") {
      arguments.listeners.push_back(listen_on(Kind::kProxy, value));
    } else if (option == "--transparent") {
      arguments.listeners.push_back(listen_on(Kind::kTransparent, value));
    } else if (option == "--dns") {
      arguments.listeners.push_back(listen_on(Kind::kDnsUdp, value));
      arguments.listeners.push_back(listen_on(Kind::kDnsTcp, value));
    } else if (option == "--listen-fd") {
      inherited(Kind::kProxy);
    } else if (option == "--transparent-fd") {
      inherited(Kind::kTransparent);
    } else if (option == "--dns-udp-fd") {
      inherited(Kind::kDnsUdp);
    } else if (option == "--dns-tcp-fd") {
      inherited(Kind::kDnsTcp);
    } else if (option == "--allow") {
      layer.allowed.push_back(rule(value, PatternList::kAllow));
    } else if (option == "--deny") {
      layer.denied.push_back(rule(value, PatternList::kDeny));
    } else if (option == "--connections") {
      arguments.options.max_connections = std::strtoul(value.c_str(), nullptr, 10);
      arguments.options.max_per_destination = arguments.options.max_connections;
    } else {
      fail("unknown option " + std::string(option));
    }
  }
  if (arguments.listeners.empty()) fail("nothing to listen on");
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments = parse(argc, argv);
  boost::asio::io_context io(1);
  const bool quiet = arguments.quiet;
  Guard guard(io, std::move(arguments.listeners), std::move(arguments.policy),
              std::move(arguments.options), [quiet](const AuditEvent& event) {
                if (quiet) return;
                const std::string line = to_json_line(event, "guardd");
                (void)!write(STDOUT_FILENO, line.data(), line.size());
              });
  boost::asio::signal_set stop(io, SIGINT, SIGTERM);
  stop.async_wait([&](const boost::system::error_code&, int) { io.stop(); });
  guard.start();
  io.run();
}
