#include "oci/load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "oci/json.h"
#include "oci/print.h"
#include "oci/template.h"

namespace srt::oci {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "srt-load-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(*this / name, std::ios::binary) << text;
  }

 private:
  std::string path_;
};

std::string said(const Result<Spec>& result) { return result ? "" : to_string(result.error()); }

TEST_CASE("a bundle's config.json is loaded") {
  const Folder bundle;
  bundle.put("config.json", print(default_spec()));
  for (const std::string& dir : {bundle.path(), bundle.path() + "/"}) {
    const Result<Spec> spec = load_spec(dir);
    REQUIRE(said(spec).empty());
    CHECK(*spec == default_spec());
  }
}

TEST_CASE("problems are reported with the path of the file") {
  const Folder bundle;
  bundle.put("config.json", R"({"ociVersion": "2.0.0"})");
  CHECK(said(load_spec(bundle.path())) ==
        (bundle / "config.json") + ": /ociVersion: must be a version 1.x, got \"2.0.0\"\n" +
            (bundle / "config.json") + ": /root: is required");
}

TEST_CASE("a bundle without config.json: the error says how to make one") {
  const Folder bundle;
  const Result<Spec> spec = load_spec(bundle.path());
  CHECK(said(spec) == (bundle / "config.json") +
                          ": open: No such file or directory (a bundle is a directory with a "
                          "config.json: srt-runtime spec -b " +
                          bundle.path() + " writes one)");
  CHECK(spec.error().code == ENOENT);
}

TEST_CASE("a bundle that is not there says so") {
  const Folder folder;
  CHECK(said(load_spec(folder / "none")) ==
        (folder / "none/config.json") +
            ": open: No such file or directory (there is no such directory; give the bundle's "
            "with --bundle)");
}

TEST_CASE("only a regular file is read, and a FIFO does not hang") {
  const Folder bundle;
  REQUIRE(::mkfifo((bundle / "config.json").c_str(), 0600) == 0);
  CHECK(said(load_spec(bundle.path())) == (bundle / "config.json") + ": is not a regular file");
  const Folder other;
  std::filesystem::create_directory(other / "config.json");
  CHECK(said(load_spec(other.path())) == (other / "config.json") + ": is not a regular file");
  const Folder device;
  std::filesystem::create_symlink("/dev/zero", device / "config.json");
  CHECK(said(load_spec(device.path())) == (device / "config.json") + ": is not a regular file");
}

TEST_CASE("a file over the limit is refused before it is read") {
  const Folder bundle;
  bundle.put("config.json", "{}");
  std::filesystem::resize_file(bundle / "config.json", kMaxDocument + 1);
  CHECK(said(load_spec(bundle.path())) ==
        (bundle / "config.json") + ": is larger than 16777216 bytes");
}

TEST_CASE("a file whose size is given as 0 is read to its end") {
  const Result<Process> process = load_process("/proc/self/stat");
  REQUIRE_FALSE(process);
  CHECK(to_string(process.error()).find("syntax error") != std::string::npos);
  CHECK(to_string(process.error()).find("column 1:") == std::string::npos);
}

TEST_CASE("process.json and resources.json are objects on their own") {
  const Folder folder;
  folder.put("process.json", R"({"cwd": "/", "args": ["id"]})");
  const Result<Process> process = load_process(folder / "process.json");
  REQUIRE(process);
  CHECK(process->args == std::vector<std::string>{"id"});
  folder.put("process.json", R"({"cwd": "tmp"})");
  const Result<Process> bad = load_process(folder / "process.json");
  REQUIRE_FALSE(bad);
  CHECK(to_string(bad.error()) ==
        (folder / "process.json") + ": /cwd: must be absolute, got \"tmp\"\n" +
            (folder / "process.json") + ": /args: must name the program to run, got none");
  folder.put("resources.json", R"({"pids": {"limit": 7}})");
  const Result<Resources> resources = load_resources(folder / "resources.json");
  REQUIRE(resources);
  CHECK(resources->pids->limit == 7);
}

}  // namespace
}  // namespace srt::oci
