"""The one Suite that the modules here add their cases to, and what its cases ask systemd."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from client import Scope, private_and_bus  # noqa: E402
from containers.host import Host, wait_until  # noqa: E402  (the path above finds them)
from containers.runtime import Runtime  # noqa: E402
from containers.scene import Scene  # noqa: E402
from containers.suite import Suite  # noqa: E402


class SystemdRuntime(Runtime):
    """As engines call it whose cgroup driver is systemd."""

    def command(self, *words: str, options: tuple = ()) -> list[str]:
        return super().command(*words, options=("--systemd-cgroup", *options))


class SystemdScene(Scene):
    """As root it is about the system's manager, as an ordinary user about that user's."""

    def __init__(self, options, work, host, *, rootless):
        if rootless:
            os.environ["XDG_RUNTIME_DIR"] = f"/run/user/{os.geteuid()}"
        super().__init__(options, work, host, rootless=rootless)
        self.runtime = SystemdRuntime(options.runtime, work / "state", verbose=options.verbose)
        self._scopes: list[Scope] = []
        self._units: list[str] = []
        self.slice = "app.slice" if rootless else "system.slice"

    @property
    def manager(self) -> tuple:
        return ("--user",) if self.rootless else ()

    def systemctl(self, *words: str) -> str:
        done = subprocess.run(
            ["systemctl", *self.manager, "--no-pager", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        return done.stdout + done.stderr

    def show(self, unit: str, *properties: str) -> dict:
        said = self.systemctl("show", unit, "--property", ",".join(properties))
        return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)

    def is_loaded(self, unit: str) -> bool:
        return unit in self.systemctl("list-units", "--all", "--plain", "--no-legend", unit)

    def placed(self, bundle, slice: str | None = None) -> str:
        """Has the bundle ask for a scope as engines do, SLICE:PREFIX:NAME; its unit."""
        unit = self.new_unit()
        name = unit.removeprefix("srt-").removesuffix(".scope")
        bundle.linux["cgroupsPath"] = f"{self.slice if slice is None else slice}:srt:{name}"
        return unit

    def group_of_manager(self) -> str:
        """The control group that our systemd manages, as the kernel names it."""
        uid = os.geteuid()
        return f"/user.slice/user-{uid}.slice/user@{uid}.service" if self.rootless else ""

    def new_unit(self) -> str:
        """A name that close() looks for."""
        self._units.append(f"{self._prefix}-{len(self._units)}.scope")
        return self._units[-1]

    def scope(self, buses: list[str] | None = None, prefix: tuple = ()) -> Scope:
        program = pathlib.Path(self.runtime.binary).with_name("srt-scope")
        if not program.exists():
            self.skip("srt-scope was not built: libsystemd-dev is not installed")
        self._scopes.append(Scope(str(program), buses or private_and_bus(), prefix))
        return self._scopes[-1]

    def sleeper(self) -> int:
        """A process in our own control group."""
        return subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL).pid

    def close(self) -> list[str]:
        for scope in self._scopes:
            if scope.process.poll() is None:
                scope.end()
        faults = [f for f in map(self.delete_and_reap, self.runtime.ids()) if f]
        # Units first: systemd does not notice that one is empty whose control group was removed by somebody else.
        for unit in self._units:
            if not wait_until(lambda name=unit: not self.is_loaded(name), 5):
                faults.append(f"unit left behind: {self.systemctl('status', unit)}")
        return super().close() + faults


def _scene(options, work: pathlib.Path, rootless: bool) -> SystemdScene:
    return SystemdScene(options, work, Host(work), rootless=rootless)


suite = Suite("systemd", scene=_scene)
