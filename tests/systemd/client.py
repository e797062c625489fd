"""srt-scope as srt-runtime drives it: one JSON document a packet, on descriptor 3."""

import json
import os
import socket
import subprocess

PATIENCE = 40  # it gives up by itself before that


class Scope:
    def __init__(self, program: str, buses: list[str], prefix: tuple = ()):
        self.buses = buses
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE)
        with theirs:
            number = theirs.fileno()
            self.process = subprocess.Popen(
                [*prefix, "/bin/bash", "-c", f'exec 3<&{number} "$0"', program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(number,),
                start_new_session=True,
                env={},
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, packet: bytes) -> None:
        self.socket.send(packet)

    def receive(self) -> dict:
        answer = self.socket.recv(1 << 20)
        if not answer:
            raise AssertionError(f"srt-scope ended with {self.process.wait()}")
        return json.loads(answer)

    def say(self, do: str, unit: str, **more) -> None:
        request = {"do": do, "buses": self.buses, "unit": unit, **more}
        self.send(json.dumps(request).encode())

    def ask(self, do: str, unit: str, **more) -> dict:
        self.say(do, unit, **more)
        return self.receive()

    def end(self) -> int:
        """Closes our end; its exit status."""
        self.socket.close()
        return self.process.wait(timeout=5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()


def cgroup_of(pid: int) -> str:
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        return next(line[3:].strip() for line in file if line.startswith("0::"))


def settings(*properties: tuple) -> list[dict]:
    """("MemoryMax", "t", 123), … as requests have them."""
    return [dict(zip(("name", "type", "value"), p)) for p in properties]


def private_and_bus() -> list[str]:
    folder = "/run" if os.geteuid() == 0 else f"/run/user/{os.geteuid()}"
    bus = "/run/dbus/system_bus_socket" if os.geteuid() == 0 else f"{folder}/bus"
    return [f"unix:path={folder}/systemd/private", f"unix:path={bus}"]
