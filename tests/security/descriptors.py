"""Nothing of the caller's comes along: descriptors, working directory, environment, keyring."""

import ctypes
import os
import pathlib
import subprocess

from containers.bundle import Bundle
from containers.scene import Refused, Scene
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
    return [f"read:{'../' * depth}{path}" for depth in (1, 4, 12)] + [f"read:./{path}", f"read:{path}"]


@suite.case()
def cve_2024_21626_cwd_is_a_descriptor_of_the_runtime(scene):
    for number in range(3, 21):
        bundle = scene.bundle()
        bundle.process["cwd"] = f"/proc/self/fd/{number}"
        outcome = scene.runtime.run(bundle.args("/bin/probe", *_climbing_reads(scene)), scene.new_id())
        if outcome.ok:
            reason = _is_outside(scene, scene.seen(outcome))
            scene.check(not reason, f"cwd /proc/self/fd/{number}: {reason}")


@suite.case()
def cve_2024_21626_exec_cwd_is_a_descriptor_of_the_runtime(scene):
    name = scene.sleeping()
    for number in range(3, 21):
        outcome = scene.runtime.exec(name, "/bin/probe", *_climbing_reads(scene),
                                     flags=("--cwd", f"/proc/self/fd/{number}"))
        if outcome.ok:
            reason = _is_outside(scene, scene.seen(outcome))
            scene.check(not reason, f"exec --cwd /proc/self/fd/{number}: {reason}")


@suite.case()
def cve_2024_21626_exec_cwd_is_a_symlink_to_a_descriptor(scene):
    bundle = scene.bundle()
    for number in range(3, 21):
        (bundle.rootfs / f"fd{number}").symlink_to(f"/proc/self/fd/{number}")
    name = scene.sleeping(bundle)
    for number in range(3, 21):
        outcome = scene.runtime.exec(name, "/bin/probe", *_climbing_reads(scene),
                                     flags=("--cwd", f"/fd{number}"))
        if outcome.ok:
            reason = _is_outside(scene, scene.seen(outcome))
            scene.check(not reason, f"exec --cwd /fd{number}: {reason}")


def _with_open_descriptors(scene: Scene, call):
    """Makes `call` with 3 to 9 open: host folders and a host file."""
    opened = []
    try:
        for number in range(3, 10):
            source = os.open(scene.canary if number % 2 else scene.canary / "secret", os.O_RDONLY)
            if source != number:
                os.dup2(source, number)
                os.close(source)
            opened.append(number)
        return call(opened)
    finally:
        for number in opened:
            os.close(number)


def _numbers(seen: dict) -> list[int]:
    return [d["fd"] for d in seen["descriptors"]]


def _isolated(scene: Scene, script) -> None:
    """Runs `script` in a child, whose descriptors it may overwrite; carries a failure over."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 200)
        text = ""
        try:
            os.closerange(3, 200)
            script()
        except BaseException as error:  # noqa: BLE001  (carried to the parent as text)
            text = f"{type(error).__name__}: {error}"
        os.write(200, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as result:
        text = result.read()
    os.waitpid(pid, 0)
    scene.check(not text, text)


@suite.case()
def cve_2024_21626_cwd_is_a_descriptor_of_the_caller(scene):
    """As with a caller that leaks a folder of the host to the runtime."""

    def run():
        for door in ("/proc/self/fd/7", "/proc/thread-self/fd/7", "/proc/1/fd/7", "/link"):
            bundle = scene.bundle()
            (bundle.rootfs / "link").symlink_to("/proc/self/fd/7")
            bundle.process["cwd"] = door
            bundle.args("/bin/probe", *_climbing_reads(scene))
            outcome = _with_open_descriptors(
                scene, lambda fds, b=bundle: scene.runtime.run(b, scene.new_id(), pass_fds=fds))
            if outcome.ok:
                reason = _is_outside(scene, scene.seen(outcome))
                scene.check(not reason, f"cwd {door}: {reason}")

    _isolated(scene, run)


@suite.case()
def cve_2024_21626_only_stdio_reaches_the_program(scene):
    bundle, name = scene.bundle(), scene.new_id()
    bundle.args("/bin/probe")

    def run():
        outcome = _with_open_descriptors(
            scene, lambda fds: scene.runtime.run(bundle, name, pass_fds=fds))
        scene.equal(_numbers(scene.seen(outcome)), [0, 1, 2], "descriptors inside")

    _isolated(scene, run)


@suite.case()
def cve_2024_21626_only_stdio_reaches_an_exec(scene):
    name = scene.sleeping()

    def run():
        outcome = _with_open_descriptors(
            scene, lambda fds: scene.runtime.exec(name, "/bin/probe", pass_fds=fds))
        scene.equal(_numbers(scene.seen(outcome)), [0, 1, 2], "descriptors of an exec")

    _isolated(scene, run)


@suite.case()
def preserve_fds_passes_exactly_those(scene):
    bundle, name = scene.bundle(), scene.new_id()
    bundle.args("/bin/probe", "read:/proc/self/fd/4")

    def run():
        outcome = _with_open_descriptors(
            scene, lambda fds: scene.runtime.run(bundle, name, "--preserve-fds", "2", pass_fds=fds))
        seen = scene.seen(outcome)
        scene.equal(_numbers(seen), [0, 1, 2, 3, 4], "descriptors inside with --preserve-fds 2")
        scene.equal([d["is_dir"] for d in seen["descriptors"]][3:], [True, False], "which is which")

    _isolated(scene, run)


@suite.case()
def the_callers_environment_stays_outside(scene):
    environment = {**os.environ, "SRT_TEST_SECRET": "hunter2"}
    seen = scene.probe(scene.bundle(), "read:/proc/1/environ", env=environment)
    text = str(seen["process"]["env"]) + str(seen["asked"])
    scene.check("hunter2" not in text, f"the runtime's environment is visible inside: {text}")
    name = scene.new_id()
    bundle = scene.bundle().args("/bin/sleep", "1000")
    scene.check(scene.runtime.create(bundle, name, env=environment).ok, "create failed")
    # Before start the init is still the runtime's program: its environment can be looked at from outside.
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
    scene.check(seen["process"]["keyring"] != ours, "the container has the caller's session keyring")


@suite.case(rootless=False)
def no_new_keyring_keeps_the_callers(scene):
    # Rootful only: without a user namespace the serial number is the same inside.
    ours = _session_keyring()
    if ours < 0:
        scene.skip("this kernel or its seccomp filter has no keyrings")
    seen = scene.probe(scene.bundle(), flags=("--no-new-keyring",))
    scene.equal(seen["process"]["keyring"], ours, "session keyring with --no-new-keyring")

