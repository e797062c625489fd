"""What ctr and containerd's runc shim ask of the runtime."""

import json

import daemon
from suite import case, contains, equal, table


@table(
    "exit status {0} of a run",
    [(0, ("true",)), (42, ("sh", "-c", "exit 42")), (137, ("sh", "-c", "sh -c 'kill -KILL $$'; exit $?"))],
)
def exit_status(engine, status, command):
    equal(engine.run(*command).status, status, "exit status")


@table(
    "a create that fails says why: {0}",
    [
        ("no-such-program", 'exec: "no-such-program": executable file not found in $PATH'),
        ("/no/such/program", "stat /no/such/program: no such file or directory"),
        ("/etc/not-a-program", 'exec: "/etc/not-a-program": permission denied'),
    ],
)
def told(engine, program, words):
    done = engine.run(program)
    equal(done.status, 1, "exit status")
    contains(done.err, words)
    equal(engine.ctr("containers", "ls", "-q").ok(), "", "containers")


@case("stdin, stdout and stderr pass through the shim")
def streams(engine):
    # One line and no more: ctr forgets an end of its stdin that comes before the task does.
    done = engine.run("sh", "-c", "read x; echo $x; echo err >&2", stdin="through\n")
    equal((done.status, done.out, done.err), (0, "through\n", "err\n"))


@case("-t: a terminal with the caller's size, and its exit status")
def terminal(engine):
    with engine.terminal("run", "--rm", "-t", rows=41, columns=107) as t:
        # ctr sets the size when the task runs.
        t.send("while ! stty size 2>&- | grep -q 107; do sleep 0.05; done; stty size; exit 7\n")
        contains(t.read_to_end(), "41 107")
        equal(t.status(), 7, "exit status")


@case("a task is listed, its processes are, and it is killed and deleted")
def task(engine):
    with engine.container("sh", "-c", "sleep 600 & sleep 600") as c:
        contains(engine.ctr("tasks", "ls").ok(), "RUNNING")
        equal(len(c.tasks("ps").ok().split("\n")), 1 + 2, "lines of ps")
        assert c.tasks("rm").status != 0, "a running task was deleted"
        c.tasks("kill", "--signal", "KILL").ok()
        c.await_stopped()


@case("kill --all reaches every process")
def kill_all(engine):
    with engine.container("sh", "-c", "sleep 600 & sleep 600") as c:
        c.tasks("kill", "--all", "--signal", "KILL").ok()
        c.await_stopped()


@case("a signal is received: TERM with a trap")
def trap(engine):
    script = "trap 'exit 9' TERM; : >/tmp/ready; while :; do sleep 0.05; done"
    with engine.container("sh", "-c", script) as c:
        c.exec("sh", "-c", "while ! test -e /tmp/ready; do sleep 0.02; done").ok()
        c.tasks("kill", "--signal", "TERM").ok()
        c.await_stopped()
        contains(c.tasks("rm").err, "exit code 9")


@case("exec: status, streams, user, working directory")
def exec_in(engine):
    with engine.container("sleep", "600") as c:
        equal(c.exec("sh", "-c", "exit 5").status, 5, "exit status")
        equal(c.exec("sh", "-c", "read x; echo $x", stdin="in\n").out, "in\n")
        equal(c.exec("id", "-u", options=("--user", "5:6")).ok(), "5")
        equal(c.exec("pwd", options=("--cwd", "/var")).ok(), "/var")
        done = c.exec("no-such-program")
        assert done.status != 0
        contains(done.err, "executable file not found in $PATH")
        with engine.terminal_in(c, rows=33, columns=99) as t:
            t.send("while ! stty size 2>&- | grep -q 99; do sleep 0.05; done; stty size; exit 8\n")
            contains(t.read_to_end(), "33 99")


@case("exec --detach runs on, and is killed by its own id")
def exec_detached(engine):
    with engine.container("sleep", "600") as c:
        c.exec("sleep", "601", options=("--detach",), name="other").ok()
        equal(len(c.tasks("ps").ok().split("\n")), 1 + 2, "lines of ps")
        c.tasks("kill", "--exec-id", "other", "--signal", "KILL").ok()
        c.exec("sh", "-c", "while ps | grep -q 'slee[p] 601'; do sleep 0.05; done").ok()


@case("metrics read the container's cgroup")
def metrics(engine):
    with engine.container("sleep", "600", options=("--memory-limit", str(64 << 20))) as c:
        found = json.loads(c.tasks("metrics", "--format", "json").ok())
        equal(found["pids"]["current"], 1, "pids")
        equal(found["memory"]["usage"]["limit"], 64 << 20, "memory limit")


@case("pause and resume")
def pause(engine):
    daemon.needs_verb(engine.runtime, "pause")
    with engine.container("sleep", "600") as c:
        c.tasks("pause").ok()
        contains(engine.ctr("tasks", "ls").ok(), "PAUSED")
        c.tasks("resume").ok()
        contains(engine.ctr("tasks", "ls").ok(), "RUNNING")


@case("a checkpoint is refused, and the container runs on")
def checkpoint(engine):
    with engine.container("sleep", "600") as c:
        assert c.tasks("checkpoint").status != 0
        c.exec("true").ok()


@case("--read-only, --mount, --env, --cwd, --seccomp, --device and --privileged")
def options(engine):
    folder = ("--mount", "type=bind,src=/etc,dst=/host-etc,options=rbind:ro")
    script = "pwd; echo $COLOUR; ls /host-etc/passwd; touch /x"
    done = engine.run(
        "sh", "-c", script, options=("--read-only", *folder, "--env", "COLOUR=red", "--cwd", "/var")
    )
    equal(done.out.split(), ["/var", "red", "/host-etc/passwd"])
    contains(done.err, "Read-only file system")
    seccomp = engine.run("grep", "Seccomp:", "/proc/self/status", options=("--seccomp",)).ok()
    equal(seccomp.split()[1], "2", "seccomp mode")
    equal(engine.run("stat", "-c", "%t:%T", "/dev/full", options=("--device", "/dev/full")).ok(), "1:7")
    engine.run("sh", "-c", "mkdir /m && mount -t tmpfs none /m", options=("--privileged",)).ok()


@case("a user namespace of its own, with its own ids")
def user_namespace(engine):
    maps = ("--uidmap", "0:100000:2000", "--gidmap", "0:100000:2000")
    equal(engine.run("cat", "/proc/self/uid_map", options=maps).ok().split(), ["0", "100000", "2000"])


@case("an egress policy by annotation is in force")
def policy(engine):
    daemon.needs_verb(engine.runtime, "events")
    rule = ("--annotation", "dev.srt.network.allowedDomains=example.com")
    request = "printf 'GET http://denied.invalid/ HTTP/1.1\\r\\nHost: denied.invalid\\r\\n\\r\\n'"
    script = f"ip -o link | wc -l; p=${{HTTP_PROXY##*:}}; {request} | nc 127.0.0.1 ${{p%/}} | head -1"
    links, _version, status = engine.run("sh", "-c", script, options=rule).ok().split()[:3]
    equal((links, status), ("1", "403"), "links, status of a denied request")


@case("no container, process, mount or cgroup is left")
def leftovers(engine):
    equal(engine.ctr("containers", "ls", "-q").ok(), "", "containers")
    equal(daemon.processes_named("srt-containerd-task"), [], "processes")
    equal([p for p in engine.daemon.mounts() if "/state/" in p], [], "mounts")
    equal([g for g in daemon.cgroups_named("srt-suite-c") if engine.namespace in g], [], "cgroups")
