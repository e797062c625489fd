"""kill -9 of the runtime at any moment of a verb: `list` shows what there is, and `delete --force`
leaves no process, control group, mount or state."""

import os
import random
import signal
import subprocess
import time

from containers import host as host_module
from containers.scene import Scene
from suite import suite


def _duration(scene: Scene, prepare, call) -> float:
    """How long the verb takes when it is let be."""
    name = prepare()
    before = time.monotonic()
    call(name).wait(20)
    took = time.monotonic() - before
    scene.runtime.delete(name)
    return took


def _interrupt(scene: Scene, prepare, call, rounds: int) -> None:
    """`prepare()` returns an id, `call(id)` spawns the verb, which is killed at a random moment."""
    longest = max(_duration(scene, prepare, call) for _ in range(2)) * 1.1
    moments = random.Random(20260101)  # the same moments in every run
    for number in range(10 * rounds if scene.long else rounds):
        name = prepare()
        process = call(name)
        time.sleep(moments.uniform(0, longest))  # the moment is the parameter; nothing is awaited
        process.send_signal(signal.SIGKILL)
        process.wait()
        listed = scene.runtime.call("list", "--quiet")
        scene.check(listed.ok, f"round {number}: list: {listed}")
        fault = scene.delete_and_reap(name)
        scene.check(not fault, f"round {number}: {fault}")
        scene.check(
            name not in scene.runtime.ids(), f"round {number}: delete --force left the container"
        )
        _nothing_left(scene, name, number)


def _nothing_left(scene: Scene, name: str, number: int) -> None:
    gone = host_module.wait_until(
        lambda: host_module.reap_zombies() or not host_module.children(os.getpid()), 3
    )
    if not gone:
        left = [
            (
                pid,
                host_module.command_line(pid),
                host_module.stat_fields(pid)[0],
            )
            for pid in host_module.children(os.getpid())
        ]
        scene.check(False, f"round {number}: processes left: {left}")
    groups = host_module.cgroups_named(name)
    scene.check(not groups, f"round {number}: control groups left: {groups}")
    scene.host_unchanged()
    if scene.runtime.state_folder.exists():
        files = [str(p) for p in scene.runtime.state_folder.rglob(f"*{name}*")]
        scene.check(not files, f"round {number}: state left: {files}")


def _quiet(scene: Scene, *words) -> subprocess.Popen:
    return scene.runtime.spawn(
        *words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _new(scene: Scene) -> str:
    return scene.new_id()


@suite.case()
def create_is_killed(scene):
    folder = scene.bundle().args("/bin/sleep", "1000").save()
    _interrupt(
        scene,
        lambda: _new(scene),
        lambda name: _quiet(scene, "create", "--bundle", folder, name),
        25,
    )


@suite.case()
def create_with_hooks_is_killed(scene):
    bundle = scene.bundle().args("/bin/sleep", "1000")
    bundle.config["hooks"] = {
        kind: [{"path": "/bin/sleep", "args": ["sleep", "0.02"]}]
        for kind in ("prestart", "createRuntime", "createContainer")
    }
    folder = bundle.save()
    _interrupt(
        scene,
        lambda: _new(scene),
        lambda name: _quiet(scene, "create", "--bundle", folder, name),
        10,
    )


@suite.case()
def run_is_killed(scene):
    folder = scene.bundle().shell("sleep 0.05").save()
    _interrupt(
        scene, lambda: _new(scene), lambda name: _quiet(scene, "run", "--bundle", folder, name), 15
    )


def _created(scene: Scene, folder) -> str:
    name = scene.new_id()
    process = _quiet(scene, "create", "--bundle", folder, name)
    scene.equal(process.wait(20), 0, "create")
    return name


@suite.case()
def start_is_killed(scene):
    folder = scene.bundle().args("/bin/sleep", "1000").save()
    _interrupt(
        scene, lambda: _created(scene, folder), lambda name: _quiet(scene, "start", name), 12
    )


def _running(scene: Scene, folder) -> str:
    name = _created(scene, folder)
    scene.check(scene.runtime.start(name).ok, "start failed")
    return name


@suite.case()
def delete_is_killed(scene):
    folder = scene.bundle().args("/bin/sleep", "1000").save()
    _interrupt(
        scene,
        lambda: _running(scene, folder),
        lambda name: _quiet(scene, "delete", "--force", name),
        12,
    )


@suite.case()
def exec_is_killed(scene):
    folder = scene.bundle().args("/bin/sleep", "1000").save()
    _interrupt(
        scene,
        lambda: _running(scene, folder),
        lambda name: _quiet(scene, "exec", name, "/bin/true"),
        10,
    )


@suite.case()
def kill_is_killed(scene):
    folder = scene.bundle().args("/bin/sleep", "1000").save()
    _interrupt(
        scene, lambda: _running(scene, folder), lambda name: _quiet(scene, "kill", name, "KILL"), 5
    )
