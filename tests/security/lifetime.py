"""Containers that end at a bad moment, and hooks that need the host's tree (those for GPUs do)."""

import json
import os
import shutil
import signal
import subprocess
import time

from containers import host as host_module
from suite import suite


@suite.case()
def start_of_a_killed_container_fails_at_once(scene):
    bundle, name = scene.bundle().args("/bin/true"), scene.new_id()
    created = scene.runtime.create(bundle, name)
    scene.check(created.ok, str(created))
    pid = scene.runtime.pid(name)
    os.kill(pid, signal.SIGKILL)
    host_module.wait_until(lambda: not host_module.is_running(pid), 5)
    started_at = time.monotonic()
    started = scene.runtime.start(name, timeout=10)
    scene.check(not started.ok, "start of a dead container reported success")
    scene.check(started.err, "start of a dead container gave no reason")
    scene.check(time.monotonic() - started_at < 2, "start took more than two seconds to notice")
    scene.equal(scene.runtime.status(name), "stopped", "status")
    deleted = scene.runtime.delete(name, force=False)
    scene.check(deleted.ok, str(deleted))
    scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case()
def start_while_the_container_is_killed_never_hangs(scene):
    """The kill comes at any moment of start."""
    for step in range(40 if scene.long else 12):
        bundle, name = scene.bundle().args("/bin/sleep", "1000"), scene.new_id()
        created = scene.runtime.create(bundle, name)
        scene.check(created.ok, str(created))
        pid = scene.runtime.pid(name)
        starting = scene.runtime.spawn("start", name, stderr=subprocess.DEVNULL)
        time.sleep(step * 0.0007)  # the moment is the parameter; nothing is awaited
        os.kill(pid, signal.SIGKILL)
        try:
            starting.wait(5)
        finally:
            starting.kill()
            starting.wait()
        host_module.wait_until(lambda: not host_module.is_running(pid), 5)
        scene.equal(scene.runtime.status(name), "stopped", "status")
        deleted = scene.runtime.delete(name, force=False)
        scene.check(deleted.ok, str(deleted))


# Run by the host's interpreter, dynamically linked: it needs the host's tree around it.
HOOK = """
import json, os, sys
state = json.load(sys.stdin)
rootfs = sys.argv[1]
lines = open("/proc/self/mountinfo").read().splitlines()
seen = {
    "state": state,
    "mounts": [l.split()[4] for l in lines if l.split()[4].startswith(rootfs)],
    "host_file": os.path.exists(sys.argv[2]),
    "interpreter": sys.executable,
    "null": os.path.exists(rootfs + "/dev/null"),
    "proc": os.path.exists(rootfs + "/proc/self/status"),
}
os.makedirs(rootfs + "/run/injected", exist_ok=True)
open(rootfs + "/run/injected/by-hook", "w").write("driver\\n")
json.dump(seen, open(sys.argv[3], "w"))
"""


@suite.case()
def a_create_container_hook_sees_the_containers_mounts_in_the_hosts_tree(scene):
    bundle = scene.bundle()
    # The system's own: a caller's private one may be closed to the container's ids.
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None:
        scene.skip("no python3 in /usr/bin to be a dynamically linked hook")
    script, result = scene.work / "hook.py", scene.work / "hook.json"
    script.write_text(HOOK)
    bundle.config["hooks"] = {
        "createContainer": [
            {
                "path": python,
                "args": [
                    "python3",
                    str(script),
                    str(bundle.rootfs),
                    str(scene.canary / "secret"),
                    str(result),
                ],
                "env": ["PATH=/usr/bin:/bin"],
            }
        ]
    }
    outcome = scene.runtime.run(bundle.shell("cat /run/injected/by-hook"), scene.new_id())
    scene.check(result.exists(), f"the hook did not run to its end: {outcome}")
    seen = json.loads(result.read_text())
    for point in ("/proc", "/dev", "/sys", "/dev/pts"):
        scene.check(
            str(bundle.rootfs) + point in seen["mounts"],
            f"{point} is not mounted: {seen['mounts']}",
        )
    scene.check(seen["host_file"], "the hook does not see the host's files")
    scene.check(seen["proc"] and seen["null"], f"the hook sees mounts without content: {seen}")
    scene.check(
        "driver" in outcome.out, f"what the hook put into the rootfs is not inside: {outcome}"
    )
    scene.host_unchanged()


@suite.case()
def a_mount_made_by_a_create_container_hook_is_inside_and_not_on_the_host(scene):
    bundle = scene.bundle()
    script = scene.work / "hook.sh"
    source = scene.work / "driver"
    source.mkdir()
    (source / "library").write_text("driver\n")
    script.write_text(
        f"#!/bin/sh\ncat >/dev/null\nexec mount --bind {source} {bundle.rootfs}/mnt\n"
    )
    script.chmod(0o755)
    bundle.config["hooks"] = {
        "createContainer": [{"path": str(script), "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]
    }
    outcome = scene.runtime.run(
        bundle.shell("cat /mnt/library; grep -c /mnt /proc/mounts"), scene.new_id()
    )
    scene.check("driver" in outcome.out, str(outcome))
    scene.host_unchanged()
