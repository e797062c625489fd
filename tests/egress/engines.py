"""podman, with the policy in annotations: a container reaches what they name, and nothing else."""

import contextlib
import pathlib
import shutil
import subprocess
import sys

from denials import _mark, _nothing_left
from suite import suite

_ENGINES = pathlib.Path(__file__).resolve().parent.parent / "engines"
sys.path[1:1] = [str(_ENGINES / "podman"), str(_ENGINES)]

from engine import Podman  # noqa: E402  (the path above finds it)

_DOMAINS = "dev.srt.network.allowedDomains"
# Once as a client that honours proxy variables, once as one that does not.
_FETCH = "curl -sS -m 8 http://{host}/; curl -sS -m 8 --noproxy '*' http://{host}/"
# The image has no client; those of this machine come with all they need.
_PROGRAMS = ("--volume", "/usr:/usr:ro", "--volume", "/usr/lib:/lib:ro", "--volume", "/usr/lib64:/lib64:ro")


def _podman(scene) -> Podman:
    if not shutil.which("podman"):
        scene.skip("podman: not found")
    return Podman(scene.runtime.binary)


def _reaches_exactly(scene, podman, network: str) -> None:
    # podman takes commas in an annotation for its own: spaces part the names as well.
    names = "allowed.example *.wild.example.org"
    options = (*_PROGRAMS, "--network", network, "--annotation", f"{_DOMAINS}={names}")
    for host in ("allowed.example", "sub.wild.example.org"):
        done = podman.shell(_FETCH.format(host=host), options=options)
        scene.equal(done.out.count("hello / from"), 2, f"{network}, {host}: {done}")
    for host in ("denied.example", "93.184.216.35", "169.254.169.254", "10.99.0.1", "10.99.0.2"):
        _mark(scene)
        done = podman.shell(_FETCH.format(host=host), options=options)
        scene.check("hello" not in done.out, f"{network}, {host}: {done}")
        _nothing_left(scene, f"{network}, {host}")


@contextlib.contextmanager
def _no_mount_stays():
    """podman keeps the folder of its network namespaces mounted on itself."""
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", "/run/netns"], stderr=subprocess.DEVNULL, check=False)


@suite.case()
def podman_without_a_network_reaches_what_annotations_name(scene):
    with _podman(scene) as podman:
        _reaches_exactly(scene, podman, "none")


@suite.case(rootless=False)
def podman_with_a_bridge_is_bounded_by_annotations(scene):
    """The guard dials from the namespace that podman made, through podman's resolver."""
    with _podman(scene) as podman, _no_mount_stays():
        trial = podman.shell("true", options=("--network", "podman"))
        if trial.status != 0:
            scene.skip(f"podman makes no bridge here: {trial.err.strip()[-200:]}")
        options = (*_PROGRAMS, "--network", "podman")
        done = podman.shell("curl -sS -m 5 http://93.184.216.34/", options=options)
        if "hello" not in done.out:
            scene.skip(f"a bridge of podman leads nowhere here: {done.err.strip()[-200:]}")
        _reaches_exactly(scene, podman, "podman")


@suite.case()
def podman_with_the_hosts_network_is_refused(scene):
    with _podman(scene) as podman:
        options = ("--network", "host", "--annotation", f"{_DOMAINS}=allowed.example")
        done = podman.shell("echo ran", options=options)
        scene.check(done.status != 0 and "ran" not in done.out, str(done))
        scene.check("network" in done.err and "namespace" in done.err, str(done))


@suite.case()
def podman_among_the_processes_of_others_is_refused(scene):
    """A rootless podman's containers share its user namespace."""
    with _podman(scene) as podman, podman.container("sleep", "600") as neighbour:
        for whose in ("host", f"container:{neighbour.id}"):
            options = ("--network", "none", "--pid", whose, "--annotation", f"{_DOMAINS}=allowed.example")
            done = podman.shell("echo ran", options=options)
            scene.check(done.status != 0 and "ran" not in done.out, str(done))
            scene.check("pid namespace" in done.err, str(done))


@suite.case()
def podman_exec_is_under_the_policy_too(scene):
    options = (*_PROGRAMS, "--network", "none", "--annotation", f"{_DOMAINS}=allowed.example")
    with _podman(scene) as podman, podman.container("sleep", "1000", options=options) as running:
        done = running.exec("sh", "-c", _FETCH.format(host="allowed.example"))
        scene.equal(done.out.count("hello"), 2, str(done))
        done = running.exec("sh", "-c", _FETCH.format(host="denied.example"))
        scene.check("hello" not in done.out, str(done))
        running.podman("stop", "--time", "0", running.id).ok()


@suite.case()
def podman_says_what_is_wrong_with_an_annotation(scene):
    with _podman(scene) as podman:
        options = ("--network", "none", "--annotation", f"{_DOMAINS}=http://x/")
        done = podman.shell("echo ran", options=options)
        scene.check(done.status != 0 and "http://x/" in done.err, str(done))
