"""Walls of a running container, tried from inside, and configurations that would have none."""

import os
import pathlib
import subprocess

from containers import host as host_module
from containers.bundle import MASKED
from containers.scene import Scene
from containers.terminal import TerminalProcess
from suite import suite


# User namespaces.


@suite.case()
def a_nested_user_namespace_undoes_no_wall(scene):
    bundle = scene.bundle()
    program = bundle.add_helper("nested_user_namespace")
    masks = [p for p in MASKED if pathlib.Path(p).exists()]
    outcome = scene.runtime.run(bundle.args(program, *masks), scene.new_id())
    if "refused" in outcome.out:
        scene.skip(f"the container may make no user namespace: {outcome.out.strip()}")
    scene.check("nested" in outcome.out, str(outcome))
    scene.check("ALLOWED" not in outcome.out, outcome.out)


@suite.case(rootful=False)
def setgroups_is_denied_with_one_id(scene):
    bundle = scene.bundle().grant("CAP_SETGID", "CAP_SETUID")
    setgroups_none = "syscall:116:0:0" if os.uname().machine == "x86_64" else "syscall:159:0:0"
    seen = scene.probe(bundle, setgroups_none)
    scene.equal(seen["setgroups"], "deny\n", "/proc/self/setgroups")
    scene.check(seen["asked"][setgroups_none]["errno"] != 0, "setgroups(2) was allowed")


@suite.case()
def the_container_root_owns_nothing_of_the_host(scene):
    """With maps, id 0 inside is another id outside: files of the host's root stay closed."""
    bundle = scene.bundle()
    if scene.rootless:
        uids, gids = scene.subordinate_maps()
    else:
        uids, gids = [(0, 200000, 65536)], [(0, 200000, 65536)]
        for folder, folders, files in os.walk(bundle.rootfs):
            for name in [".", *folders, *files]:
                os.lchown(os.path.join(folder, name), 200000, 200000)
    bundle.own_user_namespace(uids=uids, gids=gids)
    secret = scene.work / "private"
    secret.write_text("host secret\n")
    if not scene.rootless:
        secret.chmod(0o600)
        bundle.bind(secret, "/mnt/private")
        bundle.grant("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_CHOWN", "CAP_FOWNER")
        seen = scene.probe(bundle, "read:/mnt/private", "write:/mnt/private")
        scene.check(seen["asked"]["read:/mnt/private"].get("errno"), "root's file was read")
        scene.check(
            seen["asked"]["write:/mnt/private"].get("errno"), "root's file could be written"
        )
    else:
        seen = scene.probe(bundle, "read:/etc/shadow", "write:/proc/sys/kernel/hostname")
        scene.check(
            seen["asked"]["write:/proc/sys/kernel/hostname"].get("errno"), "a sysctl was open"
        )
    scene.equal(seen["identity"]["uid"], [0, 0, 0], "uid inside")


# Configurations that would reach the host.


def _refused(scene: Scene, bundle, *words: str) -> None:
    name = scene.new_id()
    outcome = scene.runtime.run(bundle.args("/bin/true"), name)
    scene.check(outcome.status != 0, f"accepted: {outcome}")
    text = outcome.err.lower()
    scene.check(
        any(word in text for word in words), f"the reason does not name {words}: {outcome.err}"
    )
    scene.check(not scene.runtime.state(name), "a refused container has a state")
    scene.host_unchanged()


@suite.case()
def no_mount_namespace_is_refused(scene):
    bundle = scene.bundle().without_namespace("mount")
    _refused(scene, bundle, "mount", "rootfs")


@suite.case()
def a_mount_namespace_by_path_is_refused(scene):
    bundle = scene.bundle().namespace("mount", "/proc/self/ns/mnt")
    _refused(scene, bundle, "mount", "mnt")


@suite.case()
def no_mapping_for_id_zero_is_refused(scene):
    uids, gids = [(1, os.geteuid(), 1)], [(1, os.getegid(), 1)]
    bundle = scene.bundle()
    bundle.own_user_namespace(uids=uids, gids=gids)
    bundle.process["user"] = {"uid": 1, "gid": 1}
    _refused(scene, bundle, "id 0", "mapping", "map", "root")


