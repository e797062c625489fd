"""What a failure looks like: the texts that engines look for, the log record, and nothing left."""

import contextlib
import datetime
import json
import os
import pathlib
import resource
import signal
import stat
import subprocess

from containers import host as host_module
from containers.scene import Scene
from suite import suite


def _failed_create(scene: Scene, bundle) -> str:
    name = scene.new_id()
    created = scene.runtime.create(bundle, name)
    scene.check(not created.ok, f"accepted: {created}")
    scene.equal(created.status, 1, "status")
    scene.equal(scene.runtime.ids(), [], "containers left")
    gone = host_module.wait_until(lambda: not host_module.children(os.getpid()), 2)
    scene.check(gone, f"processes left: {host_module.children(os.getpid())}")
    scene.check(not host_module.cgroups_named(name), "control groups left")
    scene.host_unchanged()
    return _plain(created.err)


def _plain(text: str) -> str:
    """Without the quoting of runc's log format."""
    return text.replace('\\"', '"')


@suite.case()
def a_missing_program_is_told_at_create(scene):
    text = _failed_create(scene, scene.bundle().args("no-such-program"))
    scene.check('exec: "no-such-program": executable file not found in $PATH' in text, text)


@suite.case()
def a_program_without_a_name_is_a_missing_one(scene):
    """`podman run IMAGE ""`: 127, as a missing program's, is what engines make of these words only."""
    text = _failed_create(scene, scene.bundle().args(""))
    scene.check('exec: "": executable file not found in $PATH' in text, text)


@suite.case()
def an_id_that_is_not_mapped_is_told_at_create(scene):
    for ids, field in (
        ({"uid": 70000, "gid": 0}, "uid"),
        ({"uid": 0, "gid": 70000}, "gid"),
        ({"uid": 0, "gid": 0, "additionalGids": [70000]}, "additionalGids"),
    ):
        bundle = scene.bundle().args("/bin/true")
        if os.geteuid() == 0:
            bundle.own_user_namespace(uids=[(0, 100000, 65536)], gids=[(0, 100000, 65536)])
            os.chown(bundle.rootfs, 100000, 100000)
        elif field == "additionalGids":
            continue  # one mapped id: groups are refused altogether
        bundle.process["user"] = ids
        text = _failed_create(scene, bundle)
        scene.check(f"/process/user/{field}: 70000 is not mapped" in text, text)


@suite.case()
def a_mount_that_would_make_a_name_in_procfs(scene):
    """Not as a missing file: podman takes those words for a missing program, 127."""
    text = _failed_create(scene, scene.bundle().bind(scene.work, "/proc/no-such-name").args("/bin/true"))
    scene.check("inside procfs" in text and "No such file" not in text, text)


@suite.case()
def a_missing_path_is_told_at_create(scene):
    text = _failed_create(scene, scene.bundle().args("/no/such/program"))
    scene.check("stat /no/such/program: no such file or directory" in text, text)


@suite.case()
def a_program_without_permission_is_told_at_create(scene):
    text = _failed_create(scene, scene.bundle().args("/etc/passwd"))
    scene.check('exec: "/etc/passwd": permission denied' in text, text)


@suite.case()
def a_folder_as_program_is_told_at_create(scene):
    text = _failed_create(scene, scene.bundle().args("/etc"))
    # By the last words dockerd knows that its exit code is 126.
    scene.check('exec: "/etc": is a directory: permission denied' in text, text)


@suite.case()
def a_program_that_the_kernel_does_not_take(scene):
    """In runc's words, that users look for: it is for another processor, or a script without its first line."""
    bundle = scene.bundle().args("/script")
    for content, wanted in (
        ("echo hi\n", "exec /script: exec format error"),
        ("#!/no/such\n", "exec /script: no such file or directory"),
    ):
        (bundle.rootfs / "script").write_text(content)
        (bundle.rootfs / "script").chmod(0o755)
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.check(not outcome.ok and wanted in outcome.err, str(outcome))


@suite.case()
def a_missing_program_of_an_exec(scene):
    name = scene.sleeping()
    outcome = scene.runtime.exec(name, "no-such-program")
    scene.check(
        'exec: "no-such-program": executable file not found in $PATH' in _plain(outcome.err),
        str(outcome),
    )
    outcome = scene.runtime.exec(name, "/no/such/program")
    scene.check("no such file or directory" in outcome.err, str(outcome))
    outcome = scene.runtime.exec(name, "/etc/passwd")
    scene.check("permission denied" in outcome.err, str(outcome))
    scene.equal(scene.runtime.status(name), "running", "status after failed execs")


@suite.case()
def a_missing_bundle(scene):
    for verb in ("create", "run"):
        outcome = scene.runtime.call(verb, "--bundle", scene.work / "absent", scene.new_id())
        scene.check(outcome.status == 1 and "absent" in outcome.err, str(outcome))


@suite.case()
def a_missing_rootfs(scene):
    bundle = scene.bundle().args("/bin/true")
    bundle.rootfs.rename(bundle.path / "moved")
    text = _failed_create(scene, bundle)
    scene.check("rootfs" in text, text)


