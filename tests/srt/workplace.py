"""Where a case runs `srt`: a home, a project folder, a clean environment, and the host as witness."""

import glob
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass

from containers.host import Host, call, children, kill_leftovers, reap_zombies, wait_until
from containers.scene import Failure, Skip

PATIENCE = 30
PYTHON = "/usr/bin/python3"


@dataclass
class Outcome:
    """One finished call."""

    words: list
    status: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        return self.status == 0

    def __str__(self) -> str:
        shown = shlex.join(map(str, self.words)).replace("\n", "; ")[:160]
        return f"`srt {shown}` ended with {self.status}: {self.out.strip()[-300:]!r} {self.err.strip()[-400:]!r}"


def network(*allowed, denied=(), **more) -> dict:
    return {"allowedDomains": list(allowed), "deniedDomains": list(denied), **more}


def filesystem(*, read=(), write=(), deny_read=(), deny_write=(), **more) -> dict:
    rules = {"denyRead": list(deny_read), "allowWrite": list(write), "denyWrite": list(deny_write)}
    if read:
        rules["allowRead"] = list(read)
    return {**rules, **more}


class Workplace:
    def __init__(self, options, work: pathlib.Path, rootless: bool):
        self.program = options.srt
        self.rootless = rootless
        self.long = options.long
        self.work = work
        self.home = work / "home"
        self.project = work / "project"
        self.home.mkdir()
        self.project.mkdir()
        self.notes = work / "notes"  # for the tests' own files: no rule is about it
        self.notes.mkdir()
        if not rootless:
            self._private_run()
        self.host = Host(work)
        self._strays_before = self._strays()
        self._started: list[subprocess.Popen] = []
        self.swept_by_the_next = False  # a case that kills also who cleans up after srt

    def _private_run(self) -> None:
        """A /run of our own, in the mount namespace of this case: what srt leaves there was left now, and
        sockets that must be hidden can be put there."""
        call("mount", "tmpfs", "/run", "tmpfs", 0, "mode=755")

    # Claims.

    def check(self, holds, what) -> None:
        if not holds:
            raise Failure(str(what))

    def equal(self, got, wanted, what: str) -> None:
        if got != wanted:
            raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")

    def skip(self, reason: str) -> None:
        raise Skip(reason)

    def needs(self, *programs: str) -> None:
        for program in programs:
            if shutil.which(program) is None:
                raise Skip(f"{program} is not installed")

    # Settings.

    def settings(
        self, document: dict | None = None, *, file: pathlib.Path | None = None, **rules
    ) -> pathlib.Path:
        """Writes the user's settings (home/.srt-settings.json): a document, or filesystem rules alone."""
        file = file or self.home / ".srt-settings.json"
        document = {"filesystem": filesystem(**rules)} if document is None else document
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return file

    def environment(self, more: dict | None = None) -> dict:
        kept = {k: os.environ[k] for k in ("XDG_RUNTIME_DIR",) if k in os.environ}
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            **kept,
            **(more or {}),
        }

    # Calls.

    def command(self, *words) -> list[str]:
        return [self.program, *map(str, words)]

    def srt(
        self, *words, stdin=subprocess.DEVNULL, env=None, cwd=None, timeout=PATIENCE, **popen
    ) -> Outcome:
        """Runs `srt WORDS…` to its end. `stdin` may be text."""
        words = self.command(*words)
        return self.run(*words, stdin=stdin, env=env, cwd=cwd, timeout=timeout, **popen)

    def run(
        self, *words, stdin=subprocess.DEVNULL, env=None, cwd=None, timeout=PATIENCE, **popen
    ) -> Outcome:
        """The same with a program in front of srt."""
        given = {"input": stdin.encode()} if isinstance(stdin, str) else {"stdin": stdin}
        done = subprocess.run(
            list(map(str, words)),
            **given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd or self.project,
            env=self.environment(env),
            timeout=timeout,
            check=False,
            **popen,
        )
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        return Outcome(list(words), done.returncode, out, err)

    def sh(self, script: str, *options, **keywords) -> Outcome:
        return self.srt(*options, "-c", script, **keywords)

    def python(self, script: str, *options, **keywords) -> Outcome:
        return self.srt(*options, "--", PYTHON, "-c", script, **keywords)

    def says(self, script: str, *options, **keywords) -> str:
        """What a shell command that must succeed inside prints."""
        outcome = self.sh(script, *options, **keywords)
        self.check(outcome.ok, outcome)
        return outcome.out.strip()

    def start(self, *words, env=None, cwd=None, **popen) -> subprocess.Popen:
        """Starts srt; close() ends it."""
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(
            self.command(*words), cwd=cwd or self.project, env=self.environment(env), **popen
        )
        self._started.append(process)
        return process

    def started_and_ready(self, script: str, *options, **popen) -> subprocess.Popen:
        """Starts a shell command that must print `ready` first."""
        process = self.start(*options, "-c", script, **popen)
        line = process.stdout.readline()
        if line.strip() != b"ready":
            process.kill()
            raise Failure(f"it never got ready: {line!r} {process.stderr.read()!r}")
        return process

    def all_ended(self, seconds: float = 1) -> bool:
        """Whether nothing that srt started runs any more. We are a subreaper, so what lives on is our
        child, and its zombies are ours to reap: their pid namespace cannot end before."""

        def ended() -> bool:
            for process in self._started:
                process.poll()
            reap_zombies()
            return not children(os.getpid())

        return bool(wait_until(ended, seconds))

    def names(self, folder: pathlib.Path | None = None) -> list[str]:
        """All names below a folder, sorted."""
        folder = folder or self.project
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))

    # The end.

    def state_folders(self) -> list[pathlib.Path]:
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        return [pathlib.Path("/run/srt")] if not self.rootless else [pathlib.Path(runtime) / "srt"]

    def _strays(self) -> set[str]:
        """What srt and bwrap may make, by name: other tests have files of their own there."""
        found = set()
        for pattern in (
            "/tmp/srt-[0-9]*",
            "/tmp/.bubblewrap*",
            "/tmp/newroot*",
            "/dev/shm/tmp*",
            "/dev/shm/srt*",
        ):
            found.update(glob.glob(pattern))
        return found

    def left_behind(self) -> list[str]:
        """What of ours is on the host after every sandbox has ended."""
        found = sorted(self._strays() - self._strays_before)
        for folder in self.state_folders():
            found += [str(path) for path in folder.rglob("*")]
        return found

    def close(self) -> list[str]:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        faults = []
        self.all_ended()
        faults += kill_leftovers()
        faults += [f"left on the host: {path}" for path in self._unswept()]
        faults += self.host.changes()
        return faults

    def _unswept(self) -> list[str]:
        if self.swept_by_the_next and self.left_behind():
            self.srt("true")
        return self.left_behind()


def temporary_folder(prefix: str) -> pathlib.Path:
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix))
