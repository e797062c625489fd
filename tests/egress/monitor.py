"""srt-monitor: what it is, what it holds, and that nothing gets out when it is gone."""

import json
import os
import pathlib
import signal
import subprocess

from box import CURL, Box, rules
from containers import host as host_module
from denials import _mark
from suite import suite


def _status(pid: int) -> dict:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


@suite.case()
def it_is_unprivileged(scene):
    box = Box(scene, allow=["allowed.example"])
    status = _status(box.monitor)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        scene.equal(int(status[name], 16), 0, name)
    scene.equal(status["NoNewPrivs"], "1", "NoNewPrivs")
    scene.equal(status["Seccomp"], "2", "Seccomp")
    limits = pathlib.Path(f"/proc/{box.monitor}/limits").read_text()
    scene.check(f"Max data size             {512 << 20}" in limits, f"memory: {limits}")
    uids = {int(uid) for uid in status["Uid"].split()}
    scene.equal(len(uids), 1, f"one user id: {uids}")
    if scene.rootless:
        scene.equal(uids, {os.geteuid()}, "the caller")
    else:
        scene.check(min(uids) > 65534, f"an id that nobody has: {uids}")
        scene.equal(status["Groups"].split(), [], "supplementary groups")
        other = Box(scene, allow=["allowed.example"])
        scene.check(_status(other.monitor)["Uid"] != status["Uid"], "two monitors, one user")


@suite.case()
def it_holds_nothing_of_its_caller(scene):
    with open(scene.work / "secret", "w") as secret:
        os.set_inheritable(secret.fileno(), True)
        box = Box(scene, allow=["allowed.example"])
        links = _links(scene, box.monitor)
    for number in ("0", "1", "2"):
        scene.equal(links.get(number), "/dev/null", f"descriptor {number}")
    strange = [to for to in links.values() if to.startswith("/") and to != "/dev/null"
               and "/audit" not in to]  # fmt: skip
    scene.equal(strange, [], "files")
    environment = pathlib.Path(f"/proc/{box.monitor}/environ")
    try:
        scene.equal(environment.read_bytes(), b"", "its environment")
    except PermissionError:
        pass
    words = pathlib.Path(f"/proc/{box.monitor}/cmdline").read_bytes()
    scene.check(b"example" not in words, f"the policy is in its argv: {words!r}")


def _links(scene, pid: int) -> dict:
    try:
        folder = pathlib.Path(f"/proc/{pid}/fd")
        return {entry.name: os.readlink(entry) for entry in folder.iterdir()}
    except PermissionError:
        scene.skip("a non-dumpable process does not show its descriptors to an ordinary user")


@suite.case(rootful=False)
def an_ordinary_user_cannot_look_into_it(scene):
    box = Box(scene, allow=["allowed.example"])
    for name in ("mem", "environ", "fd"):
        try:
            path = pathlib.Path(f"/proc/{box.monitor}/{name}")
            list(path.iterdir()) if name == "fd" else open(path, "rb").close()
            scene.check(False, f"{name} opened")
        except PermissionError:
            pass


@suite.case()
def a_caller_that_waits_for_its_pipe_is_not_held_up(scene):
    """An engine reads the runtime's output to its end."""
    box = Box(scene, allow=["allowed.example"], start=False)
    name = scene.new_id()
    folder = box.bundle.args("/bin/true").save()
    done = subprocess.run(
        scene.runtime.command("run", "--bundle", folder, name),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10,
        check=False,
    )  # fmt: skip
    scene.equal(done.returncode, 0, done.stdout.decode())


@suite.case()
def it_ends_with_the_container(scene):
    for end in ("KILL", "delete", "exit"):
        box = Box(scene, allow=["allowed.example"], start=False)
        box.bundle.args("/bin/sh", "-c", "trap 'exit 0' TERM; echo ready; sleep 1000 & wait")
        box.name = scene.started(box.bundle)
        scene.wait_for_output(box.bundle, "ready")  # before, a first process ignores TERM
        monitor = box.monitor
        scene.check(host_module.is_running(monitor), "it runs")
        if end == "delete":
            scene.runtime.delete(box.name)
        else:
            scene.runtime.kill(box.name, "KILL" if end == "KILL" else "TERM")
        gone = host_module.wait_until(lambda m=monitor: not host_module.is_running(m), 15)
        scene.check(gone, f"{end}: the monitor is still there")


