"""CVE-2021-30465: a mount destination in a shared volume is exchanged for a symlink while the
container is made. A lost race shows as a mount that the container does not have, or as a folder
made on the host; both are looked for after every round."""

import pathlib
import subprocess
import time

from containers.scene import Refused, Scene
from suite import suite


class Racer:
    """Another process with the same volume, exchanging two names in it."""

    def __init__(self, scene: Scene, a: pathlib.Path, b: pathlib.Path):
        self._command = [scene.helpers / "swap_paths", a, b]

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        self._process.stdout.readline()  # it runs
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def _volume(scene: Scene, target: str) -> pathlib.Path:
    """A volume with a folder `a` and a link `b`, to be exchanged."""
    volume = scene.work / f"volume{len(list(scene.work.glob('volume*')))}"
    (volume / "a").mkdir(parents=True)
    (volume / "b").symlink_to(target)
    return volume


def _rounds(scene: Scene, seconds: float):
    """Round numbers until the time is over."""
    deadline = time.monotonic() + (10 * seconds if scene.long else seconds)
    number = 0
    while time.monotonic() < deadline:
        yield number
        number += 1


def _escaped(scene: Scene, mountinfo: str, destinations: list[str]) -> bool:
    """Whether none of the destinations is a mount of the container: then it went elsewhere."""
    points = {line.split()[4] for line in mountinfo.splitlines() if len(line.split()) > 4}
    return not points & set(destinations)


def _attack(scene: Scene, target: str, below: str, seconds: float, **mount) -> None:
    volume = _volume(scene, target)
    ran = 0
    with Racer(scene, volume / "a", volume / "b"):
        for number in _rounds(scene, seconds):
            bundle = scene.bundle()
            bundle.bind(volume, "/vol", "rw").mount(f"/vol/a{below}", **mount)
            try:
                seen = scene.probe(bundle, f"read:/vol/a{below}/secret")
            except Refused:
                seen = None  # also right: the path changed under the runtime
            scene.host_unchanged()
            if seen is not None:
                ran += 1
                inside = [
                    f"/vol/a{below}",
                    f"/vol/b{below}",
                    f"{scene.canary}{below}",
                    f"{scene.canary}/folder{below}",
                ]
                scene.check(
                    not _escaped(scene, seen["mountinfo"], inside),
                    f"round {number}: the mount is not in the container: it was made outside",
                )
    scene.check(ran or not scene.is_srt, "no round ran: the attack was not tried")


@suite.case()
def cve_2021_30465_a_destination_is_exchanged_for_a_link_to_the_host(scene):
    _attack(scene, str(scene.canary), "", 1.5, type="tmpfs", source="tmpfs", options=["size=64k"])


@suite.case()
def cve_2021_30465_a_folder_above_the_destination_is_exchanged(scene):
    _attack(
        scene, str(scene.canary), "/made", 1.5, type="tmpfs", source="tmpfs", options=["size=64k"]
    )


@suite.case()
def cve_2021_30465_a_bind_goes_through_an_exchanged_folder(scene):
    source = scene.work / "source"
    source.mkdir()
    _attack(
        scene,
        "../" * 30 + str(scene.canary)[1:],
        "/made/deep",
        1.5,
        type="bind",
        source=source,
        options=["rbind", "rw"],
    )


@suite.case()
def cve_2021_30465_a_bound_file_goes_through_an_exchanged_folder(scene):
    source = scene.work / "source"
    source.write_text("from the bundle\n")
    volume = _volume(scene, str(scene.canary))
    with Racer(scene, volume / "a", volume / "b"):
        for _ in _rounds(scene, 1.0):
            bundle = scene.bundle()
            bundle.bind(volume, "/vol", "rw").bind(source, "/vol/a/made-file")
            scene.runtime.run(bundle, scene.new_id())
            scene.host_unchanged()


@suite.case()
def cve_2025_52881_a_mount_races_onto_proc(scene):
    """The destination becomes a link into /proc between the check and the mount: sysctls that are
    written afterwards must be the real ones."""
    ran = 0
    volume = _volume(scene, "/proc/sys")
    with Racer(scene, volume / "a", volume / "b"):
        for number in _rounds(scene, 1.5):
            bundle = scene.bundle()
            bundle.linux["sysctl"] = {"kernel.msgmax": "5555"}
            bundle.bind(volume, "/vol", "rw").mount("/vol/a", type="tmpfs", source="tmpfs")
            try:
                seen = scene.probe(bundle, "read:/proc/sys/kernel/msgmax")
            except Refused:
                continue
            ran += 1
            scene.equal(
                seen["asked"]["read:/proc/sys/kernel/msgmax"].get("text"),
                "5555\n",
                f"round {number}: the sysctl",
            )
            over_proc = [
                line
                for line in seen["mountinfo"].splitlines()
                if line.split()[4].startswith("/proc/sys") and " - tmpfs " in line
            ]
            scene.check(not over_proc, f"round {number}: mounted over proc: {over_proc}")
    scene.check(ran or not scene.is_srt, "no round ran: the attack was not tried")


@suite.case()
def cve_2025_31133_a_masked_path_is_exchanged_for_a_link(scene):
    """A mask in a volume that another container changes: never put on a file of the host."""
    volume = _volume(scene, str(scene.canary / "folder"))
    (volume / "a" / "file").write_text("to be hidden\n")
    with Racer(scene, volume / "a", volume / "b"):
        for _ in _rounds(scene, 1.0):
            bundle = scene.bundle()
            bundle.bind(volume, "/vol", "rw")
            bundle.linux["maskedPaths"] += ["/vol/a/file", "/vol/a"]
            bundle.linux["readonlyPaths"] += ["/vol/b"]
            scene.runtime.run(bundle, scene.new_id())
            scene.equal(
                (scene.canary / "folder/file").read_text(), "host file\n", "the host's file"
            )
            scene.host_unchanged()


@suite.case()
def the_working_directory_is_exchanged_for_a_link(scene):
    volume = _volume(scene, str(scene.canary))
    with Racer(scene, volume / "a", volume / "b"):
        for _ in _rounds(scene, 1.0):
            bundle = scene.bundle()
            bundle.bind(volume, "/vol", "rw")
            bundle.process["cwd"] = "/vol/a/made"
            try:
                seen = scene.probe(bundle, "read:../secret")
            except Refused:
                seen = {"asked": {}}
            scene.check("host secret" not in str(seen["asked"]), "the host's file was read")
            scene.host_unchanged()
