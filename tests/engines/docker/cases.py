"""What docker's users rely on, with the runtime as dockerd's default."""

import concurrent.futures
import os

import daemon
from suite import case, contains, equal, table

MIB = 1 << 20
TRAP = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"


@table(
    "exit code {0}: {1}",
    [
        (42, "the program's own", ("sh", "-c", "exit 42")),
        (126, "a file that is not executable", ("/etc/not-a-program",)),
        (126, "a folder", ("/etc",)),
        (127, "a name that $PATH does not have", ("no-such-program",)),
        (127, "a path that is not there", ("/no/such/program",)),
    ],
)
def exit_code(engine, status, _what, command):
    equal(engine.run(*command).status, status, "exit code")


@case("stdin, stdout and stderr pass through")
def streams(engine):
    done = engine.run("sh", "-c", "cat; echo err >&2", options=("-i",), stdin="through\n")
    equal((done.status, done.out, done.err), (0, "through\n", "err\n"))


@case("-it: a terminal with the caller's size, keys and exit code")
def terminal(engine):
    with engine.terminal("run", "--rm", "-it", rows=41, columns=107) as t:
        t.send("while ! stty size 2>&- | grep -q 107; do sleep 0.05; done; stty size; exit 7\n")
        contains(t.read_to_end(), "41 107")
        equal(t.status(), 7, "exit code")


@case("stop sends TERM, and the exit code of a trap is kept; logs, start and restart")
def stop(engine):
    with engine.container("sh", "-c", TRAP) as c:
        c.await_log("ready")
        engine("stop", c.id).ok()
        equal(c.field("State.ExitCode"), "9", "exit code")
        engine("start", c.id).ok()
        engine("restart", "--time", "0", c.id).ok()
        equal(c.field("State.Status"), "running", "status")
        engine("kill", c.id).ok()
        equal(engine("wait", c.id).ok(), "137", "exit code")


@case("kill --signal USR1 is received")
def signal(engine):
    with engine.container("sh", "-c", TRAP.replace("TERM", "USR1")) as c:
        c.await_log("ready")
        engine("kill", "--signal", "USR1", c.id).ok()
        equal(engine("wait", c.id).ok(), "9", "exit code")


@case("exec: exit code, stdin, --user, --workdir, --env, --detach, --privileged")
def exec_in(engine):
    with engine.container("sleep", "600") as c:
        equal(c.exec("sh", "-c", "exit 5").status, 5, "exit code")
        equal(c.exec("cat", options=("-i",), stdin="in\n").out, "in\n")
        surroundings = ("--user", "5:6", "--workdir", "/var", "--env", "COLOUR=red")
        equal(c.exec("sh", "-c", "id -u; id -g; pwd; echo $COLOUR", options=surroundings).ok().split(),
              ["5", "6", "/var", "red"])
        contains(c.exec("no-such-program").out + c.exec("no-such-program").err, "not found in $PATH")
        c.exec("mkfifo", "/f").ok()
        c.exec("sh", "-c", "echo started >/f", options=("--detach",)).ok()
        equal(c.exec("cat", "/f").ok(), "started")
        c.exec("true", options=("--privileged",)).ok()


@case("top, stats, diff, cp and commit")
def looks(engine):
    with engine.container("sh", "-c", "echo new >/var/new; echo ready; sleep 600") as c:
        c.await_log("ready")
        equal(len(engine("top", c.id).ok().split("\n")), 1 + 1, "lines of top")
        equal(engine("stats", "--no-stream", "--format", "{{.PIDs}}", c.id).ok(), "1", "processes")
        contains(engine("diff", c.id).ok(), "A /var/new")
        engine("cp", f"{c.id}:/var/new", f"{engine.work}/copied").ok()
        with open(f"{engine.work}/copied", encoding="ascii") as file:
            equal(file.read(), "new\n")
        engine("commit", "--pause=false", c.id, "committed:suite").ok()
        equal(engine("run", "--rm", "committed:suite", "cat", "/var/new").ok(), "new")


@case("pause, unpause, and commit of a paused container")
def pause(engine):
    daemon.needs_verb(engine.runtime, "pause")
    with engine.container("sleep", "600") as c:
        engine("pause", c.id).ok()
        equal(c.field("State.Status"), "paused", "status")
        engine("unpause", c.id).ok()
        engine("commit", c.id, "committed:suite").ok()
        c.exec("true").ok()


@case("volumes, --tmpfs, --read-only")
def volumes(engine):
    folder = f"{engine.work}/volume"
    os.makedirs(folder)
    engine.run("touch", "/v/inside", options=("-v", f"{folder}:/v")).ok()
    equal(os.listdir(folder), ["inside"])
    assert engine.run("touch", "/v/x", options=("-v", f"{folder}:/v:ro")).status != 0
    engine.run("sh", "-c", "echo kept >/v/f", options=("-v", "keep:/v")).ok()
    equal(engine.run("cat", "/v/f", options=("-v", "keep:/v")).ok(), "kept")
    done = engine.run("sh", "-c", "touch /t/a && touch /b", options=("--read-only", "--tmpfs", "/t"))
    contains(done.err, "/b: Read-only file system")