@suite.case()
def an_id_that_the_kernel_takes_for_no_change_is_refused(scene):
    """setresuid(2) of the largest number changes nothing: the program would go on as root."""
    none = 2**32 - 1
    for user, word in (({"uid": none}, "uid"), ({"uid": 1, "gid": none}, "gid"),
                       ({"uid": 0, "gid": 0, "additionalGids": [none]}, "additionalgids")):  # fmt: skip
        bundle = scene.bundle()
        bundle.process["user"] = {"gid": 0, **user}
        _refused(scene, bundle, word)
    name = scene.started(scene.bundle().args("/bin/sleep", "1000"))
    outcome = scene.runtime.call("exec", "--user", str(none), name, "/bin/id")
    scene.check(outcome.status != 0 and "uid=" not in outcome.out, str(outcome))


@suite.case()
def a_namespace_path_that_is_none_is_refused_at_once(scene):
    """Opening a FIFO waits for whoever writes to it, and a device may do something by being opened."""
    for make in (os.mkfifo, lambda path: path.write_text("")):
        bundle = scene.bundle()
        path = bundle.path / "namespace"
        make(path)
        for kind in ("ipc", "network", "pid"):
            _refused(scene, bundle.namespace(kind, str(path)), "is no namespace")


@suite.case()
def a_hostname_without_a_uts_namespace_is_refused(scene):
    bundle = scene.bundle().without_namespace("uts")
    bundle.config["hostname"] = "taken-over"
    _refused(scene, bundle, "uts", "hostname")


@suite.case()
def a_domainname_without_a_uts_namespace_is_refused(scene):
    bundle = scene.bundle().without_namespace("uts")
    bundle.config.pop("hostname")
    bundle.config["ociVersion"] = "1.1.0"
    bundle.config["domainname"] = "taken-over"
    _refused(scene, bundle, "uts", "domainname")


@suite.case()
def a_hostname_with_the_hosts_uts_namespace_by_path_is_refused(scene):
    bundle = scene.bundle().namespace("uts", "/proc/self/ns/uts")
    bundle.config["hostname"] = "taken-over"
    _refused(scene, bundle, "uts", "hostname", "permission")


def _sysctl_refused(scene: Scene, key: str, value: str, without: str, *words: str) -> None:
    file = pathlib.Path("/proc/sys") / key.replace(".", "/")
    before = file.read_text()
    bundle = scene.bundle()
    if without:
        bundle.without_namespace(without)
    if without == "uts":
        bundle.config.pop("hostname")
    if without == "network" and scene.rootless:  # sysfs wants the network namespace's owner
        bundle.unmount("/sys").bind("/sys", "/sys", "ro")
    bundle.linux["sysctl"] = {key: value}
    try:
        _refused(scene, bundle, "sysctl", *words)
        scene.equal(file.read_text(), before, f"the host's {key}")
    finally:
        if file.read_text() != before:
            file.write_text(before)


@suite.case()
def a_network_sysctl_without_a_network_namespace_is_refused(scene):
    _sysctl_refused(scene, "net.ipv4.ip_default_ttl", "77", "network", "net")


@suite.case()
def an_ipc_sysctl_without_an_ipc_namespace_is_refused(scene):
    _sysctl_refused(scene, "kernel.msgmax", "7777", "ipc", "ipc")


@suite.case()
def a_hostname_sysctl_without_a_uts_namespace_is_refused(scene):
    _sysctl_refused(scene, "kernel.hostname", "taken-over", "uts", "uts", "kernel.hostname")


@suite.case()
def a_sysctl_of_the_whole_machine_is_refused(scene):
    for key, value in (
        ("kernel.panic", "0"),
        ("vm.swappiness", "61"),
        ("kernel.pid_max", "4194304"),
    ):
        if pathlib.Path("/proc/sys", key.replace(".", "/")).exists():
            _sysctl_refused(scene, key, value, "", key)


