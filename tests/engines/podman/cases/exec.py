"""`podman exec` into a running container."""

from contextlib import contextmanager

from suite import case, contains, equal, table


@contextmanager
def sleeper(podman, *options):
    with podman.container("sleep", "600", options=options) as c:
        yield c


@table(
    "exit code {0}: {1}",
    [
        (0, "a program that succeeds", ("true",)),
        (42, "the program's own", ("sh", "-c", "exit 42")),
        (126, "a file that is not executable", ("/etc/not-a-program",)),
        (127, "a program that is not there", ("no-such-program",)),
        (137, "a program killed by KILL", ("sh", "-c", "kill -KILL $$")),
    ],
)
def exit_code(podman, status, _what, command):
    with sleeper(podman) as c:
        equal(c.exec(*command).status, status, "exit code")
        c.exec("true").ok()


@case("stdin reaches the program, stdout and stderr come back apart")
def streams(podman):
    with sleeper(podman) as c:
        done = c.exec("sh", "-c", "cat; echo err >&2", options=("-i",), stdin="through\n")
        equal((done.status, done.out, done.err), (0, "through\n", "err\n"))


@case("-t gives a terminal of the container")
def terminal(podman):
    with sleeper(podman) as c:
        contains(c.exec("tty", options=("-t",)).ok(), "/dev/pts/")


@case("-it passes keys in, and takes the caller's window size")
def interactive(podman):
    with sleeper(podman) as c:
        with podman.terminal("exec", "-it", rows=33, columns=99, target=c.id) as t:
            t.send("stty size; exit 8\n")
            contains(t.read_to_end(), "33 99")
            equal(t.status(), 8, "exit code")


@case("--user by number and by name, with supplementary groups")
def user(podman):
    with sleeper(podman) as c:
        equal(c.exec("id", "-u", options=("--user", "77:88")).ok(), "77")
        equal(c.exec("id", "-g", options=("--user", "77:88")).ok(), "88")
        equal(c.exec("id", "-G", options=("--user", "guest")).ok(), "2345 3456")


@case("a user other than root has no effective capability")
def user_capabilities(podman):
    with sleeper(podman) as c:
        row = c.exec("grep", "CapEff", "/proc/self/status", options=("--user", "77")).ok()
        equal(int(row.split()[1], 16), 0, "CapEff")


@case("--workdir and --env")
def surroundings(podman):
    with sleeper(podman) as c:
        options = ("--workdir", "/var", "--env", "COLOUR=red")
        equal(c.exec("sh", "-c", "pwd; echo $COLOUR", options=options).ok(), "/var\nred")


@case("--workdir that is not there fails")
def no_workdir(podman):
    with sleeper(podman) as c:
        assert c.exec("true", options=("--workdir", "/no/such")).status != 0


@case("20 in a row")
def twenty(podman):
    with sleeper(podman) as c:
        for n in range(20):
            equal(c.exec("echo", str(n)).ok(), str(n))


@case("it is in every namespace and in the root of the container")
def same_namespaces(podman):
    script = "for n in cgroup ipc mnt net pid user uts; do readlink /proc/$1/ns/$n; done"
    with sleeper(podman) as c:
        links = [c.exec("sh", "-c", script, "sh", pid).ok() for pid in ("1", "self")]
        equal(links[1], links[0], "namespaces")
        equal(c.exec("stat", "-c", "%i", "/").ok(), c.exec("stat", "-Lc", "%i", "/proc/1/root").ok())


@case("it has the capabilities, seccomp mode and no_new_privs of the container")
def same_privileges(podman):
    fields = "^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):"
    with sleeper(podman, "--security-opt", "no-new-privileges", "--cap-drop", "KILL") as c:
        rows = [c.exec("grep", "-E", fields, f"/proc/{pid}/status").ok() for pid in ("1", "self")]
        equal(rows[1], rows[0])


@case("--detach leaves the program running")
def detach(podman):
    with sleeper(podman) as c:
        c.exec("sh", "-c", "mkfifo /var/f; echo started >/var/f", options=("--detach",)).ok()
        waiting = "while ! test -p /var/f; do sleep 0.02; done; timeout 20 cat /var/f"
        equal(c.exec("sh", "-c", waiting).ok(), "started")


@case("into a container that has ended: an error")
def ended(podman):
    with podman.container("true") as c:
        c.wait()
        assert c.exec("true").status != 0


@case("no descriptor of podman, conmon or the runtime is open in the program")
def no_leaked_fds(podman):
    with sleeper(podman) as c:
        listing = c.exec("sh", "-c", "ls /proc/$$/fd; true").ok().split()
        equal([fd for fd in listing if fd != "10"], ["0", "1", "2"], "open descriptors")
