"""A machine that systemd has booted, within this one: namespaces of its own, files that are copied on write."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from containers.host import call, wait_until

_BOOT_SECONDS = 60  # it takes three where nothing else runs
_PR_SET_PDEATHSIG = 1


class NoMachine(Exception):
    """Why none can be booted here."""


def unified_hierarchy() -> pathlib.Path:
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            return pathlib.Path(line.split()[4])
    raise NoMachine("there is no cgroup v2 hierarchy")


def _why_not() -> str:
    if os.geteuid() != 0:
        return "booting systemd in namespaces needs root"
    for program in ("/lib/systemd/systemd", "/usr/bin/dbus-daemon"):
        if not os.path.exists(program):
            return f"there is no {program}"
    if "\toverlay\n" not in pathlib.Path("/proc/filesystems").read_text():
        return "the kernel has no overlay filesystem"
    return ""


class Machine:
    """`shared`: folders of the host that are at the same place inside."""

    def __init__(self, shared: list[str]):
        reason = _why_not()
        if reason:
            raise NoMachine(reason)
        self._work = pathlib.Path(tempfile.mkdtemp(prefix="srt-systemd-"))
        self._group = unified_hierarchy() / self._work.name
        self._process = None
        try:
            self._boot([str(self._work), *shared])
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def _boot(self, shared: list[str]) -> None:
        self._group.mkdir()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(str(self._work / "ready"))
            ready.settimeout(_BOOT_SECONDS)
            with open(self._work / "log", "wb") as log:
                self._process = subprocess.Popen(
                    [str(pathlib.Path(__file__).with_name("boot")), str(self._group), *shared],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(self._work / "ready")},
                    # Its systemd must not outlive us, however we end.
                    preexec_fn=lambda: call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),
                )
            self._await_boot(ready)
        self.pid = int(
            pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        )
        # Where those are who come from outside: no unit's.
        (self._group / "visitors").mkdir()

    def _await_boot(self, ready: socket.socket) -> None:
        try:
            while b"READY=1" not in ready.recv(4096):
                pass
        except TimeoutError:
            log = (self._work / "log").read_text(errors="replace")
            raise NoMachine(f"systemd did not boot in namespaces: {log[-600:]!r}") from None

    def command(self, *words: str) -> list[str]:
        return ["/usr/bin/nsenter", "--target", str(self.pid), "--all", "--", *words]

    def enter(self) -> None:
        """For preexec_fn: into its control groups, whose namespace alone would not be enough."""
        (self._group / "visitors/cgroup.procs").write_text("0")

    def run(self, *words: str, **keywords) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(*words), preexec_fn=self.enter, check=False, **keywords)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()  # --kill-child takes pid 1 along, and that all others
            self._process.wait()
        groups = sorted([self._group, *self._group.rglob("*/")], key=lambda path: -len(path.parts))
        for group in filter(pathlib.Path.is_dir, groups):
            # Empty once the last process is gone, which pid 1's end does not wait for.
            wait_until(lambda path=group: _removed(path), 10)
        shutil.rmtree(self._work, ignore_errors=True)


def _removed(group: pathlib.Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        try:
            group.rmdir()
        except OSError:
            return False
    return True
