"""A process that is exec'd: what it inherits from the container, and what it is told."""

import json

from process import DEFAULT_CAPABILITIES, after_execve, numbers
from suite import suite

SAME = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def _exec(scene, name: str, *requests: str, flags: tuple = ()) -> dict:
    return scene.seen(scene.runtime.exec(name, "/bin/probe", *requests, flags=flags))


@suite.case(name="exec is in the container's namespaces")
def _namespaces(scene):
    bundle = scene.bundle().namespace("cgroup").namespace("time")
    bundle.config["ociVersion"] = "1.2.0"
    # The container's own view, by its first process.
    name = scene.started(bundle.shell("/bin/probe; exec sleep 1000"))
    scene.wait_for_output(bundle, '"uid_map"')
    first = json.loads(scene.output(bundle))
    second = _exec(scene, name)
    for kind in SAME:
        scene.equal(second["namespaces"][kind], first["namespaces"][kind], f"{kind} namespace")
    for field in ("mountinfo", "uid_map", "gid_map", "cgroup"):
        scene.equal(second[field], first[field], field)
    for field in ("capabilities", "identity", "limits"):
        scene.equal(second[field], first[field], field)
    kept = [entry for entry in second["process"]["env"] if not entry.startswith("HOME=")]
    scene.equal(kept, bundle.process["env"], "env")
    for field in (
        "cwd",
        "hostname",
        "no_new_privs",
        "seccomp",
        "personality",
        "oom_score_adj",
    ):
        scene.equal(second["process"][field], first["process"][field], field)
    scene.check(second["process"]["pid"] > 1, "pid of the exec")


@suite.case(name="exec takes its flags")
def _flags(scene):
    bundle = scene.bundle()
    bundle.process["noNewPrivileges"] = False
    if scene.rootless:
        uids, gids = scene.subordinate_maps()
        bundle.own_user_namespace(uids=uids, gids=gids)
    name = scene.sleeping(bundle)
    seen = _exec(
        scene,
        name,
        flags=(
            "--cwd",
            "/tmp",
            "--env",
            "ADDED=1",
            "--env",
            "TWO=2 3",
            "--user",
            "1000:1001",
            "--additional-gids",
            "7",
            "--additional-gids",
            "8",
            "--no-new-privs",
        ),
    )
    scene.equal(seen["process"]["cwd"], "/tmp", "cwd")
    scene.check(
        {"ADDED=1", "TWO=2 3"} <= set(seen["process"]["env"]), f"env {seen['process']['env']}"
    )
    scene.check(
        any(e.startswith("PATH=") for e in seen["process"]["env"]), "the container's PATH is gone"
    )
    scene.equal(seen["identity"]["uid"], [1000] * 3, "uid")
    scene.equal(seen["identity"]["gid"], [1001] * 3, "gid")
    scene.equal(sorted(set(seen["identity"]["groups"]) - {1001}), [7, 8], "groups")
    scene.equal(seen["process"]["no_new_privs"], 1, "no_new_privs")


@suite.case(name="exec --cap adds capabilities")
def _capabilities(scene):
    name = scene.sleeping()
    seen = _exec(scene, name, flags=("--cap", "CAP_NET_RAW", "--cap", "CAP_SYS_CHROOT"))
    want = numbers([*DEFAULT_CAPABILITIES, "CAP_NET_RAW", "CAP_SYS_CHROOT"])
    for part in ("bounding", "effective", "permitted"):
        scene.equal(set(seen["capabilities"][part]), want, part)


@suite.case(name="exec --process takes the whole document")
def _document(scene):
    name = scene.sleeping()
    process = {
        "args": ["/bin/probe"],
        "cwd": "/etc",
        "env": ["ONLY=this", "PATH=/bin"],
        "user": {"uid": 0, "gid": 0, "umask": 0o077},
        "capabilities": {part: ["CAP_KILL"] for part in ("bounding", "permitted", "effective")},
        "noNewPrivileges": True,
        "oomScoreAdj": 500,
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}],
    }
    file = scene.work / "process.json"
    file.write_text(json.dumps(process))
    seen = scene.seen(scene.runtime.call("exec", "--process", str(file), name))
    scene.equal(seen["process"]["cwd"], "/etc", "cwd")
    scene.equal(
        [e for e in seen["process"]["env"] if not e.startswith("HOME=")], process["env"], "env"
    )
    want = after_execve(process["capabilities"], 0, True)
    for part, numbers_of in want.items():
        scene.equal(set(seen["capabilities"][part]), numbers_of, part)
    scene.equal(seen["limits"]["RLIMIT_NOFILE"], [100, 200], "RLIMIT_NOFILE")
    scene.equal(seen["identity"]["umask"], 0o077, "umask")
    scene.equal(seen["process"]["oom_score_adj"], "500\n", "oom_score_adj")


@suite.case(name="exec has the container's seccomp filter")
def _seccomp(scene):
    bundle = scene.bundle()
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}],
    }
    name = scene.sleeping(bundle)
    seen = _exec(scene, name)
    scene.equal(seen["process"]["seccomp"], 2, "seccomp mode")


@suite.case(name="exec affinity")
def _affinity(scene):
    import os

    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        scene.skip("one cpu: every affinity is the same")
    bundle = scene.bundle()
    bundle.config["ociVersion"] = "1.2.1"
    bundle.process["execCPUAffinity"] = {"initial": str(allowed[0]), "final": str(allowed[1])}
    seen = _exec(scene, scene.sleeping(bundle))
    scene.equal(seen["scheduling"]["cpus"], [allowed[1]], "cpus of the exec'd process")
