"""srt-scope: a systemd that refuses, is silent, is not there, or is not systemd."""

import os
import pwd
import socket
import subprocess
import time

from client import private_and_bus, settings
from containers.host import wait_until
from suite import suite

TIMEOUT = "org.freedesktop.DBus.Error.Timeout"


@suite.case()
def a_property_that_systemd_does_not_take_is_told(scene):
    for name, kind, value in (
        ("NoSuchProperty", "t", 1),
        ("MemoryMax", "s", "1G"),
        ("CPUWeight", "t", 10**9),
    ):
        unit, scope = scene.new_unit(), scene.scope()
        answer = scope.ask(
            "start", unit, slice=scene.slice, properties=settings((name, kind, value))
        )
        scene.check(answer.get("error") and answer.get("code"), f"{name}: {answer}")
        scene.check("\n" not in answer["error"], "more than a line")
        scene.check(not scene.is_loaded(unit), f"{name}: the unit is there")
        scene.check("cgroup" in scope.ask("start", unit, slice=scene.slice), "no second try")


@suite.case()
def no_bus_is_told(scene):
    buses = ["unix:path=/nowhere/systemd/private", f"unix:path={scene.work}/bus"]
    answer = scene.scope(buses).ask("start", scene.new_unit(), slice=scene.slice)
    scene.equal(answer["code"], "org.freedesktop.DBus.Error.NoServer", "code")
    for bus in buses:
        scene.check(bus in answer["error"], str(answer))


def _listener(path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


@suite.case()
def a_silent_systemd_is_given_up(scene):
    for path in (scene.work / "systemd/private", scene.work / "bus"):
        with _listener(path):
            began = time.monotonic()
            answer = scene.scope([f"unix:path={path}"]).ask(
                "stop", scene.new_unit(), patience=1
            )
            took = time.monotonic() - began
            scene.equal(answer["code"], TIMEOUT, f"code ({answer})")
            scene.check(1 <= took < 10, f"after {took} s")


@suite.case()
def it_ends_with_its_socket_while_it_waits(scene):
    with _listener(scene.work / "systemd/private") as listener:
        scope = scene.scope([f"unix:path={scene.work}/systemd/private"])
        scope.say("stop", scene.new_unit())
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)  # now it waits
            scene.equal(scope.end(), 0, "exit status")


@suite.case(rootless=False)
def another_user_is_not_systemd(scene):
    """Who sits there instead could name any control group as the container's."""
    scene.work.chmod(0o755)
    path = scene.work / "systemd/private"
    with _listener(path) as listener:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setuid(pwd.getpwnam("nobody").pw_uid)
            listener.listen()  # whose listen() it was is whom SO_PEERCRED tells
            os.write(writing, b"listens")
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.send(b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n")
            connection.recv(4096)
            os._exit(0)
        os.read(reading, 8)
        answer = scene.scope([f"unix:path={path}"]).ask("stop", scene.new_unit(), patience=5)
        scene.check("another user" in answer.get("error", ""), str(answer))
        os.kill(pid, 9)
        os.waitpid(pid, 0)


@suite.case()
def a_forged_signal_ends_no_job(scene):
    """Whoever is on the bus may send us what looks like systemd's word that its job is done."""
    bus = private_and_bus()[1]
    unit, one, two = scene.new_unit(), scene.scope(), scene.scope([bus])
    one.ask("start", unit, slice=scene.slice)
    stubborn = subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"],
        stdout=subprocess.PIPE,
    )
    stubborn.stdout.readline()
    one.ask("attach", unit, pids=[stubborn.pid])
    one.end()
    two.say("stop", unit)
    listed = wait_until(lambda: scene.systemctl("list-jobs", "--no-legend", unit).split(), 5)
    scene.check(listed and listed[0].isdigit(), f"no job: {listed}")
    sender = subprocess.run(
        ["busctl", f"--address={bus}", "list", "--no-legend", "--unique"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    name = next(line.split()[0] for line in sender.splitlines() if line.split()[1] == str(two.pid))
    subprocess.run(
        [
            *("dbus-send", f"--bus={bus}", "--type=signal", f"--dest={name}"),
            *("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager.JobRemoved"),
            f"uint32:{listed[0]}",
            f"objpath:/org/freedesktop/systemd1/job/{listed[0]}",
            *(f"string:{unit}", "string:done"),
        ],
        check=True,
    )
    two.socket.settimeout(0.5)
    try:
        scene.check(False, f"the stop ended: {two.receive()}")
    except TimeoutError:
        pass
    stubborn.kill()
    stubborn.wait()
    two.socket.settimeout(40)
    scene.equal(two.receive(), {}, "stop")
