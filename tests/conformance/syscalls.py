"""`linux.seccomp` as a program feels it."""

import fcntl
import json
import os
import socket
import struct

from suite import suite

# getpgid takes a number that the filter can compare, and does nothing.
GETPGID, GETSID, GETPRIORITY = {"x86_64": (121, 124, 140), "aarch64": (155, 156, 141)}.get(
    os.uname().machine, (0, 0, 0)
)
FILTERED = 42  # no errno that these calls have by themselves


def _bundle(scene, rules: list[dict], default: str = "SCMP_ACT_ALLOW", **more):
    if not GETPGID:
        scene.skip(f"no system call numbers for {os.uname().machine}")
    bundle = scene.bundle()
    bundle.linux["seccomp"] = {"defaultAction": default, "syscalls": rules, **more}
    return bundle


def _denied(names: list[str], **more) -> dict:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": FILTERED, **more}


@suite.case(name="seccomp absent")
def _absent(scene):
    scene.equal(scene.probe(scene.bundle())["process"]["seccomp"], 0, "seccomp mode")


@suite.case(name="seccomp errno, with and without no_new_privs")
def _errno(scene):
    for no_new_privileges in (True, False):
        bundle = _bundle(scene, [_denied(["getpgid"])])
        bundle.process["noNewPrivileges"] = no_new_privileges
        seen = scene.probe(bundle, f"syscall:{GETPGID}:0", f"syscall:{GETSID}:0")
        scene.equal(seen["process"]["seccomp"], 2, "seccomp mode")
        scene.equal(seen["process"]["no_new_privs"], int(no_new_privileges), "no_new_privs")
        scene.equal(seen["asked"][f"syscall:{GETPGID}:0"]["errno"], FILTERED, "the filtered call")
        scene.equal(seen["asked"][f"syscall:{GETSID}:0"]["errno"], 0, "another call")


