"""A container engine's daemon of our own, in a work folder of its own, and what is left after it.

    with Daemon("srt-docker", lambda work: ["dockerd", …], lambda work: ["docker", …, "version"]) as own:
        run(["docker", "--host", f"unix://{own.work}/d.sock", …]).ok()

Nothing outside the folder is touched but cgroups, which are looked for at the end. Every call is
bounded; a daemon that does not come up makes the suite skip with its own last words.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

from suite import Skip

CALL_SECONDS = 60
START_SECONDS = 60


class NotHere(Exception):
    """The daemon does not run on this machine; the text says why."""


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    def ok(self):
        assert self.status == 0, f"status {self.status}, stderr: {self.err.strip()}"
        return self.out.strip()


def needs_verb(runtime, verb):
    """Skips where the runtime says itself that it has no such verb."""
    if f"\n  {verb} " not in run([runtime, "--help"]).out:
        raise Skip(f"the runtime has no {verb}")


def run(command, stdin=None, seconds=CALL_SECONDS, environment=None):
    """Runs a command with nothing of our stdin; killed with all that it started when time is up."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin, timeout=seconds)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return Done(process.returncode, out, err)


class Daemon:
    """`probe` is a client's command that succeeds once the daemon serves."""

    def __init__(self, name, command, probe):
        self.work = tempfile.mkdtemp(prefix=f"{name}.", dir="/tmp")
        self._log = open(f"{self.work}/daemon.log", "w+", encoding="utf-8", errors="replace")
        self._probe = probe(self.work)
        self._process = subprocess.Popen(
            command(self.work),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self.work,
            start_new_session=True,
        )

    def __enter__(self):
        try:
            self._await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()
        for point in reversed(self.mounts()):
            subprocess.run(["umount", "-l", point], capture_output=True, check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def _await_ready(self):
        """There is no event that tells: a socket is there before anybody serves it."""
        limit = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < limit:
            if run(self._probe, seconds=START_SECONDS).status == 0:
                return
            time.sleep(0.05)
        self._log.seek(0)
        rows = [row for row in self._log.read().split("\n") if row]
        raise NotHere(f"the daemon does not start here: {rows[-1] if rows else 'no word of it'}")

    def mounts(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            points = [row.split()[4] for row in file]
        return [point for point in points if point.startswith(f"{self.work}/")]


def cgroups_named(part):
    return [
        os.path.join(folder, name)
        for folder, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if part in name
    ]


def processes_named(part):
    """"PID command line" of every process that has `part` in it, but this one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # ended
            continue
        if part in line and int(pid) != os.getpid():
            found.append(f"{pid} {line}")
    return found
