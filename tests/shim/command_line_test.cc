// What srt-runtime says and how it ends, as far as no container is needed.
#include <nlohmann/json.hpp>

#include "tests/shim/program.h"

using srt::test::Outcome;
using srt::test::Program;
using srt::test::TempDir;

namespace {

size_t lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("the version is what dockerd reads: name, spec and commit, a line each") {
  TempDir dir;
  Outcome got = Program(dir / "root")({"--version"});
  CHECK(got.status == 0);
  CHECK(got.out.starts_with("srt-runtime version "));
  CHECK(got.out.find("\nspec: 1.3.0\ncommit: ") != std::string::npos);
  CHECK(lines(got.out) == 3);
}

TEST_CASE("help is on stdout, ends well, and every verb has some with an example") {
  TempDir dir;
  Program srt(dir / "root");
  CHECK(srt({}).status == 0);
  CHECK(srt({"--help"}).out == srt({}).out);
  for (std::string verb : {"run", "create", "start", "state", "kill", "delete", "exec", "list",
                           "ps", "spec", "features", "plan", "doctor"}) {
    CAPTURE(verb);
    CHECK(srt({}).out.find("\n  " + verb + " ") != std::string::npos);
    Outcome got = srt({verb, "--help"});
    CHECK(got.status == 0);
    CHECK(got.err.empty());
    CHECK(got.out.starts_with("srt-runtime " + verb));
    CHECK(got.out.find("\nExample:\n  ") != std::string::npos);
    CHECK(srt({"help", verb}).out == got.out);
  }
}

TEST_CASE("an error is one line: the verb, the container, what, why and how to mend it") {
  TempDir dir;
  Program srt(dir / "root");
  struct {
    std::vector<std::string> words;
    int status;
    std::string err;
  } cases[] = {
      {{"runn"}, 3, "srt-runtime: unknown verb \"runn\" (did you mean run?)\n"},
      {{"help", "runn"}, 3, "srt-runtime: unknown verb \"runn\" (did you mean run?)\n"},
      {{"state", "none"}, 1, "srt-runtime: state none: container does not exist\n"},
      {{"start", "none"}, 1, "srt-runtime: start none: container does not exist\n"},
      {{"kill", "none"}, 1, "srt-runtime: kill none: container does not exist\n"},
      {{"ps", "none"}, 1, "srt-runtime: ps none: container does not exist\n"},
      {{"delete", "none"}, 1, "srt-runtime: delete none: container does not exist\n"},
      {{"exec", "none", "ls"}, 255, "srt-runtime: exec none: container does not exist\n"},
      {{"delete", "--force", "none"}, 0, ""},
      {{"delete", "-f", "none"}, 0, ""},
      {{"state"}, 1, "srt-runtime: state: too few arguments (usage: srt-runtime state ID)\n"},
      {{"delete", "none", "--force"}, 0, ""},
      {{"pause", "none"}, 1, "srt-runtime: pause none: container does not exist\n"},
      {{"resume", "none"}, 1, "srt-runtime: resume none: container does not exist\n"},
      {{"update", "none", "--memory", "1G"},
       1,
       "srt-runtime: update none: container does not exist\n"},
      {{"update", "--memory", "1X", "none"},
       1,
       "srt-runtime: update none: --memory: must be a number, got \"1X\"\n"},
      {{"update", "none"},
       1,
       "srt-runtime: update none: neither rules nor limits are given (usage: srt-runtime update "
       "--policy FILE ID, or srt-runtime update --memory 1G ID)\n"},
      {{"create", "--bundle", "/tmp"},
       1,
       "srt-runtime: create: no container id is given (usage: srt-runtime create BUNDLE ID, or "
       "srt-runtime create -b BUNDLE ID)\n"},
      {{"delete", "--forse", "none"},
       1,
       "srt-runtime: delete: --forse: unknown option (did you mean --force?)\n"},
      {{"list", "--format", "yaml"},
       1,
       "srt-runtime: list: --format: must be table or json, got \"yaml\"\n"},
      {{"--log-format", "xml", "list"},
       1,
       "srt-runtime: list: --log-format: must be text or json, got \"xml\"\n"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.words);
    Outcome got = srt(one.words);
    CHECK(got.status == one.status);
    CHECK(got.err == one.err);
    CHECK(got.out.empty());
  }
  CHECK(srt({"kill", "none", "NOSIG"}).err.find("signal \"NOSIG\": is unknown") !=
        std::string::npos);
  CHECK(srt({"--systemd-cgroup", "list"}).status == 0);
  CHECK(srt({"--cgroup-manager", "none", "list"}).err.find("cgroupfs or systemd") !=
        std::string::npos);
  CHECK(srt({"--systemd-cgroup=false", "--rootless", "auto", "list"}).status == 0);
  for (const char* word : {"true", "T", "1", "False", "0"}) {
    CHECK(srt({"--rootless", word, "list"}).status == 0);
  }
  CHECK(srt({"--rootless", "maybe", "list"}).err.find("must be true, false or auto") !=
        std::string::npos);
}

TEST_CASE("text from a bundle cannot break out of the one line") {
  TempDir dir;
  Outcome got = Program(dir / "root")({"run", "-b", dir / "a\nb\033[31m", "x"});
  CHECK(got.status == 1);
  CHECK(lines(got.err) == 1);
  CHECK(got.err.find('\033') == std::string::npos);
}

TEST_CASE("with --log and json an engine finds one record, and the error is on stderr too") {
  TempDir dir;
  Program srt(dir / "root");
  Outcome got = srt({"--log", dir / "log", "--log-format", "json", "state", "none"});
  CHECK(got.status == 1);
  CHECK(lines(got.err) == 1);
  std::string log = srt::read_file(dir / "log").value();
  CHECK(lines(log) == 1);
  auto record = nlohmann::json::parse(log);
  CHECK(record["level"] == "error");
  CHECK(record["msg"] == "container does not exist");
}

TEST_CASE("an empty root lists nothing, in each format") {
  TempDir dir;
  Program srt(dir / "root");
  CHECK(srt({"list"}).out == "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
  CHECK(srt({"list", "-f", "json"}).out == "[]\n");
  CHECK(srt({"list", "-q"}).out.empty());
}

TEST_CASE("spec writes a config.json that it reads itself, and never overwrites one") {
  TempDir dir;
  Program srt(dir / "root");
  CHECK(srt({"spec", "-b", dir.path()}).status == 0);
  std::string text = srt::read_file(dir / "config.json").value();
  CHECK(nlohmann::json::parse(text)["process"]["args"] == nlohmann::json{"sh"});
  Outcome again = srt({"spec", "--bundle", dir.path(), "--rootless"});
  CHECK(again.status == 1);
  CHECK(again.err.find("config.json: exists already") != std::string::npos);
  CHECK(srt::read_file(dir / "config.json").value() == text);
  CHECK(srt({"spec", "--host", "--rootless"}).status == 1);
}

TEST_CASE("which word is the bundle and which the id is told apart, or asked for") {
  TempDir dir;
  Program srt(dir / "root");
  CHECK(srt({"run", "-b", "x", "y", "z"}).err.find("--bundle: names a bundle") !=
        std::string::npos);
  CHECK(srt({"run"}).err.find("neither a bundle nor an id is given") != std::string::npos);
  CHECK(srt({"run", dir.path()}).err.find("has no config.json") != std::string::npos);
  CHECK(srt({"create", "-b", dir.path(), "a/b"}).err.find("invalid container ID format") !=
        std::string::npos);
}

TEST_CASE("features is the specification's document") {
  TempDir dir;
  Outcome got = Program(dir / "root")({"features"});
  CHECK(got.status == 0);
  auto document = nlohmann::json::parse(got.out);
  CHECK(document["ociVersionMax"] == "1.3.0");
  CHECK(document["linux"].contains("namespaces"));
}
