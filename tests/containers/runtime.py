"""Calls of the runtime under test, as an engine makes them."""

import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

# No verb takes longer than this on a machine that works; a case that expects speed says so itself.
PATIENCE = 20


@dataclass
class Outcome:
    """One finished call."""

    verb: str
    status: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        return self.status == 0

    def __str__(self) -> str:
        tail = (self.err.strip() or self.out.strip())[-600:]
        return f"`{self.verb}` ended with status {self.status}: {tail}"


class Runtime:
    """A runtime binary with a state folder of its own (`--root`)."""

    def __init__(self, binary: str, state: pathlib.Path, *, verbose: bool = False):
        self.binary = binary
        self.name = os.path.basename(binary)
        self.state_folder = state
        self._verbose = verbose

    def command(self, *words: str, options: tuple = ()) -> list[str]:
        return [self.binary, "--root", str(self.state_folder), *map(str, options), *map(str, words)]

    def call(
        self,
        *words: str,
        options: tuple = (),
        stdin=subprocess.DEVNULL,
        timeout: float = PATIENCE,
        **popen,
    ) -> Outcome:
        """Runs a verb to its end. Not for a verb whose container inherits stdout and lives on."""
        done = subprocess.run(
            self.command(*words, options=options),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
            **popen,
        )
        outcome = Outcome(
            str(words[0]),
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )
        if self._verbose:
            print(f"    {' '.join(map(str, words))} -> {outcome}", file=sys.stderr)
        return outcome

    def spawn(self, *words: str, options: tuple = (), **popen) -> subprocess.Popen:
        return subprocess.Popen(self.command(*words, options=options), **popen)

    def run(self, bundle, name: str, *flags: str, **keywords) -> Outcome:
        return self.call("run", *flags, "--bundle", bundle.save(), name, **keywords)

    def create(
        self,
        bundle,
        name: str,
        *flags: str,
        timeout: float = PATIENCE,
        stdin=subprocess.DEVNULL,
        **popen,
    ) -> Outcome:
        """The container's output goes to the files `out` and `err` in the bundle."""
        folder = bundle.save()
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            done = subprocess.run(
                self.command("create", *flags, "--bundle", folder, name),
                stdin=stdin,
                stdout=out,
                stderr=err,
                timeout=timeout,
                **popen,
            )
        outcome = Outcome(
            "create",
            done.returncode,
            (folder / "out").read_text(errors="replace"),
            (folder / "err").read_text(errors="replace"),
        )
        if self._verbose:
            print(f"    create {name} -> {outcome}", file=sys.stderr)
        return outcome

    def start(self, name: str, **keywords) -> Outcome:
        return self.call("start", name, **keywords)

    def exec(self, name: str, *words: str, flags: tuple = (), **keywords) -> Outcome:
        return self.call("exec", *flags, name, *words, **keywords)

    def delete(self, name: str, *, force: bool = True, **keywords) -> Outcome:
        return self.call("delete", *(["--force"] if force else []), name, **keywords)

    def kill(self, name: str, signal: str = "KILL", *flags: str) -> Outcome:
        return self.call("kill", *flags, name, signal)

    def state(self, name: str) -> dict:
        """The state document; empty when there is no such container."""
        outcome = self.call("state", name)
        return json.loads(outcome.out) if outcome.ok else {}

    def status(self, name: str) -> str:
        return self.state(name).get("status", "")

    def pid(self, name: str) -> int:
        return self.state(name).get("pid", 0)

    def ids(self) -> list[str]:
        outcome = self.call("list", "--quiet")
        return outcome.out.split() if outcome.ok else []
