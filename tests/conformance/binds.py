"""Bind mounts: their options, recursive ones over a submount, id maps, destinations and sources."""

import os
import pathlib
import subprocess

from containers import host as host_module
from containers.scene import Scene
from suite import Mount, every, mounted, mounts_at, row, suite


def _source(scene: Scene, name: str = "source") -> pathlib.Path:
    folder = scene.work / name
    (folder / "inner").mkdir(parents=True)
    (folder / "file").write_text("from the host\n")
    return folder


def bind_row(
    option: str,
    *,
    has: str = "",
    lacks: str = "",
    before: str = "",
    asks: dict | None = None,
    rootless: bool = True,
    **more,
) -> None:
    options = [*before.split(), option]
    row(
        f"mount option {' '.join(options)} on a bind",
        lambda b, scene: b.bind(_source(scene), "/mnt", *options),
        {
            "mountinfo": mounted("/mnt", has=has, lacks=lacks, **more),
            "read:/mnt/file#text": "from the host\n",
            **(asks or {}),
        },
        rootless=rootless,
    )


# How a mount of the host keeps access times cannot be changed from a user namespace: the kernel
# locks it. Those options have a rootful row only.
bind_row("rw", asks={"create:/mnt/new#errno": 0})
bind_row("ro", has="ro", asks={"create:/mnt/new#errno": 30})
for _option in ("nosuid", "nodev", "noexec", "noatime", "nodiratime"):
    bind_row(_option, has=_option, rootless="atime" not in _option)
bind_row("relatime", has="relatime")
bind_row("strictatime", lacks="relatime noatime", rootless=False)
bind_row("defaults", lacks="ro noexec")
bind_row("rw", before="ro", lacks="ro")
bind_row("exec", before="noexec", lacks="noexec")
for _option, _shown in (
    ("rro", "ro"),
    ("rnosuid", "nosuid"),
    ("rnodev", "nodev"),
    ("rnoexec", "noexec"),
    ("rnoatime", "noatime"),
    ("rnodiratime", "nodiratime"),
    ("rnosymfollow", "nosymfollow"),
    ("rrelatime", "relatime"),
):
    bind_row(_option, has=_shown, rootless="atime" not in _option)
for _option, _lacks in (
    ("rrw", "ro"),
    ("rsuid", "nosuid"),
    ("rdev", "nodev"),
    ("rexec", "noexec"),
    ("ratime", "noatime"),
    ("rdiratime", "nodiratime"),
    ("rsymfollow", "nosymfollow"),
    ("rstrictatime", "relatime"),
    ("rnostrictatime", "noatime"),
    ("rnorelatime", "noatime"),
):
    bind_row(_option, lacks=_lacks, rootless="atime" not in _option)
for _option, _propagation in (
    ("private", set()),
    ("rprivate", set()),
    ("shared", {"shared"}),
    ("rshared", {"shared"}),
    ("unbindable", {"unbindable"}),
):
    bind_row(_option, propagation=_propagation)


def _with_submount(scene: Scene, flags: int = 0) -> pathlib.Path:
    folder = _source(scene)
    host_module.call("mount", "tmpfs", str(folder / "inner"), "tmpfs", flags, None)
    return folder


def submount_row(options: list[str], *, top: dict, inner: dict | None, flags: int = 0) -> None:
    """A bind of a folder that has a mount below it, made by root beforehand."""

    def body(scene: Scene) -> None:
        folder = _with_submount(scene, flags)
        try:
            bundle = scene.bundle().mount("/mnt", type="bind", source=folder, options=options)
            info = scene.probe(bundle)["mountinfo"]
        finally:
            subprocess.run(["umount", "-l", folder / "inner"], check=True)
        scene.check(mounted("/mnt", **top)(info), f"/mnt: {info}")
        if inner is None:
            scene.check(not mounts_at(info, "/mnt/inner"), f"the submount is there: {info}")
        else:
            scene.check(mounted("/mnt/inner", **inner)(info), f"/mnt/inner: {info}")

    suite.case(rootless=False, name=f"mount {' '.join(options)} over a submount")(body)


