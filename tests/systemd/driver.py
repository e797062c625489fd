"""srt-runtime --systemd-cgroup: containers in scopes."""

import os
import pathlib
import random
import signal
import subprocess
import time

from client import cgroup_of
from containers import host as host_module
from containers.host import wait_until
from suite import suite


def _created(scene, bundle, name=None) -> str:
    name = name or scene.new_id()
    created = scene.runtime.create(bundle.args("/bin/sleep", "1000"), name)
    scene.check(created.ok, str(created))
    return name


def _running(scene, bundle, name=None) -> str:
    name = _created(scene, bundle, name)
    started = scene.runtime.start(name)
    scene.check(started.ok, str(started))
    return name


def _nothing_left(scene, unit: str, group: str) -> None:
    scene.check(not scene.is_loaded(unit), f"the unit is there: {scene.systemctl('status', unit)}")
    scene.check(not pathlib.Path(f"/sys/fs/cgroup{group}").exists(), f"{group} is there")


@suite.case()
def a_container_is_in_the_scope_that_its_cgroups_path_asks_for(scene):
    bundle = scene.bundle()
    unit = scene.placed(bundle, "srt-test.slice")
    name = _running(scene, bundle)
    pid = scene.runtime.pid(name)
    group = f"{scene.group_of_manager()}/srt.slice/srt-test.slice/{unit}"
    scene.equal(cgroup_of(pid), group, "the first process's control group")
    status = scene.systemctl("status", unit)
    for wanted in ("active (running)", f"{pid} ", f"srt-runtime container {name}"):
        scene.check(wanted in status, f"no {wanted!r} in {status}")
    # Nobody but the container: who asked for the scope has gone.
    procs = pathlib.Path(f"/sys/fs/cgroup{group}/cgroup.procs").read_text().split()
    scene.equal(procs, [str(pid)], "processes in it")
    scene.check(scene.runtime.delete(name).ok, "delete")
    _nothing_left(scene, unit, group)


@suite.case()
def without_a_cgroups_path_the_id_names_the_scope(scene):
    name = _running(scene, scene.bundle())
    unit = f"srt-{name}.scope"
    wanted = "user.slice" if scene.rootless else "system.slice"
    group = cgroup_of(scene.runtime.pid(name))
    scene.equal(group, f"{scene.group_of_manager()}/{wanted}/{unit}", "its control group")
    scene.check(scene.runtime.delete(name).ok, "delete")
    _nothing_left(scene, unit, group)


@suite.case()
def limits_are_properties_of_the_unit(scene):
    """What a reload of systemd writes into the control group. That it limits, this machine cannot show: the
    controllers are those of cgroup v1 here."""
    bundle = scene.bundle()
    unit = scene.placed(bundle)
    bundle.config["annotations"] = {
        "org.systemd.property.TimeoutStopUSec": "uint64 7000000",
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
    }
    resources = bundle.linux.setdefault("resources", {})
    controllers = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    limited = {"memory", "pids", "cpu"} <= set(controllers)
    if limited:
        resources |= {"memory": {"limit": 64 << 20}, "pids": {"limit": 123}, "cpu": {"shares": 512}}
    name = _running(scene, bundle)
    shown = scene.show(unit, "TimeoutStopUSec", "Delegate", "TasksAccounting", "MemoryMax")
    scene.equal(shown["TimeoutStopUSec"], "7s", "an annotation")
    scene.equal(shown["Delegate"], "yes", "Delegate")
    scene.equal(shown["TasksAccounting"], "yes", "TasksAccounting")
    if not limited:
        scene.skip(f"limits: cgroup v2 has no memory, pids and cpu controllers here: {controllers}")
    scene.equal(shown["MemoryMax"], str(64 << 20), "MemoryMax")
    updated = scene.runtime.call("update", "--memory", str(128 << 20), "--pids-limit", "77", name)
    scene.check(updated.ok, str(updated))
    scene.equal(
        scene.show(unit, "MemoryMax", "TasksMax"),
        {"MemoryMax": str(128 << 20), "TasksMax": "77"},
        "after update",
    )


@suite.case()
def run_ends_as_its_program_and_leaves_no_unit(scene):
    bundle = scene.bundle().shell("echo inside; exit 42")
    unit = scene.placed(bundle)
    for _ in range(3):
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.equal((outcome.status, outcome.out), (42, "inside\n"), str(outcome))
        _nothing_left(scene, unit, f"{scene.group_of_manager()}/{scene.slice}/{unit}")