@suite.case()
def its_death_closes_the_way_out(scene):
    box = Box(scene, allow=["allowed.example"])
    held = subprocess.Popen(
        scene.runtime.command("exec", box.name, "/bin/sh", "-c",
                              f"{CURL['connect']} http://allowed.example/silent; echo ended"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    box.event(event="allowed", way="connect")
    os.kill(box.monitor, signal.SIGKILL)
    out, _ = held.communicate(timeout=10)
    scene.check(b"ended" in out, "the connection was not cut")
    _mark(scene)
    for way in CURL:
        for host in ("allowed.example", "93.184.216.34"):
            outcome = box.curl(way, f"-m 3 http://{host}/")
            scene.check("hello" not in outcome.out, f"{way}: {outcome}")
    scene.equal(scene.world.witness.flows(), [], "left the host")
    outcome = box.update(["allowed.example"])
    scene.check(not outcome.ok and "srt-monitor" in outcome.err, str(outcome))
    scene.equal(scene.runtime.status(box.name), "running", "the container goes on")


@suite.case()
def it_is_there_before_the_first_line_runs(scene):
    box = Box(scene, allow=["allowed.example"], start=False)
    script = f"{CURL['transparent']} http://allowed.example/; {CURL['http']} http://denied.example/"
    for _ in range(5):
        outcome = scene.runtime.run(box.bundle.args("/bin/sh", "-c", script), scene.new_id())
        scene.check("hello" in outcome.out and "denied.example" in outcome.out, str(outcome))


@suite.case()
def a_container_that_is_only_created_has_it(scene):
    box = Box(scene, allow=["allowed.example"], start=False)
    box.name = scene.new_id()
    created = scene.runtime.create(box.bundle.args("/bin/sleep", "1000"), box.name)
    scene.check(created.ok, str(created))
    scene.check(host_module.is_running(box.monitor), "no monitor")
    monitor = box.monitor
    scene.check(scene.runtime.delete(box.name).ok, "delete")
    scene.check(host_module.wait_until(lambda: not host_module.is_running(monitor), 15), "it stays")


@suite.case()
def a_create_that_fails_leaves_none(scene):
    box = Box(scene, allow=["allowed.example"], start=False)
    for args in (["/no/such/program"],):
        outcome = scene.runtime.run(box.bundle.args(*args), scene.new_id())
        scene.check(not outcome.ok, str(outcome))
    box.bundle.bind("/no/such/source", "/mnt")
    outcome = scene.runtime.run(box.bundle.args("/bin/true"), scene.new_id())
    scene.check(not outcome.ok, str(outcome))
    left = host_module.wait_until(lambda: not _monitors(), 15)
    scene.check(left, f"monitors left: {_monitors()}")


def _monitors() -> list[int]:
    return [
        pid
        for pid in host_module.children(os.getpid())
        if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "srt-monitor"
    ]


@suite.case()
def nothing_is_left_after_delete(scene):
    box = Box(scene, allow=["allowed.example"])
    box.curl("http", "http://allowed.example/")
    monitor = box.monitor
    scene.check(scene.runtime.delete(box.name).ok, "delete")
    scene.check(host_module.wait_until(lambda: not host_module.is_running(monitor), 15), "a monitor")
    folder = scene.runtime.state_folder / box.name
    scene.check(not folder.exists(), f"left: {folder}")


@suite.case()
def a_crowd_that_has_gone_takes_no_memory(scene):
    """It lies outside the container's limit: 600 clients with half a request of 60 KB each, and then none."""
    box = Box(scene, allow=["allowed.example"])

    def resident() -> int:
        return int(_status(box.monitor)["VmRSS"].split()[0]) >> 10

    script = (
        "import socket, sys\n"
        "head = b\"GET http://allowed.example/ HTTP/1.1\\r\\nX: \" + bytes(60000).replace(b\"\\0\", b\"x\")\n"
        "kept = []\n"
        "for _ in range(600):\n"
        "    s = socket.create_connection((\"127.0.0.1\", 3128)); s.sendall(head); kept.append(s)\n"
        "print(\"there\", flush=True); sys.stdin.read()\n"
    )
    command = scene.runtime.command("exec", box.name, "/usr/bin/python3", "-c", script)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as crowd:
        crowd.stdout.readline()
        scene.check(host_module.wait_until(lambda: resident() > 30, 15), f"with a crowd: {resident()} MiB")
        crowd.stdin.close()
    scene.check(host_module.wait_until(lambda: resident() < 10, 15), f"without: {resident()} MiB")


def _all_ended(told: list[dict]) -> list[dict]:
    """What port 10 wrote, once each connection that it accepted has its number of bytes."""
    return told if sum("bytes" in entry for entry in told) == sum("accepted" in entry for entry in told) else []


@suite.case(rootless=False)
def a_full_disk_stops_what_cannot_be_written_down(scene):
    """No verdict without its event: where the log cannot be written, the guard ends."""
    state = scene.runtime.state_folder
    state.mkdir(mode=0o700, exist_ok=True)
    host_module.call("mount", "tmpfs", str(state), "tmpfs", 0, "size=256k,mode=0700")
    try:
        box = Box(scene, allow=["allowed.example"])
        outcome = box.curl("http", "http://allowed.example/")
        scene.check("hello" in outcome.out, str(outcome))
        try:
            with open(state / "filler", "wb") as filler:
                while True:
                    filler.write(bytes(4096))
                    filler.flush()
        except OSError:
            pass
        # Requests that stay open, so that each is one event, until one cannot be written down: that one does not
        # leave either. Port 10 tells of each connection how much came.
        scene.world.requests.mark()
        before = len(box.events(event="allowed"))
        script = (
            "import socket\n"
            "head = b\"GET http://allowed.example:10/ HTTP/1.1\\r\\nHost: allowed.example:10\\r\\n\\r\\n\"\n"
            "kept = []\n"
            "for _ in range(1000):\n"
            "    s = socket.create_connection((\"127.0.0.1\", 3128)); s.sendall(head); kept.append(s)\n"
        )
        box.sh(f"/usr/bin/python3 -c '{script}'")
        told = host_module.wait_until(lambda: _all_ended(scene.world.requests.since()), 15)
        scene.check(told, "connections to port 10 do not end with the guard")
        log = state / box.name / "audit" / "audit.log"
        written = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        allowed = sum(event["event"] == "allowed" for event in written) - before
        arrived = sum(entry.get("bytes", 0) > 0 for entry in told)
        scene.check(0 < arrived <= allowed < 1000, f"{arrived} requests arrived, {allowed} are written down")
        outcome = box.curl("http", "-m 3 http://allowed.example/")
        scene.check("hello" not in outcome.out, "requests are served, and no event can be written")
        (state / "filler").unlink()
        scene.check(scene.runtime.delete(box.name).ok, "delete")
    finally:
        subprocess.run(["umount", "-l", state], check=True)


@suite.case()
def the_log_rotates_and_is_bounded(scene):
    policy = rules(["allowed.example"])
    policy["audit"] = {"maxBytes": "64k", "keep": 2}
    box = Box(scene, policy=policy)
    name = box.name
    box.sh("curl -s -Z --parallel-max 20 -o /dev/null 'http://allowed.example/[1-600]'")
    folder = scene.runtime.state_folder / name / "audit"
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    scene.check(all(size <= 65536 for size in sizes.values()), str(sizes))
    scene.equal(len(sizes), 3, f"files: {sizes}")
    events = box.events()
    numbers = [e["connection"] for e in events if "connection" in e]
    scene.check(numbers and json.dumps(events[-1]), "no events")
