"""Hooks: all six kinds, their order, what they are given, and what happens when they fail."""

import json
import os
import pathlib
import time

from containers import host as host_module
from containers.scene import Scene
from suite import suite

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")

# Appends one JSON line: its kind and environment, the state from stdin, its namespaces.
SCRIPT = """#!/bin/sh
state=$(cat)
printf '{"kind":"%s","env":"%s","mnt":"%s","net":"%s","state":%s}\\n' "$1" \\
  "$MARK/$SRT_TEST_SECRET" "$(readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/net)" \\
  "$state" >> "$LOG"
exit ${STATUS:-0}
"""


class Recorder:
    """A script for hooks of every kind and the file it writes, at one path inside and out."""

    def __init__(self, scene: Scene, bundle):
        self.folder = scene.work / "hooks"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self._script = self.folder / "hook.sh"
        self._script.write_text(SCRIPT)
        self._script.chmod(0o755)
        self._log = self.folder / "log"
        bundle.bind(self.folder, str(self.folder), "rw")

    def hook(self, kind: str, label: str = "", **more) -> dict:
        status = more.pop("status", 0)
        return {
            "path": str(self._script),
            "args": ["a-name", label or kind],
            "env": [f"LOG={self._log}", "MARK=given", "PATH=/usr/bin:/bin", f"STATUS={status}"],
            **more,
        }

    def lines(self) -> list[dict]:
        if not self._log.exists():
            return []
        decoder, text, found = json.JSONDecoder(), self._log.read_text(), []
        while text.strip():
            value, end = decoder.raw_decode(text.lstrip())
            found.append(value)
            text = text.lstrip()[end:]
        return found

    def kinds(self) -> list[str]:
        return [line["kind"] for line in self.lines()]


def _lived(scene: Scene, bundle, hooks: dict) -> str:
    bundle.config["hooks"] = hooks
    name = scene.started(bundle.args("/bin/sleep", "1000"))
    return name


@suite.case()
def hooks_run_in_the_specifications_order(scene):
    bundle = scene.bundle()
    recorder = Recorder(scene, bundle)
    hooks = {kind: [recorder.hook(kind, f"{kind}{n}") for n in (1, 2)] for kind in KINDS}
    bundle.config["hooks"] = hooks
    name = scene.new_id()
    created = scene.runtime.create(bundle.args("/bin/sleep", "1000"), name)
    scene.check(created.ok, str(created))
    wanted = [f"{kind}{n}" for kind in KINDS[:3] for n in (1, 2)]
    scene.equal(recorder.kinds(), wanted, "hooks of create")
    started = scene.runtime.start(name)
    scene.check(started.ok, str(started))
    wanted += [f"{kind}{n}" for kind in KINDS[3:5] for n in (1, 2)]
    scene.equal(recorder.kinds(), wanted, "hooks of create and start")
    scene.check(scene.runtime.delete(name).ok, "delete failed")
    wanted += [f"poststop{n}" for n in (1, 2)]
    scene.equal(recorder.kinds(), wanted, "all hooks")


@suite.case()
def hooks_are_given_the_state(scene):
    bundle = scene.bundle()
    recorder = Recorder(scene, bundle)
    bundle.config["annotations"] = {"org.example": "kept"}
    os.environ["SRT_TEST_SECRET"] = "hunter2"
    name = _lived(scene, bundle, {kind: [recorder.hook(kind)] for kind in KINDS})
    pid = scene.runtime.pid(name)
    scene.check(scene.runtime.delete(name).ok, "delete failed")
    lines = {line["kind"]: line for line in recorder.lines()}
    scene.equal(sorted(lines), sorted(KINDS), "hooks that ran")
    own_mounts = os.readlink("/proc/self/ns/mnt")
    own_network = os.readlink("/proc/self/ns/net")
    for kind, line in lines.items():
        state = line["state"]
        scene.equal(
            (state["id"], state["bundle"]), (name, str(bundle.path)), f"{kind}: id and bundle"
        )
        scene.equal(state.get("annotations", {}).get("org.example"), "kept", f"{kind}: annotations")
        scene.check("ociVersion" in state, f"{kind}: {state}")
        statuses = {
            "startContainer": ("created", "running"),
            "poststart": ("running",),
            "poststop": ("stopped",),
        }.get(kind, ("creating", "created"))
        scene.check(state["status"] in statuses, f"{kind}: status {state['status']}")
        if kind in ("prestart", "createRuntime", "poststart"):
            scene.equal(state["pid"], pid, f"{kind}: pid")
        scene.equal(line["env"], "given/", f"{kind}: environment (its own only)")
        inside = kind in ("createContainer", "startContainer")
        scene.equal(
            line["net"] != own_network, inside, f"{kind}: runs in the container's namespaces"
        )
        scene.equal(
            line["mnt"] != own_mounts, inside, f"{kind}: runs in the container's mount namespace"
        )


