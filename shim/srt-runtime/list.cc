// srt-runtime list: the containers under the root.
#include <algorithm>
#include <array>
#include <vector>

#include "runtime/store.h"
#include "shim/srt-runtime/report.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

using runtime::Store;

constexpr Option kOptions[] = {{"f,format", "table|json", "how to print them (default: table)"},
                               {"q,quiet", "", "print ids only"}};

using Row = std::array<std::string, 6>;

// Columns as runc's: at least 12 wide, 3 blanks apart.
std::string table(const std::vector<Row>& rows) {
  std::array<size_t, 6> widths;
  widths.fill(12);
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + 3);
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      text += row[i];
      text.append(widths[i] - row[i].size(), ' ');
    }
    text += row.back() + "\n";
  }
  return text;
}

std::string as_table(const std::vector<Store::Listed>& containers) {
  std::vector<Row> rows{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const Store::Listed& one : containers) {
    const runtime::Record& record = one.record;
    bool stopped = one.status == runtime::Status::kStopped;
    rows.push_back({record.id, std::to_string(stopped ? 0 : record.handle.init),
                    std::string(to_string(one.status)), one_line(record.bundle), record.created,
                    record.owner});
  }
  return table(rows);
}

std::string as_json(const std::vector<Store::Listed>& containers) {
  std::string text;
  for (const Store::Listed& one : containers) {
    text += text.empty() ? "[" : ",";
    text += state_for_caller(one.record, one.status, oci::Layout::kCompact);
  }
  return text.empty() ? "[]\n" : text + "]\n";
}

Result<int> run(const Invocation& call) {
  std::string format = call.arguments.text("format", "table");
  if (format != "table" && format != "json") {
    return fail("--format", "must be table or json, got \"" + format + "\"");
  }
  SRT_ASSIGN(Store store, call.store());
  SRT_ASSIGN(std::vector<Store::Listed> containers, store.list());
  for (const Store::Listed& one : containers) {
    if (!one.damage.empty()) call.log.warn(one_line(one.damage));
  }
  if (call.arguments.on("quiet")) {
    std::string ids;
    for (const Store::Listed& one : containers) ids += one.record.id + "\n";
    return print(ids);
  }
  return print(format == "json" ? as_json(containers) : as_table(containers));
}

}  // namespace

const Verb kList{"list",
                 "",
                 "list the containers",
                 "  srt-runtime list\n"
                 "  srt-runtime list --format json\n",
                 kOptions,
                 0,
                 0,
                 run};

}  // namespace srt::shim
