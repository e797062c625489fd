#include "shim/srt-runtime/resources.h"

#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "oci/load.h"

namespace srt::shim {
namespace {

// "512M" is 512 x 1024 x 1024.
Result<int64_t> parse_amount(const std::string& option, const std::string& text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  int shift = 0;
  if (error == std::errc() && rest + 1 == end) {
    switch (*rest) {
      case 'k':
      case 'K': shift = 10; break;
      case 'm':
      case 'M': shift = 20; break;
      case 'g':
      case 'G': shift = 30; break;
      default: break;
    }
  }
  const bool whole = error == std::errc() && (rest == end || shift > 0);
  if (!whole || number < -1 || number > std::numeric_limits<int64_t>::max() >> shift) {
    return fail("--" + option, "must be a number, got \"" + text + "\"");
  }
  return number < 0 ? number : number << shift;
}

class Options {
 public:
  explicit Options(const Arguments& given) : given_(given) {}

  template <class Number>
  Result<void> read(const char* option, std::optional<Number>& into) {
    if (!given_.given(option)) return {};
    const std::string text = given_.text(option);
    SRT_ASSIGN(const int64_t number, parse_amount(option, text));
    if (!std::in_range<Number>(number)) {
      return fail(std::string("--") + option, "is out of range: " + text);
    }
    into = static_cast<Number>(number);
    any_ = true;
    return {};
  }
  void read(const char* option, std::optional<std::string>& into) {
    if (!given_.given(option)) return;
    into = given_.text(option);
    any_ = true;
  }
  bool any() const { return any_; }

 private:
  const Arguments& given_;
  bool any_ = false;
};

}  // namespace

Result<std::optional<oci::Resources>> given_resources(const Arguments& arguments) {
  const std::string file = arguments.text("resources");
  Options options(arguments);
  oci::MemoryResources memory;
  oci::CpuResources cpu;
  oci::BlockIoResources block_io;
  std::optional<int64_t> pids;
  SRT_TRY(options.read("memory", memory.limit));
  SRT_TRY(options.read("memory-reservation", memory.reservation));
  SRT_TRY(options.read("memory-swap", memory.swap));
  SRT_TRY(options.read("cpu-share", cpu.shares));
  SRT_TRY(options.read("cpu-quota", cpu.quota));
  SRT_TRY(options.read("cpu-period", cpu.period));
  SRT_TRY(options.read("cpu-burst", cpu.burst));
  SRT_TRY(options.read("cpu-rt-period", cpu.realtime_period));
  SRT_TRY(options.read("cpu-rt-runtime", cpu.realtime_runtime));
  SRT_TRY(options.read("cpu-idle", cpu.idle));
  options.read("cpuset-cpus", cpu.cpus);
  options.read("cpuset-mems", cpu.mems);
  SRT_TRY(options.read("pids-limit", pids));
  SRT_TRY(options.read("blkio-weight", block_io.weight));
  if (!file.empty() && options.any()) {
    return fail("--resources", "says it all, and cannot be combined with single limits");
  }
  if (!file.empty()) {
    SRT_ASSIGN(oci::Resources resources, oci::load_resources(file == "-" ? "/dev/stdin" : file));
    return resources;
  }
  if (!options.any()) return std::nullopt;
  oci::Resources resources;
  resources.memory = memory;
  resources.cpu = cpu;
  if (pids) resources.pids = oci::PidsResources{.limit = *pids};
  if (block_io.weight) resources.block_io = block_io;
  return resources;
}

}  // namespace srt::shim
