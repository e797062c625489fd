"""The host as a witness: what a container must leave as it was."""

import ctypes
import json
import os
import pathlib
import signal
import sys
import time
import traceback

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_MNT_DETACH = 2
_PR_SET_CHILD_SUBREAPER = 36

CGROUP_ROOT = pathlib.Path("/sys/fs/cgroup")


def call(name: str, *arguments) -> int:
    """A libc call that raises OSError on failure."""
    converted = [a.encode() if isinstance(a, str) else a for a in arguments]
    result = getattr(_libc, name)(*converted)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def in_child(body):
    """Calls `body` in a forked child; its JSON value, or as text why there is none."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            value = body()
        except BaseException:  # noqa: BLE001  (carried to the parent as text)
            value = traceback.format_exc()
        with os.fdopen(writing, "w") as report:
            json.dump(value, report)
        sys.stdout.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as report:
        text = report.read()
    _, status = os.waitpid(pid, 0)
    return (
        json.loads(text) if text else f"the process ended with {os.waitstatus_to_exitcode(status)}"
    )


def private_namespaces() -> None:
    """Mounts, host name and SysV ipc of our own: an attack that succeeds must not reach the
    machine's, and what appears in ours was put there by the runtime under test."""
    call("unshare", _CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWIPC)
    call("mount", "none", "/", None, _MS_REC | _MS_PRIVATE, None)


def hide_unified_cgroup() -> None:
    if os.path.ismount("/sys/fs/cgroup/unified"):
        call("umount2", "/sys/fs/cgroup/unified", _MNT_DETACH)


def become_subreaper() -> None:
    """What a container leaves behind is reparented to us and found by children()."""
    call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the third field (state) on; empty when the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()


def command_line(pid: int) -> str:
    """Its words, with spaces between them; empty when the process is gone, or a zombie."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").decode(errors="replace")


def is_running(pid: int) -> bool:
    fields = stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX"


def children(of: int) -> list[int]:
    """Living children of a process."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(int(entry))
            if fields and int(fields[1]) == of and fields[0] not in "ZX":
                found.append(int(entry))
    return found


def reap_zombies(*, but: int = 0) -> None:
    """Waits for our children that have ended, all but one that somebody else waits for. A subreaper
    owes this: a pid namespace cannot end while zombies are left in it."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != but:
            fields = stat_fields(int(entry))
            if fields and fields[0] == "Z" and int(fields[1]) == os.getpid():
                os.waitpid(int(entry), os.WNOHANG)


def wait_until(condition, seconds: float, step: float = 0.005):
    """Polls for what no descriptor tells: the first truthy value, or None after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            return None
        time.sleep(step)


def snapshot(root: pathlib.Path) -> dict:
    """Names, kinds, modes, owners, sizes, change times and content of everything below `root`."""
    seen = {}
    for folder, folders, files in os.walk(root):
        for name in [".", *folders, *files]:
            path = pathlib.Path(folder, name)
            status = path.lstat()
            kind = (status.st_mode, status.st_uid, status.st_gid, status.st_ino)
            regular = path.is_file() and not path.is_symlink()
            content = path.read_bytes() if regular and os.access(path, os.R_OK) else b""
            seen[str(path)] = (kind, content)
    return seen


class Host:
    """Taken before a case; changes() tells what the case changed."""

    def __init__(self, work: pathlib.Path):
        self._work = str(work)
        self._mounts = self._own_mounts()
        self._names = os.uname()[1], pathlib.Path("/proc/sys/kernel/domainname").read_text()
        self.canary = work / "host"
        self.canary.mkdir(mode=0o755)
        (self.canary / "secret").write_text("host secret\n")
        (self.canary / "null").write_text("")
        (self.canary / "folder").mkdir()
        (self.canary / "folder" / "file").write_text("host file\n")
        self._canary_before = snapshot(self.canary)

    def _own_mounts(self) -> set[str]:
        """Mount table lines; as an ordinary user (shared namespace) only those of our folder."""
        lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        if os.geteuid() == 0:
            return set(lines)
        return {line for line in lines if self._work in line}

    def changes(self) -> list[str]:
        found = [
            f"mount appeared on the host: {line}" for line in self._own_mounts() - self._mounts
        ]
        found += [
            f"mount vanished from the host: {line}" for line in self._mounts - self._own_mounts()
        ]
        after = snapshot(self.canary)
        for path in sorted(set(after) | set(self._canary_before)):
            if after.get(path) != self._canary_before.get(path):
                change = (
                    "appeared"
                    if path not in self._canary_before
                    else ("vanished" if path not in after else "changed")
                )
                found.append(f"host file {change}: {path}")
        if (os.uname()[1], pathlib.Path("/proc/sys/kernel/domainname").read_text()) != self._names:
            found.append("the host's name was changed")
        return found

    def accept_canary(self) -> None:
        """Takes the canary as it is now for the state to keep."""
        self._canary_before = snapshot(self.canary)


def cgroups_named(part: str) -> list[pathlib.Path]:
    """Control groups whose folder name holds `part`."""
    found = []
    for folder, folders, _ in os.walk(CGROUP_ROOT):
        found += [pathlib.Path(folder, name) for name in folders if part in name]
    return found


def remove_cgroups(groups: list[pathlib.Path]) -> None:
    """The deepest first; one that is busy stays."""
    for group in sorted(groups, key=lambda path: -len(path.parts)):
        try:
            group.rmdir()
        except OSError:
            pass


def kill_leftovers() -> list[str]:
    """Ends and reaps all our children; one line for each that was still running."""
    leftovers = []
    while True:
        running = children(os.getpid())
        for pid in running:
            try:
                leftovers.append(f"process left behind: {pid} {command_line(pid)}")
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, 0 if running else os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return leftovers
        if not running:
            return leftovers
