"""podman --cgroup-manager systemd, which calls the runtime with --systemd-cgroup."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

from client import cgroup_of
from suite import suite

ENGINES = pathlib.Path(__file__).resolve().parent.parent / "engines"
sys.path[:0] = [str(ENGINES / "podman"), str(ENGINES), str(ENGINES.parent)]

# pylint: disable=wrong-import-position
from engine import Podman  # noqa: E402


def _need_podman(scene) -> None:
    for program in ("podman", "busybox"):
        if shutil.which(program) is None:
            scene.skip(f"there is no {program}")


@suite.case()
def a_container_of_podman_is_in_a_scope(scene):
    _need_podman(scene)
    with Podman(scene.runtime.binary, "systemd") as podman:
        with podman.container("sleep", "1000") as container:
            unit = f"libpod-{container.id}.scope"
            group = cgroup_of(container.pid())
            scene.check(group.startswith(scene.group_of_manager()), group)
            scene.equal(group.rpartition("/")[2], unit, "its scope")
            scene.check(scene.is_loaded(unit), f"systemd does not know {unit}")
            scene.equal(container.exec("sh", "-c", "exit 7").status, 7, "exec")
            stats = podman("stats", "--no-stream", "--format", "json", container.id)
            scene.equal(json.loads(stats.ok())[0]["id"], container.id[:12], "stats")
            podman("pause", container.id).ok()
            podman("unpause", container.id).ok()
            podman("restart", "--time", "0", container.id).ok()
            scene.equal(cgroup_of(container.pid()), group, "after restart")
            podman("rm", "--force", "--time", "0", container.id).ok()
        scene.check(not scene.is_loaded(unit), scene.systemctl("status", unit))
        scene.check(not pathlib.Path(f"/sys/fs/cgroup{group}").exists(), f"{group} is there")


def _engine_cases(scene, pattern: str) -> None:
    """Those of tests/engines."""
    _need_podman(scene)
    words = [sys.executable, str(ENGINES / "podman/run"), "--runtime", scene.runtime.binary]
    done = subprocess.run(
        [*words, "--cgroup-manager", "systemd", "--only", pattern],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if line.startswith(("not ok", "#   "))]
    scene.check(done.returncode == 0 and lines, f"{wrong or done.stderr[-600:]}")
    scene.check(not lines[-1].startswith("0 passed"), f"nothing was shown: {lines[-1:]}")


@suite.case()
def the_life_of_a_container_of_podman(scene):
    _engine_cases(scene, "lifecycle.re*")


@suite.case()
def a_slice_that_podman_is_told_has_the_scope(scene):
    """As a pod's containers have theirs. No pod here: podman removes one with a lock held that the podman wants which
    conmon waits for, and both wait until systemd kills conmon."""
    _need_podman(scene)
    with Podman(scene.runtime.binary, "systemd") as podman:
        with podman.container("sleep", "1000", options=("--cgroup-parent", "srt-pod.slice")) as container:
            group = cgroup_of(container.pid())
            wanted = f"/srt.slice/srt-pod.slice/libpod-{container.id}.scope"
            scene.equal(group, scene.group_of_manager() + wanted, "its control group")