_MS_RDONLY, _MS_NOSUID, _MS_NOATIME = 1, 2, 1024
submount_row(["bind"], top={}, inner=None)
submount_row(["rbind"], top={}, inner={"type": "tmpfs"})
submount_row(["rbind", "ro"], top={"has": "ro"}, inner={"lacks": "ro"})
submount_row(["rbind", "rro"], top={"has": "ro"}, inner={"has": "ro"})
for _word in ("nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"):
    submount_row(["rbind", _word], top={"has": _word}, inner={"lacks": _word})
    submount_row(["rbind", "r" + _word], top={"has": _word}, inner={"has": _word})
submount_row(["rbind", "rrw"], top={"lacks": "ro"}, inner={"lacks": "ro"}, flags=_MS_RDONLY)
submount_row(["rbind", "rsuid"], top={}, inner={"lacks": "nosuid"}, flags=_MS_NOSUID)
submount_row(["rbind", "ratime"], top={}, inner={"lacks": "noatime"}, flags=_MS_NOATIME)
submount_row(
    ["rbind", "rstrictatime"],
    top={"lacks": "relatime noatime"},
    inner={"lacks": "relatime noatime"},
)
submount_row(["rbind", "rprivate"], top={"propagation": set()}, inner={"propagation": set()})
submount_row(
    ["rbind", "rshared"], top={"propagation": {"shared"}}, inner={"propagation": {"shared"}}
)
submount_row(["rbind", "rslave"], top={"propagation": set()}, inner={"propagation": set()})


@suite.case(name="mount propagation of a shared source", rootless=False)
def _shared_source(scene):
    """rslave: a mount made on the host later appears inside, not the other way round."""
    for option, arrives in (("rslave", True), ("rprivate", False), ("rshared", True)):
        folder = scene.work / f"shared-{option}"
        folder.mkdir()
        host_module.call("mount", "tmpfs", str(folder), "tmpfs", 0, None)
        try:
            host_module.call("mount", "none", str(folder), None, 1 << 20, None)  # MS_SHARED
            (folder / "later").mkdir()
            name = scene.sleeping(scene.bundle().bind(folder, "/mnt", option))
            host_module.call("mount", "tmpfs", str(folder / "later"), "tmpfs", 0, None)
            (folder / "later/file").write_text("x")
            listed = scene.runtime.exec(name, "/bin/ls", "/mnt/later").out.split()
            scene.equal(
                bool(listed), arrives, f"{option}: a later mount of the host is seen inside"
            )
            scene.runtime.delete(name)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
            subprocess.run(["umount", "-l", folder], stderr=subprocess.DEVNULL, check=False)


def _idmapped(option: str, recursive: bool) -> None:
    @suite.case(name=f"mount option {option}", rootless=False)
    def _(scene):
        folder = _with_submount(scene)
        os.chown(folder / "file", 1000, 1000)
        (folder / "inner/below").write_text("x")
        os.chown(folder / "inner/below", 1000, 1000)
        try:
            bundle = scene.bundle()
            bundle.config["ociVersion"] = "1.2.0"
            shift = [{"containerID": 0, "hostID": 5000, "size": 65536}]
            # An id of the file (host) 1000 is shown as: mapped through the mount, 1000 -> 6000.
            bundle.mount(
                "/mnt",
                type="bind",
                source=folder,
                options=["rbind", option],
                uidMappings=shift,
                gidMappings=shift,
            )
            seen = scene.probe(bundle, "stat:/mnt/file", "stat:/mnt/inner/below")["asked"]
        finally:
            subprocess.run(["umount", "-l", folder / "inner"], check=True)
        scene.equal(seen["stat:/mnt/file"]["uid"], 6000, "owner through the idmapped mount")
        scene.equal(
            seen["stat:/mnt/inner/below"]["uid"],
            6000 if recursive else 1000,
            "owner below the submount",
        )


_idmapped("idmap", recursive=False)
_idmapped("ridmap", recursive=True)


@suite.case(name="mount idmapped without its own mapping takes the container's", rootless=False)
def _idmap_of_container(scene):
    folder = _source(scene)
    maps = [(0, 200000, 65536)]
    bundle = scene.bundle()
    bundle.config["ociVersion"] = "1.2.0"
    for path in [bundle.rootfs, *bundle.rootfs.rglob("*")]:
        os.lchown(path, 200000, 200000)
    bundle.own_user_namespace(uids=maps, gids=maps)
    bundle.mount("/mnt", type="bind", source=folder, options=["rbind", "idmap"])
    seen = scene.probe(bundle, "stat:/mnt/file")
    scene.equal(seen["asked"]["stat:/mnt/file"]["uid"], 0, "owner inside of root's file")


