"""Detached containers: logs, stop, kill, restart, removal, --init."""

from suite import case, contains, equal, table

TRAP = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done"


def is_alive(pid):
    """A zombie is not: the pid 1 of a small machine may reap nobody."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def state(container):
    return container.inspect()["State"]


@case("a detached container runs to its end; its output is in the logs and its exit code kept")
def detached(podman):
    with podman.container("sh", "-c", "echo one; echo two >&2; exit 5") as c:
        equal(c.wait(), 5, "exit code")
        equal(sorted(podman("logs", c.id).out.split() + podman("logs", c.id).err.split()), ["one", "two"])
        equal(state(c)["Status"], "exited", "status")


@case("stop sends TERM, and the exit code of a trap is kept")
def stop_with_trap(podman):
    with podman.container("sh", "-c", TRAP) as c:
        c.await_log("ready")
        podman("stop", "--time", "20", c.id).ok()
        equal(state(c)["ExitCode"], 9, "exit code")
        contains(c.logs(), "caught")


@case("stop kills a program that ignores TERM: 137")
def stop_ignored(podman):
    with podman.container("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done") as c:
        c.await_log("ready")
        podman("stop", "--time", "1", c.id).ok()
        equal(state(c)["ExitCode"], 137, "exit code")


@case("kill ends it with 137")
def kill(podman):
    with podman.container("sleep", "600") as c:
        podman("kill", c.id).ok()
        equal(c.wait(), 137, "exit code")


@table("kill --signal {0} is received", [("USR1",), ("HUP",), ("INT",), ("10",)])
def kill_signal(podman, name):
    trapped = "USR1" if name == "10" else name
    script = f"trap 'exit 21' {trapped}; echo ready; while :; do sleep 0.05; done"
    with podman.container("sh", "-c", script) as c:
        c.await_log("ready")
        podman("kill", "--signal", name, c.id).ok()
        equal(c.wait(), 21, "exit code")


@case("kill of a container that has ended fails")
def kill_ended(podman):
    with podman.container("true") as c:
        c.wait()
        assert podman("kill", c.id).status != 0


@case("restart gives a new process in the same container")
def restart(podman):
    with podman.container("sh", "-c", "echo run >>/var/runs; sleep 600") as c:
        first = c.pid()
        podman("restart", "--time", "0", c.id).ok()
        assert c.pid() != first, "same pid"
        equal(state(c)["Status"], "running", "status")


@case("create, then start three times: each run has its exit code")
def start_again(podman):
    script = "echo x >>/var/runs; exit $(wc -l </var/runs)"
    c = podman("create", "localhost/busybox:suite", "sh", "-c", script).ok()
    for run in (1, 2, 3):
        equal(podman("start", "--attach", c).status, run, "exit code")
    podman("rm", c).ok()


@case("a container that was created and never started is removed")
def remove_created(podman):
    c = podman("create", "localhost/busybox:suite", "true").ok()
    podman("rm", c).ok()
    assert podman("inspect", c).status != 0


@case("init, then start: what podman has initialized waits without running the program")
def initialized(podman):
    c = podman("create", "localhost/busybox:suite", "sh", "-c", "echo ran").ok()
    try:
        podman("init", c).ok()
        equal(podman("logs", c).ok(), "", "output before start")
        equal(podman("inspect", "--format", "{{.State.Status}}", c).ok(), "initialized", "status")
        equal(podman("start", "--attach", c).ok(), "ran")
    finally:
        podman("rm", "--force", "--time", "0", c)


@case("initialized and never started: removed without a trace")
def remove_initialized(podman):
    c = podman("create", "localhost/busybox:suite", "true").ok()
    podman("init", c).ok()
    podman("rm", "--force", c).ok()


@case("rm --force ends a running container")
def remove_running(podman):
    with podman.container("sleep", "600") as c:
        podman("rm", "--force", "--time", "0", c.id).ok()
        assert podman("inspect", c.id).status != 0


@case("--init: pid 1 is the init, the program's exit code is kept")
def init(podman):
    done = podman.shell("cat /proc/1/comm; echo $$; exit 6", options=("--init",))
    equal(done.status, 6, "exit code")
    name, pid = done.out.split()
    assert name != "sh" and pid != "1", done.out


@case("--init reaps orphans")
def init_reaps(podman):
    script = "(sleep 0 & exec true); (true & ) ; sleep 0.3; ps -o stat,comm | grep -c ^Z"
    equal(podman.shell(script, options=("--init",)).out.strip(), "0", "zombies")


@case("a dying pid 1 takes every process of the container with it")
def pid1_takes_all(podman):
    with podman.container("sh", "-c", "sleep 601 & sleep 602 & echo ready; wait") as c:
        c.await_log("ready")
        pids = podman("top", c.id, "hpid").ok().split()[1:]
        equal(len(pids), 3, "processes")
        podman("kill", c.id).ok()
        equal(c.wait(), 137, "exit code")
        equal([pid for pid in pids if is_alive(pid)], [], "alive")