@suite.case()
def a_broken_config(scene):
    folder = scene.bundle().save()
    for text in ("", "{", "[]", '{"ociVersion": 1}', '{"ociVersion": "1.0.2"} x', "\x00", "null"):
        (folder / "config.json").write_text(text)
        outcome = scene.runtime.call("create", "--bundle", folder, scene.new_id())
        scene.check(outcome.status == 1 and outcome.err, f"{text!r}: {outcome}")
    scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case()
def an_error_is_a_json_record_in_the_log(scene):
    """As podman and containerd call: they read the last record to tell the user."""
    log = scene.work / "log.json"
    folder = scene.bundle().args("no-such-program").save()
    outcome = scene.runtime.call(
        "create", "--bundle", folder, scene.new_id(), options=("--log", log, "--log-format", "json")
    )
    scene.equal(outcome.status, 1, "status")
    records = [json.loads(line) for line in log.read_text().splitlines()]
    errors = [r for r in records if r["level"] == "error"]
    scene.check(errors, f"no record of level error: {records}")
    scene.check("executable file not found in $PATH" in errors[-1]["msg"], str(errors))
    datetime.datetime.fromisoformat(errors[-1]["time"].replace("Z", "+00:00"))
    scene.check("\n" not in errors[-1]["msg"], "the message has several lines")


@suite.case()
def an_error_is_one_line_on_stderr(scene):
    if not scene.is_srt:
        scene.skip("the form is this runtime's own")
    folder = scene.bundle().args("no-such-program").save()
    name = scene.new_id()
    outcome = scene.runtime.call("create", "--bundle", folder, name)
    lines = outcome.err.strip().splitlines()
    scene.equal(len(lines), 1, f"lines: {outcome.err}")
    scene.check(lines[0].startswith(f"srt-runtime: create {name}: "), lines[0])
    outcome = scene.runtime.call("start", "no-such-id")
    scene.check(outcome.err.startswith("srt-runtime: start no-such-id: "), outcome.err)


@suite.case(rootless=False)
def a_control_group_of_others_is_left_alone(scene):
    """Another container's, or a service's: the one that cannot have it is undone, and they live on."""
    shared = f"/{scene.new_id()}"
    bundle = scene.bundle()
    bundle.linux["cgroupsPath"] = shared
    name = scene.sleeping(bundle)
    first = scene.runtime.pid(name)
    groups = pathlib.Path(f"/proc/{first}/cgroup").read_text()
    for path in (shared, f"{shared}/x/.."):
        intruder = scene.bundle().args("/bin/true")
        intruder.linux["cgroupsPath"] = path
        created = scene.runtime.create(intruder, scene.new_id())
        scene.check(not created.ok and "has processes already" in created.err, str(created))
        scene.equal(scene.runtime.status(name), "running", "the container whose control group it is")
        scene.equal(pathlib.Path(f"/proc/{first}/cgroup").read_text(), groups, "control groups")
        scene.equal(scene.runtime.ids(), [name], "containers")


@suite.case(rootless=False)
def the_next_in_a_control_group_outlives_the_last(scene):
    """The first one is over, and its control group is another's now."""
    bundle = scene.bundle()
    bundle.linux["cgroupsPath"] = f"/{scene.new_id()}"
    first = scene.sleeping(bundle)
    scene.check(scene.runtime.kill(first, "KILL").ok, "kill")
    scene.wait_for_status(first, "stopped")
    host_module.reap_zombies()
    second = scene.sleeping(bundle)
    scene.runtime.kill(first, "KILL", "--all")
    deleted = scene.runtime.delete(first)
    scene.check(deleted.ok, str(deleted))
    scene.equal(scene.runtime.status(second), "running", "the second one")


@suite.case(rootless=False)
def a_service_in_one_hierarchy_is_seen(scene):
    """On a host with several hierarchies, others may be in any of them."""
    name = scene.new_id()
    groups = [
        folder / name
        for folder in (host_module.CGROUP_ROOT / "unified", host_module.CGROUP_ROOT / "freezer")
    ]
    if not all(group.parent.is_dir() for group in groups):
        scene.skip("this host has one hierarchy of control groups")
    with contextlib.ExitStack() as stack:
        for group in groups:
            group.mkdir()
            stack.callback(group.rmdir)
        service = subprocess.Popen(["/bin/sleep", "1000"])
        stack.callback(service.wait)
        stack.callback(service.kill)
        (groups[1] / "cgroup.procs").write_text(str(service.pid))
        bundle = scene.bundle().args("/bin/true")
        bundle.linux["cgroupsPath"] = f"/{name}"
        created = scene.runtime.create(bundle, name)
        scene.check(not created.ok and "has processes already" in created.err, str(created))
        scene.check(service.poll() is None, "the service was ended")
        groups[0].mkdir(exist_ok=True)


