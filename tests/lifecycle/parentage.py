"""What a supervisor like conmon or containerd's shim relies on: it is a subreaper, calls create,
and takes the exit status of the pid in the pid file; its pipes end when the container ends."""

import os
import select
import socket
import subprocess
import time

from containers import host as host_module
from containers.scene import Scene
from containers.terminal import ConsoleSocket
from suite import suite


@suite.case()
def the_exit_status_reaches_the_subreaper(scene):
    for script, wanted in (("exit 42", 42), ("exit 0", 0)):
        name = scene.new_id()
        created = scene.runtime.create(
            scene.bundle().shell(script), name, "--pid-file", scene.work / "pid"
        )
        scene.check(created.ok, str(created))
        pid = int((scene.work / "pid").read_text())
        scene.equal(int(host_module.stat_fields(pid)[1]), os.getpid(), "parent of the init")
        scene.check(scene.runtime.start(name).ok, "start failed")
        waited, status = os.waitpid(pid, 0)
        scene.equal((waited, os.waitstatus_to_exitcode(status)), (pid, wanted), "waitpid")
        scene.equal(scene.runtime.status(name), "stopped", "status")


@suite.case()
def a_killed_init_reaches_the_subreaper(scene):
    name = scene.sleeping()
    pid = scene.runtime.pid(name)
    scene.check(scene.runtime.kill(name, "KILL").ok, "kill failed")
    _, status = os.waitpid(pid, 0)
    scene.equal(os.waitstatus_to_exitcode(status), -9, "exit status")


@suite.case()
def a_zombie_is_stopped(scene):
    """The caller has not waited yet: the container is over all the same."""
    name = scene.new_id()
    scene.check(scene.runtime.create(scene.bundle().args("/bin/true"), name).ok, "create failed")
    pid = scene.runtime.pid(name)
    scene.check(scene.runtime.start(name).ok, "start failed")
    host_module.wait_until(lambda: host_module.stat_fields(pid)[0] == "Z", 5)
    scene.equal(scene.runtime.status(name), "stopped", "status of a zombie")
    scene.check(scene.runtime.delete(name, force=False).ok, "delete of a zombie")


@suite.case()
def zombies_outside_do_not_hold_up_delete(scene):
    """Who was born by an exec that was killed is ours now; while we do not reap it, the kernel keeps the first process
    of its pid namespace from ending (pid_namespaces(7))."""
    for _ in range(5 if scene.long else 2):
        name = scene.sleeping()
        first = scene.runtime.pid(name)
        script = "echo inside; exec sleep 1000"
        caller = scene.runtime.spawn(
            "exec", name, "/bin/sh", "-c", script, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        scene.equal(caller.stdout.readline(), b"inside\n", "exec")
        caller.kill()
        caller.wait()
        caller.stdout.close()
        deleted = scene.runtime.delete(name, timeout=8)  # what is stuck is waited for for 10 s
        scene.check(deleted.ok, str(deleted))
        scene.equal(scene.runtime.ids(), [], "containers left")
        ended = host_module.wait_until(
            lambda: host_module.reap_zombies() or not host_module.is_running(first), 2
        )
        scene.check(ended, "the first process stays, though all zombies are reaped")


@suite.case()
def a_callers_pipe_ends_with_the_container(scene):
    """Nothing of the runtime's may keep a write end."""
    bundle, name = scene.bundle().shell("echo out; echo err >&2"), scene.new_id()
    readers, writers = zip(os.pipe(), os.pipe())
    try:
        done = subprocess.run(
            scene.runtime.command("create", "--bundle", bundle.save(), name),
            stdin=subprocess.DEVNULL,
            stdout=writers[0],
            stderr=writers[1],
            timeout=20,
        )
    finally:
        for fd in writers:
            os.close(fd)
    scene.equal(done.returncode, 0, "status of create")
    scene.check(scene.runtime.start(name).ok, "start failed")
    for fd, wanted in zip(readers, (b"out\n", b"err\n")):
        scene.equal(_read_to_end(scene, fd, 5), wanted, "what came through the pipe")


def _read_to_end(scene: Scene, fd: int, seconds: float) -> bytes:
    text, deadline = b"", time.monotonic() + seconds
    with os.fdopen(fd, "rb", buffering=0) as pipe:
        while True:
            ready = select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]
            scene.check(
                ready, f"no end of file within {seconds} s after {text!r}: somebody holds the pipe"
            )
            block = pipe.read(4096)
            if not block:
                return text
            text += block


