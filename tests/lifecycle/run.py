"""`run`: the program in front, or detached."""

import subprocess

from suite import suite


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
