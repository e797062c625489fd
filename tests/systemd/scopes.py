"""srt-scope: the life of a unit."""

import os
import pathlib
import signal
import subprocess
import time

from client import cgroup_of, private_and_bus, settings
from containers.host import is_running, wait_until
from suite import suite


@suite.case()
def a_scope_is_as_asked_for(scene):
    unit, scope = scene.new_unit(), scene.scope()
    answer = scope.ask(
        "start",
        unit,
        slice=scene.slice,
        description="srt-runtime container x",
        properties=settings(
            ("MemoryMax", "t", 64 << 20),
            ("TasksMax", "t", 123),
            ("CPUWeight", "t", 250),
            ("CPUQuotaPerSecUSec", "t", 1500000),
            ("AllowedCPUs", "ay", [1]),
            ("MemoryAccounting", "b", True),
            ("ManagedOOMSwap", "s", "kill"),
            ("ManagedOOMMemoryPressureLimit", "u", (1 << 31)),
            ("KillSignal", "i", signal.SIGINT),
        ),
    )
    shown = scene.show(
        unit,
        *("ActiveState", "Slice", "Description", "Delegate", "DefaultDependencies", "CollectMode"),
        *("MemoryMax", "TasksMax", "CPUWeight", "CPUQuotaPerSecUSec", "AllowedCPUs", "ControlGroup"),
        *("MemoryAccounting", "ManagedOOMSwap", "ManagedOOMMemoryPressureLimit", "KillSignal"),
    )
    scene.equal(answer, {"cgroup": shown.pop("ControlGroup", None)}, "the answer")
    scene.equal(cgroup_of(scope.pid), answer["cgroup"], "where srt-scope is")
    scene.check(answer["cgroup"].endswith(f"/{scene.slice}/{unit}"), str(answer))
    wanted = {
        "ActiveState": "active",
        "Slice": scene.slice,
        "Description": "srt-runtime container x",
        "Delegate": "yes",
        "DefaultDependencies": "no",
        "CollectMode": "inactive-or-failed",
        "MemoryMax": str(64 << 20),
        "TasksMax": "123",
        "CPUWeight": "250",
        "CPUQuotaPerSecUSec": "1.500000s",
        "AllowedCPUs": "0",
        "MemoryAccounting": "yes",
        "ManagedOOMSwap": "kill",
        "ManagedOOMMemoryPressureLimit": str(1 << 31),
        "KillSignal": str(int(signal.SIGINT)),
    }
    scene.equal(shown, wanted, "what systemd shows")


@suite.case()
def each_way_to_systemd_works(scene):
    for bus in private_and_bus():
        unit, scope = scene.new_unit(), scene.scope([bus])
        scene.check("cgroup" in scope.ask("start", unit, slice=scene.slice), bus)
        sleeper = scene.sleeper()
        scene.equal(scope.ask("attach", unit, pids=[sleeper]), {}, f"attach by {bus}")
        os.kill(sleeper, signal.SIGKILL)
        scene.equal(scope.end(), 0, "exit status")


@suite.case()
def the_next_address_is_tried(scene):
    unit = scene.new_unit()
    scope = scene.scope(["unix:path=/nowhere/systemd/private", *private_and_bus()])
    scene.check("cgroup" in scope.ask("start", unit, slice=scene.slice), "not started")


@suite.case(rootful=False)
def it_works_from_a_user_namespace(scene):
    """As root there, as podman calls its runtime: the uid that it sees is not the one that systemd knows."""
    for bus in private_and_bus():
        unit = scene.new_unit()
        scope = scene.scope([bus], prefix=("/usr/bin/unshare", "--user", "--map-root-user"))
        answer = scope.ask("start", unit, slice=scene.slice)
        scene.equal(answer.get("cgroup", answer), cgroup_of(scope.pid), f"start by {bus}")


@suite.case()
def it_ends_with_its_socket_and_an_empty_scope_goes(scene):
    unit, scope = scene.new_unit(), scene.scope()
    group = scope.ask("start", unit, slice=scene.slice)["cgroup"]
    scene.check(pathlib.Path(f"/sys/fs/cgroup{group}").is_dir(), "no control group")
    scene.equal(scope.end(), 0, "exit status")
    scene.check(wait_until(lambda: not scene.is_loaded(unit), 5), "the unit stays")
    scene.check(not pathlib.Path(f"/sys/fs/cgroup{group}").exists(), "the control group stays")


@suite.case()
def a_start_that_nobody_waits_for_leaves_no_scope(scene):
    """The runtime was killed: whatever systemd has done by then, it sees that nobody is in it."""
    units = [scene.new_unit() for _ in range(200 if scene.long else 40)]
    for number, unit in enumerate(units):
        scope = scene.scope()
        scope.say("start", unit, slice=scene.slice)
        time.sleep(number % 20 / 2000)  # the moment is the parameter; nothing is awaited
        scene.equal(scope.end(), 0, "exit status")
    loaded = wait_until(lambda: not any(map(scene.is_loaded, units)), 10)
    scene.check(loaded, f"left: {[u for u in units if scene.is_loaded(u)]}")


