"""`linux.namespaces`, id maps, sysctls, time offsets."""

import os
import pathlib
import time

from containers.scene import Scene
from suite import row, suite

# The name in config.json and in /proc/PID/ns.
KINDS = {
    "pid": "pid",
    "network": "net",
    "mount": "mnt",
    "ipc": "ipc",
    "uts": "uts",
    "user": "user",
    "cgroup": "cgroup",
    "time": "time",
}


def host_namespace(kind: str) -> str:
    return os.readlink(f"/proc/self/ns/{KINDS[kind]}")


def drop_dependents(bundle, kind: str, rootless: bool) -> None:
    """Takes away what a container without its own namespace of this kind may not have."""
    if kind == "uts":
        bundle.config.pop("hostname", None)
    if not rootless:
        return
    # A mount of these filesystems needs the owner of the namespace that they show.
    if kind == "ipc":
        bundle.unmount("/dev/mqueue")
    if kind == "network":
        bundle.unmount("/sys").bind("/sys", "/sys", "ro")
    if kind == "pid":
        bundle.unmount("/proc").bind("/proc", "/proc")
        bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = [], []


def _compare(scene: Scene, seen: dict, new: set[str], shared: dict[str, str]) -> None:
    for kind, name in KINDS.items():
        inside = seen["namespaces"][name]
        if kind in shared:
            scene.equal(inside, shared[kind], f"the {kind} namespace that was joined")
        elif kind in new:
            scene.check(inside != host_namespace(kind), f"the {kind} namespace is the host's")
        else:
            scene.equal(
                inside, host_namespace(kind), f"the {kind} namespace, which config.json leaves out"
            )


def _listed(bundle) -> set[str]:
    return {n["type"] for n in bundle.linux["namespaces"]}


@suite.case(name="namespaces of the template")
def _template(scene):
    bundle = scene.bundle()
    _compare(scene, scene.probe(bundle), _listed(bundle), {})


@suite.case(name="namespaces all eight")
def _all_eight(scene):
    bundle = scene.bundle()
    bundle.config["ociVersion"] = "1.2.0"
    bundle.namespace("cgroup").namespace("time")
    if not scene.rootless:
        bundle.own_user_namespace(uids=[(0, 0, 65536)], gids=[(0, 0, 65536)])
    _compare(scene, scene.probe(bundle), _listed(bundle), {})


def _without(kind: str) -> None:
    @suite.case(name=f"namespaces without {kind}")
    def _(scene):
        bundle = scene.bundle().without_namespace(kind)
        drop_dependents(bundle, kind, scene.rootless)
        _compare(scene, scene.probe(bundle), _listed(bundle), {})


for _kind in ("pid", "network", "ipc", "uts"):
    _without(_kind)


@suite.case(name="namespaces mount and user only", rootful=False)
def _mount_and_user(scene):
    bundle = scene.bundle()
    for kind in ("pid", "network", "ipc", "uts"):
        bundle.without_namespace(kind)
        drop_dependents(bundle, kind, True)
    _compare(scene, scene.probe(bundle), _listed(bundle), {})


@suite.case(name="namespaces mount only", rootless=False)
def _mount_only(scene):
    bundle = scene.bundle()
    for kind in ("pid", "network", "ipc", "uts"):
        bundle.without_namespace(kind)
    bundle.config.pop("hostname")
    _compare(scene, scene.probe(bundle), {"mount"}, {})


def _joining(*kinds: str) -> None:
    @suite.case(name=f"namespaces joined by path: {' '.join(kinds)}")
    def _(scene):
        holder = scene.bundle()
        holder.config["ociVersion"] = "1.2.0"
        for kind in ("cgroup", "time"):
            if kind in kinds:
                holder.namespace(kind)
        pid = scene.runtime.pid(scene.sleeping(holder))
        bundle = scene.bundle()
        bundle.config["ociVersion"] = "1.2.0"
        shared = {}
        for kind in [*kinds, *(["user"] if scene.rootless else [])]:
            path = f"/proc/{pid}/ns/{KINDS[kind]}"
            bundle.namespace(kind, path)
            shared[kind] = os.readlink(path)
            if kind == "uts":
                bundle.config.pop("hostname", None)
        if scene.rootless:
            bundle.linux.pop("uidMappings"), bundle.linux.pop("gidMappings")
        _compare(scene, scene.probe(bundle), _listed(bundle), shared)


