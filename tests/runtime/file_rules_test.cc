#include "runtime/file_rules.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "tests/runtime/temp_dir.h"

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

// A bundle with a rootfs of its own; nothing of it is looked at.
struct Scene {
  Scene() {
    bundle.dir = dir.path();
    bundle.spec.root = oci::Root{"rootfs", false};
    oci::Process& process = bundle.spec.process.emplace();
    process.cwd = "/srv/app";
    process.env = {"HOME=/home/u"};
    bundle.spec.linux_.emplace();
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir / name) << text;
    chmod((dir / name).c_str(), 0644);
  }
  void rules(const std::string& deny_read, const std::string& allow_write,
             const std::string& deny_write = {}, const std::string& file = "srt.json") {
    write(file, R"({"filesystem":{"denyRead":[)" + deny_read + R"(],"allowWrite":[)" + allow_write +
                    R"(],"denyWrite":[)" + deny_write + "]}}");
  }
  void annotate(const std::string& name, const std::string& value) {
    bundle.spec.annotations.emplace().emplace(name, value);
  }
  FileRules files(const std::string& policy = {}) {
    Result<FileRules> files = FileRules::of(bundle, policy);
    INFO((files ? std::string() : to_string(files.error())));
    REQUIRE(files);
    return *files;
  }
  std::string error(const std::string& policy = {}) {
    const Result<FileRules> files = FileRules::of(bundle, policy);
    return files ? std::string() : to_string(files.error());
  }
  std::string ceiling() { return dir / "ceiling.json"; }

  test::TempDir dir;
  platform::Bundle bundle;
};

}  // namespace

TEST_CASE("a bundle without filesystem rules needs nothing") {
  Scene scene;
  CHECK_FALSE(scene.files().present());
  scene.write("srt.json", R"({"network":{"allowedDomains":[],"deniedDomains":[]}})");
  CHECK_FALSE(scene.files().present());
  platform::CreateOptions options;
  scene.files().add_to(options);
  CHECK_FALSE(options.file_rules);
  CHECK_FALSE(options.own_filter);
}

TEST_CASE("the plan shows each filesystem rule and where it stands") {
  Scene scene;
  scene.rules(R"("~/.ssh")", R"(".", {"path":"/tmp/[x]","literal":true})", R"("*.lock")");
  scene.annotate("dev.srt.filesystem.denyRead", "/etc/shadow");
  scene.rules("", R"("/srv","/tmp")", "", "ceiling.json");
  CHECK(scene.files(scene.ceiling()).to_text() ==
        "filesystem rules\n"
        "  allowWrite /srv    # " +
            scene.ceiling() +
            "\n"
            "  allowWrite /tmp    # " +
            scene.ceiling() +
            "\n"
            "  denyRead   ~/.ssh    # srt.json\n"
            "  allowWrite .    # srt.json\n"
            "  allowWrite /tmp/[x]    # srt.json\n"
            "  denyWrite  *.lock    # srt.json\n"
            "  denyRead   /etc/shadow    # annotation dev.srt.filesystem.denyRead\n"
            "  denyWrite  everything else\n"
            "  srt-broker decides what is made and written\n");
  oci::JsonWriter writer(oci::Layout::kCompact);
  Scene other;
  other.rules(R"("/x")", "");
  other.files().write(writer);
  CHECK(std::move(writer).take() == R"([{"list":"denyRead","path":"/x","origin":"srt.json"}])");
}

TEST_CASE("a broker and a filter for what it takes over, where something may be written") {
  Scene scene;
  platform::CreateOptions options;
  scene.rules(R"("/x")", "");
  CHECK_FALSE(scene.files().brokered());
  scene.files().add_to(options);
  REQUIRE(options.own_filter);
  CHECK_FALSE(options.own_filter->listener_path);
  scene.rules("", R"("/x")");
  CHECK(scene.files().brokered());
  scene.files().add_to(options);
  CHECK(options.own_filter->listener_path);
  CHECK(scene.bundle.spec.process->env ==
        std::vector<std::string>{"HOME=/home/u", "GIT_TEMPLATE_DIR="});
}

TEST_CASE("annotations are shorthands for a document's lists") {
  Scene scene;
  scene.annotate("dev.srt.filesystem.allowWrite", "/a /b,/c");
  CHECK_THAT(scene.files().to_text(), Catch::Contains("allowWrite /c    # annotation"));
  scene.annotate("dev.srt.filesystem.allowWrite", "/a,,/c");
  CHECK_THAT(scene.error(), Catch::Contains("has an empty entry"));
  scene.annotate("dev.srt.filesystem.alowWrite", "/a");
  CHECK_THAT(scene.error(), Catch::Contains("did you mean"));
}

TEST_CASE("a bundle's filesystem rules only narrow the operator's") {
  Scene scene;
  scene.rules(R"("/etc")", R"("/srv")", "", "ceiling.json");
  scene.rules("", R"("/srv/app")");
  CHECK(scene.error(scene.ceiling()).empty());
  scene.rules("", R"("/var")");
  CHECK_THAT(scene.error(scene.ceiling()), Catch::Contains(R"(allowWrite "/var" (srt.json))"));
  scene.write("srt.json", R"({"filesystem":{"denyRead":[],"allowRead":["/etc/x"],"allowWrite":[],
    "denyWrite":[]}})");
  CHECK_THAT(scene.error(scene.ceiling()), Catch::Contains("is refused by denyRead \"/etc\""));
  scene.write("srt.json", R"({"filesystem":{"disabled":true,"denyRead":[],"allowWrite":[],
    "denyWrite":[]}})");
  CHECK_THAT(scene.error(scene.ceiling()), Catch::Contains("/filesystem/disabled: widens"));
  CHECK(scene.error().empty());
  scene.write("srt.json", R"({"filesystem":{"allowGitConfig":true,"denyRead":[],"allowWrite":[],
    "denyWrite":[]}})");
  CHECK_THAT(scene.error(scene.ceiling()), Catch::Contains("/filesystem/allowGitConfig: widens"));
}

TEST_CASE("filesystem rules that could not be held are refused before anything is made") {
  Scene scene;
  scene.rules("", R"("/x")");
  scene.bundle.spec.process->capabilities.emplace().bounding = {"CAP_SYS_ADMIN"};
  CHECK_THAT(scene.error(), Catch::Contains("CAP_SYS_ADMIN could undo"));
  scene.bundle.spec.process->capabilities.reset();
  oci::SeccompSyscall notify;
  notify.names = {"mkdir"};
  notify.action = oci::SeccompAction::kNotify;
  scene.bundle.spec.linux_->seccomp.emplace().syscalls = {{notify}};
  CHECK_THAT(scene.error(), Catch::Contains("/linux/seccomp/listenerPath"));
  scene.rules(R"("/x")", "");
  CHECK(scene.error().empty());  // no broker: the agent may have the listener
  scene.bundle.spec.root->path = "/";
  CHECK_THAT(scene.error(), Catch::Contains("/root/path"));
  scene.bundle.spec.root->path = "rootfs";
  scene.rules(R"("~/x")", "");
  scene.bundle.spec.process->env.reset();
  CHECK(scene.error().empty());  // root's home is /root
  scene.bundle.spec.process->user.emplace().uid = 7;
  CHECK_THAT(scene.error(), Catch::Contains("there is no home folder"));
}
