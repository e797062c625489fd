"""Devices that are not what their name says (CVE-2025-31133, CVE-2025-52565), and new ones."""

import os
import pathlib
import stat
import subprocess

from containers.scene import Scene
from containers.terminal import ConsoleSocket
from suite import suite


def _own_dev(scene: Scene):
    """A bundle whose /dev is the rootfs' own folder: what stands there was put by the image."""
    return scene.bundle().unmount("/dev")


def _null_is_real_or_refused(scene: Scene, what: str, bundle, masked: str = "/etc/masked") -> None:
    """If the container runs, its masks are the null device itself, told by its number."""
    (bundle.rootfs / masked.strip("/")).write_text("to be hidden\n")
    bundle.linux["maskedPaths"] += [masked]
    outcome = scene.runtime.run(
        bundle.args(
            "/bin/probe", f"stat:{masked}", f"read:{masked}", "stat:/proc/kcore", f"write:{masked}"
        ),
        scene.new_id(),
    )
    scene.host_unchanged()
    if not outcome.ok:
        scene.check(outcome.err, f"{what}: refused without a reason")
        return
    asked = scene.seen(outcome)["asked"]
    mask = asked[f"stat:{masked}"]
    scene.equal(
        (mask.get("is_char"), mask.get("major"), mask.get("minor")), (True, 1, 3), f"{what}: mask"
    )
    scene.equal(asked[f"read:{masked}"].get("text"), "", f"{what}: content of the mask")
    if "major" in asked["stat:/proc/kcore"]:
        kcore = asked["stat:/proc/kcore"]
        scene.equal((kcore["major"], kcore["minor"]), (1, 3), f"{what}: mask of /proc/kcore")


@suite.case()
def cve_2025_31133_null_is_a_symlink(scene):
    for target in (
        str(scene.canary / "secret"),
        "/etc/passwd",
        "/proc/sys/kernel/core_pattern",
        "/proc/self/mem",
        "/absent",
        "../proc/sysrq-trigger",
    ):
        bundle = _own_dev(scene)
        (bundle.rootfs / "dev/null").symlink_to(target)
        _null_is_real_or_refused(scene, f"null -> {target}", bundle)


@suite.case()
def cve_2025_31133_null_is_a_regular_file(scene):
    bundle = _own_dev(scene)
    (bundle.rootfs / "dev/null").write_text("not null\n")
    _null_is_real_or_refused(scene, "null is a file", bundle)


@suite.case()
def cve_2025_31133_null_is_a_folder(scene):
    bundle = _own_dev(scene)
    (bundle.rootfs / "dev/null").mkdir()
    _null_is_real_or_refused(scene, "null is a folder", bundle)