for _kinds in (
    ("network",),
    ("ipc",),
    ("uts",),
    ("pid",),
    ("cgroup",),
    ("time",),
    ("network", "ipc", "uts"),
    ("pid", "network", "ipc", "uts"),
):
    _joining(*_kinds)


@suite.case(name="namespaces joined by path: user")
def _join_user(scene):
    holder = scene.bundle()
    if not scene.rootless:
        holder.own_user_namespace(uids=[(0, 0, 65536)], gids=[(0, 0, 65536)])
    pid = scene.runtime.pid(scene.sleeping(holder))
    bundle = scene.bundle().namespace("user", f"/proc/{pid}/ns/user")
    for maps in ("uidMappings", "gidMappings"):
        bundle.linux.pop(maps, None)
    _compare(
        scene, scene.probe(bundle), _listed(bundle), {"user": os.readlink(f"/proc/{pid}/ns/user")}
    )


@suite.case(name="namespaces joined by path: a network made by another tool")
def _join_network_from_outside(scene):
    """As CNI does: the caller's user namespace owns it, not the container's."""
    if scene.rootless:
        scene.skip("an ordinary user cannot make a network namespace in its own user namespace")
    import subprocess

    held = subprocess.Popen(
        ["unshare", "-n", "sh", "-c", "echo up; exec sleep 1000"], stdout=subprocess.PIPE
    )
    try:
        held.stdout.readline()
        bundle = scene.bundle().namespace("network", f"/proc/{held.pid}/ns/net")
        bundle.own_user_namespace(uids=[(0, 0, 65536)], gids=[(0, 0, 65536)])
        bundle.unmount("/sys").bind("/sys", "/sys", "ro")
        _compare(
            scene,
            scene.probe(bundle),
            _listed(bundle),
            {"network": os.readlink(f"/proc/{held.pid}/ns/net")},
        )
    finally:
        held.kill()
        held.wait()
        held.stdout.close()


@suite.case(name="namespaces by a path that is none are refused")
def _bad_path(scene):
    plain = scene.work / "plain"
    plain.write_text("")
    for path in (str(plain), "/proc/self/ns/uts", "/nowhere"):
        outcome = scene.runtime.run(scene.bundle().namespace("network", path), scene.new_id())
        scene.check(not outcome.ok and outcome.err, f"{path}: {outcome}")


# User namespaces.


def _words(text: str) -> list[list[int]]:
    return [[int(n) for n in line.split()] for line in text.splitlines()]


@suite.case(name="id maps with several ranges")
def _several_ranges(scene):
    if scene.rootless:
        uids, gids = scene.subordinate_maps()
        (_, first, _), (_, gfirst, _) = uids[1], gids[1]
        uids = [
            (0, os.geteuid(), 1),
            (1, first, 10),
            (100, first + 10, 50),
            (1000, first + 1000, 5),
        ]
        gids = [(0, os.getegid(), 1), (1, gfirst, 20), (200, gfirst + 30, 50)]
    else:
        uids, gids = [(0, 0, 1), (1, 200000, 10), (100, 300000, 50)], [(0, 0, 5), (5, 400000, 60)]
    bundle = scene.bundle()
    bundle.own_user_namespace(uids=uids, gids=gids)
    seen = scene.probe(bundle)
    scene.equal(_words(seen["uid_map"]), [list(m) for m in uids], "uid_map")
    scene.equal(_words(seen["gid_map"]), [list(m) for m in gids], "gid_map")
    scene.equal(seen["setgroups"], "allow\n", "setgroups")