@suite.case()
def a_callers_pipe_ends_with_a_detached_exec(scene):
    name = scene.sleeping()
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            scene.runtime.command(
                "exec", "--detach", "--pid-file", scene.work / "pid", name, "/bin/echo", "out"
            ),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            timeout=20,
        )
    finally:
        os.close(writing)
    scene.equal(done.returncode, 0, "status of exec -d")
    scene.equal(_read_to_end(scene, reading, 5), b"out\n", "what came through the pipe")
    _, status = os.waitpid(int((scene.work / "pid").read_text()), 0)
    scene.equal(os.waitstatus_to_exitcode(status), 0, "exit status of the exec'd process")


@suite.case()
def a_killed_containers_pipe_ends(scene):
    name, bundle = scene.new_id(), scene.bundle().args("/bin/sleep", "1000")
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            scene.runtime.command("create", "--bundle", bundle.save(), name),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            timeout=20,
        )
    finally:
        os.close(writing)
    scene.equal(done.returncode, 0, "status of create")
    scene.check(scene.runtime.kill(name, "KILL").ok, "kill failed")
    scene.equal(_read_to_end(scene, reading, 5), b"", "what came through the pipe")


@suite.case()
def the_programs_stdin_ends_with_the_callers(scene):
    name, bundle = scene.new_id(), scene.bundle().shell("cat; echo end")
    reading, writing = os.pipe()
    created = scene.runtime.create(bundle, name, stdin=reading)
    os.close(reading)
    scene.check(created.ok, str(created))
    scene.check(scene.runtime.start(name).ok, "start failed")
    os.write(writing, b"typed\n")
    scene.wait_for_output(bundle, "typed")
    os.close(writing)
    scene.wait_for_output(bundle, "end")


@suite.case()
def the_pidfd_socket_receives_the_init(scene):
    name, bundle = scene.new_id(), scene.bundle().args("/bin/sleep", "1000")
    with ConsoleSocket(scene.work / "pidfd.sock") as socket_:
        created = scene.runtime.create(bundle, name, "--pidfd-socket", str(socket_.path))
        scene.check(created.ok, str(created))
        fds = socket_.receive_descriptors()
    scene.equal(len(fds), 1, "descriptors")
    with open(f"/proc/self/fdinfo/{fds[0]}") as info:
        text = info.read()
    os.close(fds[0])
    scene.check(f"Pid:\t{scene.runtime.pid(name)}\n" in text, f"not a pidfd of the init: {text}")


@suite.case()
def a_console_socket_that_nobody_serves_fails_create(scene):
    bundle = scene.bundle()
    bundle.process["terminal"] = True
    dead = scene.work / "dead.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(dead))
    listener.close()
    for path in (dead, scene.work / "absent.sock"):
        created = scene.runtime.create(
            bundle.args("/bin/true"), scene.new_id(), "--console-socket", path
        )
        scene.check(not created.ok and created.err, f"{path.name}: {created}")
    created = scene.runtime.create(bundle, scene.new_id())
    scene.check(
        not created.ok and created.err, f"create with a terminal and no console socket: {created}"
    )
    scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case()
def nothing_of_the_runtime_stays_after_delete(scene):
    name = scene.sleeping()
    scene.check(scene.runtime.delete(name).ok, "delete failed")
    gone = host_module.wait_until(lambda: not host_module.children(os.getpid()), 2)
    scene.check(gone, f"processes left: {host_module.children(os.getpid())}")
    if scene.runtime.state_folder.exists():
        left = [p for p in scene.runtime.state_folder.rglob(f"*{name}*")]
        scene.check(not left, f"state left: {left}")