@suite.case()
def a_process_is_attached_from_another_subtree(scene):
    """An ordinary user may not write to what is above both: systemd does it."""
    unit, scope, sleeper = scene.new_unit(), scene.scope(), scene.sleeper()
    group = scope.ask("start", unit, slice=scene.slice)["cgroup"]
    scene.check(cgroup_of(sleeper) not in group, f"it is there already: {cgroup_of(sleeper)}")
    scene.equal(scope.ask("attach", unit, pids=[sleeper]), {}, "attach")
    scene.equal(cgroup_of(sleeper), group, "the process's control group")
    scene.equal(scope.end(), 0, "exit status")
    scene.equal(scene.show(unit, "ActiveState"), {"ActiveState": "active"}, "with a process in it")
    os.kill(sleeper, signal.SIGKILL)


@suite.case()
def what_cannot_be_attached_is_told(scene):
    unit, scope = scene.new_unit(), scene.scope()
    scope.ask("start", unit, slice=scene.slice)
    answer = scope.ask("attach", unit, pids=[2**22 + 1])
    scene.check("error" in answer and answer["code"], str(answer))
    if scene.rootless:
        answer = scope.ask("attach", unit, pids=[1])
        scene.check("error" in answer, f"another user's process: {answer}")
        scene.equal(cgroup_of(1), "/init.scope", "pid 1")


@suite.case()
def properties_are_changed(scene):
    unit, scope = scene.new_unit(), scene.scope()
    scope.ask("start", unit, slice=scene.slice, properties=settings(("MemoryMax", "t", 64 << 20)))
    changes = settings(("MemoryMax", "t", 2**64 - 1), ("TasksMax", "t", 77))
    scene.equal(scope.ask("set", unit, properties=changes), {}, "set")
    scene.equal(
        scene.show(unit, "MemoryMax", "TasksMax"),
        {"MemoryMax": "infinity", "TasksMax": "77"},
        "what systemd shows",
    )


@suite.case()
def stop_ends_what_is_in_it(scene):
    unit, scope, other, sleeper = scene.new_unit(), scene.scope(), scene.scope(), scene.sleeper()
    group = scope.ask("start", unit, slice=scene.slice)["cgroup"]
    scope.ask("attach", unit, pids=[sleeper])
    scope.end()
    scene.equal(other.ask("stop", unit), {}, "stop")
    scene.check(not is_running(sleeper), "the process still runs")
    scene.check(not scene.is_loaded(unit), "the unit is still there")
    scene.check(not pathlib.Path(f"/sys/fs/cgroup{group}").exists(), "the control group stays")
    scene.equal(other.ask("stop", unit), {}, "stop of a unit that is not there")


@suite.case()
def stop_by_who_is_in_it_is_refused(scene):
    """It would end by systemd's signal, before it could answer."""
    unit, scope = scene.new_unit(), scene.scope()
    scope.ask("start", unit, slice=scene.slice)
    answer = scope.ask("stop", unit)
    scene.check("is in it" in answer.get("error", ""), str(answer))
    scene.equal(scene.show(unit, "ActiveState"), {"ActiveState": "active"}, "the unit")


@suite.case()
def a_name_can_be_used_again_at_once(scene):
    unit, other = scene.new_unit(), scene.scope()
    for turn in range(20):
        scope, sleeper = scene.scope(), scene.sleeper()
        answer = scope.ask("start", unit, slice=scene.slice)
        scene.check("cgroup" in answer, f"turn {turn}: {answer}")
        scope.ask("attach", unit, pids=[sleeper])
        scope.end()
        os.kill(sleeper, signal.SIGKILL)
        scene.equal(other.ask("stop", unit), {}, f"stop, turn {turn}")


@suite.case()
def a_unit_that_exists_is_told(scene):
    unit, one, two = scene.new_unit(), scene.scope(), scene.scope()
    one.ask("start", unit, slice=scene.slice)
    answer = two.ask("start", unit, slice=scene.slice)
    scene.equal(answer["code"], "org.freedesktop.systemd1.UnitExists", "code")
    scene.check(unit in answer["error"] and "active" in answer["error"], str(answer))
    scene.equal(cgroup_of(one.pid).rpartition("/")[2], unit, "where the first one is")


@suite.case()
def a_unit_that_nobody_is_in_makes_room(scene):
    """systemd has not noticed: whose control group is removed behind its back it takes for running."""
    unit, scope = scene.new_unit(), scene.scope()
    group = pathlib.Path("/sys/fs/cgroup" + scope.ask("start", unit, slice=scene.slice)["cgroup"])
    os.kill(scope.pid, signal.SIGSTOP)  # it must not end before we are there
    away = group.parent / f"{unit}.away"
    away.mkdir()
    (away / "cgroup.procs").write_text(str(scope.pid))
    group.rmdir()
    os.kill(scope.pid, signal.SIGCONT)
    scope.end()
    away.rmdir()
    again = scene.scope()
    answer = again.ask("start", unit, slice=scene.slice)
    scene.equal(answer.get("cgroup", answer), cgroup_of(again.pid), "start")


@suite.case()
def a_unit_that_failed_makes_room(scene):
    unit = scene.new_unit()
    words = ["systemd-run", "--scope", "--quiet", *scene.manager, f"--unit={unit}"]
    done = subprocess.run(
        [*words, f"--slice={scene.slice}", "-p", "RuntimeMaxSec=50ms", "sleep", "1000"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    scene.check(
        wait_until(lambda: scene.show(unit, "ActiveState") == {"ActiveState": "failed"}, 10),
        f"it did not fail: {done.stderr} {scene.show(unit, 'ActiveState')}",
    )
    scope = scene.scope()
    answer = scope.ask("start", unit, slice=scene.slice)
    scene.equal(answer.get("cgroup", answer), cgroup_of(scope.pid), "start")
