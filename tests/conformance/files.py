"""`root`, `linux.devices`, masked and read-only paths, rootfsPropagation."""

import os
import stat

from containers.bundle import READONLY
from suite import every, mounted, mounts_at, row, suite

row(
    "root is writable",
    lambda b: None,
    {"create:/new#errno": 0, "mountinfo": mounted("/", lacks="ro")},
)
row(
    "root is read-only",
    lambda b: b.config["root"].update(readonly=True),
    {
        "create:/new#errno": 30,
        "create:/tmp/new#errno": 30,
        "create:/dev/shm/new#errno": 0,
        "mountinfo": mounted("/", has="ro"),
    },
)
row(
    "root by absolute path",
    lambda b: b.config["root"].update(path=str(b.rootfs)),
    {"read:/etc/group#text": "root:x:0:\n"},
)
for _name, _propagation in (
    ("private", set()),
    ("shared", {"shared"}),
    ("slave", set()),
    ("unbindable", {"unbindable"}),
):
    row(
        f"rootfsPropagation {_name}",
        lambda b, name=_name: b.linux.update(rootfsPropagation=name),
        {"mountinfo": mounted("/", propagation=_propagation)},
    )


def _unmounts(scene, mountinfo: str) -> None:
    scene.equal(len(mounts_at(mountinfo, "/")), 1, "mounts on /")


@suite.case(name="root is one mount")
def _one_root(scene):
    _unmounts(scene, scene.probe(scene.bundle())["mountinfo"])


# Devices.


def _devices(bundle):
    bundle.linux["devices"] = [
        {
            "path": "/dev/mine",
            "type": "c",
            "major": 1,
            "minor": 5,
            "fileMode": 0o640,
            "uid": 3,
            "gid": 4,
        },
        {"path": "/dev/deep/er", "type": "u", "major": 1, "minor": 3, "fileMode": 0o606},
        {"path": "/dev/disk", "type": "b", "major": 7, "minor": 99},
        {"path": "/dev/pipe", "type": "p", "fileMode": 0o622},
        {"path": "/elsewhere/full", "type": "c", "major": 1, "minor": 7, "uid": 0, "gid": 0},
    ]


row(
    "devices with number, mode and owner",
    _devices,
    {
        "stat:/dev/mine": lambda d: (
            d["is_char"],
            d["major"],
            d["minor"],
            d["mode"],
            d["uid"],
            d["gid"],
        )
        == (True, 1, 5, 0o640, 3, 4),
        "stat:/dev/deep/er": lambda d: (d["is_char"], d["major"], d["minor"], d["mode"])
        == (True, 1, 3, 0o606),
        "stat:/dev/disk": lambda d: (stat.S_ISBLK(d["type"]), d["major"], d["minor"])
        == (True, 7, 99),
        "stat:/dev/pipe": lambda d: (stat.S_ISFIFO(d["type"]), d["mode"]) == (True, 0o622),
        "stat:/elsewhere/full": lambda d: (d["is_char"], d["major"], d["minor"]) == (True, 1, 7),
    },
    rootless=False,
)
row(
    "devices of the host are bound for an ordinary user",
    lambda b: b.linux.update(devices=[{"path": "/dev/full", "type": "c", "major": 1, "minor": 7}]),
    {
        "stat:/dev/full": lambda d: (d["is_char"], d["major"], d["minor"]) == (True, 1, 7),
        "mountinfo": mounted("/dev/full", has="nosuid noexec"),
    },
    rootful=False,
)
row(
    "devices: links and nodes that the specification promises",
    lambda b: None,
    {
        **{
            f"stat:/dev/{name}": lambda d, n=number: (
                d.get("is_char"),
                d.get("major"),
                d.get("minor"),
                d.get("mode"),
            )
            == (True, *n, 0o666)
            for name, number in {
                "null": (1, 3),
                "zero": (1, 5),
                "full": (1, 7),
                "random": (1, 8),
                "urandom": (1, 9),
                "tty": (5, 0),
            }.items()
        },
        "readlink:/dev/fd": "/proc/self/fd",
        "readlink:/dev/stdin": "/proc/self/fd/0",
        "readlink:/dev/stdout": "/proc/self/fd/1",
        "readlink:/dev/stderr": "/proc/self/fd/2",
        "stat:/dev/ptmx": lambda d: d.get("is_char") and (d["major"], d["minor"]) == (5, 2),
    },
)