@suite.case()
def hook_arguments_are_passed_as_written(scene):
    bundle = scene.bundle()
    out = scene.work / "arguments"
    script = scene.work / "print.sh"
    script.write_text(f'#!/bin/sh\ncat >/dev/null\nfor a in "$@"; do echo "[$a]"; done > {out}\n')
    script.chmod(0o755)
    _lived(
        scene,
        bundle,
        {"createRuntime": [{"path": str(script), "args": ["zero", "one", "two words", ""]}]},
    )
    scene.equal(out.read_text(), "[one]\n[two words]\n[]\n", "arguments")


def _fails(scene: Scene, kind: str) -> None:
    bundle = scene.bundle()
    recorder = Recorder(scene, bundle)
    bundle.config["hooks"] = {
        kind: [recorder.hook(kind, status=3), recorder.hook(kind, "second")],
        "poststop": [recorder.hook("poststop")],
    }
    name = scene.new_id()
    created = scene.runtime.create(bundle.args("/bin/sleep", "1000"), name)
    scene.check(not created.ok and created.err, f"create with a failing {kind} hook: {created}")
    scene.check("second" not in recorder.kinds(), "the hook after the failed one ran")
    scene.equal(scene.runtime.ids(), [], "containers left")
    left = host_module.wait_until(lambda: not host_module.children(os.getpid()), 2)
    scene.check(left, f"processes left: {host_module.children(os.getpid())}")
    scene.check(
        not host_module.cgroups_named(name),
        f"control groups left: {host_module.cgroups_named(name)}",
    )
    scene.host_unchanged()


@suite.case()
def a_failing_prestart_hook_fails_create(scene):
    _fails(scene, "prestart")


@suite.case()
def a_failing_create_runtime_hook_fails_create(scene):
    _fails(scene, "createRuntime")


@suite.case()
def a_failing_create_container_hook_fails_create(scene):
    _fails(scene, "createContainer")


@suite.case()
def a_failing_start_container_hook_fails_start(scene):
    bundle = scene.bundle()
    recorder = Recorder(scene, bundle)
    bundle.config["hooks"] = {"startContainer": [recorder.hook("startContainer", status=3)]}
    name = scene.new_id()
    created = scene.runtime.create(bundle.shell(f"echo ran > {recorder.folder}/ran"), name)
    scene.check(created.ok, str(created))
    started = scene.runtime.start(name)
    scene.check(not started.ok and started.err, f"start: {started}")
    scene.wait_for_status(name, "stopped")
    scene.check(not (recorder.folder / "ran").exists(), "the program ran")


@suite.case()
def failing_poststop_hooks_are_only_logged(scene):
    bundle = scene.bundle()
    recorder = Recorder(scene, bundle)
    hooks = [recorder.hook("poststop", status=3), recorder.hook("poststop", "poststop second")]
    name = _lived(scene, bundle, {"poststop": hooks})
    deleted = scene.runtime.delete(name)
    scene.check(deleted.ok and "poststop hook #0" in deleted.err, str(deleted))
    scene.equal(recorder.kinds(), ["poststop", "poststop second"], "hooks")


@suite.case()
def failing_poststart_hook_ends_the_container(scene):
    bundle = scene.bundle()
    recorder = Recorder(scene, bundle)
    bundle.config["hooks"] = {
        kind: [recorder.hook(kind, status=3), recorder.hook(kind, f"{kind} second")]
        for kind in ("poststart", "poststop")
    }
    name = scene.new_id()
    created = scene.runtime.create(bundle.args("/bin/sleep", "1000"), name)
    scene.check(created.ok, str(created))
    pid = scene.runtime.pid(name)
    started = scene.runtime.start(name)
    scene.equal(started.status, 1, "status of start")
    scene.check("error running poststart hook #0" in started.err, str(started))
    scene.equal(scene.runtime.ids(), [], "containers left")
    scene.check(not host_module.is_running(pid), "the program still runs")
    scene.equal(recorder.kinds(), ["poststart", "poststop", "poststop second"], "hooks")


@suite.case()
def hooks_start_in_the_bundle_and_inherit_the_environment(scene):
    bundle = scene.bundle()
    folder = scene.work / "seen"
    folder.mkdir()
    folder.chmod(0o777)
    bundle.config["hooks"] = {
        kind: [
            {
                "path": "/bin/sh",
                "args": ["sh", "-c", f'pwd > {folder}/{kind}; echo "$SRT_TEST_MARK" >> {folder}/{kind}'],
            }
        ]
        for kind in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
    }
    os.environ["SRT_TEST_MARK"] = "of the caller"
    try:
        name = _lived(scene, bundle, bundle.config["hooks"])
        scene.check(scene.runtime.delete(name).ok, "delete failed")
    finally:
        del os.environ["SRT_TEST_MARK"]
    for kind in bundle.config["hooks"]:
        scene.equal(
            (folder / kind).read_text().splitlines(), [str(bundle.path), "of the caller"], kind
        )