@suite.case()
def what_exec_starts_is_in_the_scope(scene):
    bundle = scene.bundle()
    unit = scene.placed(bundle)
    name = _running(scene, bundle)
    file = scene.work / "pid"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = ("exec", "--detach", "--pid-file", str(file), name, "/bin/sleep", "1000")
    scene.equal(scene.runtime.spawn(*words, **quiet).wait(20), 0, "exec --detach")
    scene.equal(
        cgroup_of(int(file.read_text())), cgroup_of(scene.runtime.pid(name)), "exec's process"
    )
    done = scene.runtime.exec(name, "/bin/sh", "-c", "exit 7")
    scene.equal(done.status, 7, str(done))
    listed = scene.runtime.call("ps", "--format", "json", name)
    scene.check(file.read_text() in listed.out, f"ps: {listed}")
    scene.check(file.read_text() in scene.systemctl("status", unit), "systemctl status")


@suite.case()
def a_container_is_paused_and_resumed(scene):
    bundle = scene.bundle()
    unit = scene.placed(bundle)
    name = _running(scene, bundle)
    for verb, status, frozen in (("pause", "paused", "1"), ("resume", "running", "0")):
        done = scene.runtime.call(verb, name)
        scene.check(done.ok, str(done))
        scene.equal(scene.runtime.status(name), status, f"after {verb}")
        events = pathlib.Path(f"/sys/fs/cgroup{cgroup_of(scene.runtime.pid(name))}/cgroup.events")
        scene.check(f"frozen {frozen}" in events.read_text(), f"{unit}: {events.read_text()}")


def _stops_and_is_deleted(scene, name, unit, group) -> None:
    scene.wait_for_status(name, "stopped")
    host_module.reap_zombies()
    deleted = scene.runtime.delete(name, force=False)
    scene.check(deleted.ok, str(deleted))
    _nothing_left(scene, unit, group)


@suite.case()
def a_killed_container_is_deleted_with_its_unit(scene):
    bundle = scene.bundle()
    unit = scene.placed(bundle)
    name = _running(scene, bundle)
    group = cgroup_of(scene.runtime.pid(name))
    scene.check(scene.runtime.kill(name, "KILL").ok, "kill")
    _stops_and_is_deleted(scene, name, unit, group)


@suite.case()
def systemd_stops_a_container(scene):
    bundle = scene.bundle()
    unit = scene.placed(bundle)
    bundle.config["annotations"] = {"org.systemd.property.TimeoutStopUSec": "uint64 200000"}
    name = _running(scene, bundle)
    group = cgroup_of(scene.runtime.pid(name))
    scene.equal(scene.systemctl("stop", unit), "", "systemctl stop")
    _stops_and_is_deleted(scene, name, unit, group)


@suite.case()
def a_name_can_be_used_again_at_once(scene):
    bundle, name = scene.bundle(), scene.new_id()
    scene.placed(bundle)
    for turn in range(20):
        _running(scene, bundle, name)
        deleted = scene.delete_and_reap(name)
        scene.check(not deleted, f"turn {turn}: {deleted}")


@suite.case()
def a_unit_that_somebody_else_has_is_refused(scene):
    bundle, other = scene.bundle(), scene.bundle()
    unit = scene.placed(bundle)
    other.linux["cgroupsPath"] = bundle.linux["cgroupsPath"]
    name = _running(scene, bundle)
    outcome = scene.runtime.create(other.args("/bin/true"), scene.new_id())
    scene.check(not outcome.ok and unit in outcome.err, str(outcome))
    scene.equal(outcome.err.strip().count("\n"), 0, f"lines of {outcome.err!r}")
    # The first one is as it was.
    scene.equal(scene.runtime.status(name), "running", "status")
    scene.equal(cgroup_of(scene.runtime.pid(name)).rpartition("/")[2], unit, "its scope")


@suite.case()
def a_create_that_fails_late_leaves_no_scope(scene):
    bundle = scene.bundle().args("/bin/true")
    unit, name = scene.placed(bundle), scene.new_id()
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    for _ in range(5):
        outcome = scene.runtime.create(bundle, name)
        scene.check(not outcome.ok, str(outcome))
        scene.check("UnitExists" not in outcome.err and "exists" not in outcome.err, str(outcome))
    scene.check(wait_until(lambda: not scene.is_loaded(unit), 5), scene.systemctl("status", unit))


