"""Each verb's effect, exit status and output."""

import datetime
import json
import os
import signal
import subprocess

from containers import host as host_module
from containers.scene import Scene
from suite import suite


def _created(scene: Scene, *args: str, **config) -> str:
    bundle = scene.bundle().args(*(args or ("/bin/sleep", "1000")))
    bundle.config.update(config)
    name = scene.new_id()
    created = scene.runtime.create(bundle, name)
    scene.check(created.ok, str(created))
    return name


# run


@suite.case()
def run_returns_the_programs_status(scene):
    for status in (0, 1, 2, 42, 125, 255):
        outcome = scene.runtime.run(scene.bundle().shell(f"exit {status}"), scene.new_id())
        scene.equal(outcome.status, status, "status of run")
    scene.equal(scene.runtime.ids(), [], "containers after run")


@suite.case()
def run_returns_128_and_the_signal(scene):
    name = scene.new_id()
    bundle = scene.bundle().args("/bin/sleep", "1000")
    running = scene.runtime.spawn(
        "run",
        "--bundle",
        bundle.save(),
        name,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        scene.wait_for_status(name, "running")
        scene.check(scene.runtime.kill(name, "KILL").ok, "kill failed")
        scene.equal(running.wait(10), 137, "status of run after SIGKILL")
    finally:
        running.kill()
        running.wait()
        running.stderr.close()


@suite.case()
def run_connects_stdio(scene):
    done = subprocess.run(
        scene.runtime.command(
            "run", "--bundle", scene.bundle().shell("cat; echo err >&2").save(), scene.new_id()
        ),
        input=b"through stdin\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=20,
    )
    scene.equal((done.stdout, done.stderr), (b"through stdin\n", b"err\n"), "stdout and stderr")


@suite.case()
def run_under_any_umask(scene):
    for mask in (0o777, 0o700, 0o277):
        name = scene.new_id()
        outcome = scene.runtime.run(scene.bundle().args("/bin/sh", "-c", "umask"), name, umask=mask)
        scene.check(outcome.ok, f"{mask:o}: {outcome}")
        scene.equal(outcome.out.strip(), "0022", f"{mask:o}: the program's")
        scene.check(not (scene.runtime.state_folder / name).exists(), f"{mask:o}: state is left")


@suite.case()
def run_forwards_signals(scene):
    for name_of, number in (
        ("TERM", 15),
        ("INT", 2),
        ("HUP", 1),
        ("USR1", 10),
        ("USR2", 12),
        ("QUIT", 3),
    ):
        name = scene.new_id()
        bundle = scene.bundle().shell(
            f"trap 'echo got; exit 7' {name_of}; echo ready; " "while :; do sleep 0.05; done"
        )
        running = scene.runtime.spawn(
            "run",
            "--bundle",
            bundle.save(),
            name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            scene.equal(running.stdout.readline(), b"ready\n", "first line")
            running.send_signal(number)
            scene.equal(running.stdout.read(), b"got\n", f"output after {name_of}")
            scene.equal(running.wait(10), 7, f"status after {name_of}")
        finally:
            running.kill()
            running.wait()
            running.stdout.close()


@suite.case()
def run_detached_returns_while_the_program_runs(scene):
    name = scene.new_id()
    bundle = scene.bundle().args("/bin/sleep", "1000")
    with open(scene.work / "out", "wb") as out:
        done = subprocess.run(
            scene.runtime.command(
                "run", "--detach", "--pid-file", scene.work / "pid", "--bundle", bundle.save(), name
            ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=20,
        )
    scene.equal(done.returncode, 0, f"status of run -d: {(scene.work / 'out').read_text()}")
    scene.equal(scene.runtime.status(name), "running", "status")
    scene.equal(int((scene.work / "pid").read_text()), scene.runtime.pid(name), "pid file")


# create, start, state, kill, delete


@suite.case()
def create_holds_the_program_back(scene):
    bundle, name = scene.bundle().shell("echo ran; exec sleep 1000"), scene.new_id()
    created = scene.runtime.create(bundle, name, "--pid-file", scene.work / "pid")
    scene.check(created.ok, str(created))
    state = scene.runtime.state(name)
    scene.equal(state["status"], "created", "status")
    scene.equal(int((scene.work / "pid").read_text()), state["pid"], "pid file")
    scene.check(host_module.is_running(state["pid"]), "the pid is not of a running process")
    scene.equal(scene.output(bundle), "", "output before start")
    scene.check(scene.runtime.start(name).ok, "start failed")
    scene.wait_for_output(bundle, "ran")
    scene.equal(scene.runtime.state(name)["status"], "running", "status")
    scene.equal(scene.runtime.pid(name), state["pid"], "pid after start")


@suite.case()
def state_document(scene):
    bundle = scene.bundle().args("/bin/true")
    bundle.config["annotations"] = {"org.example.key": "value", "another": ""}
    name = scene.new_id()
    before = datetime.datetime.now(datetime.timezone.utc)
    scene.check(scene.runtime.create(bundle, name).ok, "create failed")
    state = scene.runtime.state(name)
    scene.equal(state["id"], name, "id")
    scene.equal(state["bundle"], str(bundle.path), "bundle")
    scene.equal(state["rootfs"], str(bundle.rootfs), "rootfs")
    scene.check("ociVersion" in state and "owner" in state, f"fields {sorted(state)}")
    for key, value in bundle.config["annotations"].items():
        scene.equal(state.get("annotations", {}).get(key), value, f"annotation {key}")
    created = datetime.datetime.fromisoformat(
        state["created"].replace("Z", "+00:00")[:26].rstrip("Z+:") + "+00:00"
    )
    scene.check(abs((created - before).total_seconds()) < 60, f"created {state['created']}")
    scene.check(scene.runtime.start(name).ok, "start failed")
    scene.wait_for_status(name, "stopped")
    scene.equal(scene.runtime.state(name)["pid"], 0, "pid when stopped")


@suite.case()
def exit_statuses_of_verbs(scene):
    """The table that engines rely on."""
    running, created = scene.sleeping(), _created(scene)
    stopped = _created(scene, "/bin/true")
    scene.check(scene.runtime.start(stopped).ok, "start failed")
    scene.wait_for_status(stopped, "stopped")
    for words, wanted in (
        (("state", "no-such-id"), 1),
        (("start", "no-such-id"), 1),
        (("kill", "no-such-id", "KILL"), 1),
        (("delete", "no-such-id"), 1),
        (("delete", "--force", "no-such-id"), 0),
        (("start", running), 1),
        (("start", stopped), 1),
        (("delete", running), 1),
        (("kill", stopped, "KILL"), 1),
        (("kill", running, "NOSUCHSIGNAL"), 1),
        (("state", running), 0),
        (("state", stopped), 0),
        (("list",), 0),
        (("ps", running), 0),
        (("delete", stopped), 0),
        (("delete", created), 0),
        (("state", created), 1),
        (("delete", "--force", running), 0),
        (("state", running), 1),
        (("no-such-verb",), None),
    ):
        outcome = scene.runtime.call(*words)
        if wanted is None:
            scene.check(outcome.status != 0, f"{words}: {outcome}")
        else:
            scene.equal(outcome.status, wanted, f"status of {words} ({outcome.err.strip()})")


@suite.case()
def an_existing_id_is_refused_and_left_alone(scene):
    name = scene.sleeping()
    pid = scene.runtime.pid(name)
    for verb in ("create", "run"):
        outcome = scene.runtime.call(
            verb, "--bundle", scene.bundle().args("/bin/true").save(), name
        )
        scene.check(not outcome.ok and "exist" in outcome.err, f"{verb}: {outcome}")
    scene.equal(
        (scene.runtime.status(name), scene.runtime.pid(name)),
        ("running", pid),
        "the first container",
    )


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
        name = _created(scene)
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
        lambda: not [p for p in host_module.children(os.getpid()) if "sleep" in _command(p)], 5
    )
    scene.check(gone, f"processes left: {[_command(p) for p in host_module.children(os.getpid())]}")


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
        lambda: not [p for p in host_module.children(os.getpid()) if "sleep" in _command(p)], 5
    )
    scene.check(gone, f"processes left: {[_command(p) for p in host_module.children(os.getpid())]}")


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


# list, ps, exec, --version


@suite.case()
def list_shows_what_there_is(scene):
    running, created = scene.sleeping(), _created(scene)
    outcome = scene.runtime.call("list", "--format", "json")
    listed = {entry["id"]: entry for entry in json.loads(outcome.out)}
    scene.equal(
        {k: v["status"] for k, v in listed.items()},
        {running: "running", created: "created"},
        "listed",
    )
    scene.equal(listed[running]["pid"], scene.runtime.pid(running), "pid in the list")
    scene.equal(sorted(scene.runtime.ids()), sorted([running, created]), "list --quiet")
    table = scene.runtime.call("list").out
    scene.check(table.splitlines()[0].split()[:3] == ["ID", "PID", "STATUS"], table)
    scene.check(running in table and created in table, table)


@suite.case()
def list_of_nothing(scene):
    scene.equal(scene.runtime.ids(), [], "list --quiet")
    outcome = scene.runtime.call("list", "--format", "json")
    scene.check(
        outcome.ok and (json.loads(outcome.out or "null") or []) == [],
        f"list --format json: {outcome}",
    )


@suite.case(rootless=False)
def ps_shows_the_processes(scene):
    name = scene.started(scene.bundle().shell("sleep 1001 & exec sleep 1002"))
    outcome = scene.runtime.call("ps", "--format", "json", name)
    pids = json.loads(outcome.out)
    scene.check(scene.runtime.pid(name) in pids, f"ps: {outcome}")
    table = scene.runtime.call("ps", name).out
    scene.check("sleep 1002" in table and "PID" in table, table)


@suite.case()
def exec_returns_the_programs_status(scene):
    name = scene.sleeping()
    for script, wanted in (
        ("exit 0", 0),
        ("exit 5", 5),
        ("exit 255", 255),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
    ):
        scene.equal(scene.runtime.exec(name, "/bin/sh", "-c", script).status, wanted, script)
    scene.equal(
        scene.runtime.exec(name, "/no/such/program").status, 255, "status of a missing program"
    )
    done = subprocess.run(
        scene.runtime.command("exec", name, "/bin/cat"),
        input=b"in\n",
        stdout=subprocess.PIPE,
        timeout=20,
    )
    scene.equal(done.stdout, b"in\n", "exec's stdin and stdout")


@suite.case()
def exec_many_times(scene):
    name = scene.sleeping()
    for number in range(20):
        outcome = scene.runtime.exec(name, "/bin/echo", str(number))
        scene.equal(outcome.out, f"{number}\n", "output")


@suite.case()
def exec_into_what_is_not_running_fails(scene):
    stopped = _created(scene, "/bin/true")
    scene.check(scene.runtime.start(stopped).ok, "start failed")
    scene.wait_for_status(stopped, "stopped")
    for name in (stopped, "no-such-id"):
        outcome = scene.runtime.exec(name, "/bin/true")
        scene.check(not outcome.ok and outcome.err, f"{name}: {outcome}")


@suite.case()
def exec_detached_writes_its_pid(scene):
    name = scene.sleeping()
    with open(scene.work / "out", "wb") as out:
        done = subprocess.run(
            scene.runtime.command(
                "exec",
                "--detach",
                "--pid-file",
                scene.work / "pid",
                name,
                "/bin/sh",
                "-c",
                "echo ready; exec sleep 1000",
            ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=20,
        )
    scene.equal(done.returncode, 0, f"status: {(scene.work / 'out').read_text()}")
    pid = int((scene.work / "pid").read_text())
    scene.check(host_module.is_running(pid), "the pid is not of a running process")
    scene.check(
        host_module.wait_until(lambda: "sleep" in _command(pid), 5), f"it is {_command(pid)!r}"
    )
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)  # ours: exec -d is gone, and we are the subreaper
    scene.equal(os.waitstatus_to_exitcode(status), -9, "exit status of the exec'd process")


@suite.case()
def version_first_line(scene):
    outcome = scene.runtime.call("--version")
    lines = outcome.out.splitlines()
    scene.check(lines and " version " in lines[0], str(outcome))
    scene.check(any(line.startswith("spec: 1.") for line in lines), str(outcome))


# pause, resume, update


@suite.case(rootless=False)
def pause_stops_every_process_and_resume_lets_them_go_on(scene):
    bundle = scene.bundle().shell("while :; do echo x; sleep 0.01; done")
    name = scene.started(bundle)
    scene.wait_for_output(bundle, "x")
    paused = scene.runtime.call("pause", name)
    scene.check(paused.ok, str(paused))
    scene.equal(scene.runtime.status(name), "paused", "status")
    scene.equal(scene.runtime.call("pause", name).status, 1, "status of a second pause")
    executed = scene.runtime.exec(name, "/bin/true")
    scene.check(executed.status == 255 and "paused" in executed.err, str(executed))
    resumed = scene.runtime.call("resume", name)
    scene.check(resumed.ok, str(resumed))
    scene.equal(scene.runtime.status(name), "running", "status")
    size = len(scene.output(bundle))
    grown = host_module.wait_until(lambda: len(scene.output(bundle)) > size, 5)
    scene.check(grown, "nothing was written after resume")
    again = scene.runtime.call("resume", name)
    scene.check(again.status == 1 and "not paused" in again.err, str(again))


@suite.case(rootless=False)
def a_paused_container_can_be_killed_and_deleted(scene):
    for end in (("kill", "KILL"), ("delete",)):
        name = scene.sleeping()
        pid = scene.runtime.pid(name)
        scene.check(scene.runtime.call("pause", name).ok, "pause failed")
        if end[0] == "kill":
            scene.check(scene.runtime.kill(name, "KILL").ok, "kill failed")
            scene.wait_for_status(name, "stopped")
        scene.check(scene.runtime.delete(name).ok, "delete failed")
        scene.check(not host_module.is_running(pid), f"it runs after {end}")


@suite.case()
def pause_without_a_process_is_refused(scene):
    name = scene.started(scene.bundle().args("/bin/true"))
    scene.wait_for_status(name, "stopped")
    paused = scene.runtime.call("pause", name)
    scene.check(paused.status == 1 and "not running" in paused.err, str(paused))


@suite.case(rootless=False)
def update_changes_limits_of_a_running_container(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["pids"] = {"limit": 50}
    name = scene.sleeping(bundle)
    groups = host_module.cgroups_named(name)
    limit = [g / "pids.max" for g in groups if (g / "pids.max").exists()]
    if not limit:
        scene.skip("this host has no pids controller")
    updated = scene.runtime.call("update", name, "--pids-limit", "33")  # options may follow the id
    scene.check(updated.ok, str(updated))
    scene.equal(limit[0].read_text().strip(), "33", "pids.max after --pids-limit")
    file = scene.work / "limits.json"
    file.write_text(json.dumps({"pids": {"limit": 44}, "devices": []}))
    updated = scene.runtime.call("update", "--resources", file, name)
    scene.check(updated.ok, str(updated))
    scene.equal(limit[0].read_text().strip(), "44", "pids.max after --resources")
    piped = subprocess.run(
        scene.runtime.command("update", "--resources", "-", name),
        input=b'{"pids": {"limit": 55}}',
        timeout=20,
    )
    scene.equal(piped.returncode, 0, "status of update --resources -")
    scene.equal(limit[0].read_text().strip(), "55", "pids.max after --resources -")


@suite.case(rootless=False)
def update_raises_memory_and_swap_together(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["memory"] = {"limit": 32 << 20, "swap": 32 << 20}
    name = scene.sleeping(bundle)
    for limit in ("64M", "16M"):
        updated = scene.runtime.call("update", "--memory", limit, "--memory-swap", limit, name)
        scene.check(updated.ok, f"{limit}: {updated}")


@suite.case(rootless=False)
def update_takes_the_limit_of_memory_away_and_that_of_swap_with_it(scene):
    bundle = scene.bundle()
    bundle.linux["resources"]["memory"] = {"limit": 32 << 20, "swap": 64 << 20}
    name = scene.sleeping(bundle)
    updated = scene.runtime.call("update", "--memory", "-1", name)
    scene.check(updated.ok, str(updated))
    for group in host_module.cgroups_named(name):
        for file in ("memory.memsw.limit_in_bytes", "memory.swap.max"):
            if (group / file).exists():
                text = (group / file).read_text().strip()
                scene.check(text == "max" or int(text) > 1 << 60, f"{file}: {text}")


@suite.case(rootless=False)
def update_sets_realtime_where_the_kernel_has_it(scene):
    name = scene.sleeping(scene.bundle())
    groups = [g for g in host_module.cgroups_named(name) if (g / "cpu.rt_runtime_us").exists()]
    updated = scene.runtime.call(
        "update", "--cpu-rt-period", "900001", "--cpu-rt-runtime", "0", name
    )
    if not groups:
        scene.check("cpu/realtimePeriod" in updated.err, str(updated))
        return
    scene.check(updated.ok, str(updated))
    scene.equal((groups[0] / "cpu.rt_period_us").read_text().strip(), "900001", "period")


# events: of what a container uses; those of the egress guard are in tests/egress


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


# Words and files


@suite.case()
def create_needs_an_id(scene):
    created = scene.runtime.call("create", "--bundle", scene.bundle().save())
    scene.check(created.status == 1 and "no container id" in created.err, str(created))
    scene.equal(scene.runtime.ids(), [], "containers")


@suite.case()
def a_bundle_may_have_another_config(scene):
    bundle = scene.bundle().shell("echo other")
    folder = bundle.save()
    (folder / "config.json").rename(folder / "other.json")
    outcome = scene.runtime.call("run", "--config", "other.json", "-b", folder, scene.new_id())
    scene.equal((outcome.status, outcome.out), (0, "other\n"), "run --config")


@suite.case()
def exec_takes_its_process_from_a_pipe(scene):
    name = scene.sleeping()
    process = {"args": ["/bin/echo", "piped"], "cwd": "/", "user": {"uid": 0, "gid": 0}}
    done = subprocess.run(
        scene.runtime.command("exec", "--process", "/dev/stdin", name),
        input=json.dumps(process).encode(),
        capture_output=True,
        timeout=20,
    )
    scene.equal((done.returncode, done.stdout), (0, b"piped\n"), f"exec: {done.stderr!r}")


@suite.case(rootless=False)
def exec_stays_below_the_containers_cgroup(scene):
    name = scene.sleeping()
    for path in ("..", "a/../..", "pids:.."):
        outcome = scene.runtime.exec(name, "/bin/true", flags=("--cgroup", path))
        scene.check(outcome.status == 255 and "bad sub cgroup path" in outcome.err, str(outcome))
    outcome = scene.runtime.exec(name, "/bin/true", flags=("--cgroup", "whaaat:/"))
    scene.check(outcome.status == 255, str(outcome))


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


def _members(scene: Scene, name: str, count: int) -> list[int]:
    found = scene.runtime.call("ps", "--format", "json", name)
    pids = json.loads(found.out) if found.ok else []
    return pids if len(pids) >= count else []


@suite.case()
def a_created_container_holds_none_of_the_callers_descriptors(scene):
    # Whoever reads the other end would wait until `start`, perhaps for ever.
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    bundle, name = scene.bundle().args("/bin/sleep", "1000"), scene.new_id()
    created = scene.runtime.create(bundle, name, pass_fds=(writer,))
    os.close(writer)
    scene.check(created.ok, str(created))
    os.set_blocking(reader, False)
    try:
        scene.equal(os.read(reader, 1), b"", "end of the pipe")
    except BlockingIOError:
        scene.check(False, "the created container holds the caller's pipe open")
    finally:
        os.close(reader)