@suite.case()
def a_log_is_appended_to(scene):
    log = scene.work / "log"
    log.write_text("before\n")
    scene.runtime.call("state", "no-such-id", options=("--log", log, "--log-format", "json"))
    scene.check(log.read_text().startswith("before\n"), log.read_text())
    scene.check(len(log.read_text().splitlines()) > 1, "nothing was logged")


@suite.case()
def a_pid_file_takes_the_place_of_files_alone(scene):
    """`--pid-file /dev/null` by root took the device from the host."""
    os.mkfifo(scene.work / "pipe")
    (scene.work / "folder").mkdir()
    (scene.work / "file").write_text("of the last one, which is longer")
    (scene.work / "link").symlink_to("target")
    (scene.work / "target").write_text("kept")
    nodes = ["pipe", "folder"]
    if os.geteuid() == 0 and not scene.rootless:
        os.mknod(scene.work / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        nodes.append("null")
    for node in nodes:
        name = scene.new_id()
        before = os.lstat(scene.work / node).st_ino
        words = (name, "--pid-file", scene.work / node)
        created = scene.runtime.create(scene.bundle().args("/bin/true"), *words)
        scene.check(not created.ok and "--pid-file" in created.err, str(created))
        scene.equal(os.lstat(scene.work / node).st_ino, before, node)
        scene.equal(scene.runtime.ids(), [], "containers left")
    for file in ("file", "link"):
        name = scene.new_id()
        words = (name, "--pid-file", scene.work / file)
        created = scene.runtime.create(scene.bundle().args("/bin/true"), *words)
        scene.check(created.ok, str(created))
        scene.equal((scene.work / file).read_text(), str(scene.runtime.pid(name)), file)
        scene.delete_and_reap(name)
    scene.equal((scene.work / "target").read_text(), "kept", "what the link led to")


@suite.case()
def a_pid_file_that_cannot_be_written_leaves_nothing(scene):
    name = scene.new_id()
    created = scene.runtime.create(
        scene.bundle().args("/bin/true"), name, "--pid-file", "/no/such/folder/pid"
    )
    scene.check(not created.ok and "pid" in created.err, str(created))
    scene.equal(scene.runtime.ids(), [], "containers left")
    gone = host_module.wait_until(lambda: not host_module.children(os.getpid()), 2)
    scene.check(gone, f"processes left: {host_module.children(os.getpid())}")


@suite.case()
def a_warning_that_nobody_reads_ends_nothing(scene):
    """SIGPIPE in the middle of create would leave a container half made."""
    bundle = scene.bundle().args("/bin/sleep", "1000")
    bundle.mount("volatile", type="tmpfs", source="tmpfs")  # relative, which is worth a warning
    name, folder = scene.new_id(), bundle.save()
    for verb, status in ((("create", "--bundle", folder, name), 0), (("start", name), 0),
                         (("state", name), -signal.SIGPIPE), (("delete", "--force", name), 0)):  # fmt: skip
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(scene.runtime.command(*verb), stdin=subprocess.DEVNULL, stdout=write, stderr=write,
                              timeout=20)  # fmt: skip
        os.close(write)
        scene.equal(done.returncode, status, verb[0])
    bundle.args("/bin/missing")
    _failed_create(scene, bundle)


@suite.case()
def a_file_over_the_callers_limit_is_an_error(scene):
    """SIGXFSZ (ulimit -f) would end it just as well."""
    bundle = scene.bundle().args("/bin/true")
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))}
    name = scene.new_id()
    outcome = scene.runtime.run(bundle, name, **limit)
    scene.check(outcome.status == 1 and "File too large" in outcome.err, str(outcome))
    scene.check(not (scene.runtime.state_folder / name).exists(), "state is left")


@suite.case(rootless=False)
def a_full_disk_is_told_at_create_and_holds_up_nothing_later(scene):
    """What `start` says is so: it either runs or it does not, whatever can still be written down."""
    state = scene.runtime.state_folder
    state.mkdir(mode=0o700, exist_ok=True)
    host_module.call("mount", "tmpfs", str(state), "tmpfs", 0, "size=64k,mode=0700")
    try:
        name, late = scene.new_id(), scene.new_id()
        bundle = scene.bundle().args("/bin/sleep", "1000")
        outcome = scene.runtime.create(bundle, name)
        scene.check(outcome.ok, str(outcome))
        with open(state / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(512))
        outcome = scene.runtime.create(bundle, late)
        scene.check(not outcome.ok and "No space left" in outcome.err, str(outcome))
        scene.check(not (state / late).exists(), "a failed create leaves its folder")
        for verb in (("start", name), ("exec", name, "/bin/true"), ("pause", name), ("resume", name)):
            outcome = scene.runtime.call(*verb)
            scene.check(outcome.ok, str(outcome))
        scene.equal(scene.runtime.state(name)["status"], "running", "status")
        outcome = scene.runtime.delete(name, force=True)
        scene.check(outcome.ok and not (state / name).exists(), str(outcome))
    finally:
        subprocess.run(["umount", "-l", state], check=True)
