"""`exec`: one more process."""

import json
import os
import signal
import subprocess

from containers import host as host_module
from suite import suite


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
    stopped = scene.created("/bin/true")
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
        host_module.wait_until(lambda: "sleep" in host_module.command_line(pid), 5), f"it is {host_module.command_line(pid)!r}"
    )
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)  # ours: exec -d is gone, and we are the subreaper
    scene.equal(os.waitstatus_to_exitcode(status), -9, "exit status of the exec'd process")


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