@suite.case(name="mount idmapped takes the ids of a user namespace that is joined", rootless=False)
def _idmap_of_joined(scene):
    maps = [(0, 200000, 65536)]
    owner = scene.bundle()
    for path in [owner.rootfs, *owner.rootfs.rglob("*")]:
        os.lchown(path, 200000, 200000)
    owner.own_user_namespace(uids=maps, gids=maps)
    pid = scene.runtime.state(scene.sleeping(owner))["pid"]
    bundle = scene.bundle()
    bundle.config["ociVersion"] = "1.2.0"
    for path in [bundle.rootfs, *bundle.rootfs.rglob("*")]:
        os.lchown(path, 200000, 200000)
    bundle.namespace("user", f"/proc/{pid}/ns/user")
    bundle.mount("/mnt", type="bind", source=_source(scene), options=["rbind", "idmap"])
    seen = scene.probe(bundle, "stat:/mnt/file")
    scene.equal(seen["asked"]["stat:/mnt/file"]["uid"], 0, "owner inside of root's file")


# Destinations and sources.

row(
    "mount source is what an earlier mount brought, by the host's path of the rootfs",
    lambda b, scene: (
        b.bind(_source(scene), "/mnt"),
        b.bind(b.rootfs / "mnt/inner", "/made"),
        b.bind(_source(scene, "second"), "/mnt/inner"),
        b.bind(b.rootfs / "mnt", "/both"),
        b.mount("/once", type="bind", source=b.rootfs / "mnt", options=["bind"]),
    ),
    {
        "list:/made": [],
        "read:/both/inner/file#text": "from the host\n",
        "list:/once/inner": [],
        "mountinfo": every(mounted("/both"), mounted("/both/inner"), mounted("/once")),
    },
)
row(
    "mount source that an earlier mount brought stays in the container",
    lambda b, scene: (
        (_source(scene) / "out").symlink_to("/etc"),
        b.bind(scene.work / "source", "/mnt"),
        b.bind(b.rootfs / "mnt/out", "/made"),
        (b.rootfs / "etc/mine").write_text("the container's\n"),
    ),
    {"read:/made/mine#text": "the container's\n"},
)
row(
    "mount destination is the host's path of a place in the rootfs",
    lambda b, scene: b.bind(_source(scene), str(b.rootfs / "mnt")),
    {"read:/mnt/file#text": "from the host\n"},
)