@suite.case(rootless=False)
def cve_2025_31133_null_is_another_device(scene):
    bundle = _own_dev(scene)
    os.mknod(bundle.rootfs / "dev/null", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    _null_is_real_or_refused(scene, "null is zero", bundle)


@suite.case()
def cve_2025_31133_null_is_bound_from_a_file(scene):
    """An engine's --device or -v may put anything at /dev/null."""
    bundle = scene.bundle()
    other = scene.work / "null"
    other.write_text("")
    bundle.bind(other, "/dev/null")
    _null_is_real_or_refused(scene, "null is bound", bundle)


@suite.case()
def cve_2025_31133_null_is_swapped_while_masks_are_made(scene):
    """The race: /dev is a volume in which another process exchanges null for a symlink."""
    volume = scene.work / "dev"
    volume.mkdir()
    (volume / "null").write_text("")
    (volume / "other").symlink_to("/proc/sys/kernel/core_pattern")
    racer = _race(scene, volume / "null", volume / "other")
    try:
        for round_number in range(40 if scene.long else 6):
            bundle = scene.bundle().unmount("/dev")
            bundle.bind(volume, "/dev", "rw")
            _null_is_real_or_refused(scene, f"round {round_number}", bundle)
    finally:
        racer.kill()
        racer.wait()


def _race(scene: Scene, a: pathlib.Path, b: pathlib.Path) -> subprocess.Popen:
    return subprocess.Popen([scene.helpers / "swap_paths", a, b], stdout=subprocess.DEVNULL)


def _with_terminal(scene: Scene, bundle, what: str) -> None:
    """Runs with a terminal through a console socket; refused or harmless."""
    bundle.process["terminal"] = True
    bundle.shell("echo hello; cat /proc/self/mountinfo; echo end")
    name = scene.new_id()
    with ConsoleSocket(scene.work / f"{name}.sock") as console:
        created = scene.runtime.create(bundle, name, "--console-socket", str(console.path))
        scene.host_unchanged()
        if not created.ok:
            scene.check(created.err, f"{what}: refused without a reason")
            return
        terminal = console.receive()
        scene.check(scene.runtime.start(name).ok, f"{what}: start failed")
        text = terminal.read_to_end()
        scene.check("end" in text, f"{what}: {text!r}")
        for line in text.splitlines():
            fields = line.split()
            if " - devpts " in line and len(fields) > 4 and fields[4].startswith(("/proc", "/sys")):
                scene.check(False, f"{what}: the terminal covers {fields[4]}: {line}")
    scene.host_unchanged()


@suite.case()
def cve_2025_52565_console_is_a_symlink(scene):
    for target in (
        str(scene.canary / "secret"),
        str(scene.canary / "absent"),
        "/proc/sys/kernel/hostname",
        "/etc/passwd",
        "pts/0",
        "../" * 30 + str(scene.canary / "secret")[1:],
    ):
        bundle = _own_dev(scene).mount(
            "/dev/pts",
            type="devpts",
            source="devpts",
            options=["newinstance", "ptmxmode=0666", "mode=0620"],
        )
        (bundle.rootfs / "dev/console").symlink_to(target)
        _with_terminal(scene, bundle, f"console -> {target}")
        scene.equal((scene.canary / "secret").read_text(), "host secret\n", "the host's file")


@suite.case()
def cve_2025_52565_pts_and_ptmx_are_symlinks(scene):
    for name in ("pts", "ptmx"):
        bundle = _own_dev(scene).mount(
            "/dev/pts",
            type="devpts",
            source="devpts",
            options=["newinstance", "ptmxmode=0666", "mode=0620"],
        )
        (bundle.rootfs / "dev" / name).symlink_to(scene.canary / "folder")
        bundle.process["terminal"] = True
        container = scene.new_id()
        with ConsoleSocket(scene.work / f"{container}.sock") as console:
            created = scene.runtime.create(
                bundle.args("/bin/true"), container, "--console-socket", str(console.path)
            )
            scene.check(created.ok or created.err, f"{name}: refused without a reason")
        scene.host_unchanged()


@suite.case()
def cve_2025_52565_console_is_swapped_while_it_is_bound(scene):
    volume = scene.work / "dev"
    volume.mkdir()
    (volume / "pts").mkdir()
    (volume / "console").write_text("")
    (volume / "other").symlink_to(scene.canary / "secret")
    racer = _race(scene, volume / "console", volume / "other")
    try:
        for round_number in range(40 if scene.long else 6):
            bundle = scene.bundle().unmount("/dev")
            bundle.bind(volume, "/dev", "rw").mount(
                "/dev/pts",
                type="devpts",
                source="devpts",
                options=["newinstance", "ptmxmode=0666", "mode=0620"],
            )
            _with_terminal(scene, bundle, f"round {round_number}")
    finally:
        racer.kill()
        racer.wait()


@suite.case()
def mknod_without_the_capability(scene):
    outcome = scene.runtime.run(
        scene.bundle().shell(
            "mknod /tmp/b b 8 0 && echo MADE; mknod /tmp/c c 1 1 && echo MADE; echo end"
        ),
        scene.new_id(),
    )
    scene.check("end" in outcome.out and "MADE" not in outcome.out, str(outcome))


@suite.case()
def mknod_with_the_capability_opens_nothing(scene):
    """Engines grant CAP_MKNOD to root: the device controller must stop the open, or the user
    namespace the mknod."""
    bundle = scene.bundle().grant("CAP_MKNOD", "CAP_DAC_OVERRIDE")
    bundle.shell(
        "mknod /dev/mymem c 1 1; cat /dev/mymem >/dev/null && echo READ; "
        "mknod /dev/kmsg2 c 1 11; head -c1 /dev/kmsg2 && echo READ; "
        "for m in 0 1 2; do for d in 8 253 254 259; do mknod /dev/d$d.$m b $d $m; "
        "cat /dev/d$d.$m 2>/dev/null | read -n1 x && echo READ; done; done; echo end"
    )
    outcome = scene.runtime.run(bundle, scene.new_id())
    scene.check("end" in outcome.out, str(outcome))
    scene.check("READ" not in outcome.out, f"a device of the host was opened: {outcome}")


@suite.case()
def the_default_devices_are_the_real_ones(scene):
    wanted = {
        "null": (1, 3),
        "zero": (1, 5),
        "full": (1, 7),
        "random": (1, 8),
        "urandom": (1, 9),
        "tty": (5, 0),
    }
    seen = scene.probe(
        scene.bundle(),
        *(f"stat:/dev/{name}" for name in wanted),
        "readlink:/dev/fd",
        "readlink:/dev/stdin",
        "readlink:/dev/ptmx",
        "list:/dev",
    )
    for name, number in wanted.items():
        device = seen["asked"][f"stat:/dev/{name}"]
        scene.equal(
            (device.get("is_char"), device.get("major"), device.get("minor")),
            (True, *number),
            f"/dev/{name}",
        )
        scene.equal(device["mode"], 0o666, f"mode of /dev/{name}")
    scene.equal(seen["asked"]["readlink:/dev/fd"], "/proc/self/fd", "/dev/fd")
    scene.equal(seen["asked"]["readlink:/dev/ptmx"], "pts/ptmx", "/dev/ptmx")
    allowed = set(wanted) | {
        "fd",
        "stdin",
        "stdout",
        "stderr",
        "ptmx",
        "pts",
        "shm",
        "mqueue",
        "core",
        "console",
    }
    scene.check(
        set(seen["asked"]["list:/dev"]) <= allowed, f"/dev holds {seen['asked']['list:/dev']}"
    )


@suite.case()
def a_mask_is_no_way_to_the_hosts_null_device(scene):
    """Masked files show it: `chmod 600 /proc/keys` by root of a container took /dev/null from everybody outside."""
    before = os.stat("/dev/null")
    bundle = scene.bundle()
    bundle.linux["maskedPaths"] += ["/proc/keys", "/etc/passwd"]
    bundle.shell("for f in /proc/keys /etc/passwd; do chmod 600 $f; chown 1 $f; touch -d @1 $f; echo x > $f; done; cat /etc/passwd")
    try:
        outcome = scene.runtime.run(bundle, scene.new_id())
        after = os.stat("/dev/null")
        scene.check(outcome.ok and outcome.out == "", outcome)
        for what in ("st_mode", "st_uid", "st_gid"):
            scene.equal(getattr(after, what), getattr(before, what), f"{what} of /dev/null")
        scene.check(after.st_mtime != 1, "the time of /dev/null was changed")
    finally:
        if os.geteuid() == 0:
            os.chmod("/dev/null", before.st_mode & 0o7777)
            os.chown("/dev/null", before.st_uid, before.st_gid)
    scene.host_unchanged()
