"""`process`: ids, capabilities, limits, scheduling, environment."""

import os
import pathlib

from containers.bundle import DEFAULT_CAPABILITIES
from suite import row, suite

CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
    "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()  # by number
SETS = ("bounding", "permitted", "effective", "inheritable", "ambient")


def numbers(names) -> set[int]:
    return {CAPABILITIES.index(name.removeprefix("CAP_")) for name in names}


def after_execve(written: dict, uid: int, no_new_privileges: bool) -> dict:
    """The sets that a program has when the sets before its execve were as written: capabilities(7),
    "Transformation of capabilities during execve()" and "Capabilities and execution of programs by
    root", and no_new_privs (a gain in permitted is taken back)."""
    sets = {part: numbers(written.get(part, [])) for part in SETS}
    if uid == 0:
        permitted = sets["inheritable"] | sets["bounding"]
        if no_new_privileges:
            permitted &= sets["permitted"]
        permitted |= sets["ambient"]
        effective = permitted
    else:
        permitted = effective = sets["ambient"]
    return {**sets, "permitted": permitted, "effective": effective}


def capability_row(
    name: str, written: dict, *, uid: int = 0, no_new_privileges: bool = True, rootless: bool = True
) -> None:
    def change(bundle, scene):
        bundle.process["capabilities"] = {
            k: [f"CAP_{c}" for c in v.split()] for k, v in written.items()
        }
        bundle.process["noNewPrivileges"] = no_new_privileges
        bundle.process["user"] = {"uid": uid, "gid": uid}
        if scene.rootless and uid:
            uids, gids = scene.subordinate_maps()
            bundle.own_user_namespace(uids=uids, gids=gids)

    wanted = after_execve({k: v.split() for k, v in written.items()}, uid, no_new_privileges)
    row(
        f"capabilities {name}",
        change,
        {f"capabilities.{part}": lambda got, part=part: set(got) == wanted[part] for part in SETS},
        rootless=rootless,
    )


capability_row("none at all", {})
capability_row("bounding only", {"bounding": "KILL CHOWN"})
capability_row(
    "bounding only without no_new_privs", {"bounding": "KILL CHOWN"}, no_new_privileges=False
)
capability_row(
    "as runc's template",
    {
        part: " ".join(c.removeprefix("CAP_") for c in DEFAULT_CAPABILITIES)
        for part in ("bounding", "permitted", "effective")
    },
)
capability_row(
    "fewer permitted than bounding",
    {"bounding": "KILL CHOWN SETUID SETGID", "permitted": "KILL CHOWN", "effective": "KILL"},
)
capability_row(
    "inheritable",
    {
        "bounding": "KILL CHOWN",
        "permitted": "KILL CHOWN",
        "effective": "KILL CHOWN",
        "inheritable": "CHOWN",
    },
)
capability_row("ambient", {part: "KILL NET_BIND_SERVICE" for part in SETS})
capability_row(
    "ambient for another user", {part: "KILL NET_BIND_SERVICE" for part in SETS}, uid=1000
)
capability_row(
    "all but ambient for another user", {part: "KILL CHOWN" for part in SETS[:4]}, uid=1000
)
capability_row(
    "SETPCAP absent while others are dropped",
    {part: "SYS_ADMIN" for part in SETS[:3]},
    no_new_privileges=False,
)
capability_row(
    "many", {part: " ".join(c for c in CAPABILITIES if c != "SYS_RESOURCE") for part in SETS[:3]}
)


row(
    "unknown capability names do not grant anything",
    lambda b: b.process["capabilities"].update(bounding=["CAP_KILL", "CAP_NOT_YET_INVENTED"]),
    {"capabilities.bounding": lambda got: set(got) == numbers(["KILL"])},
)

# Ids.

row(
    "user root",
    lambda b: None,
    {"identity.uid": [0, 0, 0], "identity.gid": [0, 0, 0], "identity.groups": []},
)


def _user(uid: int, gid: int, groups: list[int], **more):
    def change(bundle, scene):
        bundle.process["user"] = {"uid": uid, "gid": gid, "additionalGids": groups, **more}
        if scene.rootless:
            uids, gids = scene.subordinate_maps()
            bundle.own_user_namespace(uids=uids, gids=gids)

    return change


row(
    "user with groups",
    _user(1000, 1001, [5, 10, 20]),
    {
        "identity.uid": [1000] * 3,
        "identity.gid": [1001] * 3,
        "identity.groups": lambda got: sorted(set(got) - {1001}) == [5, 10, 20],
    },
)
row(
    "user without groups",
    _user(1000, 1000, []),
    {"identity.groups": lambda got: set(got) <= {1000}},
)
row(
    "user with a high id",
    _user(65000, 65001, [65002]),
    {"identity.uid": [65000] * 3, "identity.gid": [65001] * 3},
)
row("umask", lambda b: b.process["user"].update(umask=0o027), {"identity.umask": 0o027})
row("umask zero", lambda b: b.process["user"].update(umask=0), {"identity.umask": 0})
row("umask by default", lambda b: None, {"identity.umask": 0o022})