row(
    "mount destination is made",
    lambda b: b.mount("/made/for/it", type="tmpfs", source="tmpfs"),
    {"mountinfo": mounted("/made/for/it", type="tmpfs")},
)
row(
    "mount bound file, destination is made",
    lambda b, scene: b.bind(_source(scene) / "file", "/made/file", "ro"),
    {"read:/made/file#text": "from the host\n", "mountinfo": mounted("/made/file", has="ro")},
)
row(
    "mount bound file over a file",
    lambda b, scene: b.bind(_source(scene) / "file", "/etc/passwd"),
    {"read:/etc/passwd#text": "from the host\n"},
)
row(
    "mount destination behind an absolute symlink",
    lambda b, scene: (
        (b.rootfs / "var/run").symlink_to("/run"),
        b.bind(_source(scene), "/var/run/x"),
    ),
    {"read:/run/x/file#text": "from the host\n", "mountinfo": mounted("/run/x")},
)
row(
    "mount destination behind a relative symlink",
    lambda b, scene: (
        (b.rootfs / "var/run").symlink_to("../run"),
        b.bind(_source(scene), "/var/run/x"),
    ),
    {"read:/run/x/file#text": "from the host\n", "mountinfo": mounted("/run/x")},
)
row(
    "mount destination is itself a symlink",
    lambda b, scene: ((b.rootfs / "link").symlink_to("/mnt"), b.bind(_source(scene), "/link")),
    {"read:/mnt/file#text": "from the host\n", "mountinfo": mounted("/mnt")},
)
row(
    "mount destination climbs above the root and stays in it",
    lambda b, scene: (
        (b.rootfs / "link").symlink_to("../../../../mnt"),
        b.bind(_source(scene), "/link/x"),
    ),
    {"read:/mnt/x/file#text": "from the host\n", "mountinfo": mounted("/mnt/x")},
)
row(
    "mount destination with dots and slashes",
    lambda b, scene: b.bind(_source(scene), "/mnt/../mnt//./x/"),
    {"read:/mnt/x/file#text": "from the host\n", "mountinfo": mounted("/mnt/x")},
)
row(
    "mount source is a symlink",
    lambda b, scene: (
        (scene.work / "link").symlink_to(_source(scene)),
        b.bind(scene.work / "link", "/mnt"),
    ),
    {"read:/mnt/file#text": "from the host\n"},
)
row(
    "mount source is relative to the bundle",
    lambda b, scene: (
        (b.path / "beside").mkdir(),
        (b.path / "beside/file").write_text("beside\n"),
        b.bind("beside", "/mnt"),
    ),
    {"read:/mnt/file#text": "beside\n"},
)
row(
    "mount twice at the same place: the later is on top",
    lambda b, scene: (
        b.mount("/mnt", type="tmpfs", source="tmpfs"),
        b.bind(_source(scene), "/mnt"),
    ),
    {"read:/mnt/file#text": "from the host\n"},
)
row(
    "mount below an earlier mount",
    lambda b, scene: (
        b.mount("/mnt", type="tmpfs", source="tmpfs"),
        b.bind(_source(scene), "/mnt/deep/er"),
    ),
    {"read:/mnt/deep/er/file#text": "from the host\n", "mountinfo": mounted("/mnt/deep/er")},
)
row(
    "mount type none with bind is a bind",
    lambda b, scene: b.mount("/mnt", type="none", source=_source(scene), options=["bind", "ro"]),
    {"read:/mnt/file#text": "from the host\n", "mountinfo": mounted("/mnt", has="ro")},
)
row(
    "mount without a type but with rbind is a bind",
    lambda b, scene: b.mount("/mnt", source=_source(scene), options=["rbind", "ro"]),
    {"read:/mnt/file#text": "from the host\n", "mountinfo": mounted("/mnt", has="ro")},
)
row(
    "mount of a fifo's, socket's and device's place",
    lambda b, scene: b.bind("/dev/zero", "/dev/zero2"),
    {"stat:/dev/zero2#minor": 5, "stat:/dev/zero2#is_char": True},
)


@suite.case(name="mount of a missing source is refused")
def _missing_source(scene):
    outcome = scene.runtime.run(scene.bundle().bind(scene.work / "absent", "/mnt"), scene.new_id())
    scene.check(not outcome.ok, "a bind of a missing source was accepted")
    scene.check("absent" in outcome.err, f"the error does not name the source: {outcome.err}")
    scene.check(not (scene.work / "absent").exists(), "the source was made on the host")


@suite.case(name="mount of an unknown type or option is refused")
def _unknown(scene):
    for mount in (
        {"type": "no-such-fs", "source": "x"},
        {"type": "tmpfs", "source": "tmpfs", "options": ["no_such_option"]},
    ):
        outcome = scene.runtime.run(scene.bundle().mount("/mnt", **mount), scene.new_id())
        scene.check(not outcome.ok and outcome.err, f"{mount}: {outcome}")
        scene.check(
            "/mnt" in outcome.err or "no" in outcome.err,
            f"the error does not say which: {outcome.err}",
        )


@suite.case(name="mount namespace holds nothing but config.json's")
def _nothing_else(scene):
    seen = scene.probe(scene.bundle().bind(_source(scene), "/mnt"))
    allowed = {"/", "/mnt", "/dev/console"}
    for line in seen["mountinfo"].splitlines():
        mount = Mount(line)
        scene.check(
            mount.point in allowed or mount.point.startswith(("/proc", "/dev", "/sys")), line
        )
    scene.check(
        "master" not in str([Mount(x).propagation for x in seen["mountinfo"].splitlines()]),
        f"a mount receives from the host: {seen['mountinfo']}",
    )
