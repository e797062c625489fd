"""A suite of cases that each drive a real runtime binary, and the command line they share.

    suite = Suite("security")

    @suite.case()                      # as root and as an ordinary user
    def cve_2019_5736_exe_is_overwritten(scene):
        bundle = scene.bundle()
        ...
        scene.check(before == after, "the runtime's binary was changed")

    suite.main()

Root runs every case twice: as itself, and again in a child process that has become the user of
--user. An ordinary user runs the rootless half. A line a case, then `N passed, N failed,
N skipped`; the exit status is 1 if any failed.
"""

import argparse
import contextlib
import fnmatch
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from typing import Callable

from .host import Host, become_subreaper, hide_unified_cgroup, in_child, private_namespaces
from .scene import Failure, Scene, Skip


@dataclass(frozen=True)
class Case:
    name: str
    body: Callable
    rootful: bool
    rootless: bool


class Suite:
    def __init__(self, name: str, *, arguments=None, scene=None, stage=None):
        """`arguments`, `scene` and `stage` are for suites of other programs than a runtime."""
        self.name = name
        self._cases: list[Case] = []
        self._arguments = arguments or _parse_arguments
        self._scene = scene or _container_scene
        self._stage = stage or _stage_programs

    def case(self, *, rootful: bool = True, rootless: bool = True, name: str = ""):
        """Registers a case; switch off the half in which it has no meaning."""

        def register(body):
            self._cases.append(Case(name or body.__name__, body, rootful, rootless))
            return body

        return register

    def main(self) -> None:
        # Whoever started us (nohup, a job in the background) may ignore signals, and programs inherit that.
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        options = self._arguments(self.name)
        as_root = os.geteuid() == 0
        started = time.monotonic()
        totals = {"passed": 0, "failed": 0, "skipped": 0}
        if as_root:
            private_namespaces()  # also for the rootless half, which could not make its own
            if getattr(options, "hide_unified_cgroup", False):
                hide_unified_cgroup()
            if options.rootless_only and not options.user:
                sys.exit("--rootless-only as root needs --user")
            if not options.rootless_only:
                self._run(options, rootless=False, totals=totals)
            if options.user:
                _run_as_user(
                    options,
                    totals,
                    self._stage,
                    lambda counted: self._run(options, rootless=True, totals=counted),
                )
            elif not options.rootless_only:
                print("note: the rootless half needs --user NAME")
        else:
            self._run(options, rootless=True, totals=totals)
        print(f"{self.name}: {time.monotonic() - started:.1f} s", flush=True)
        print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals), flush=True)
        sys.exit(1 if totals["failed"] else 0)

    def _run(self, options, *, rootless: bool, totals: dict) -> None:
        mode = "rootless" if rootless else "rootful"
        for case in self._cases:
            if not (case.rootless if rootless else case.rootful):
                continue
            if options.only and not any(fnmatch.fnmatch(case.name, p) for p in options.only):
                continue
            started = time.monotonic()
            outcome, reason = _perform(case, options, self._scene, rootless)
            totals[outcome] += 1
            word = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}[outcome]
            took = time.monotonic() - started
            print(
                f"{word:4} {mode:8} {case.name} ({took:.2f} s)" + (f": {reason}" if reason else ""),
                flush=True,
            )


