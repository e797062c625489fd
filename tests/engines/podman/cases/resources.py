"""Limits: as written in the cgroup, and as felt by the program."""

import os

from suite import ROOT, USER, Skip, case, contains, equal

MIB = 1 << 20
EATER = ("dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1")


def cgroup_file(pid, controller, v1, v2):
    """The file of a process's cgroup that holds a limit, on a v1, hybrid or v2 host."""
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        rows = [row.rstrip("\n").split(":", 2) for row in file]
    for _, controllers, path in rows:
        if controller in controllers.split(","):
            return f"/sys/fs/cgroup/{controllers}{path}/{v1}"
    path = next(path for _, controllers, path in rows if controllers == "")
    found = f"/sys/fs/cgroup{path}/{v2}"
    if not os.path.exists(found):
        raise Skip(f"no {controller} controller")
    return found


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


@case("every container has a cgroup of its own, in each hierarchy that podman uses", ROOT)
def own_cgroup(podman):
    with podman.container("sleep", "600") as c:
        path = cgroup_file(c.pid(), "pids", "cgroup.procs", "cgroup.procs")
        contains(path, c.id)
        contains(read(path).split("\n"), str(c.pid()))


@case("--memory is written", ROOT)
def memory(podman):
    with podman.container("sleep", "600", options=("--memory", "64m")) as c:
        equal(read(cgroup_file(c.pid(), "memory", "memory.limit_in_bytes", "memory.max")), str(64 * MIB))


@case("--memory: a program that wants more is killed", ROOT)
def oom(podman):
    done = podman.run(*EATER, options=("--memory", "32m"))
    equal(done.status, 137, "exit code")


@case("--memory: a child that is killed does not take the container with it; the kernel counted it", ROOT)
def oom_child(podman):
    script = f"{' '.join(EATER)} 2>/dev/null; echo $?; sleep 600"
    with podman.container("sh", "-c", script, options=("--memory", "32m")) as c:
        c.await_log("137")
        counts = read(cgroup_file(c.pid(), "memory", "memory.oom_control", "memory.events"))
        contains(counts.split("\n"), "oom_kill 1")


@case("--pids-limit is written", ROOT)
def pids(podman):
    with podman.container("sleep", "600", options=("--pids-limit", "12")) as c:
        equal(read(cgroup_file(c.pid(), "pids", "pids.max", "pids.max")), "12")


@case("--pids-limit: one fork too many fails", ROOT)
def pids_felt(podman):
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 600 & done"
    done = podman.shell(script, options=("--pids-limit", "5"))
    assert done.status != 0
    contains(done.err, "can't fork")


@case("--cpus is written", ROOT)
def cpus(podman):
    with podman.container("sleep", "600", options=("--cpus", "0.5")) as c:
        path = cgroup_file(c.pid(), "cpu", "cpu.cfs_quota_us", "cpu.max")
        contains(("50000", "50000 100000"), read(path))


@case("--cpu-shares is written", ROOT)
def cpu_shares(podman):
    with podman.container("sleep", "600", options=("--cpu-shares", "512")) as c:
        contains(("512", "20"), read(cgroup_file(c.pid(), "cpu", "cpu.shares", "cpu.weight")))


@case("exec is in the container's cgroup", ROOT)
def exec_cgroup(podman):
    with podman.container("sleep", "600") as c:
        rows = [c.exec("cat", f"/proc/{pid}/cgroup").ok() for pid in ("1", "self")]
        equal(rows[1], rows[0])


@case("without a delegated cgroup a container runs all the same", USER)
def rootless_without_cgroup(podman):
    podman.run("true").ok()
