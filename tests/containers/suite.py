"""A suite of cases that each drive a real runtime binary, and the command line they share.

    suite = Suite("security")

    @suite.case()                      # as root and as an ordinary user
    def cve_2019_5736_exe_is_overwritten(scene):
        bundle = scene.bundle()
        ...
        scene.check(before == after, "the runtime's binary was changed")

    suite.main()

Root runs every case twice: as itself, and again in a child process that has become the user of
--user. An ordinary user runs the rootless half. A line a case, then `N passed, N failed, N skipped`;
the exit status is 1 if any failed.
"""

import argparse
import ctypes
import fnmatch
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from typing import Callable

from .host import Host, become_subreaper, private_mounts
from .scene import Failure, Scene, Skip


@dataclass(frozen=True)
class Case:
    name: str
    body: Callable
    rootful: bool
    rootless: bool


class Suite:
    def __init__(self, name: str):
        self.name = name
        self._cases: list[Case] = []

    def case(self, *, rootful: bool = True, rootless: bool = True, name: str = ""):
        """Registers a case; switch off the half in which it has no meaning."""

        def register(body):
            self._cases.append(Case(name or body.__name__, body, rootful, rootless))
            return body

        return register

    def main(self) -> None:
        options = _parse_arguments(self.name)
        as_root = os.geteuid() == 0
        started = time.monotonic()
        totals = {"passed": 0, "failed": 0, "skipped": 0}
        if as_root:
            private_mounts(hide_unified_cgroup=options.hide_unified_cgroup)
            if options.rootless_only and not options.user:
                sys.exit("--rootless-only as root needs --user")
            if not options.rootless_only:
                self._run(options, rootless=False, totals=totals)
            if options.user:
                _run_as_user(options, totals)
            elif not options.rootless_only:
                print("note: the rootless half needs --user NAME")
        else:
            self._run(options, rootless=True, totals=totals)
        if options.report_to >= 0:  # we are the child: the parent prints the sum
            os.write(options.report_to, json.dumps(totals).encode())
        else:
            print(f"{self.name}: {time.monotonic() - started:.1f} s", flush=True)
            print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals), flush=True)
        sys.exit(1 if totals["failed"] else 0)

    def _run(self, options, *, rootless: bool, totals: dict) -> None:
        become_subreaper()
        mode = "rootless" if rootless else "rootful"
        for case in self._cases:
            if not (case.rootless if rootless else case.rootful):
                continue
            if options.only and not any(fnmatch.fnmatch(case.name, p) for p in options.only):
                continue
            started = time.monotonic()
            outcome, reason = _perform(case, options, rootless)
            totals[outcome] += 1
            word = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}[outcome]
            took = time.monotonic() - started
            print(f"{word:4} {mode:8} {case.name} ({took:.2f} s)" + (f": {reason}" if reason else ""),
                  flush=True)


def _perform(case: Case, options, rootless: bool) -> tuple[str, str]:
    work = pathlib.Path(tempfile.mkdtemp(prefix="srt-test-"))
    work.chmod(0o711)  # the container's ids must reach the rootfs below it
    scene = Scene(options, work, Host(work), rootless=rootless)
    outcome, reason = "passed", ""
    try:
        case.body(scene)
    except Skip as skip:
        outcome, reason = "skipped", str(skip)
    except (Failure, subprocess.TimeoutExpired) as failure:
        outcome, reason = "failed", str(failure)
    except Exception:  # a broken case must not end the suite
        outcome, reason = "failed", traceback.format_exc()
    leftovers = scene.close()
    if leftovers and outcome != "failed":
        outcome, reason = "failed", "; ".join(leftovers)
    elif leftovers:
        reason += " | " + "; ".join(leftovers)
    if options.keep and outcome == "failed":
        reason += f" [kept: {work}]"
    else:
        shutil.rmtree(work, ignore_errors=True)
    return outcome, reason


def _parse_arguments(name: str):
    parser = argparse.ArgumentParser(description=f"the {name} suite")
    parser.add_argument("--runtime", required=True, help="the runtime binary to test")
    parser.add_argument("--helpers", required=True, help="folder of the built probe and attackers")
    parser.add_argument("--user", default="", help="ordinary user with subuids for the rootless half")
    parser.add_argument("--rootless-only", action="store_true")
    parser.add_argument("--long", action="store_true", help="longer races, more rounds")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="case names")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a failed case")
    parser.add_argument("--verbose", action="store_true", help="print each call of the runtime")
    parser.add_argument("--hide-unified-cgroup", action="store_true",
                        help="unmount the empty v2 hierarchy of a hybrid host (for crun)")
    parser.add_argument("--report-to", type=int, default=-1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.runtime = shutil.which(options.runtime) or options.runtime
    options.runtime = os.path.abspath(options.runtime)
    options.helpers = os.path.abspath(options.helpers)
    return options


def _run_as_user(options, totals: dict) -> None:
    """The rootless half, in a process that has no way back to root."""
    user = pwd.getpwnam(options.user)
    runtime_dir = tempfile.mkdtemp(prefix="srt-xdg-")
    os.chown(runtime_dir, user.pw_uid, user.pw_gid)
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": user.pw_dir, "USER": options.user,
                   "XDG_RUNTIME_DIR": runtime_dir}
    reading, writing = os.pipe()
    command = [sys.executable, *sys.argv, "--report-to", str(writing)]
    child = subprocess.Popen(command, user=user.pw_uid, group=user.pw_gid, extra_groups=[],
                             env=environment, cwd="/", pass_fds=[writing])
    os.close(writing)
    with os.fdopen(reading) as report:
        text = report.read()
    child.wait()
    shutil.rmtree(runtime_dir, ignore_errors=True)
    if not text:
        print(f"FAIL rootless half ended with status {child.returncode}")
        totals["failed"] += 1
        return
    for outcome, count in json.loads(text).items():
        totals[outcome] += count
