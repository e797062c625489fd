"""What one case works with: a folder, bundles, the runtime, the host as witness."""

import itertools
import json
import os
import pathlib
import pwd
import subprocess

from . import host as host_module
from .bundle import Bundle, subordinate_range
from .host import Host
from .runtime import PATIENCE, Runtime

_serial = itertools.count()


class Failure(AssertionError):
    """What the case claims does not hold."""


class Skip(Exception):
    """The case cannot be shown here, for the reason given."""


class Refused(Failure):
    """The runtime ended before the probe could look."""


class Scene:
    def __init__(self, options, work: pathlib.Path, host: Host, *, rootless: bool):
        self.work = work
        self.host = host
        self.rootless = rootless
        self.long = options.long
        self.helpers = pathlib.Path(options.helpers)
        self.runtime = Runtime(options.runtime, work / "state", verbose=options.verbose)
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self._prefix = f"srt-t{os.getpid()}-{next(_serial)}"
        self._ids: list[str] = []
        self._bundles = itertools.count()

    @property
    def canary(self) -> pathlib.Path:
        """A folder of the host that no container may see or change."""
        return self.host.canary

    @property
    def is_srt(self) -> bool:
        return self.runtime.name.startswith("srt")

    def bundle(self) -> Bundle:
        return Bundle(
            self.work / f"bundle{next(self._bundles)}", self.helpers, rootless=self.rootless
        )

    def new_id(self, suffix: str = "") -> str:
        """An id that close() deletes."""
        name = f"{self._prefix}-{len(self._ids)}{suffix}"
        self._ids.append(name)
        return name

    def subordinate_maps(self) -> tuple[list, list]:
        """uid and gid maps as engines write them: the caller and its subordinate ids."""
        uids = subordinate_range("/etc/subuid", self.user)
        gids = subordinate_range("/etc/subgid", self.user)
        if not uids or not gids:
            raise Skip(f"{self.user} has no subordinate ids in /etc/subuid and /etc/subgid")
        return (
            [(0, os.geteuid(), 1), (1, uids[0], uids[1])],
            [(0, os.getegid(), 1), (1, gids[0], gids[1])],
        )

    # Claims.

    def check(self, holds, what: str) -> None:
        if not holds:
            raise Failure(what)

    def equal(self, got, wanted, what: str) -> None:
        if got != wanted:
            raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")

    def skip(self, reason: str) -> None:
        raise Skip(reason)

    def host_unchanged(self) -> None:
        changes = self.host.changes()
        if changes:
            raise Failure("; ".join(changes))

    # Common moves.

    def probe(self, bundle: Bundle, *requests: str, flags: tuple = (), **keywords) -> dict:
        """Runs the bundle with the probe as its program; what it saw."""
        outcome = self.runtime.run(
            bundle.args("/bin/probe", *requests), self.new_id(), *flags, **keywords
        )
        return self.seen(outcome)

    def seen(self, outcome) -> dict:
        """The probe's document in a finished call's output."""
        start = outcome.out.find('{"')
        if outcome.status != 0 or start < 0:
            raise Refused(str(outcome))
        return json.loads(outcome.out[start:])

    def created(self, *args: str, **config) -> str:
        """A container whose program (one that does nothing) is held back; its id. `config`: fields of config.json."""
        bundle = self.bundle().args(*(args or ("/bin/sleep", "1000")))
        bundle.config.update(config)
        return self.created_from(bundle)

    def created_from(self, bundle: Bundle, *flags: str) -> str:
        name = self.new_id()
        created = self.runtime.create(bundle, name, *flags)
        self.check(created.ok, str(created))
        return name

    def started(self, bundle: Bundle, *flags: str) -> str:
        """Creates and starts a container; its id."""
        name = self.created_from(bundle, *flags)
        started = self.runtime.start(name)
        self.check(started.ok, str(started))
        return name

    def sleeping(self, bundle: Bundle | None = None) -> str:
        """A running container that does nothing; its id."""
        return self.started((bundle or self.bundle()).args("/bin/sleep", "1000"))

    def output(self, bundle: Bundle) -> str:
        """What a created container of this bundle wrote so far."""
        return (bundle.path / "out").read_text(errors="replace")

    def wait_for_output(self, bundle: Bundle, text: str, seconds: float = 5) -> None:
        found = host_module.wait_until(lambda: text in self.output(bundle), seconds)
        self.check(
            found,
            f"the container never wrote {text!r}; it wrote {self.output(bundle)!r}, "
            f"errors {(bundle.path / 'err').read_text(errors='replace')!r}",
        )

    def wait_for_status(self, name: str, status: str, seconds: float = 5) -> None:
        found = host_module.wait_until(
            lambda: self.runtime.status(name) == status, seconds, step=0.01
        )
        self.check(
            found, f"status is {self.runtime.status(name)!r}, not {status!r}, after {seconds} s"
        )

    # The end.

    def delete_and_reap(self, name: str) -> str:
        """delete --force by a supervisor that reaps meanwhile; what went wrong."""
        deleting = self.runtime.spawn(
            "delete",
            "--force",
            name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        ended = host_module.wait_until(
            lambda: host_module.reap_zombies(but=deleting.pid) or deleting.poll() is not None,
            PATIENCE,
        )
        if not ended:
            deleting.kill()
        text = deleting.communicate()[1].decode(errors="replace")
        if not ended:
            return "delete --force never ended"
        return (
            f"delete --force: status {deleting.returncode}: {text}" if deleting.returncode else ""
        )

    def close(self) -> list[str]:
        """Deletes what is there; tells what stayed behind or changed on the host."""
        faults = []
        for name in set(self._ids) | set(self.runtime.ids()):
            try:
                fault = self.delete_and_reap(name)
                if fault:
                    faults.append(fault)
                elif self.runtime.state(name):
                    faults.append(f"delete --force left the state of {name}")
            except Exception as error:
                faults.append(f"delete --force: {error}")
        # The monitor and init go by themselves right after delete, once a subreaper has done its part.
        host_module.wait_until(
            lambda: host_module.reap_zombies() or not host_module.children(os.getpid()), 1
        )
        faults += host_module.kill_leftovers()
        groups = host_module.cgroups_named(self._prefix)
        faults += [f"control group left behind: {path}" for path in groups]
        host_module.remove_cgroups(groups)
        faults += self.host.changes()
        return faults