@suite.case(name="seccomp errno is EPERM by default")
def _eperm(scene):
    bundle = _bundle(scene, [{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO"}])
    seen = scene.probe(bundle, f"syscall:{GETPGID}:0")
    scene.equal(seen["asked"][f"syscall:{GETPGID}:0"]["error"], "EPERM", "errno")


def _operator(
    operator: str, value: int, value_two: int, hits: list[int], misses: list[int]
) -> None:
    @suite.case(name=f"seccomp {operator} {value} {value_two}")
    def _(scene):
        argument = {"index": 1, "value": value, "valueTwo": value_two, "op": operator}
        bundle = _bundle(scene, [_denied(["getpriority"], args=[argument])])
        requests = {who: f"syscall:{GETPRIORITY}:0:{who}" for who in hits + misses}
        seen = scene.probe(bundle, *requests.values())
        for who, request in requests.items():
            filtered = seen["asked"][request]["errno"] == FILTERED
            scene.equal(filtered, who in hits, f"argument {who} is filtered")


_operator("SCMP_CMP_EQ", 70001, 0, [70001], [70000, 70002, 0])
_operator("SCMP_CMP_NE", 70001, 0, [70000, 70002, 0], [70001])
_operator("SCMP_CMP_LT", 70001, 0, [70000, 0], [70001, 70002])
_operator("SCMP_CMP_LE", 70001, 0, [70000, 70001], [70002])
_operator("SCMP_CMP_GE", 70001, 0, [70001, 70002], [70000, 0])
_operator("SCMP_CMP_GT", 70001, 0, [70002], [70001, 70000, 0])
_operator("SCMP_CMP_MASKED_EQ", 0xFF, 0x11, [0x11, 0x7011], [0x12, 0x7012, 0])


@suite.case(name="seccomp default errno with a list of allowed calls")
def _allow_list(scene):
    """Everything the probe and its start need is not known here: so only what is denied is listed,
    and the default is shown by LOG, which allows."""
    bundle = _bundle(scene, [_denied(["getpgid"])], default="SCMP_ACT_LOG")
    seen = scene.probe(bundle, f"syscall:{GETPGID}:0")
    scene.equal(seen["asked"][f"syscall:{GETPGID}:0"]["errno"], FILTERED, "the filtered call")


@suite.case(name="seccomp kill and trap end the program by SIGSYS")
def _kill(scene):
    for action in (
        "SCMP_ACT_KILL",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_KILL_THREAD",
        "SCMP_ACT_TRAP",
    ):
        bundle = _bundle(scene, [{"names": ["getpgid"], "action": action}])
        # As pid 1 the probe would survive a TRAP with default disposition: run it under a shell.
        bundle.shell(f"/bin/probe syscall:{GETPGID}:0 > /dev/null; echo status $?")
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.check("status 159" in outcome.out, f"{action}: {outcome}")


@suite.case(name="seccomp flags")
def _flags(scene):
    bundle = _bundle(
        scene,
        [_denied(["getpgid"])],
        flags=["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
    )
    seen = scene.probe(bundle, f"syscall:{GETPGID}:0")
    scene.equal(seen["asked"][f"syscall:{GETPGID}:0"]["errno"], FILTERED, "the filtered call")


@suite.case(name="seccomp ignores names that no system call has")
def _unknown_name(scene):
    bundle = _bundle(scene, [_denied(["getpgid", "no_such_call_yet"])])
    seen = scene.probe(bundle, f"syscall:{GETPGID}:0")
    scene.equal(seen["asked"][f"syscall:{GETPGID}:0"]["errno"], FILTERED, "the filtered call")


@suite.case(name="seccomp profile of an engine")
def _engine_profile(scene):
    """An allow list as engines write it: everything of x86-64 and arm64 but a few."""
    bundle = _bundle(
        scene,
        [_denied(["keyctl", "add_key", "request_key", "ptrace", "bpf"])],
        architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
        if os.uname().machine == "x86_64"
        else ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    )
    seen = scene.probe(
        bundle, "syscall:0x40000027" if os.uname().machine == "x86_64" else "syscall:172"
    )
    scene.equal(seen["process"]["seccomp"], 2, "seccomp mode")
    scene.equal(seen["process"]["keyring"], -1, "keyctl")


# <linux/seccomp.h>: SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND and their structs
RECEIVE, ANSWER = 0xC0502100, 0xC0182101
MKDIR = {"x86_64": {83, 258}, "aarch64": {34}}.get(os.uname().machine, set())


def _ask_agent(scene, *, no_new_privileges: bool):
    path = scene.work / "agent.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(20)
        rules = [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]
        bundle = scene.bundle()
        bundle.linux["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": str(path),
            "listenerMetadata": "as given",
            "syscalls": rules,
        }
        bundle.process["noNewPrivileges"] = no_new_privileges
        name = scene.started(bundle.args("/bin/sh", "-c", "mkdir /tmp/asked; echo ended"))
        agent, _ = listener.accept()
    with agent:
        agent.settimeout(20)
        text, ancillary, _, _ = agent.recvmsg(1 << 16, socket.CMSG_SPACE(4))
    state = json.loads(text)
    scene.equal(state["fds"], ["seccompFd"], "fds")
    scene.equal(state["metadata"], "as given", "metadata")
    scene.equal(state["state"]["id"], name, "id")
    scene.equal(state["pid"], state["state"]["pid"], "pid")
    (notifications,) = struct.unpack("i", ancillary[0][2][:4])
    request = bytearray(80)
    fcntl.ioctl(notifications, RECEIVE, request)
    cookie, _pid, _flags, number = struct.unpack_from("QIIi", request)
    scene.check(number in MKDIR, f"asked about call {number}")
    fcntl.ioctl(notifications, ANSWER, bytearray(struct.pack("QqiI", cookie, 0, -FILTERED, 0)))
    os.close(notifications)
    scene.wait_for_output(bundle, "ended")
    errors = (bundle.path / "err").read_text()
    scene.check("mkdir" in errors, f"the agent's answer was not felt: {errors!r}")


@suite.case(name="seccomp notification reaches the agent, and its answer the program")
def _agent(scene):
    _ask_agent(scene, no_new_privileges=True)


@suite.case(name="seccomp notification without no_new_privs")
def _agent_with_privileges(scene):
    _ask_agent(scene, no_new_privileges=False)
