#!/usr/bin/env python3
"""srt-runtime --systemd-cgroup, and srt-scope by itself, with a real systemd: one that is booted for it in namespaces
of its own (machine.py).

    tests/systemd/main.py --runtime build/release/bin/srt-runtime \
        --helpers build/release/bin/contained --user NAME [--only 'stop*']

Needs root; the rootless half has the user's own manager.
"""

import argparse
import os
import pathlib
import pwd
import subprocess
import sys

sys.dont_write_bytecode = True

import suite as _first  # noqa: E402,F401  (sets the path that the others import from)

import driver  # noqa: E402,F401
import podman  # noqa: E402,F401
import requests_refused  # noqa: E402,F401
import scopes  # noqa: E402,F401
import unwilling  # noqa: E402,F401
from machine import Machine, NoMachine  # noqa: E402
from suite import suite  # noqa: E402

INSIDE = "SRT_TEST_IS_INSIDE"


def boot_and_enter() -> int:
    parser = argparse.ArgumentParser(add_help=False)
    for option in ("--runtime", "--helpers"):
        parser.add_argument(option, type=pathlib.Path, default=pathlib.Path("/nowhere"))
    parser.add_argument("--user", default="")
    options, _ = parser.parse_known_args()
    folders = {pathlib.Path(__file__).resolve().parent.parent, options.runtime.resolve().parent}
    folders.add(options.helpers.resolve())
    with Machine(sorted(str(f) for f in folders if f.is_dir())) as machine:
        if options.user:
            unit = f"user@{pwd.getpwnam(options.user).pw_uid}.service"
            if machine.run("systemctl", "start", unit).returncode != 0:
                raise NoMachine(f"{unit} does not start")
        environment = {**os.environ, INSIDE: "yes"}
        return machine.run(sys.executable, *sys.argv, env=environment).returncode


if __name__ == "__main__":
    if os.environ.get(INSIDE) or {"-h", "--help"} & set(sys.argv):
        suite.main()
    try:
        sys.argv[0] = os.path.abspath(sys.argv[0])
        sys.exit(boot_and_enter())
    except NoMachine as reason:
        print(f"skip          everything: {reason}")
        print("0 passed, 0 failed, 1 skipped")