def _perform(case: Case, options, scene_of, rootless: bool) -> tuple[str, str]:
    """Runs a case in a process of its own: what an attack does to the namespaces, descriptors or
    working directory of its caller must not reach the next case."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="srt-test-"))
    work.chmod(0o711)  # the container's ids must reach the rootfs below it

    def body() -> list[str]:
        become_subreaper()
        if not rootless:
            private_namespaces()
        return list(_perform_here(case, scene_of(options, work, rootless)))

    answer = in_child(body)
    outcome, reason = answer if isinstance(answer, list) else ("failed", answer)
    if options.keep and outcome == "failed":
        reason += f" [kept: {work}]"
    else:
        _remove(work)
    return outcome, reason


def _remove(work: pathlib.Path) -> None:
    for folder, folders, _ in os.walk(work):
        for name in folders:  # overlayfs leaves one that nobody may list
            path = pathlib.Path(folder, name)
            with contextlib.suppress(OSError):
                if not path.is_symlink() and path.stat().st_uid == os.geteuid():
                    path.chmod(0o700)
    shutil.rmtree(work, ignore_errors=True)


def _container_scene(options, work: pathlib.Path, rootless: bool) -> Scene:
    return Scene(options, work, Host(work), rootless=rootless)


def _perform_here(case: Case, scene) -> tuple[str, str]:
    outcome, reason = "passed", ""
    try:
        case.body(scene)
    except Skip as skip:
        outcome, reason = "skipped", str(skip)
    except (Failure, subprocess.TimeoutExpired) as failure:
        outcome, reason = "failed", str(failure)
    except Exception:  # a broken case must not end the suite
        outcome, reason = "failed", traceback.format_exc()
    try:
        leftovers = scene.close()
    except Exception:
        leftovers = [traceback.format_exc()]
    if leftovers:
        reason = "; ".join(([reason] if reason else []) + leftovers)
        outcome = "failed"
    return outcome, reason


def _parse_arguments(name: str):
    parser = argparse.ArgumentParser(description=f"the {name} suite")
    parser.add_argument("--runtime", required=True, help="the runtime binary to test")
    parser.add_argument("--helpers", required=True, help="folder of the built probe and attackers")
    parser.add_argument(
        "--user",
        default=os.environ.get("SRT_TEST_USER", ""),
        help="ordinary user with subuids for the rootless half (or $SRT_TEST_USER)",
    )
    parser.add_argument("--rootless-only", action="store_true")
    parser.add_argument("--long", action="store_true", help="longer races, more rounds")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="case names")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a failed case")
    parser.add_argument("--verbose", action="store_true", help="print each call of the runtime")
    parser.add_argument(
        "--hide-unified-cgroup",
        action="store_true",
        help="unmount the empty v2 hierarchy of a hybrid host (for crun)",
    )
    options = parser.parse_args()
    options.runtime = shutil.which(options.runtime) or options.runtime
    options.runtime = os.path.abspath(options.runtime)
    options.helpers = os.path.abspath(options.helpers)
    return options


def _run_as_user(options, totals: dict, stage: Callable, run: Callable[[dict], None]) -> None:
    """The rootless half, in a process that has no way back to root."""
    user = pwd.getpwnam(options.user)
    runtime_dir = tempfile.mkdtemp(prefix="srt-xdg-")
    os.chown(runtime_dir, user.pw_uid, user.pw_gid)

    staged = pathlib.Path(tempfile.mkdtemp(prefix="srt-programs-"))
    staged.chmod(0o755)
    stage(options, staged)

    def body() -> dict:
        os.setgroups([])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
        os.chdir("/")
        path = os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        os.environ.clear()
        os.environ.update(
            PATH=path, HOME=user.pw_dir, USER=options.user, XDG_RUNTIME_DIR=runtime_dir
        )
        counted = dict.fromkeys(totals, 0)
        run(counted)
        return counted

    answer = in_child(body)
    shutil.rmtree(runtime_dir, ignore_errors=True)
    shutil.rmtree(staged, ignore_errors=True)
    if not isinstance(answer, dict):
        print(f"FAIL rootless half: {answer}")
        answer = {"failed": 1}
    for outcome, count in answer.items():
        totals[outcome] += count


def _stage_programs(options, folder: pathlib.Path) -> None:
    """Copies where an ordinary user can reach them: a build folder may be root's."""
    runtime = pathlib.Path(options.runtime)
    helpers = folder / "contained"
    helpers.mkdir(mode=0o755)
    for program in [runtime, *runtime.parent.glob("srt-*")]:
        if program.is_file():
            shutil.copy(program, folder / program.name)
    for program in pathlib.Path(options.helpers).iterdir():
        if program.is_file():
            shutil.copy(program, helpers / program.name)
    options.runtime, options.helpers = str(folder / runtime.name), str(helpers)