# no_new_privs, limits, scheduling.

row(
    "no_new_privs set",
    lambda b: b.process.update(noNewPrivileges=True),
    {"process.no_new_privs": 1},
)
row(
    "no_new_privs not set",
    lambda b: b.process.update(noNewPrivileges=False),
    {"process.no_new_privs": 0},
)
row("no_new_privs absent", lambda b: b.process.pop("noNewPrivileges"), {"process.no_new_privs": 0})


def _limits(**limits):
    return lambda b: b.process.update(
        rlimits=[
            {"type": f"RLIMIT_{k}", "soft": soft, "hard": hard}
            for k, (soft, hard) in limits.items()
        ]
    )


row(
    "rlimits",
    _limits(NOFILE=(512, 1024), CORE=(0, 0), NPROC=(800, 900), FSIZE=(1 << 30, 1 << 31)),
    {
        "limits.RLIMIT_NOFILE": [512, 1024],
        "limits.RLIMIT_CORE": [0, 0],
        "limits.RLIMIT_NPROC": [800, 900],
        "limits.RLIMIT_FSIZE": [1 << 30, 1 << 31],
    },
)
row(
    "rlimits of every kind",
    _limits(
        AS=(1 << 40, 1 << 41),
        CPU=(1000, 2000),
        DATA=(1 << 40, 1 << 41),
        LOCKS=(1000, 2000),
        MEMLOCK=(65536, 65536),
        MSGQUEUE=(10000, 20000),
        NICE=(0, 0),
        RSS=(1 << 40, 1 << 41),
        RTPRIO=(0, 0),
        RTTIME=(1000, 2000),
        SIGPENDING=(100, 200),
        STACK=(1 << 22, 1 << 23),
    ),
    {
        "limits.RLIMIT_AS": [1 << 40, 1 << 41],
        "limits.RLIMIT_CPU": [1000, 2000],
        "limits.RLIMIT_DATA": [1 << 40, 1 << 41],
        "limits.RLIMIT_LOCKS": [1000, 2000],
        "limits.RLIMIT_MEMLOCK": [65536, 65536],
        "limits.RLIMIT_MSGQUEUE": [10000, 20000],
        "limits.RLIMIT_RSS": [1 << 40, 1 << 41],
        "limits.RLIMIT_RTTIME": [1000, 2000],
        "limits.RLIMIT_SIGPENDING": [100, 200],
        "limits.RLIMIT_STACK": [1 << 22, 1 << 23],
    },
)

row(
    "oom_score_adj raised",
    lambda b: b.process.update(oomScoreAdj=321),
    {"process.oom_score_adj": "321\n"},
)
row(
    "oom_score_adj absent is the caller's",
    lambda b: None,
    {"process.oom_score_adj": pathlib.Path("/proc/self/oom_score_adj").read_text()},
)


def _scheduler(**fields):
    return lambda b: b.process.update(scheduler=fields)


row(
    "scheduler other with nice",
    _scheduler(policy="SCHED_OTHER", nice=7),
    {"scheduling.policy": 0, "scheduling.nice": 7},
    version="1.1.0",
)
row(
    "scheduler batch",
    _scheduler(policy="SCHED_BATCH", nice=5),
    {"scheduling.policy": 3, "scheduling.nice": 5},
    version="1.1.0",
)
row("scheduler idle", _scheduler(policy="SCHED_IDLE"), {"scheduling.policy": 5}, version="1.1.0")


def _fifo(bundle):
    bundle.process["scheduler"] = {
        "policy": "SCHED_FIFO",
        "priority": 11,
        "flags": ["SCHED_FLAG_RESET_ON_FORK"],
    }
    # Where real-time time is divided among v1 groups, a new one has none.
    if pathlib.Path("/sys/fs/cgroup/cpu/cpu.rt_runtime_us").exists():
        bundle.linux["resources"]["cpu"] = {"realtimeRuntime": 1000, "realtimePeriod": 1000000}


row(
    "scheduler fifo",
    _fifo,
    {"scheduling.policy": 1, "scheduling.priority": 11, "scheduling.flags": lambda f: f & 1},
    version="1.1.0",
    rootless=False,
)
row(
    "scheduler deadline",
    _scheduler(policy="SCHED_DEADLINE", runtime=1_000_000, deadline=20_000_000, period=30_000_000),
    {
        "scheduling.policy": 6,
        "scheduling.runtime": 1_000_000,
        "scheduling.deadline": 20_000_000,
        "scheduling.period": 30_000_000,
    },
    version="1.1.0",
    rootless=False,
)
row(
    "io priority best effort",
    lambda b: b.process.update(ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 6}),
    {"scheduling.ioprio_class": 2, "scheduling.ioprio_level": 6},
    version="1.2.0",
)
row(
    "io priority idle",
    lambda b: b.process.update(ioPriority={"class": "IOPRIO_CLASS_IDLE", "priority": 0}),
    {"scheduling.ioprio_class": 3},
    version="1.2.0",
)
row(
    "memory policy",
    lambda b: b.linux.update(memoryPolicy={"mode": "MPOL_BIND", "nodes": "0"}),
    {"scheduling.mempolicy": {"mode": 2, "nodes": 1}},
    version="1.3.0",
)