@suite.case(name="devices that the rules allow can be opened, others cannot", rootless=False)
def _device_rules(scene):
    bundle = scene.bundle()
    bundle.linux["devices"] = [
        {"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11},
        {"path": "/dev/memory", "type": "c", "major": 1, "minor": 1},
    ]
    bundle.linux["resources"] = {
        "devices": [
            {"allow": False, "access": "rwm"},
            {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"},
        ]
    }
    seen = scene.probe(
        bundle, "write:/dev/kmsg", "write:/dev/memory", "write:/dev/null", "write:/dev/full"
    )
    asked = seen["asked"]
    scene.equal(asked["write:/dev/memory"]["error"], "EPERM", "a device that the rules deny")
    scene.equal(asked["write:/dev/kmsg"]["error"], "EPERM", "writing what may only be read")
    scene.equal(asked["write:/dev/null"]["errno"], 0, "a default device")
    scene.equal(asked["write:/dev/full"]["errno"], 0, "a default device")


# Masks.


def _masks(bundle):
    (bundle.rootfs / "etc/secret").write_text("hidden\n")
    (bundle.rootfs / "root/folder").mkdir()
    (bundle.rootfs / "root/folder/file").write_text("hidden\n")
    bundle.linux["maskedPaths"] += ["/etc/secret", "/root/folder", "/nowhere/at/all"]


row(
    "masked file and folder",
    _masks,
    {
        "stat:/etc/secret": lambda d: (d["is_char"], d["major"], d["minor"]) == (True, 1, 3),
        "read:/etc/secret#text": "",
        "list:/root/folder": [],
        "create:/root/folder/x": lambda a: a["errno"] != 0,
        "mountinfo": mounted("/root/folder", type="tmpfs", has="ro"),
    },
)
row(
    "masked path may be absent",
    lambda b: b.linux.update(maskedPaths=["/absent", "/proc/absent"]),
    {"stat:/absent#errno": 2},
)


def _readonly(bundle):
    (bundle.rootfs / "etc/file").write_text("x")
    (bundle.rootfs / "srv").mkdir()
    bundle.linux["readonlyPaths"] += ["/etc/file", "/srv", "/nowhere/at/all"]


row(
    "read-only file and folder",
    _readonly,
    {
        "write:/etc/file#errno": 30,
        "create:/srv/x#errno": 30,
        "create:/etc/other#errno": 0,
        "mountinfo": every(mounted("/srv", has="ro"), mounted("/etc/file", has="ro")),
    },
)
row(
    "the root as a read-only path, and what is mounted below it",
    lambda b: b.linux["readonlyPaths"].append("/"),
    {
        "create:/etc/other#errno": 30,
        "create:/dev/shm/x#errno": 0,
        "mountinfo": every(mounted("/", has="ro"), mounted("/dev/shm", has="rw")),
    },
)
row(
    "a read-only path that is the root in another place",
    lambda b: b.bind(b.rootfs, "/srv").linux["readonlyPaths"].append("/srv"),
    {"create:/srv/x#errno": 30, "create:/etc/other#errno": 0},
)
row(
    "read-only paths of the template",
    lambda b: None,
    {
        "write:/proc/sys/net/ipv4/ip_default_ttl": lambda a: a["errno"] != 0,
        "write:/proc/sysrq-trigger": lambda a: a["errno"] != 0,
        "mountinfo": every(*(mounted(path, has="ro") for path in READONLY if os.path.exists(path))),
    },
)
row(
    "no masked and no read-only paths",
    lambda b: b.linux.update(maskedPaths=[], readonlyPaths=[]),
    {
        "mountinfo": lambda info: not mounts_at(info, "/proc/sys")
        and not mounts_at(info, "/proc/kcore")
    },
)


@suite.case(name="root of another owner keeps its owner", rootless=False)
def _owners(scene):
    bundle = scene.bundle()
    os.chown(bundle.rootfs / "etc", 12, 34)
    owner = scene.probe(bundle, "stat:/etc")["asked"]["stat:/etc"]
    scene.equal((owner["uid"], owner["gid"]), (12, 34), "owner of /etc")
