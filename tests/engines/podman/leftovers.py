"""What a suite must not leave behind: processes, cgroups, mounts, state.

Taken after every container is removed. Everything of ours is known by a mark: the name of the work
folder is in the command line of podman and conmon and in the environment of every program in a
container, and podman's event log names every container that there was.
"""

import os
import sys

from suite import case, equal

STATE_ROOTS = ("/run/srt", "/run/runc", "/run/crun")


def seen_from_inside(podman, *command):
    """A command that sees what the containers' ids own: rootless, inside podman's user namespace."""
    inside = [] if podman.root else ["podman", "unshare"]
    return podman.execute([*inside, *command])


def all_containers(podman):
    events = podman("events", "--stream=false", "--filter", "event=create", "--format", "{{.ID}}")
    identities = set(events.ok().split())
    assert len(identities) > 20, "the event log is not complete"
    return identities


@case("no container is left, for podman")
def containers(podman):
    equal(podman("ps", "--all", "--quiet").ok(), "")


@case("no process is left: no program, conmon, or process of the runtime")
def processes(podman):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "marked.py")
    found = seen_from_inside(podman, sys.executable, script, podman.mark).ok().split("\n")
    own = ("marked.py", "catatonit -P")  # the search itself, and rootless podman's pause process
    equal([row for row in found if row and not any(part in row for part in own)], [])


@case("no cgroup is left")
def cgroups(podman):
    identities = all_containers(podman)
    found = [
        os.path.join(folder, name)
        for folder, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if any(identity in name for identity in identities)
    ]
    equal(found, [])


@case("no mount is left")
def mounts(podman):
    info = seen_from_inside(podman, "cat", "/proc/self/mountinfo").ok()
    points = [row.split()[4] for row in info.split("\n")]
    own = f"{podman.work}/root/overlay"  # the storage driver's own, for as long as it is used
    equal([p for p in points if p.startswith(podman.work) and p != own], [])


@case("the runtime lists no container and keeps no state")
def state(podman):
    identities = all_containers(podman)
    listed = seen_from_inside(podman, podman.runtime, "list", "--quiet").ok().split()
    equal(sorted(identities.intersection(listed)), [], "listed")
    roots = STATE_ROOTS if podman.root else [f"{podman.work}/xdg/{os.path.basename(r)}" for r in STATE_ROOTS]
    kept = [f"{root}/{i}" for root in roots for i in identities if os.path.exists(f"{root}/{i}")]
    equal(kept, [], "state folders")

