"""`mounts` that make a filesystem: types, and every option of the specification's table."""

from suite import every, mounted, row


def tmpfs_row(
    option: str, *, has: str = "", lacks: str = "", super_has: str = "", before: str = "", **more
) -> None:
    """One option on a tmpfs: what mountinfo inside says of it."""
    options = [*before.split(), option]
    row(
        f"mount option {' '.join(options)} on a tmpfs",
        lambda b: b.mount("/mnt", type="tmpfs", source="tmpfs", options=options),
        {
            "mountinfo": mounted(
                "/mnt", type="tmpfs", has=has, lacks=lacks, super_has=super_has, **more
            )
        },
    )


# Flags of the mount, and their opposites after them: the last one counts.
for _option, _shown in (
    ("ro", "ro"),
    ("nosuid", "nosuid"),
    ("nodev", "nodev"),
    ("noexec", "noexec"),
    ("noatime", "noatime"),
    ("nodiratime", "nodiratime"),
    ("relatime", "relatime"),
    ("nosymfollow", "nosymfollow"),
):
    tmpfs_row(_option, has=_shown)
for _before, _option, _lacks in (
    ("ro", "rw", "ro"),
    ("nosuid", "suid", "nosuid"),
    ("noexec", "exec", "noexec"),
    ("noatime", "atime", "noatime"),
    ("nodiratime", "diratime", "nodiratime"),
    ("nosymfollow", "symfollow", "nosymfollow"),
    ("nodev", "dev", "nodev"),
):
    tmpfs_row(_option, before=_before, lacks=_lacks)
tmpfs_row("strictatime", lacks="relatime noatime")
tmpfs_row("nostrictatime", lacks="noatime")
tmpfs_row("norelatime", lacks="noatime")
# Flags of the superblock.
for _option in ("sync", "dirsync", "lazytime"):
    tmpfs_row(_option, super_has=_option)
for _before, _option in (("sync", "async"), ("lazytime", "nolazytime")):
    tmpfs_row(_option, before=_before, super_lacks=_before)
# Flags without a visible effect here: they must be taken, and do no harm.
for _option in (
    "defaults",
    "silent",
    "loud",
    "mand",
    "nomand",
    "iversion",
    "noiversion",
    "rw",
    "suid",
    "dev",
    "exec",
    "atime",
    "diratime",
    "async",
    "symfollow",
    "nolazytime",
):
    tmpfs_row(_option, lacks="ro noexec nosuid nodev noatime")
for _option, _propagation in (
    ("private", set()),
    ("rprivate", set()),
    ("shared", {"shared"}),
    ("rshared", {"shared"}),
    ("slave", set()),
    ("rslave", set()),
    ("unbindable", {"unbindable"}),
    ("runbindable", {"unbindable"}),
):
    tmpfs_row(_option, propagation=_propagation)

row(
    "mount tmpfs size and mode",
    lambda b: b.mount(
        "/mnt", type="tmpfs", source="tmpfs", options=["size=128k", "mode=1750", "nr_inodes=100"]
    ),
    {
        "statfs:/mnt#bytes": 131072,
        "stat:/mnt#mode": 0o1750,
        "mountinfo": mounted("/mnt", super_has="size=128k nr_inodes=100"),
    },
)
row(
    "mount tmpfs source is shown",
    lambda b: b.mount("/mnt", type="tmpfs", source="a-name"),
    {"mountinfo": mounted("/mnt", type="tmpfs", source="a-name")},
)
row(
    "mount options nosuid,nodev,noexec,ro together",
    lambda b: b.mount(
        "/mnt", type="tmpfs", source="tmpfs", options=["ro", "nosuid", "nodev", "noexec"]
    ),
    {"mountinfo": mounted("/mnt", has="ro nosuid nodev noexec"), "create:/mnt/x#errno": 30},
)
row(
    "mount tmpfs over a folder with files hides them",
    lambda b: (
        (b.rootfs / "mnt/file").write_text("below"),
        b.mount("/mnt", type="tmpfs", source="tmpfs"),
    ),
    {"list:/mnt": []},
)


def _copied(bundle):
    (bundle.rootfs / "mnt/folder").mkdir(mode=0o750)
    (bundle.rootfs / "mnt/folder/file").write_text("copied\n")
    (bundle.rootfs / "mnt/folder/file").chmod(0o640)
    (bundle.rootfs / "mnt/link").symlink_to("folder/file")
    bundle.mount("/mnt", type="tmpfs", source="tmpfs", options=["tmpcopyup"])


row(
    "mount option tmpcopyup",
    _copied,
    {
        "mountinfo": mounted("/mnt", type="tmpfs"),
        "read:/mnt/folder/file#text": "copied\n",
        "stat:/mnt/folder#mode": 0o750,
        "stat:/mnt/folder/file#mode": 0o640,
        "readlink:/mnt/link": "folder/file",
    },
)
row(
    "mount option tmpcopyup with ro",
    lambda b: (
        (b.rootfs / "mnt/file").write_text("copied\n"),
        b.mount("/mnt", type="tmpfs", source="tmpfs", options=["tmpcopyup", "ro"]),
    ),
    {"mountinfo": mounted("/mnt", type="tmpfs", has="ro"), "read:/mnt/file#text": "copied\n"},
)

