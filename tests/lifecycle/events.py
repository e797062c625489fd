"""`events`: what a container uses."""

import json
import subprocess

from containers import host as host_module
from suite import suite


def _counted(scene, **resources) -> str:
    bundle = scene.bundle()
    bundle.linux["resources"].update(resources)
    name = scene.sleeping(bundle)
    if not host_module.cgroups_named(name):
        scene.skip("this host has no control groups")
    return name


@suite.case(rootless=False)
def events_stats_are_what_the_control_groups_count(scene):
    name = _counted(scene, pids={"limit": 41}, memory={"limit": 64 << 20})
    outcome = scene.runtime.call("events", "--stats", name)
    scene.check(outcome.ok and outcome.out.count("\n") == 1, str(outcome))
    event = json.loads(outcome.out)
    scene.equal(list(event)[:2], ["type", "id"], "runc's order")
    scene.equal((event["type"], event["id"]), ("stats", name), "event")
    data = event["data"]
    scene.equal(data["pids"], {"current": 1, "limit": 41}, "pids")
    scene.equal(data["memory"]["usage"]["limit"], 64 << 20, "limit of memory")
    scene.check(0 < data["memory"]["usage"]["usage"] < 64 << 20, f"memory: {data['memory']}")
    scene.check(data["cpu"]["usage"]["total"] > 0, f"cpu: {data['cpu']}")
    scene.runtime.exec(name, "/bin/sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
    later = json.loads(scene.runtime.call("events", "--stats", name).out)["data"]
    used = later["cpu"]["usage"]["total"] - data["cpu"]["usage"]["total"]
    scene.check(10**7 < used < 10**11, f"nanoseconds of a busy loop: {used}")


@suite.case(rootless=False)
def events_tell_of_want_of_memory_and_end_with_the_container(scene):
    name = _counted(scene, memory={"limit": 16 << 20, "swap": 16 << 20})
    events = subprocess.Popen(
        scene.runtime.command("events", "--interval", "50ms", name), stdout=subprocess.PIPE, text=True
    )
    try:
        first = json.loads(events.stdout.readline())
        scene.equal(first["type"], "stats", "the first event")
        scene.runtime.exec(name, "/bin/sh", "-c", "head -c 60000000 /dev/zero | tail -c 50000000")
        kinds = set()
        while "oom" not in kinds:
            line = events.stdout.readline()
            scene.check(line, f"the events ended with {kinds}")
            kinds.add(json.loads(line)["type"])
        scene.check(scene.runtime.delete(name, force=True).ok, "delete failed")
        events.stdout.read()
        scene.equal(events.wait(10), 0, "status at the container's end")
    finally:
        events.kill()
        events.wait()


@suite.case()
def events_of_usage_say_why_there_are_none(scene):
    stopped = scene.new_id()
    scene.check(scene.runtime.create(scene.bundle().args("/bin/true"), stopped).ok, "create")
    if scene.rootless and not host_module.cgroups_named(stopped):
        outcome = scene.runtime.call("events", "--stats", stopped)
        scene.check(not outcome.ok and "no control group" in outcome.err, str(outcome))
    scene.runtime.call("kill", stopped, "KILL")
    _stopped_soon = host_module.wait_until(
        lambda: scene.runtime.state(stopped)["status"] == "stopped", 5
    )
    scene.check(_stopped_soon, "it does not stop")
    for words in (("--stats",), (), ("--interval", "1s")):
        outcome = scene.runtime.call("events", *words, stopped)
        scene.check(not outcome.ok and "not running" in outcome.err, str(outcome))


@suite.case()
def events_take_an_interval_as_go_writes_it(scene):
    name = scene.sleeping()
    for text in ("", "5", "s", "5x", "-1s", "0s", "0.1ms", "1e9s", "25h", "1s1", "nan", "inf"):
        outcome = scene.runtime.call("events", "--interval", text, name)
        scene.check(not outcome.ok and "--interval" in outcome.err, f"{text}: {outcome}")
