"""Bundles that put something else where the runtime expects procfs or sysfs (CVE-2019-16884,
CVE-2025-52881): its writes to sysctls and LSM attributes must not go astray, its masks must
hold."""

import pathlib

from containers.scene import Scene
from suite import suite


def _fake_proc(scene: Scene) -> pathlib.Path:
    """A folder that looks like /proc, with decoys that a redirected write would change."""
    fake = scene.work / "fake-proc"
    for folder in (
        "self/attr",
        "self/task",
        "sys/kernel",
        "sys/net/ipv4",
        "thread-self/attr",
        "1/attr",
    ):
        (fake / folder).mkdir(parents=True)
    for file in (
        "self/attr/exec",
        "self/attr/current",
        "self/attr/keycreate",
        "thread-self/attr/exec",
        "sys/kernel/msgmax",
        "sys/net/ipv4/ip_default_ttl",
        "self/oom_score_adj",
        "self/setgroups",
        "self/uid_map",
        "kcore",
        "sysrq-trigger",
    ):
        (fake / file).write_text("decoy\n")
    return fake


def _decoys_untouched(scene: Scene, fake: pathlib.Path, what: str) -> None:
    for path in fake.rglob("*"):
        if path.is_file():
            scene.equal(path.read_text(), "decoy\n", f"{what}: {path.relative_to(fake)}")


def _attempt(scene: Scene, what: str, change) -> None:
    """Runs a bundle that `change` prepared: refused, or the sysctl is where it belongs."""
    fake = (
        _fake_proc(scene) if not (scene.work / "fake-proc").exists() else scene.work / "fake-proc"
    )
    bundle = scene.bundle()
    bundle.linux["sysctl"] = {"kernel.msgmax": "5555"}
    change(bundle, fake)
    bundle.shell(
        "cat /proc/sys/kernel/msgmax; echo; head -c1 /proc/kcore; cat /proc/1/attr/x; echo end"
    )
    outcome = scene.runtime.run(bundle, scene.new_id())
    _decoys_untouched(scene, fake, what)
    if "decoy" in outcome.out:  # /proc is as config.json says, a folder; the writes went elsewhere
        pass
    elif outcome.out:
        scene.check("5555" in outcome.out, f"{what}: ran, but the sysctl is not set: {outcome}")
    else:
        scene.check(
            outcome.status != 0 and outcome.err, f"{what}: neither ran nor refused: {outcome}"
        )
    scene.host_unchanged()


def _before_proc(bundle, **mount) -> None:
    bundle.config["mounts"].insert(0, mount)


@suite.case()
def cve_2019_16884_a_folder_is_bound_over_proc(scene):
    _attempt(scene, "over proc", lambda b, fake: b.bind(fake, "/proc"))


@suite.case()
def cve_2019_16884_a_folder_is_bound_in_place_of_proc(scene):
    def replace(bundle, fake):
        bundle.unmount("/proc").bind(fake, "/proc")

    _attempt(scene, "in place of proc", replace)


@suite.case()
def cve_2019_16884_an_image_volume_comes_before_proc(scene):
    # VOLUME /proc in an image: engines put the volume in front of the real procfs.
    _attempt(
        scene,
        "volume first",
        lambda b, fake: _before_proc(
            b, destination="/proc", type="bind", source=str(fake), options=["rbind"]
        ),
    )


@suite.case()
def cve_2019_16884_a_tmpfs_over_proc(scene):
    _attempt(scene, "tmpfs", lambda b, fake: b.mount("/proc", type="tmpfs", source="tmpfs"))


@suite.case()
def cve_2019_16884_nothing_but_a_procfs_is_proc(scene):
    fake = _fake_proc(scene)
    for what, mount in (
        ("a folder", {"type": "bind", "source": str(fake), "options": ["rbind"]}),
        ("a tmpfs", {"type": "tmpfs", "source": "tmpfs"}),
    ):
        bundle = scene.bundle().unmount("/proc").args("/bin/true")
        bundle.config["mounts"].append({"destination": "/proc", **mount})
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.check(not outcome.ok and "/proc must be a procfs" in outcome.err, f"{what}: {outcome}")
    own = scene.bundle().unmount("/proc").bind("/proc", "/proc", "rbind").args("/bin/true")
    outcome = scene.runtime.run(own, scene.new_id())
    scene.check(outcome.ok, str(outcome))


@suite.case()
def cve_2019_16884_mounts_over_parts_of_proc(scene):
    for part in ("self", "self/attr", "1/attr", "thread-self", "self/fd", "sys", "sys/kernel"):

        def cover(bundle, fake, part=part):
            source = fake / part
            bundle.bind(source if source.is_dir() else fake / "self", f"/proc/{part}")
            bundle.linux["readonlyPaths"] = []

        _attempt(scene, part, cover)
        _attempt(
            scene,
            part + " tmpfs",
            lambda b, fake, part=part: b.mount(f"/proc/{part}", type="tmpfs", source="tmpfs"),
        )