@suite.case()
def start_container_hook_has_no_more_rights_than_the_program(scene):
    # It is a file of the container, which may have brought it along to be run as root.
    bundle = scene.bundle()
    (bundle.rootfs / "out").mkdir()
    (bundle.rootfs / "out").chmod(0o777)
    bundle.config["root"]["readonly"] = False
    script = "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status > /out/hook; echo $MARK $HOME >> /out/hook"
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}
    bundle.process["env"] = ["PATH=/bin", "MARK=of the program"]
    bundle.process["noNewPrivileges"] = True
    bundle.process["capabilities"] = {}
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    os.environ["MARK"] = "of the host"
    try:
        outcome = scene.runtime.run(bundle.shell("true"), scene.new_id())
    finally:
        del os.environ["MARK"]
    scene.check(outcome.ok, str(outcome))
    lines = (bundle.rootfs / "out/hook").read_text().split("\n")
    scene.equal(
        [line.split("\t")[-1] for line in lines if line],
        ["0000000000000000", "1", "2", "of the program /root"],
        "capabilities, no_new_privs, seccomp and environment",
    )


@suite.case()
def a_missing_hook_fails_create(scene):
    bundle = scene.bundle()
    bundle.config["hooks"] = {"createRuntime": [{"path": str(scene.work / "absent")}]}
    created = scene.runtime.create(bundle, scene.new_id())
    scene.check(not created.ok and "absent" in created.err, str(created))
    scene.equal(scene.runtime.ids(), [], "containers left")


def _hangs(scene: Scene, kind: str) -> None:
    bundle = scene.bundle()
    script = scene.work / "hang.sh"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o755)
    bundle.config["hooks"] = {
        kind: [{"path": str(script), "timeout": 1, "env": ["PATH=/usr/bin:/bin"]}]
    }
    before = time.monotonic()
    created = scene.runtime.create(bundle.args("/bin/true"), scene.new_id())
    took = time.monotonic() - before
    scene.check(not created.ok and created.err, f"create with a hanging hook: {created}")
    scene.check(0.8 < took < 6, f"the timeout of 1 s took {took:.1f} s")
    gone = host_module.wait_until(lambda: not host_module.children(os.getpid()), 2)
    scene.check(gone, f"processes left: {host_module.children(os.getpid())}")


@suite.case()
def a_hanging_create_runtime_hook_is_killed(scene):
    _hangs(scene, "createRuntime")


@suite.case()
def a_hanging_create_container_hook_is_killed(scene):
    _hangs(scene, "createContainer")


@suite.case()
def a_hooks_timeout_may_be_as_long_as_one_likes(scene):
    for seconds in (2**31, 2**53, 2**63 - 1):
        bundle = scene.bundle().args("/bin/true")
        bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/true", "timeout": seconds}]}
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.check(outcome.ok, f"{seconds} s: {outcome}")


@suite.case()
def a_hook_that_reads_nothing_does_not_break_create(scene):
    """Its end of the pipe closes early: EPIPE is not an error, SIGPIPE must not kill."""
    bundle = scene.bundle()
    bundle.config["annotations"] = {
        f"key{n}": "x" * 1000 for n in range(300)
    }  # more than a pipe holds
    _lived(scene, bundle, {"createRuntime": [{"path": "/bin/true"}]})


@suite.case()
def poststop_hooks_run_after_run(scene):
    bundle = scene.bundle()
    recorder = Recorder(scene, bundle)
    bundle.config["hooks"] = {"poststop": [recorder.hook("poststop")]}
    scene.check(scene.runtime.run(bundle.args("/bin/true"), scene.new_id()).ok, "run failed")
    scene.equal(recorder.kinds(), ["poststop"], "hooks")


@suite.case(rootless=False)
def a_create_runtime_hook_configures_the_network(scene):
    """As CNI and dockerd do: it reaches the container's namespaces through the pid of the state."""
    bundle = scene.bundle()
    script = scene.work / "network.py"
    python = "/usr/bin/python3"
    if not pathlib.Path(python).exists():
        scene.skip("no /usr/bin/python3")
    script.write_text(
        "import ctypes, json, os, sys\n"
        "pid = json.load(sys.stdin)['pid']\n"
        "fd = os.open(f'/proc/{pid}/ns/net', os.O_RDONLY)\n"
        "if ctypes.CDLL(None).setns(fd, 0x40000000): sys.exit('setns')\n"
        "open('/proc/sys/net/ipv4/ip_default_ttl', 'w').write('44')\n"
    )
    bundle.config["hooks"] = {"createRuntime": [{"path": python, "args": ["python3", str(script)]}]}
    outcome = scene.runtime.run(
        bundle.shell("cat /proc/sys/net/ipv4/ip_default_ttl"), scene.new_id()
    )
    scene.equal(outcome.out, "44\n", f"what the hook set: {outcome}")
