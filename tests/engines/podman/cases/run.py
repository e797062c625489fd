"""`podman run`: streams, exit codes, terminals, descriptors."""

import concurrent.futures
import hashlib
import os

from suite import case, contains, equal, table


@case("stdout and stderr reach the caller apart from each other")
def streams(podman):
    done = podman.shell("echo out; echo err >&2")
    equal((done.status, done.out, done.err), (0, "out\n", "err\n"))


@table(
    "exit code {0}: {1}",
    [
        (0, "a program that succeeds", ("true",)),
        (42, "the program's own", ("sh", "-c", "exit 42")),
        (126, "a file that is not executable", ("/etc/not-a-program",)),
        (126, "a folder", ("/etc",)),
        (127, "a name that $PATH does not have", ("no-such-program",)),
        (127, "a path that is not there", ("/no/such/program",)),
        (137, "a program killed by KILL", ("sh", "-c", "sh -c 'kill -KILL $$'; exit $?")),
    ],
)
def exit_code(podman, status, _what, command):
    equal(podman.run(*command).status, status, "exit code")


@table(
    "exit code 125: {0}",
    [
        ("an option that podman does not know", ("--no-such-option",)),
        ("a limit that is not a number", ("--memory", "lots")),
        ("a network namespace of a container that is not there", ("--network", "container:none")),
    ],
)
def refused(podman, _what, options):
    equal(podman.run("true", options=options).status, 125, "exit code")


@case("a container that cannot be created leaves no container, and the next one runs")
def failed_create(podman):
    assert podman.run("true", options=("--sysctl", "net.no.such=1")).status != 0
    equal(podman("ps", "--all", "--quiet").ok(), "", "containers")
    podman.run("true").ok()


@case("a program without a name is a missing one: 127")
def no_name(podman):
    equal(podman.run("").status, 127, "run")
    with podman.container("sleep", "600") as c:
        equal(c.exec("").status, 127, "exec")


@case("4 MiB through stdin and stdout arrive whole")
def stdin(podman):
    data = os.urandom(4 << 20)
    done = podman.run("cat", options=("-i",), stdin=data, text=False)
    equal(hashlib.sha256(done.out).hexdigest(), hashlib.sha256(data).hexdigest(), "sha256")


@case("without -i stdin is empty")
def no_stdin(podman):
    equal(podman.run("wc", "-c", stdin="unseen").ok(), "0")


@case("-t gives a terminal on stdin, stdout and stderr")
def terminal(podman):
    script = "test -t 0 && test -t 1 && test -t 2 && tty"
    equal(podman.shell(script, options=("-t",)).ok(), "/dev/pts/0")


@case("without -t there is none")
def no_terminal(podman):
    equal(podman.shell("test -t 0 || test -t 1 || test -t 2 || echo none").ok(), "none")


@case("-it passes keys in, and takes the caller's window size")
def interactive(podman):
    with podman.terminal("run", "--rm", "-it", rows=41, columns=107) as t:
        t.send("stty size; exit 7\n")
        contains(t.read_to_end(), "41 107")
        equal(t.status(), 7, "exit code")


@case("-it: Ctrl-C interrupts the foreground program, not the shell")
def interrupt(podman):
    with podman.terminal("run", "--rm", "-it") as t:
        # It says itself that it runs: by then the shell has made it the terminal's foreground program.
        t.send("sh -c 'echo rea\"\"dy; exec sleep 600'\n")
        t.read_until("ready")
        t.send("\x03")
        t.send("echo al''ive; exit 3\n")
        contains(t.read_to_end(), "alive")
        equal(t.status(), 3, "exit code")


@case("environment and working directory are as asked for")
def surroundings(podman):
    options = ("--env", "COLOUR=blue sky", "--workdir", "/var")
    equal(podman.shell('echo "$COLOUR"; pwd', options=options).ok(), "blue sky\n/var")


@case("--preserve-fds hands on descriptor 3, and nothing else is open")
def preserve_fds(podman):
    with open(f"{podman.work}/handed-on", "w+", encoding="ascii") as file:
        file.write("from outside\n")
    command = [*podman.options, "run", "--rm", "--preserve-fds", "1", "localhost/busybox:suite"]
    done = podman.execute(
        ["sh", "-c", 'exec "$@" 3<"$0"', f"{podman.work}/handed-on", *command]
        + ["sh", "-c", "cat <&3; ls /proc/$$/fd; true"]
    )
    rows = done.ok().split("\n")
    equal(rows[0], "from outside")
    # busybox' shell keeps a descriptor of its own at 10, when it has a script file or a terminal.
    equal([fd for fd in rows[1:] if fd != "10"], ["0", "1", "2", "3"], "open descriptors")


@case("no descriptor of podman, conmon or the runtime is open in the program")
def no_leaked_fds(podman):
    listing = podman.shell("ls /proc/$$/fd; true").ok().split()
    equal([fd for fd in listing if fd != "10"], ["0", "1", "2"], "open descriptors")


@case("eight containers at once do not disturb each other")
def parallel(podman):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(podman.shell, f"echo {n}; exit {n}") for n in range(8)]
        for n, run in enumerate(runs):
            equal((run.result().status, run.result().out), (n, f"{n}\n"), f"container {n}")
