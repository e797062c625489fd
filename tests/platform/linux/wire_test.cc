// The encoder runs in the runtime and the decoder in srt-init: what one writes the other must read.
#include <catch2/catch.hpp>

#include "platform/encode.h"
#include "platform/linux/init/plan.h"

namespace srt::init {
namespace {

using wire::encode;
using wire::Owned;

InitPlan<Owned> example() {
  InitPlan<Owned> plan;
  plan.fds.channel = 7;
  plan.rootfs = "/bundle/rootfs";
  plan.hostname = std::string("with\0nul", 8);
  Mount<Owned> mount;
  mount.destination = "/data";
  mount.data = {"size=1m", ""};
  mount.propagation = {{1 << 20, true}, {1 << 18, false}};
  plan.mounts = {mount, Mount<Owned>{}};
  plan.process.args = {"sh", "-c", "true"};
  plan.process.groups = {10, 20};
  plan.process.umask = -1;
  plan.process.rlimits = {{7, 1024, ~uint64_t{0}}};
  return plan;
}

TEST_CASE("A plan arrives as it was sent") {
  const std::string bytes = encode(example());
  Reader reader(bytes);
  InitPlan<Viewed> view;
  reader.read(view);
  REQUIRE_FALSE(reader.failed());
  CHECK(view.fds.channel == 7);
  CHECK(view.fds.console == -1);
  CHECK(view.rootfs == "/bundle/rootfs");
  CHECK(view.hostname == std::string_view("with\0nul", 8));
  CHECK(view.mounts.size() == 2);
  auto mount = view.mounts.begin();
  CHECK((*mount).destination == "/data");
  std::vector<std::string> data;
  for (std::string_view one : (*mount).data) data.emplace_back(one);
  CHECK(data == std::vector<std::string>{"size=1m", ""});
  std::vector<Propagation> changes;
  for (const Propagation& change : (*mount).propagation) changes.push_back(change);
  CHECK(changes == std::vector<Propagation>{{1 << 20, true}, {1 << 18, false}});
  ++mount;
  CHECK((*mount).destination.empty());
  CHECK(view.process.umask == -1);
  for (const Rlimit& limit : view.process.rlimits) CHECK(limit.hard == ~uint64_t{0});
}

TEST_CASE("Text is a C string where srt-init takes it") {
  const std::string bytes = encode(example());
  Reader reader(bytes);
  InitPlan<Viewed> view;
  reader.read(view);
  for (std::string_view arg : view.process.args) CHECK(std::string(arg.data()) == arg);
}

TEST_CASE("A plan that was cut off anywhere is noticed") {
  const std::string bytes = encode(example());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);
    Reader reader(part);
    InitPlan<Viewed> view;
    reader.read(view);
    INFO(size);
    CHECK(reader.failed());
  }
}

}  // namespace
}  // namespace srt::init