# The filesystems of the template.

row(
    "mount the template's",
    lambda b: None,
    {
        "mountinfo": every(
            mounted("/proc", type="proc"),
            mounted(
                "/dev",
                type="tmpfs",
                has="nosuid",
                lacks="nodev noexec",
                super_has="mode=755 size=65536k",
            ),
            mounted(
                "/dev/pts", type="devpts", has="nosuid noexec", super_has="mode=620 ptmxmode=666"
            ),
            mounted("/dev/shm", type="tmpfs", has="nosuid noexec nodev", super_has="size=65536k"),
            mounted("/dev/mqueue", type="mqueue", has="nosuid noexec nodev"),
            mounted("/sys", type="sysfs", has="ro nosuid noexec nodev"),
        ),
        "stat:/dev/shm#mode": 0o1777,
        "stat:/dev/pts/ptmx#mode": 0o666,
    },
)
row(
    "mount proc with options",
    lambda b: b.unmount("/proc")
    .config["mounts"]
    .insert(
        0,
        {
            "destination": "/proc",
            "type": "proc",
            "source": "proc",
            "options": ["nosuid", "noexec", "nodev"],
        },
    ),
    {"mountinfo": mounted("/proc", type="proc", has="nosuid noexec nodev")},
)
row(
    "mount devpts with a group",
    lambda b: [m["options"].append("gid=5") for m in b.config["mounts"] if m["type"] == "devpts"],
    {"mountinfo": mounted("/dev/pts", type="devpts", super_has="gid=5")},
    rootless=False,
)


def _in_order(*points: str):
    """The first mounts at these places stand in this order in mountinfo."""

    def holds(mountinfo: str) -> bool:
        lines = [line.split()[4] for line in mountinfo.splitlines()]
        found = [lines.index(point) if point in lines else -1 for point in points]
        if found == sorted(found) and -1 not in found:
            return True
        print(f"    at {found} in mountinfo: {' '.join(points)}")
        return False

    return holds


def _interleaved(bundle, scene):
    (scene.work / "source").mkdir()
    for number in range(2):
        bundle.mount(f"/mnt/fs{number}", type="tmpfs", source="tmpfs")
        bundle.bind(scene.work / "source", f"/mnt/bind{number}")


# Engines and the validation suite of runtime-tools read the order off mountinfo.
row(
    "mounts of all kinds stand in mountinfo in the order of config.json",
    _interleaved,
    {
        "mountinfo": _in_order(
            *("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"),
            *("/mnt/fs0", "/mnt/bind0", "/mnt/fs1", "/mnt/bind1"),
        )
    },
)


def _tmpfs_over_a_bind(bundle, scene):
    (scene.work / "source/place").mkdir(parents=True)
    (scene.work / "source/place").chmod(0o750)
    (bundle.rootfs / "mnt/place").mkdir()
    (bundle.rootfs / "mnt/place").chmod(0o711)
    bundle.bind(scene.work / "source", "/mnt")
    bundle.mount("/mnt/place", type="tmpfs", source="tmpfs")


row(
    "mount tmpfs without a mode has that of the directory it covers, also on an earlier mount",
    _tmpfs_over_a_bind,
    {"stat:/mnt/place#mode": 0o750, "mountinfo": mounted("/mnt/place", type="tmpfs")},
)


def _overlay(bundle, scene, lowers=("lower1", "lower2")):
    for name in (*lowers, "upper", "workdir"):
        (scene.work / name).mkdir()
    (scene.work / lowers[0] / "one").write_text("1\n")
    (scene.work / lowers[1] / "two").write_text("2\n")
    (scene.work / "upper/three").write_text("3\n")
    bundle.mount(
        "/mnt",
        type="overlay",
        source="overlay",
        options=[
            "lowerdir=" + ":".join(f"{scene.work}/{name}" for name in lowers),
            f"upperdir={scene.work}/upper",
            f"workdir={scene.work}/workdir",
        ],
    )


_OVERLAID = {
    "mountinfo": mounted("/mnt", type="overlay"),
    "list:/mnt": lambda got: sorted(got) == ["one", "three", "two"],
    "create:/mnt/new#errno": 0,
}
row("mount overlay", _overlay, _OVERLAID)
row(
    "mount overlay with more layers than one fsconfig(2) parameter has room for",
    lambda b, scene: _overlay(b, scene, [f"layer-{n}-{'x' * 100}" for n in range(12)]),
    _OVERLAID,
)

row(
    "mount destination that is relative",
    lambda b: b.mount("mnt", type="tmpfs", source="tmpfs", options=["ro"]),
    {"mountinfo": mounted("/mnt", type="tmpfs", has="ro")},
)


def _narrow(bundle):
    (bundle.rootfs / "mnt").chmod(0o710)
    bundle.mount("/mnt", type="tmpfs", source="tmpfs")


row("mount tmpfs has the mode of what it covers", _narrow, {"stat:/mnt#mode": 0o710})
