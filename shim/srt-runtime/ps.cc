// srt-runtime ps: the processes of a container.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <vector>

#include "runtime/lifecycle.h"
#include "shim/srt-runtime/report.h"
#include "shim/srt-runtime/verb.h"

namespace srt::shim {
namespace {

constexpr Option kOptions[] = {{"f,format", "table|json", "how to print them (default: table)"}};

using Pids = std::set<pid_t>;

std::string as_json(const Pids& pids) {
  std::string text = "[";
  for (pid_t pid : pids) text += (text.size() > 1 ? "," : "") + std::to_string(pid);
  return text + "]\n";
}

// A ps that only root could have put there: we may be root and PATH the caller's.
const char* trusted_ps() {
  for (const char* path : {"/usr/bin/ps", "/bin/ps"}) {
    struct stat st {};
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && (st.st_mode & 022) == 0) {
      return path;
    }
  }
  return nullptr;
}

// What `ps` prints, given the caller's arguments.
Result<std::string> output_of_ps(const char* path, const std::vector<std::string>& arguments) {
  SRT_ASSIGN(Pipe pipe, make_pipe());
  std::vector<char*> argv{const_cast<char*>("ps")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = fork();
  if (child < 0) return fail_errno("ps", "fork");
  if (child == 0) {
    dup2(pipe.write_end.get(), STDOUT_FILENO);
    execv(path, argv.data());
    _exit(127);
  }
  pipe.write_end.reset();
  Result<std::string> text = read_rest(pipe.read_end.get(), "ps");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text && status != 0) return fail("ps", "ended with an error", "see its message above");
  return text;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  while (!line.empty()) {
    size_t begin = std::min(line.find_first_not_of(' '), line.size());
    size_t end = std::min(line.find(' ', begin), line.size());
    if (end > begin) found.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
  return found;
}

// The header, and the lines whose PID column names one of ours.
Result<std::string> only(const Pids& pids, std::string_view table) {
  std::string kept;
  size_t column = 0;
  for (bool header = true; !table.empty(); header = false) {
    std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    std::vector<std::string_view> cells = words(line);
    if (header) {
      auto it = std::find(cells.begin(), cells.end(), "PID");
      if (it == cells.end()) return fail("ps", "printed no PID column", "give it options that do");
      column = static_cast<size_t>(it - cells.begin());
    } else {
      if (cells.size() <= column) continue;
      pid_t pid = 0;
      std::from_chars(cells[column].data(), cells[column].data() + cells[column].size(), pid);
      if (!pids.contains(pid)) continue;
    }
    kept += std::string(line) + "\n";
  }
  return kept;
}

// Where there is no ps: pid, user and command line.
std::string own_table(const Pids& pids) {
  std::string text = "PID        USER       COMMAND\n";
  for (pid_t pid : pids) {
    std::string folder = "/proc/" + std::to_string(pid);
    struct stat st {};
    Result<std::string> command = read_file(folder + "/cmdline");
    if (!command || stat(folder.c_str(), &st) != 0) continue;  // ended meanwhile
    std::replace(command->begin(), command->end(), '\0', ' ');
    std::string number = std::to_string(pid), user = runtime::user_name(st.st_uid);
    number.resize(std::max<size_t>(number.size() + 1, 11), ' ');
    user.resize(std::max<size_t>(user.size() + 1, 11), ' ');
    text += number + user + one_line(*command) + "\n";
  }
  return text;
}

Result<int> run(const Invocation& call) {
  std::string format = call.arguments.text("format", "table");
  if (format != "table" && format != "json") {
    return fail("--format", "must be table or json, got \"" + format + "\"");
  }
  SRT_ASSIGN(runtime::ContainerId id, call.id());
  SRT_ASSIGN(runtime::Store store, call.store());
  SRT_ASSIGN(runtime::Inspected found, runtime::inspect(store, id));
  SRT_ASSIGN(std::vector<pid_t> list, platform::processes(found.record.handle));
  Pids pids(list.begin(), list.end());
  if (format == "json") return print(as_json(pids));
  std::vector<std::string> arguments(call.arguments.rest().begin() + 1,
                                     call.arguments.rest().end());
  if (arguments.empty()) arguments = {"-ef"};
  const char* ps = trusted_ps();
  if (!ps) return print(own_table(pids));
  SRT_ASSIGN(std::string table, output_of_ps(ps, arguments));
  SRT_ASSIGN(std::string kept, only(pids, table));
  return print(kept);
}

}  // namespace

const Verb kPs{"ps",
               "ID [PS-OPTION]…",
               "list the processes of a container",
               "  srt-runtime ps web\n"
               "  srt-runtime ps --format json web\n"
               "  srt-runtime ps web -o pid,rss,args\n",
               kOptions,
               1,
               kAnyNumber,
               run};

}  // namespace srt::shim
