"""A podman of our own: private storage, private state, one OCI runtime.

    with Podman("/usr/bin/srt-runtime") as podman:
        done = podman.run("echo", "hi")        # podman run --rm … echo hi
        with podman.container("sleep", "60") as c:
            c.exec("true")

Nothing outside `work` is touched, save what the runtime under test keeps for itself. Every call is
bounded: a podman that does not return is killed with all that it started, and the case fails.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

import busybox
from marked import processes
from terminal import Terminal

CALL_SECONDS = 60
IMAGE = "localhost/busybox:suite"

# Raising hard rlimits needs CAP_SYS_RESOURCE, which a build machine may lack: so no default ulimits.
# The variable marks every process of ours, see leftovers.py.
CONFIGURATION = """
[containers]
default_ulimits = []
{limits}
netns = "none"
log_driver = "k8s-file"
env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SUITE={mark}"]
[engine]
cgroup_manager = "{manager}"
events_logger = "file"
tmp_dir = "{work}/tmp"
"""


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    def ok(self):
        assert self.status == 0, f"status {self.status}, stderr: {self.err.strip()}"
        return self.out.strip()


class Podman:
    def __init__(self, runtime, cgroup_manager="cgroupfs"):
        self.runtime = runtime
        self.cgroup_manager = cgroup_manager
        self.root = os.geteuid() == 0
        self.work = tempfile.mkdtemp(prefix="srt-podman.", dir="/tmp")
        os.chmod(self.work, 0o711)  # ids of a user namespace pass through
        self.mark = os.path.basename(self.work)
        self.environment = self._environment()
        self.options = [
            "podman",
            *("--root", f"{self.work}/root", "--runroot", f"{self.work}/run"),
            *("--cgroup-manager", cgroup_manager, "--runtime", runtime),
        ]
        self.options += ["--storage-driver", self._storage_driver()]

    def _environment(self):
        for folder in ("home", "xdg", "tmp"):
            os.mkdir(f"{self.work}/{folder}", 0o700)
        with open(f"{self.work}/containers.conf", "w", encoding="utf-8") as conf:
            conf.write(
                CONFIGURATION.format(
                    work=self.work, mark=self.mark, manager=self.cgroup_manager, limits=self._limits()
                )
            )
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "TMPDIR": f"{self.work}/tmp",
            "HOME": f"{self.work}/home",
            "XDG_RUNTIME_DIR": self._runtime_folder(),
            "CONTAINERS_CONF": f"{self.work}/containers.conf",
        }

    def _runtime_folder(self):
        """Of our own; the user's systemd is found by his."""
        if self.cgroup_manager == "systemd" and not self.root:
            return os.environ["XDG_RUNTIME_DIR"]
        return f"{self.work}/xdg"

    def _limits(self):
        """podman's own limit of processes would be refused where the controllers are those of cgroup v1."""
        if self.cgroup_manager != "systemd":
            return ""
        with open("/sys/fs/cgroup/cgroup.controllers", encoding="ascii") as file:
            return "" if "pids" in file.read().split() else "pids_limit = 0"

    def _storage_driver(self):
        """overlay, unless the kernel or the file system below refuses it."""
        probe = ["podman", "--root", f"{self.work}/probe", "--runroot", f"{self.work}/probe-run"]
        return "overlay" if self.execute([*probe, "--storage-driver", "overlay", "info"]).status == 0 else "vfs"

    def __enter__(self):
        busybox.make_tar(f"{self.work}/image.tar")
        self("import", f"{self.work}/image.tar", IMAGE).ok()
        return self

    def __exit__(self, *_error):
        self("rm", "--all", "--force", "--time", "0")
        self.end_pause_process()
        self._await_cleaners()
        # Files of subordinate ids belong to nobody outside a user namespace.
        inside = [] if self.root else ["podman", "unshare"]
        # The storage driver mounts its own folder on itself.
        for storage in ("root", "probe"):
            umount = ["umount", "-l", f"{self.work}/{storage}/overlay"]
            while subprocess.run(umount, capture_output=True, check=False).returncode == 0:
                pass  # once for each time
        self.execute([*inside, "rm", "-rf", f"{self.work}/root", f"{self.work}/probe"])
        self.end_pause_process()
        shutil.rmtree(self.work, ignore_errors=True)

    def _await_cleaners(self):
        """conmon has podman clean up after each container, in the background: that mounts the storage again."""
        deadline = time.monotonic() + CALL_SECONDS
        while processes(self.work):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)

    def end_pause_process(self):
        """Rootless podman leaves one process that holds its user namespace."""
        for path in (f"{self.work}/tmp/pause.pid", f"{self.work}/xdg/libpod/tmp/pause.pid"):
            try:
                with open(path, encoding="ascii") as file:
                    os.kill(int(file.read()), signal.SIGKILL)
                os.unlink(path)
            except (FileNotFoundError, ProcessLookupError, ValueError):
                pass

    def execute(self, command, stdin=None, seconds=CALL_SECONDS, text=True):
        """Runs any command in podman's environment."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=text,
            env=self.environment,
            cwd="/",
            start_new_session=True,
        )
        try:
            out, err = process.communicate(stdin, timeout=seconds)
        except BaseException:  # the case's own alarm too
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return Done(process.returncode, out, err)

    def __call__(self, *arguments, **how):
        return self.execute([*self.options, *arguments], **how)

    def run(self, *command, options=(), **how):
        return self("run", "--rm", *options, IMAGE, *command, **how)

    def shell(self, script, options=(), **how):
        return self.run("sh", "-c", script, options=options, **how)

    def terminal(self, *verb, target=IMAGE, **size):
        """A shell at a terminal: podman VERB TARGET sh."""
        return Terminal([*self.options, *verb, target, "sh"], self.environment, **size)

    @contextmanager
    def container(self, *command, options=()):
        """A detached container that is removed at the end."""
        identity = self("run", "--detach", *options, IMAGE, *command).ok().splitlines()[-1]
        try:
            yield Container(self, identity)
        finally:
            self("rm", "--force", "--time", "0", identity)


class Container:
    def __init__(self, podman, identity):
        self.podman = podman
        self.id = identity

    def exec(self, *command, options=(), **how):
        return self.podman("exec", *options, self.id, *command, **how)

    def logs(self):
        return self.podman("logs", self.id).ok()

    def wait(self):
        """The exit code, once it has ended."""
        return int(self.podman("wait", self.id).ok())

    def inspect(self):
        return json.loads(self.podman("inspect", self.id).ok())[0]

    def pid(self):
        return self.inspect()["State"]["Pid"]

    def await_log(self, line):
        """Blocks until the program has printed `line`."""
        follow = subprocess.Popen(
            [*self.podman.options, "logs", "--follow", self.id],
            stdout=subprocess.PIPE,
            text=True,
            env=self.podman.environment,
        )
        limit = threading.Timer(CALL_SECONDS, follow.kill)
        limit.start()
        try:
            found = any(row.rstrip("\n") == line for row in follow.stdout)
        finally:
            limit.cancel()
            follow.kill()
            follow.wait()
        assert found, f"never printed {line!r}: {self.logs()!r}"