@suite.case(name="id map of one id", rootful=False)
def _one_id(scene):
    seen = scene.probe(scene.bundle())
    scene.equal(_words(seen["uid_map"]), [[0, os.geteuid(), 1]], "uid_map")
    scene.equal(_words(seen["gid_map"]), [[0, os.getegid(), 1]], "gid_map")
    scene.equal(seen["setgroups"], "deny\n", "setgroups")


@suite.case(name="id map of another user's ids is refused", rootful=False)
def _foreign_ids(scene):
    bundle = scene.bundle()
    bundle.own_user_namespace(
        uids=[(0, os.geteuid(), 1), (1, 900000000, 10)],
        gids=[(0, os.getegid(), 1), (1, 900000000, 10)],
    )
    outcome = scene.runtime.run(bundle, scene.new_id())
    scene.check(not outcome.ok and outcome.err, str(outcome))


# Sysctls and clocks.

row(
    "sysctl net",
    lambda b: b.linux.update(sysctl={"net.ipv4.ip_default_ttl": "55"}),
    {"read:/proc/sys/net/ipv4/ip_default_ttl#text": "55\n"},
)
row(
    "sysctl ipc",
    lambda b: b.linux.update(sysctl={"kernel.msgmax": "5555", "kernel.shmmni": "111"}),
    {"read:/proc/sys/kernel/msgmax#text": "5555\n", "read:/proc/sys/kernel/shmmni#text": "111\n"},
)
row(
    "sysctl fs.mqueue",
    lambda b: b.linux.update(sysctl={"fs.mqueue.msg_max": "33"}),
    {"read:/proc/sys/fs/mqueue/msg_max#text": "33\n"},
)
row(
    "sysctl with slashes",
    lambda b: b.linux.update(sysctl={"net/ipv4/ip_default_ttl": "56"}),
    {"read:/proc/sys/net/ipv4/ip_default_ttl#text": "56\n"},
)


@suite.case(name="sysctl of a name that has a property of its own is refused")
def _names(scene):
    for name, property in (("kernel.hostname", ""), ("kernel.domainname", "domainname")):
        bundle = scene.bundle().args("/bin/true")
        bundle.linux["sysctl"] = {name: "other"}
        if property:
            bundle.config[property] = "one"
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.check(not outcome.ok and "conflicts" in outcome.err, str(outcome))


row("loopback is up", lambda b: None, {"read:/proc/net/dev#text": lambda text: "lo:" in text})


@suite.case(name="time offsets")
def _time_offsets(scene):
    bundle = scene.bundle().namespace("time")
    bundle.config["ociVersion"] = "1.2.0"
    bundle.linux["timeOffsets"] = {
        "boottime": {"secs": 86400, "nanosecs": 500},
        "monotonic": {"secs": 172800},
    }
    seen = scene.probe(bundle)
    here = time.clock_gettime(time.CLOCK_BOOTTIME), time.clock_gettime(time.CLOCK_MONOTONIC)
    scene.check(
        abs(seen["boottime"] - here[0] - 86400) < 10, f"boottime {seen['boottime']} here {here[0]}"
    )
    scene.check(
        abs(seen["monotonic"] - here[1] - 172800) < 10,
        f"monotonic {seen['monotonic']} here {here[1]}",
    )


@suite.case(name="the caller's own uts and ipc settings are left alone")
def _host_values(scene):
    before = {
        p: pathlib.Path(p).read_text()
        for p in (
            "/proc/sys/kernel/msgmax",
            "/proc/sys/net/ipv4/ip_default_ttl",
            "/proc/sys/kernel/hostname",
        )
    }
    bundle = scene.bundle()
    bundle.linux["sysctl"] = {"kernel.msgmax": "5555", "net.ipv4.ip_default_ttl": "55"}
    scene.probe(bundle)
    scene.equal({p: pathlib.Path(p).read_text() for p in before}, before, "the host's values")
