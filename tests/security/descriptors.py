"""Nothing of the caller's comes along: descriptors, working directory, environment, keyring."""

import ctypes
import fcntl
import os
import pathlib

from containers.scene import Scene
from suite import suite


def _is_outside(scene: Scene, seen: dict) -> str:
    """Why the probe's working directory is the host's; empty when it is not."""
    cwd = seen["process"]["cwd"]
    if not isinstance(cwd, str) or not cwd.startswith("/"):
        return f"getcwd says {cwd}"
    for request, answer in seen.get("asked", {}).items():
        if "host secret" in str(answer.get("text", "")):
            return f"{request} read the host's file"
    return ""


def _climbing_reads(scene: Scene) -> list[str]:
    path = str(scene.canary / "secret").lstrip("/")
    return [f"read:{'../' * depth}{path}" for depth in (1, 4, 12)] + [
        f"read:./{path}",
        f"read:{path}",
    ]


@suite.case()
def cve_2024_21626_cwd_is_a_descriptor_of_the_runtime(scene):
    for number in range(3, 21):
        bundle = scene.bundle()
        bundle.process["cwd"] = f"/proc/self/fd/{number}"
        outcome = scene.runtime.run(
            bundle.args("/bin/probe", *_climbing_reads(scene)), scene.new_id()
        )
        if outcome.ok:
            reason = _is_outside(scene, scene.seen(outcome))
            scene.check(not reason, f"cwd /proc/self/fd/{number}: {reason}")


@suite.case()
def cve_2024_21626_exec_cwd_is_a_descriptor_of_the_runtime(scene):
    name = scene.sleeping()
    for number in range(3, 21):
        outcome = scene.runtime.exec(
            name, "/bin/probe", *_climbing_reads(scene), flags=("--cwd", f"/proc/self/fd/{number}")
        )
        if outcome.ok:
            reason = _is_outside(scene, scene.seen(outcome))
            scene.check(not reason, f"exec --cwd /proc/self/fd/{number}: {reason}")


@suite.case()
def a_created_container_holds_nothing_of_the_host_open(scene):
    # Whoever shares its pid namespace finds them in /proc/PID/fd: a way to what they lead to.
    if scene.rootless:
        scene.skip("only root sees the descriptors of a process that is not dumpable")
    bundle = scene.bundle().bind(scene.canary, "/outside", "ro")
    bundle.mount("/sys/fs/cgroup", type="cgroup", source="cgroup", options=["ro"])
    bundle.linux["maskedPaths"] = ["/proc/kcore", "/proc/scsi", "/proc/keys"]
    bundle.linux["readonlyPaths"] = ["/proc/sys"]
    name = scene.new_id()
    created = scene.runtime.create(bundle.args("/bin/probe"), name)
    scene.check(created.ok, str(created))
    folder = pathlib.Path(f"/proc/{scene.runtime.pid(name)}/fd")
    fifos = scene.runtime.state_folder / name
    held = {int(fd.name): os.readlink(fd) for fd in folder.iterdir()}
    for number, path in held.items():
        own = number <= 2 or pathlib.Path(path).parent == fifos
        scene.check(own or not path.startswith("/"), f"descriptor {number}: {path}")


@suite.case()
def cve_2024_21626_exec_cwd_is_a_symlink_to_a_descriptor(scene):
    bundle = scene.bundle()
    for number in range(3, 21):
        (bundle.rootfs / f"fd{number}").symlink_to(f"/proc/self/fd/{number}")
    name = scene.sleeping(bundle)
    for number in range(3, 21):
        outcome = scene.runtime.exec(
            name, "/bin/probe", *_climbing_reads(scene), flags=("--cwd", f"/fd{number}")
        )
        if outcome.ok:
            reason = _is_outside(scene, scene.seen(outcome))
            scene.check(not reason, f"exec --cwd /fd{number}: {reason}")


def _open_descriptors(scene: Scene) -> dict:
    """Keywords for a call made with 3 to 9 open: host folders (odd) and a host file (even)."""

    def before_exec():
        folder = os.open(scene.canary, os.O_RDONLY)
        file = os.open(scene.canary / "secret", os.O_RDONLY)
        folder, file = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in (folder, file))
        for number in range(3, 10):
            os.dup2(folder if number % 2 else file, number)

    return {"preexec_fn": before_exec, "close_fds": False}