@suite.case()
def a_sysctl_key_that_climbs_is_refused(scene):
    for key in (
        "net.ipv4.../../kernel/panic",
        "net/../kernel/panic",
        "net.ipv4./../../../kernel/core_pattern",
        "kernel.shm/../core_pattern",
        "fs.mqueue.../../kernel/core_pattern",
    ):
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
        panic = pathlib.Path("/proc/sys/kernel/panic").read_text()
        bundle = scene.bundle()
        bundle.linux["sysctl"] = {key: panic.strip() if "panic" in key else pattern.strip()}
        outcome = scene.runtime.run(bundle.args("/bin/true"), scene.new_id())
        scene.check(not outcome.ok, f"{key!r} was accepted")


# Control groups.


@suite.case(rootless=False)
def cgroups_path_cannot_climb(scene):
    """`..` stays below the hierarchy. (A path that means the root itself is tried with `plan` only:
    a runtime that took it would end every process of the machine at delete.)"""
    for shape in (
        "../../../../../../{}",
        "/../../../../{}",
        "/a-{}/../../../../{}",
        "x-{}/../../../{}",
    ):
        name = scene.new_id()
        bundle = scene.bundle().args("/bin/sleep", "1000")
        bundle.linux["cgroupsPath"] = (
            shape.format(name, name) if shape.count("{}") > 1 else shape.format(name)
        )
        created = scene.runtime.create(bundle, name)
        for above in ("/", "/sys", "/sys/fs", "/tmp", "/run"):
            if (pathlib.Path(above) / name).exists():
                (pathlib.Path(above) / name).rmdir()
                scene.check(False, f"{shape}: {above}/{name} was made")
        if created.ok:
            for line in (
                pathlib.Path(f"/proc/{scene.runtime.pid(name)}/cgroup").read_text().splitlines()
            ):
                scene.check("/.." not in line, f"{shape}: the process is outside our tree: {line}")
            scene.check(scene.runtime.delete(name).ok, f"{shape}: delete failed")
        else:
            scene.check(created.err, f"{shape}: refused without a reason")
        left = host_module.cgroups_named(name)
        scene.check(not left, f"{shape}: control groups left: {left}")


@suite.case(rootless=False)
def cgroups_path_that_is_the_root_is_refused(scene):
    if not scene.is_srt:
        scene.skip("needs the verb `plan`, which has no side effects")
    for path in ("/", "..", "../../..", "/..", "/a/..", "."):
        bundle = scene.bundle()
        bundle.linux["cgroupsPath"] = path
        outcome = scene.runtime.call("plan", bundle.save())
        scene.check(not outcome.ok, f"cgroupsPath {path!r} was accepted")


@suite.case(rootless=False)
def cve_2022_0492_release_agent_cannot_be_written(scene):
    bundle = scene.bundle()
    bundle.mount(
        "/sys/fs/cgroup",
        type="cgroup",
        source="cgroup",
        options=["nosuid", "noexec", "nodev", "relatime", "ro"],
    )
    bundle.shell(
        "for f in /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/*/notify_on_release "
        "/sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/devices/devices.allow; do "
        "[ -e $f ] && ( : > $f ) 2>/dev/null && echo OPENED $f; done; "
        "mkdir /sys/fs/cgroup/pids/x 2>/dev/null && echo OPENED mkdir; echo end"
    )
    outcome = scene.runtime.run(bundle, scene.new_id())
    scene.check("end" in outcome.out, str(outcome))
    scene.check("OPENED" not in outcome.out, outcome.out)


# The caller's terminal.


@suite.case()
def cve_2017_5226_a_program_types_into_the_callers_terminal(scene):
    """`run` in the foreground, the terminal as stdin: nothing may be put into its input queue."""
    for terminal in (False, True):
        bundle = scene.bundle()
        bundle.process["terminal"] = terminal
        folder = bundle.args(bundle.add_helper("inject_terminal")).save()
        name = scene.new_id()
        command = scene.runtime.command("run", "--bundle", folder, name)
        with TerminalProcess(command) as process:
            status = process.wait(10)
            scene.check(status is not None, "run never ended")
            scene.check(
                "pushed" in process.terminal.text, f"it did not run: {process.terminal.text!r}"
            )
            left = process.pending_input()
            scene.check(
                "injected" not in left and "x" not in left, f"injected into the terminal: {left!r}"
            )