@suite.case()
def cve_2025_52881_a_sysctl_file_is_covered(scene):
    _attempt(
        scene,
        "sysctl file",
        lambda b, fake: b.bind(fake / "sys/kernel/msgmax", "/proc/sys/kernel/msgmax"),
    )


@suite.case()
def cve_2025_52881_a_sysctl_file_is_another_one(scene):
    """A bind from procfs itself: the write for one sysctl must not land in another."""
    bundle = scene.bundle()
    bundle.linux["sysctl"] = {"kernel.msgmax": "4444"}
    bundle.linux["readonlyPaths"] = []
    bundle.bind("/proc/sys/net/ipv4/ip_default_ttl", "/proc/sys/kernel/msgmax")
    before = pathlib.Path("/proc/sys/net/ipv4/ip_default_ttl").read_text()
    outcome = scene.runtime.run(
        bundle.shell("cat /proc/sys/net/ipv4/ip_default_ttl; echo end"), scene.new_id()
    )
    scene.check("4444" not in outcome.out, str(outcome))
    scene.equal(
        pathlib.Path("/proc/sys/net/ipv4/ip_default_ttl").read_text(), before, "the host's ttl"
    )


@suite.case()
def cve_2025_52881_proc_is_reached_through_another_name(scene):
    """The destination is a symlink into /proc, in the rootfs or in a volume."""
    for target in ("/proc/self", "/proc/self/attr", "../proc/sys/kernel", "/proc"):

        def by_link(bundle, fake, target=target):
            (bundle.rootfs / "door").symlink_to(target)
            bundle.bind(fake / "self", "/door")

        _attempt(scene, f"door to {target}", by_link)
        volume = scene.work / f"volume-{target.replace('/', '_')}"
        volume.mkdir()
        (volume / "door").symlink_to(target)
        _attempt(
            scene,
            f"volume door to {target}",
            lambda b, fake, v=volume: b.bind(v, "/mnt").mount(
                "/mnt/door", type="tmpfs", source="tmpfs"
            ),
        )


@suite.case()
def cve_2025_52881_dots_in_the_destination(scene):
    for path in ("/proc/../proc/./self/attr", "//proc//self", "/mnt/../proc/self/../self/attr"):
        _attempt(scene, path, lambda b, fake, p=path: b.bind(fake / "self", p))


@suite.case()
def cve_2023_27561_proc_is_a_symlink_to_a_folder_of_the_rootfs(scene):
    """/proc leads to a folder of the attacker: masks would be made on decoys."""
    bundle = scene.bundle()
    (bundle.rootfs / "proc").rmdir()
    for folder in ("self/attr", "sys/kernel"):
        (bundle.rootfs / "decoy" / folder).mkdir(parents=True)
    (bundle.rootfs / "proc").symlink_to("decoy")
    bundle.shell(
        "grep ' /decoy proc' /proc/mounts; grep -c . /proc/self/status; "
        "stat -c %t:%T /proc/kcore; echo end"
    )
    outcome = scene.runtime.run(bundle, scene.new_id())
    if "end" in outcome.out and pathlib.Path("/proc/kcore").exists():
        scene.check("1:3" in outcome.out, f"ran with kcore unmasked: {outcome}")
    scene.host_unchanged()


@suite.case()
def proc_sys_and_sysrq_are_not_writable(scene):
    seen = scene.probe(
        scene.bundle(),
        "write:/proc/sys/kernel/core_pattern",
        "write:/proc/sysrq-trigger",
        "write:/proc/sys/kernel/hostname",
        "write:/proc/irq/default_smp_affinity",
        "write:/proc/sys/kernel/modprobe",
        "write:/sys/kernel/uevent_helper",
    )
    for request, answer in seen["asked"].items():
        scene.check(answer["errno"] != 0, f"{request} could be opened")


@suite.case(rootless=False)
def proc_sys_stays_read_only_with_every_capability_but_sys_admin(scene):
    bundle = scene.bundle().grant(
        "CAP_DAC_OVERRIDE",
        "CAP_SYS_PTRACE",
        "CAP_NET_ADMIN",
        "CAP_MKNOD",
        "CAP_SYS_CHROOT",
        "CAP_SETUID",
        "CAP_SETGID",
    )
    bundle.shell(
        "mount -o remount,rw /proc/sys; umount /proc/sys; umount /proc/kcore; "
        "(: > /proc/sys/kernel/core_pattern) && echo WROTE; echo end"
    )
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    outcome = scene.runtime.run(bundle, scene.new_id())
    scene.check("end" in outcome.out, str(outcome))
    scene.check("WROTE" not in outcome.out, "core_pattern could be opened for writing")
    scene.equal(pathlib.Path("/proc/sys/kernel/core_pattern").read_text(), pattern, "core_pattern")
