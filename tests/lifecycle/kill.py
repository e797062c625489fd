"""`kill` and `delete`: signals, and the end."""

import json
import os

from containers import host as host_module
from containers.scene import Scene
from suite import suite


@suite.case()
def kill_takes_names_and_numbers(scene):
    for word in ("TERM", "SIGTERM", "15", "term"):
        bundle = scene.bundle().shell(
            "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
        )
        name = scene.started(bundle)
        scene.wait_for_output(bundle, "ready")
        outcome = scene.runtime.kill(name, word)
        scene.check(outcome.ok, str(outcome))
        scene.wait_for_output(bundle, "got")
        scene.wait_for_status(name, "stopped")


@suite.case()
def kill_without_a_signal_is_term(scene):
    bundle = scene.bundle().shell(
        "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    )
    name = scene.started(bundle)
    scene.wait_for_output(bundle, "ready")
    scene.check(scene.runtime.call("kill", name).ok, "kill failed")
    scene.wait_for_output(bundle, "got")


@suite.case()
def kill_of_a_created_container_stops_it(scene):
    """Also by what a program may handle: its first process is not yet that program."""
    for signal_name in ("KILL", "TERM", "INT", "HUP", "QUIT"):
        name = scene.created()
        scene.check(scene.runtime.kill(name, signal_name).ok, f"kill {signal_name} failed")
        scene.wait_for_status(name, "stopped")
        scene.check(not scene.runtime.start(name).ok, "a dead container was started")
        scene.check(scene.runtime.delete(name, force=False).ok, "delete failed")


@suite.case()
def a_signal_right_after_create_is_not_lost(scene):
    """The first process of a pid namespace is spared what it does not handle, yet."""
    bundle = scene.bundle().args("/bin/true")
    names = [scene.new_id() for _ in range(20)]
    for name in names:
        created = scene.runtime.create(bundle, name)
        scene.check(created.ok and scene.runtime.kill(name, "TERM").ok, str(created))
    for name in names:
        scene.wait_for_status(name, "stopped")
        scene.check(scene.runtime.delete(name, force=False).ok, "delete failed")


@suite.case(rootless=False)
def kill_all_ends_everything_without_a_pid_namespace(scene):
    """Rootful: the control group knows them all."""
    bundle = scene.bundle().without_namespace("pid")
    bundle.shell("sleep 1000 & setsid sleep 1001 & echo ready; exec sleep 1002")
    name = scene.started(bundle)
    scene.wait_for_output(bundle, "ready")
    scene.check(scene.runtime.kill(name, "KILL", "--all").ok, "kill --all failed")
    scene.wait_for_status(name, "stopped")
    gone = host_module.wait_until(
        lambda: not [p for p in host_module.children(os.getpid()) if "sleep" in host_module.command_line(p)], 5
    )
    scene.check(gone, f"processes left: {[host_module.command_line(p) for p in host_module.children(os.getpid())]}")


def _members(scene: Scene, name: str, count: int) -> list[int]:
    found = scene.runtime.call("ps", "--format", "json", name)
    pids = json.loads(found.out) if found.ok else []
    return pids if len(pids) >= count else []


@suite.case(rootless=False)
def kill_reaches_all_where_the_pid_namespace_is_shared(scene):
    bundle = scene.bundle().without_namespace("pid").shell("sleep 1000 & sleep 1000 & wait")
    bundle.unmount("/proc").bind("/proc", "/proc")
    name = scene.started(bundle)
    pids = host_module.wait_until(lambda: _members(scene, name, 3), 5)
    scene.check(pids, "the program did not start its children")
    scene.check(scene.runtime.kill(name, "KILL").ok, "kill failed")
    gone = host_module.wait_until(lambda: not any(map(host_module.is_running, pids)), 5)
    scene.check(gone, "some of its processes are still there")


@suite.case()
def delete_ends_what_the_init_left_without_a_pid_namespace(scene):
    bundle = scene.bundle().without_namespace("pid")
    if scene.rootless:
        bundle.unmount("/proc").bind("/proc", "/proc")
        bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = [], []
    bundle.shell("sleep 1000 & (sleep 1001 &) ; echo ready")
    name = scene.started(bundle)
    scene.wait_for_output(bundle, "ready")
    scene.wait_for_status(name, "stopped")
    deleted = scene.runtime.delete(name)
    scene.check(deleted.ok, str(deleted))
    gone = host_module.wait_until(
        lambda: not [p for p in host_module.children(os.getpid()) if "sleep" in host_module.command_line(p)], 5
    )
    scene.check(gone, f"processes left: {[host_module.command_line(p) for p in host_module.children(os.getpid())]}")
