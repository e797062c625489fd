"""The Suite of the conformance cases, and the table row that most of them are.

    row("umask", lambda bundle: bundle.process["user"].update(umask=0o027),
        {"identity.umask": 0o027})

A row changes the default bundle, runs it with the probe as program, and compares what the probe saw
with what config.json said. A wanted value is compared for equality, or called with what was seen.
"""

import inspect
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from containers.scene import Scene  # noqa: E402
from containers.suite import Suite  # noqa: E402

suite = Suite("conformance")


def look_up(seen: dict, path: str):
    """`identity.umask` in the probe's document; a request (`stat:/x`) is found under "asked"."""
    if ":" in path:
        request, _, rest = path.partition("#")
        value = seen["asked"][request]
        return value.get(rest) if rest else value
    value = seen
    for word in path.split("."):
        value = value[word]
    return value


def compare(scene: Scene, seen: dict, wants: dict) -> None:
    for path, wanted in wants.items():
        got = look_up(seen, path)
        if callable(wanted):
            scene.check(wanted(got), f"{path}: got {got!r}")
        else:
            scene.equal(got, wanted, path)


def row(
    name: str,
    change,
    wants: dict,
    *,
    rootful: bool = True,
    rootless: bool = True,
    version: str = "",
    flags: tuple = (),
) -> None:
    """Registers one row. `change(bundle)` or `change(bundle, scene)` prepares; the probe is asked
    what `wants` names."""

    def body(scene: Scene) -> None:
        bundle = scene.bundle()
        if version:
            bundle.config["ociVersion"] = version
        takes_scene = "scene" in inspect.signature(change).parameters
        change(bundle, scene) if takes_scene else change(bundle)
        requests = sorted({path.partition("#")[0] for path in wants if ":" in path})
        compare(scene, scene.probe(bundle, *requests, flags=flags), wants)

    suite.case(rootful=rootful, rootless=rootless, name=name)(body)


class Mount:
    """One line of mountinfo."""

    def __init__(self, line: str):
        fields = line.split()
        dash = fields.index("-")
        self.root, self.point = fields[3], fields[4]
        self.options = set(fields[5].split(","))
        self.propagation = {word.split(":")[0] for word in fields[6:dash]}
        self.type, self.source = fields[dash + 1], fields[dash + 2]
        self.super_options = set(fields[dash + 3].split(","))
        self.line = line


def mounts_at(mountinfo: str, point: str) -> list[Mount]:
    """All mounts on a point, the last one is on top."""
    return [m for m in map(Mount, mountinfo.splitlines()) if m.point == point]


def mounted(
    point: str,
    *,
    type: str | None = None,
    has: str = "",
    lacks: str = "",
    super_has: str = "",
    super_lacks: str = "",
    propagation: set | None = None,
    source: str | None = None,
):
    """A wanted value for "mountinfo": what must be mounted at `point`."""

    def holds(mountinfo: str) -> bool:
        found = mounts_at(mountinfo, point)
        if not found:
            print(f"    nothing is mounted at {point}")
            return False
        top = found[-1]
        faults = []
        if type is not None and top.type != type:
            faults.append(f"type {top.type} is not {type}")
        if source is not None and top.source != source:
            faults.append(f"source {top.source} is not {source}")
        faults += [f"lacks {o}" for o in has.split() if o not in top.options]
        faults += [f"has {o}" for o in lacks.split() if o in top.options]
        faults += [f"superblock has {o}" for o in super_lacks.split() if o in top.super_options]
        faults += [f"superblock lacks {o}" for o in super_has.split() if o not in top.super_options]
        if propagation is not None and top.propagation != propagation:
            faults.append(f"propagation {top.propagation} is not {propagation}")
        for fault in faults:
            print(f"    {fault}: {top.line}")
        return not faults

    return holds


def every(*conditions):
    """A wanted value that is all of several."""
    return lambda value: all([condition(value) for condition in conditions])