def _numbers(seen: dict) -> list[int]:
    return [d["fd"] for d in seen["descriptors"]]


@suite.case()
def cve_2024_21626_cwd_is_a_descriptor_of_the_caller(scene):
    """As with a caller that leaks a folder of the host to the runtime."""
    for door in ("/proc/self/fd/7", "/proc/thread-self/fd/7", "/proc/1/fd/7", "/link"):
        bundle = scene.bundle()
        (bundle.rootfs / "link").symlink_to("/proc/self/fd/7")
        bundle.process["cwd"] = door
        outcome = scene.runtime.run(
            bundle.args("/bin/probe", *_climbing_reads(scene)),
            scene.new_id(),
            **_open_descriptors(scene),
        )
        if outcome.ok:
            reason = _is_outside(scene, scene.seen(outcome))
            scene.check(not reason, f"cwd {door}: {reason}")


@suite.case()
def cve_2024_21626_only_stdio_reaches_the_program(scene):
    seen = scene.probe(scene.bundle(), **_open_descriptors(scene))
    scene.equal(_numbers(seen), [0, 1, 2], "descriptors inside")


@suite.case()
def cve_2024_21626_only_stdio_reaches_an_exec(scene):
    outcome = scene.runtime.exec(scene.sleeping(), "/bin/probe", **_open_descriptors(scene))
    scene.equal(_numbers(scene.seen(outcome)), [0, 1, 2], "descriptors of an exec")


@suite.case()
def preserve_fds_passes_exactly_those(scene):
    seen = scene.probe(scene.bundle(), flags=("--preserve-fds", "2"), **_open_descriptors(scene))
    scene.equal(_numbers(seen), [0, 1, 2, 3, 4], "descriptors inside with --preserve-fds 2")
    scene.equal([d["is_dir"] for d in seen["descriptors"]][3:], [True, False], "which is which")


@suite.case()
def the_callers_environment_stays_outside(scene):
    environment = {**os.environ, "SRT_TEST_SECRET": "hunter2"}
    seen = scene.probe(scene.bundle(), "read:/proc/1/environ", env=environment)
    text = str(seen["process"]["env"]) + str(seen["asked"])
    scene.check("hunter2" not in text, f"the runtime's environment is visible inside: {text}")
    name = scene.new_id()
    bundle = scene.bundle().args("/bin/sleep", "1000")
    scene.check(scene.runtime.create(bundle, name, env=environment).ok, "create failed")
    # Before start the init is still the runtime's program: its environment can be looked at.
    environ = pathlib.Path(f"/proc/{scene.runtime.pid(name)}/environ")
    try:
        text = environ.read_bytes()
    except PermissionError:  # non-dumpable: nobody but root looks
        text = b""
    if os.geteuid() != 0:
        scene.check(b"hunter2" not in text, "the held init's environment is readable")
    scene.check(scene.runtime.start(name, env=environment).ok, "start failed")
    outcome = scene.runtime.exec(name, "/bin/sh", "-c", "cat /proc/*/environ", env=environment)
    scene.check("hunter2" not in outcome.out, "the runtime's environment is visible to exec")


def _session_keyring() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    keyctl, get_keyring_id, session = 250, 0, -3
    if os.uname().machine == "aarch64":
        keyctl = 219
    return libc.syscall(keyctl, get_keyring_id, session, 0)


@suite.case()
def the_session_keyring_is_new(scene):
    ours = _session_keyring()
    if ours < 0:
        scene.skip("this kernel or its seccomp filter has no keyrings")
    seen = scene.probe(scene.bundle())
    scene.check(
        seen["process"]["keyring"] != ours, "the container has the caller's session keyring"
    )


@suite.case(rootless=False)
def no_new_keyring_keeps_the_callers(scene):
    # Rootful only: without a user namespace the serial number is the same inside.
    ours = _session_keyring()
    if ours < 0:
        scene.skip("this kernel or its seccomp filter has no keyrings")
    seen = scene.probe(scene.bundle(), flags=("--no-new-keyring",))
    scene.equal(seen["process"]["keyring"], ours, "session keyring with --no-new-keyring")