@suite.case()
def a_killed_create_leaves_no_scope(scene):
    bundle = scene.bundle().args("/bin/sleep", "1000")
    unit, folder = scene.placed(bundle), bundle.save()

    def create():
        name = scene.new_id()
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return name, scene.runtime.spawn("create", "--bundle", folder, name, **quiet)

    began = time.monotonic()
    name, process = create()
    process.wait(20)
    longest = (time.monotonic() - began) * 1.1
    scene.check(not scene.delete_and_reap(name), "delete")
    moments = random.Random(20261128)
    for turn in range(100 if scene.long else 10):
        name, process = create()
        time.sleep(moments.uniform(0, longest))  # the moment is the parameter; nothing is awaited
        process.send_signal(signal.SIGKILL)
        process.wait()
        fault = scene.delete_and_reap(name)
        scene.check(not fault, f"turn {turn}: {fault}")
        host_module.reap_zombies()
        gone = wait_until(lambda: not scene.is_loaded(unit), 5)
        scene.check(gone, f"turn {turn}: {scene.systemctl('status', unit)}")


@suite.case()
def a_reload_of_systemd_changes_nothing(scene):
    bundle = scene.bundle()
    unit = scene.placed(bundle)
    name = _running(scene, bundle)
    before = cgroup_of(scene.runtime.pid(name))
    scene.equal(scene.systemctl("daemon-reload"), "", "daemon-reload")
    scene.equal(cgroup_of(scene.runtime.pid(name)), before, "its control group")
    scene.equal(scene.show(unit, "ActiveState", "Delegate"), {"ActiveState": "active", "Delegate": "yes"}, unit)
    scene.check(scene.runtime.exec(name, "/bin/true").ok, "exec")


@suite.case(rootless=False)
def a_reload_of_systemd_lets_no_device_in(scene):
    """systemd has device rules of its own; those that config.json has stay."""
    bundle = scene.bundle().grant("CAP_MKNOD")
    unit = scene.placed(bundle)
    name = _running(scene, bundle)
    attack = ("/bin/sh", "-c", "mknod /tmp/fuse c 10 229; cat /dev/null && cat /tmp/fuse; rm /tmp/fuse")
    for moment in ("at first", "after daemon-reload", "after a property was set"):
        outcome = scene.runtime.exec(name, *attack)
        scene.check("/tmp/fuse': Operation not permitted" in outcome.err, f"{moment}: {outcome}")
        if moment == "at first":
            scene.systemctl("daemon-reload")
        else:
            scene.systemctl("set-property", "--runtime", unit, "TasksMax=99")


@suite.case()
def a_path_of_cgroupfs_is_refused(scene):
    bundle = scene.bundle().args("/bin/true")
    bundle.linux["cgroupsPath"] = "/srt/test"
    outcome = scene.runtime.create(bundle, scene.new_id())
    scene.check(not outcome.ok and "SLICE:PREFIX:NAME" in outcome.err, str(outcome))


@suite.case()
def without_systemd_it_is_told(scene):
    bundle = scene.bundle().args("/bin/true")
    scene.placed(bundle)
    if scene.rootless:
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(scene.work)}
        outcome = scene.runtime.create(bundle, scene.new_id(), env=environment)
    else:
        host_module.call("mount", "none", "/run", "tmpfs", 0, None)  # in a mount namespace of this case
        outcome = scene.runtime.create(bundle, scene.new_id())
        host_module.call("umount2", "/run", 0)
    scene.check(not outcome.ok and "systemd cannot be reached" in outcome.err, str(outcome))
    scene.equal(outcome.err.strip().count("\n"), 0, f"lines of {outcome.err!r}")


@suite.case()
def delete_needs_no_systemd(scene):
    """A user who has logged out has no manager any more. One that we only cannot find sees by itself that the scope is
    empty."""
    bundle = scene.bundle()
    unit = scene.placed(bundle)
    name = _running(scene, bundle)
    pid = scene.runtime.pid(name)
    if scene.rootless:
        deleted = scene.runtime.delete(name, env={**os.environ, "XDG_RUNTIME_DIR": str(scene.work)})
    else:
        host_module.call("mount", "none", "/run", "tmpfs", 0, None)
        deleted = scene.runtime.delete(name)
        host_module.call("umount2", "/run", 0)
    scene.check(deleted.ok, str(deleted))
    scene.check(not host_module.is_running(pid), "the container still runs")
    scene.check(wait_until(lambda: not scene.is_loaded(unit), 5), scene.systemctl("status", unit))
