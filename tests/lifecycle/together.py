"""Several callers at once."""

import subprocess

from containers import host as host_module
from containers.scene import Scene
from suite import suite


def _at_once(scene: Scene, *calls) -> list[int]:
    running = [
        scene.runtime.spawn(
            *words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for words in calls
    ]
    return [process.wait(30) for process in running]


@suite.case()
def two_creates_of_one_id(scene):
    """Exactly one wins, and what it made works."""
    for _ in range(20 if scene.long else 6):
        name = scene.new_id()
        bundles = [scene.bundle().args("/bin/sleep", "1000").save() for _ in range(2)]
        statuses = _at_once(scene, *(("create", "--bundle", b, name) for b in bundles))
        scene.equal(
            sum(status == 0 for status in statuses), 1, f"creates that succeeded ({statuses})"
        )
        winner = bundles[statuses.index(0)]
        scene.equal(scene.runtime.state(name)["bundle"], str(winner), "bundle of the container")
        scene.check(scene.runtime.start(name).ok, "start failed")
        scene.check(scene.runtime.delete(name).ok, "delete failed")
        scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case()
def two_starts(scene):
    for _ in range(20 if scene.long else 5):
        name = scene.new_id()
        scene.check(
            scene.runtime.create(scene.bundle().args("/bin/sleep", "1000"), name).ok,
            "create failed",
        )
        statuses = _at_once(scene, ("start", name), ("start", name))
        scene.equal(
            sum(status == 0 for status in statuses), 1, f"starts that succeeded ({statuses})"
        )
        scene.equal(scene.runtime.status(name), "running", "status")


@suite.case()
def two_deletes(scene):
    for _ in range(20 if scene.long else 5):
        name = scene.sleeping()
        _at_once(scene, ("delete", "--force", name), ("delete", "--force", name))
        scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case()
def start_and_delete(scene):
    for _ in range(20 if scene.long else 5):
        name = scene.new_id()
        scene.check(
            scene.runtime.create(scene.bundle().args("/bin/sleep", "1000"), name).ok,
            "create failed",
        )
        _at_once(scene, ("start", name), ("delete", "--force", name))
        scene.runtime.delete(name)
        scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case()
def exec_and_kill(scene):
    """The container ends while processes join it: exec fails or ends, and never hangs."""
    for _ in range(20 if scene.long else 4):
        name = scene.sleeping()
        _at_once(
            scene, *[("exec", name, "/bin/sleep", "1000") for _ in range(3)], ("kill", name, "KILL")
        )
        # A pid namespace ends when all its zombies are reaped: those of a killed exec are ours.
        host_module.wait_until(
            lambda: host_module.reap_zombies() or scene.runtime.status(name) == "stopped", 5
        )
        scene.wait_for_status(name, "stopped")
        scene.check(scene.runtime.delete(name).ok, "delete failed")


@suite.case()
def many_containers_at_once(scene):
    bundles = [
        (scene.new_id(), scene.bundle().shell("exit 0").save())
        for _ in range(30 if scene.long else 8)
    ]
    statuses = _at_once(scene, *(("run", "--bundle", folder, name) for name, folder in bundles))
    scene.equal(statuses, [0] * len(bundles), "statuses")
    scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case()
def list_while_containers_come_and_go(scene):
    bundles = [(scene.new_id(), scene.bundle().shell("exit 0").save()) for _ in range(6)]
    running = [
        scene.runtime.spawn(
            "run",
            "--bundle",
            folder,
            name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, folder in bundles
    ]
    while any(process.poll() is None for process in running):
        outcome = scene.runtime.call("list", "--format", "json")
        scene.check(outcome.ok, str(outcome))
    scene.equal([process.wait() for process in running], [0] * len(running), "statuses")


@suite.case()
def ending_one_leaves_a_younger_one_alone(scene):
    """The kernel gives an ended container's namespace number, and at last its pid, to the next:
    who still goes by them ends the wrong one."""
    for with_pid_namespace in (True, False):
        for words in (
            ("kill", "--all", "{}", "KILL"),
            ("delete", "{}"),
            ("delete", "--force", "{}"),
        ):
            older = _ended(scene, with_pid_namespace)
            younger = [scene.sleeping(_bundle(scene, with_pid_namespace)) for _ in range(4)]
            scene.runtime.call(*(word.format(older) for word in words))
            for name in younger:
                scene.equal(scene.runtime.status(name), "running", f"after {words[:-1]} of another")
            for name in [older, *younger]:
                scene.delete_and_reap(name)


def _bundle(scene: Scene, with_pid_namespace: bool):
    bundle = scene.bundle()
    if not with_pid_namespace:
        bundle.without_namespace("pid")
        if scene.rootless:  # a new procfs needs the owner of the pid namespace
            bundle.unmount("/proc").bind("/proc", "/proc")
            bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = [], []
    return bundle


def _ended(scene: Scene, with_pid_namespace: bool) -> str:
    name = scene.started(_bundle(scene, with_pid_namespace).args("/bin/true"))
    scene.wait_for_status(name, "stopped")
    host_module.reap_zombies()
    return name


@suite.case()
def runs_end_only_their_own(scene):
    """Several at a time, again and again: each end falls into the making of another."""
    folder = scene.bundle().args("/bin/true").save()
    for number in range(200 if scene.long else 25):
        names = [scene.new_id() for _ in range(4)]
        running = [
            scene.runtime.spawn(
                "run",
                "--bundle",
                folder,
                name,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            for name in names
        ]
        ended = host_module.wait_until(lambda: all(p.poll() is not None for p in running), 15)
        faults = [p.stderr.read().decode() for p in running if ended and p.returncode != 0]
        for process in running:
            process.kill()
            process.wait()
            process.stderr.close()
        scene.check(ended, f"round {number}: a run hangs")
        scene.check(not faults, f"round {number}: {faults}")