@case("the default privileges are docker's; --privileged gives what the host has")
def privileges(engine):
    status = engine.run("grep", "-E", "^(CapEff|NoNewPrivs|Seccomp):", "/proc/self/status").ok()
    equal([row.split()[1] for row in status.split("\n")], ["00000000a80425fb", "0", "2"])
    script = "grep Seccomp: /proc/self/status; mkdir /m; mount -t tmpfs none /m && test -e /dev/kmsg && echo all"
    equal(engine.run("sh", "-c", script, options=("--privileged",)).ok().split(), ["Seccomp:", "0", "all"])
    options = ("--user", "33:44", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    script = "id -u; grep -E '^(CapBnd|NoNewPrivs)' /proc/self/status"
    equal(engine.run("sh", "-c", script, options=options).ok().split()[::2], ["33", "0" * 16, "1"])


@case("--memory: the limit is felt, and inspect tells that it was")
def memory(engine):
    eater = ("dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1")
    identity = engine("create", "--memory", "32m", engine.image, *eater).ok().split("\n")[-1]
    try:
        equal(engine("start", "--attach", identity).status, 137, "exit code")
        equal(engine("inspect", "--format", "{{.State.OOMKilled}}", identity).ok(), "true", "OOMKilled")
    finally:
        engine("rm", "--force", identity)


@case("update --memory of a running container")
def update(engine):
    daemon.needs_verb(engine.runtime, "resume")  # it comes with the resources of update
    with engine.container("sleep", "600", options=("--memory", "64m")) as c:
        engine("update", "--memory", "48m", c.id).ok()
        equal(c.field("HostConfig.Memory"), str(48 * MIB), "memory")


@case("namespaces of another container, and --hostname, --init, --sysctl, --ulimit, --workdir")
def namespaces(engine):
    with engine.container("sleep", "600", options=("--hostname", "named", "--ipc", "shareable")) as c:
        joined = [option for kind in ("net", "pid", "ipc") for option in (f"--{kind}", f"container:{c.id}")]
        script = "ps -o comm | head -2 | tail -1; hostname"
        equal(engine.run("sh", "-c", script, options=joined).ok().split(), ["sleep", "named"])
    options = ("--init", "--sysctl", "net.ipv4.ip_forward=1", "--ulimit", "nofile=100:200", "--workdir", "/new/one")
    script = "cat /proc/1/comm /proc/sys/net/ipv4/ip_forward; ulimit -n; pwd"
    equal(engine.run("sh", "-c", script, options=options).ok().split(), ["docker-init", "1", "100", "/new/one"])


@case("build: RUN in its order, users, and the exit code of one that fails")
def build(engine):
    steps = f"FROM {engine.image}\nRUN echo hi >/f && id\nUSER 5\nWORKDIR /tmp\nRUN pwd; id -u\n"
    out = engine("build", "--network", "none", "--no-cache", "--tag", "built:suite", "-", stdin=steps).ok()
    contains(out.split("\n"), "5")
    equal(engine("run", "--rm", "built:suite", "cat", "/f").ok(), "hi")
    failing = engine("build", "--network", "none", "--force-rm", "-", stdin=f"FROM {engine.image}\nRUN exit 7\n")
    equal(failing.status, 7, "exit code")


@case("a health check, and a restart policy")
def policies(engine):
    health = ("--health-cmd", "test -e /healthy", "--health-interval", "100ms", "--health-retries", "1")
    with engine.container("sh", "-c", "touch /healthy; sleep 600", options=health) as c:
        engine.await_field("State.Health.Status", "healthy", c)
    with engine.container("sh", "-c", "exit 3", options=("--restart", "on-failure:1")) as c:
        engine.await_field("State.Status", "exited", c)
        equal((c.field("RestartCount"), c.field("State.ExitCode")), ("1", "3"))


@case("six containers at once do not disturb each other")
def parallel(engine):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(engine.run, "sh", "-c", f"echo {n}; exit {n}") for n in range(6)]
        for n, run in enumerate(runs):
            equal((run.result().status, run.result().out), (n, f"{n}\n"), f"container {n}")


@case("no container, process, mount or cgroup is left")
def leftovers(engine):
    equal(engine("ps", "--all", "--quiet").ok(), "", "containers")
    equal([p for p in daemon.processes_named(engine.work) if "shim" in p], [], "processes")
    equal([p for p in engine.daemon.mounts() if "/merged" in p], [], "mounts")
    parent = daemon.cgroups_named(engine.cgroup_parent)
    equal([name for folder in parent for name in os.listdir(folder) if len(name) == 64], [], "cgroups")