@suite.case()
def cve_2017_5226_an_exec_types_into_the_callers_terminal(scene):
    bundle = scene.bundle()
    program = bundle.add_helper("inject_terminal")
    name = scene.sleeping(bundle)
    with TerminalProcess(scene.runtime.command("exec", name, program)) as process:
        scene.check(process.wait(10) is not None, "exec never ended")
        scene.check("pushed" in process.terminal.text, f"it did not run: {process.terminal.text!r}")
        left = process.pending_input()
        scene.check(
            "injected" not in left and "x" not in left, f"injected into the terminal: {left!r}"
        )


# The processes and mounts of the host.


@suite.case()
def no_process_of_the_host_is_visible(scene):
    outcome = scene.runtime.run(
        scene.bundle().shell("ls -d /proc/[0-9]*; kill -0 1 && echo own"), scene.new_id()
    )
    pids = [line for line in outcome.out.split() if line.startswith("/proc/")]
    scene.check(0 < len(pids) <= 3 and "/proc/1" in pids, f"pids inside: {outcome}")


@suite.case()
def no_mount_of_the_host_is_visible(scene):
    """Every mount inside is one of config.json's or one that masks and devices need."""
    seen = scene.probe(scene.bundle())
    for line in seen["mountinfo"].splitlines():
        root, point = line.split()[3:5]
        scene.check(
            point == "/" or point.startswith(("/proc", "/dev", "/sys")), f"a mount of ours: {line}"
        )
        scene.check(
            "oldroot" not in line and "newroot" not in line, f"a leftover of the pivot: {line}"
        )


@suite.case()
def the_old_root_cannot_be_reached(scene):
    """Unmounting the root must not uncover the host below it."""
    bundle = scene.bundle().grant("CAP_SYS_ADMIN", "CAP_SYS_CHROOT")
    bundle.shell(
        f"umount -l /; umount -l /; ls /../..; cat {scene.canary}/secret; "
        f"cat /../{scene.canary}/secret; "
        "echo end"
    )
    outcome = scene.runtime.run(bundle, scene.new_id())
    scene.check("host secret" not in outcome.out, outcome.out)
    scene.host_unchanged()


@suite.case()
def a_mount_made_inside_stays_inside(scene):
    """Also when the source on the host is a shared mount: nothing propagates out."""
    if scene.rootless:
        scene.skip("an ordinary user cannot make a shared mount on the host to try it with")
    shared = scene.work / "shared"
    shared.mkdir()
    host_module.call("mount", "tmpfs", str(shared), "tmpfs", 0, None)
    try:
        host_module.call("mount", "none", str(shared), None, 1 << 20, None)  # MS_SHARED
        before = pathlib.Path("/proc/self/mountinfo").read_text()
        bundle = scene.bundle().grant("CAP_SYS_ADMIN").bind(shared, "/mnt")
        bundle.shell("mkdir /mnt/x && mount -t tmpfs tmpfs /mnt/x && echo mounted")
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.check("mounted" in outcome.out, str(outcome))
        scene.equal(pathlib.Path("/proc/self/mountinfo").read_text(), before, "the host's mounts")
    finally:
        subprocess.run(["umount", "-l", shared], check=True)


@suite.case()
def a_setuid_file_gives_nothing_with_no_new_privileges(scene):
    if scene.rootless:
        scene.skip("one id: there is no other owner that a setuid file could have")
    bundle = scene.bundle()
    suid = bundle.rootfs / "bin/suid"
    (bundle.rootfs / "bin/probe").rename(suid)
    suid.chmod(0o4755)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    outcome = scene.runtime.run(bundle.args("/bin/suid"), scene.new_id())
    scene.equal(scene.seen(outcome)["identity"]["uid"], [1000] * 3, "uid of a setuid program")
    scene.equal(scene.seen(outcome)["process"]["no_new_privs"], 1, "no_new_privs")