# Environment, working directory, names.


def _environment(entries: list[str]):
    """Exactly these, in order; a HOME may be added, as runc does."""
    return lambda got: [e for e in got if not e.startswith("HOME=") or e in entries] == entries


_ENTRIES = [
    "PATH=/bin",
    "EMPTY=",
    "SPACES=a b  c",
    "EQUALS=a=b=c",
    "UTF8=ü…",
    "LINES=a\nb",
    "HOME=/nowhere",
]
row(
    "environment",
    lambda b: b.process.update(env=list(_ENTRIES)),
    {"process.env": _environment(_ENTRIES)},
)
row("environment is empty", lambda b: b.process.update(env=[]), {"process.env": _environment([])})
row("working directory", lambda b: b.process.update(cwd="/tmp"), {"process.cwd": "/tmp"})
row(
    "working directory is made",
    lambda b: b.process.update(cwd="/not/there/yet"),
    {"process.cwd": "/not/there/yet", "stat:/not/there#mode": 0o755},
)
row(
    "working directory behind a symlink",
    lambda b: ((b.rootfs / "link").symlink_to("tmp"), b.process.update(cwd="/link")),
    {"process.cwd": "/tmp"},
)
row(
    "hostname",
    lambda b: b.config.update(hostname="of-the-container"),
    {"process.hostname": "of-the-container"},
)
row(
    "hostname absent is the caller's",
    lambda b: b.config.pop("hostname"),
    {"process.hostname": lambda got: got == os.uname()[1]},
)
row(
    "domainname",
    lambda b: b.config.update(domainname="of.the.container"),
    {"process.domainname": "of.the.container"},
    version="1.1.0",
)
row(
    "personality LINUX32",
    lambda b: b.linux.update(personality={"domain": "LINUX32"}),
    {"process.personality": 8},
)
row(
    "personality LINUX",
    lambda b: b.linux.update(personality={"domain": "LINUX"}),
    {"process.personality": 0},
)


@suite.case(name="program is found through PATH inside")
def _path_lookup(scene):
    bundle = scene.bundle()
    (bundle.rootfs / "opt/tools").mkdir(parents=True)
    (bundle.rootfs / "bin/probe").rename(bundle.rootfs / "opt/tools/looker")
    bundle.process["env"] = ["PATH=/nowhere:/opt/tools:/bin"]
    outcome = scene.runtime.run(bundle.args("looker"), scene.new_id())
    scene.equal(scene.seen(outcome)["process"]["env"][0], "PATH=/nowhere:/opt/tools:/bin", "PATH")


@suite.case(name="program may be relative to the working directory")
def _relative_program(scene):
    bundle = scene.bundle()
    bundle.process["cwd"] = "/bin"
    outcome = scene.runtime.run(bundle.args("./probe"), scene.new_id())
    scene.equal(scene.seen(outcome)["process"]["cwd"], "/bin", "cwd")


@suite.case(name="program is pid 1 and leads a session")
def _first_process(scene):
    seen = scene.probe(scene.bundle())
    scene.equal(seen["process"]["pid"], 1, "pid")
    scene.equal(seen["process"]["ppid"], 0, "ppid")


@suite.case(name="signals are not ignored or blocked")
def _signal_state(scene):
    seen = scene.probe(scene.bundle())
    fields = dict(line.split(":", 1) for line in seen["status"].splitlines() if ":" in line)
    for field in ("SigBlk", "SigIgn"):
        scene.equal(int(fields[field], 16), 0, field)
    scene.equal(fields["Seccomp"].strip(), "0", "Seccomp")
    scene.equal(fields["TracerPid"].strip(), "0", "TracerPid")
    scene.equal(fields["CoreDumping"].strip(), "0", "CoreDumping")
    scene.equal(seen["process"]["dumpable"], 1, "dumpable")


def _output(scene, bundle) -> list[str]:
    outcome = scene.runtime.run(bundle, scene.new_id())
    scene.check(outcome.ok, str(outcome))
    return outcome.out.split("\n")[:-1]


@suite.case(name="env: the last of several counts, an empty HOME is filled in")
def _environment(scene):
    bundle = scene.bundle().args("/bin/env")
    bundle.process["env"] = ["PATH=/bin", "ONE=1", "HOME=/x", "ONE=2", "HOME="]
    scene.equal(
        sorted(_output(scene, bundle)), ["HOME=/root", "ONE=2", "PATH=/bin"], "environment"
    )


@suite.case(name="processors are those of the cgroup, not those that the caller is bound to")
def _affinity(scene):
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        scene.skip("one processor only")
    os.sched_setaffinity(0, {min(mine)})
    try:
        bundle = scene.bundle().args("/bin/grep", "Cpus_allowed_list:", "/proc/self/status")
        seen = _output(scene, bundle)[0].split("\t")[-1]
    finally:
        os.sched_setaffinity(0, mine)
    scene.check(seen != str(min(mine)), f"processors: {seen}")
