"""The command line, what passes through, and how it ends."""

import errno
import os
import signal
import time

from containers.host import cgroups_named, children, is_running, wait_until
from suite import suite
from workplace import PYTHON, filesystem, network

_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


@suite.case()
def one_argument_with_spaces_is_a_shell_command(place):
    outcome = place.srt("echo one && echo $((1+1))")
    place.equal(outcome.out, "one\n2\n", str(outcome))


@suite.case()
def several_arguments_are_an_argv(place):
    outcome = place.srt("printf", "%s|", "a b", "$HOME", "*", "")
    place.equal(outcome.out, "a b|$HOME|*||", str(outcome))


@suite.case()
def one_word_is_a_program(place):
    place.equal(place.srt("pwd").out.strip(), str(place.project), "output of pwd")


@suite.case()
def one_argument_with_a_tab_or_a_new_line_is_a_shell_command(place):
    for command in ("echo\ta", "\necho a\n"):
        place.equal(place.srt(command).out, "a\n", repr(command))


@suite.case()
def a_program_that_asks_to_be_traced_runs_on(place):
    """PTRACE_TRACEME: the tracer is its parent, which is ours. A stop for it is no end."""
    script = (
        "import ctypes,os,signal\nprint(ctypes.CDLL(None).ptrace(0,0,0,0),flush=True)\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('usr1', flush=True)); os.kill(os.getpid(), signal.SIGUSR1)\n"
        "os.execv('/bin/sh', ['sh', '-c', 'echo on; exit 5'])"
    )
    outcome = place.python(script, timeout=10)
    place.equal((outcome.status, outcome.out), (5, "0\nusr1\non\n"), str(outcome))


@suite.case()
def dash_c_is_a_shell_command(place):
    place.equal(place.srt("-c", "echo $0-$1", "zero", "one").out, "zero-one\n", "output")


@suite.case()
def options_of_the_command_are_not_ours(place):
    place.equal(place.srt("echo", "-s", "--deny-read", "-c").out, "-s --deny-read -c\n", "output")


@suite.case()
def two_dashes_end_our_options(place):
    place.equal(place.srt("--", "echo", "--", "-d").out, "-- -d\n", "output")


@suite.case()
def the_exit_status_is_the_commands_own(place):
    for status in (0, 1, 42, 125, 255):
        place.equal(place.sh(f"exit {status}").status, status, "status")


@suite.case()
def a_signal_gives_128_and_its_number(place):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGUSR1):
        outcome = place.sh(f"kill -{int(number)} $$; sleep 5")
        place.equal(outcome.status, 128 + number, str(outcome))


@suite.case()
def a_program_that_is_missing_gives_127(place):
    for words in (("no-such-program", "x"), ("/no/such/program", "x"), ("-c", "no-such-program")):
        outcome = place.srt(*words)
        place.equal(outcome.status, 127, str(outcome))
        place.check("no" in outcome.err, outcome)


@suite.case()
def a_program_that_cannot_be_executed_gives_126(place):
    (place.project / "data").write_text("data")
    for words in (("./data", "x"), ("/etc", "x"), ("-c", "./data")):
        outcome = place.srt(*words)
        place.equal(outcome.status, 126, str(outcome))


@suite.case()
def standard_streams_pass_through(place):
    outcome = place.srt("bash", "-c", "cat; echo error >&2", stdin="a line\n")
    place.equal((outcome.out, outcome.err), ("a line\n", "error\n"), "stdout and stderr")


@suite.case()
def much_passes_through(place):
    outcome = place.srt("sha256sum", stdin="0123456789" * 1_000_000)
    import hashlib

    place.equal(
        outcome.out.split()[0], hashlib.sha256(b"0123456789" * 1_000_000).hexdigest(), "digest"
    )


@suite.case()
def a_pipe_that_is_closed_ends_the_writer(place):
    import subprocess

    process = place.start("yes", stderr=subprocess.DEVNULL)
    process.stdout.read(10)
    process.stdout.close()
    place.equal(process.wait(5), 128 + signal.SIGPIPE, "status of yes")
    process.stdout = None


@suite.case()
def streams_that_are_closed_are_no_trouble(place):
    import subprocess

    done = subprocess.run(
        ["bash", "-c", '"$0" -c "exit 7" <&- >&- 2>&-', place.program],
        env=place.environment(),
        cwd=place.project,
        timeout=10,
        check=False,
    )
    place.equal(done.returncode, 7, "status")


# Signals to srt


def _ends(place, number: int) -> None:
    """With a child of the command that ignores everything and a background one."""
    process = place.started_and_ready(
        # bash itself ignores SIGQUIT.
        "sleep 1000 & (trap '' HUP INT TERM QUIT; sleep 1001) & exec sh -c 'echo ready; exec sleep 1002'"
    )
    process.send_signal(number)
    place.equal(
        process.wait(5),
        128 + number if number != signal.SIGKILL else -9,
        f"status after {number!r}",
    )
    place.check(place.all_ended(), f"still running after {number!r}: {_commands()}")


def _commands() -> list[str]:
    found = []
    for pid in children(os.getpid()):
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            found.append(file.read().replace("\0", " "))
    return found


for _number in (*_FORWARDED, signal.SIGKILL):

    def _body(place, number=_number):
        _ends(place, number)

    suite.case(name=f"{_number.name}_of_srt_ends_everything_inside")(_body)


@suite.case()
def signals_reach_the_command(place):
    for number in _FORWARDED:
        process = place.started_and_ready(
            f"trap 'echo heard; exit 9' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
        )
        process.send_signal(number)
        place.equal(
            process.stdout.readline(), b"heard\n", f"what the command says after {number!r}"
        )
        place.equal(process.wait(5), 9, f"status after {number!r}")


@suite.case()
def a_signal_that_the_caller_ignores_is_ignored_inside(place):
    """`nohup srt …`, and what a shell's `trap '' TERM` leaves."""

    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    process = place.started_and_ready(
        "grep SigIgn /proc/self/status >&2; echo ready; read -r line; echo $line",
        preexec_fn=ignore,
        stdin=-1,
    )
    for number in (signal.SIGHUP, signal.SIGTERM):
        process.send_signal(number)
    out, err = process.communicate(b"on\n", timeout=10)
    place.equal((process.returncode, out), (0, b"on\n"), f"the end: {err!r}")
    ignored = int(err.split()[1], 16)
    for number in (signal.SIGHUP, signal.SIGTERM):
        place.check(ignored >> (number - 1) & 1, f"{number!r} is not ignored inside: {err!r}")


@suite.case()
def an_interrupt_ends_what_a_script_runs_in_the_background(place):
    """A shell without job control has it ignore SIGINT; by kill(1) it ends all the same."""
    process = place.started_and_ready(
        "echo ready; exec sleep 1000",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    process.send_signal(signal.SIGINT)
    place.equal(process.wait(5), 130, "status")


@suite.case()
def a_limit_to_the_size_of_files_is_the_commands(place):
    """`ulimit -f`: what srt and its helpers write is not much, and over it an error, no end by SIGXFSZ."""
    place.settings(write=["."])
    limited = ("prlimit", "--fsize=102400", place.program)
    script = (
        "import os,signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nopen('a', 'w').close()\n"
        "try: os.truncate('a', 1 << 20)\nexcept OSError as error: print(error.errno)\n"
        "for _ in range(2000):\n  try: open('.bashrc', 'w')\n  except OSError as error: last = error.errno\n"
        "open('b', 'w').close(); print(last)"  # the list of what was refused is full, the broker is there
    )
    outcome = place.run(*limited, "--", PYTHON, "-c", script)
    place.equal((outcome.status, outcome.out), (0, f"{errno.EFBIG}\n{errno.EPERM}\n"), str(outcome))
    outcome = place.run("prlimit", "--fsize=10", place.program, "true")
    place.check(outcome.status == 125 and "File too large" in outcome.err, str(outcome))


@suite.case()
def too_few_open_files_are_said_to_be_too_few(place):
    for limit in (40, 64, 75):
        outcome = place.run("prlimit", f"--nofile={limit}", place.program, "true")
        place.equal(outcome.status, 125, str(outcome))
        place.check("open files" in outcome.err.lower(), str(outcome))
        place.equal(outcome.err.count("\n"), 1, str(outcome))


@suite.case()
def background_processes_end_with_the_command(place):
    outcome = place.sh(
        "setsid sleep 1000 >/dev/null 2>&1 & (setsid setsid sleep 1001 &) >/dev/null 2>&1; exit 3"
    )
    place.equal(outcome.status, 3, str(outcome))
    place.check(place.all_ended(), f"still running: {_commands()}")


@suite.case()
def srts_parent_may_die(place):
    """Killed by its parent's end (a terminal that closes kills the shell), with nothing left."""
    import subprocess

    shell = subprocess.Popen(
        ["bash", "-c", '"$0" -c "echo ready; sleep 1000" & wait', place.program],
        env=place.environment(),
        cwd=place.project,
        stdout=subprocess.PIPE,
    )
    place.equal(shell.stdout.readline(), b"ready\n", "output")
    inner = children(shell.pid)
    shell.kill()
    shell.wait()
    for pid in inner:
        os.kill(pid, signal.SIGTERM)
    place.check(wait_until(lambda: not any(map(is_running, inner)), 1), "srt still runs")
    shell.stdout.close()


@suite.case()
def zombies_are_reaped_inside(place):
    outcome = place.sh(
        "for i in 1 2 3 4 5; do (true &) ; done; sleep 0.3; grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l"
    )
    place.equal(outcome.out.strip(), "0", str(outcome))


@suite.case()
def the_start_takes_milliseconds(place):
    place.settings(write=["."], deny_read=["~/.ssh"])
    best = 10.0
    for _ in range(5):
        started = time.monotonic()
        place.check(place.srt("true").ok, "srt true")
        best = min(best, time.monotonic() - started)
    place.check(best < 0.5, f"{best * 1000:.0f} ms")


# What is left


@suite.case()
def nothing_is_left_after_a_normal_end(place):
    place.settings(write=["."], deny_read=["~/.ssh"], deny_write=[".env"])
    place.check(place.sh("echo > file").ok, "status")
    place.equal(place.names(), ["file"], "names in the project")
    place.equal(place.left_behind(), [], "left on the host")


_MOMENTS = {
    "its_folder_is_made": lambda folder: folder.is_dir(),
    "its_container_is_written_down": lambda folder: (folder / "state.json").exists(),
    "its_first_process_is_there": lambda folder: '"pid":0' not in (folder / "state.json").read_text(),
    "its_command_runs": None,
}


def _killed_when(place, there) -> int:
    """SIGKILL of srt as soon as that holds of its folder, or its command says that it runs. Its pid."""
    if there is None:
        process = place.started_and_ready("echo ready; sleep 1000")
    else:
        process = place.start("-c", "sleep 1000")

    def reached():
        try:
            return any(there(at) for top in place.state_folders() for at in top.glob("srt-*"))
        except FileNotFoundError:
            return False

    if there is not None:
        place.check(wait_until(reached, 10, step=0), "the moment never came")
    process.kill()
    process.wait()
    return process.pid


for _moment, _there in _MOMENTS.items():

    def _body(place, there=_there):
        place.settings({"network": network("a.test"), "filesystem": filesystem(write=["."])})
        for _ in range(3):
            pid = _killed_when(place, there)
            place.check(place.all_ended(5), f"still running: {_commands()}")
            place.equal(place.left_behind(), [], "left on the host")
            place.equal(cgroups_named(f"srt-{pid}-"), [], "control groups")
        place.equal(place.names(), [], "names in the project")

    suite.case(name=f"nothing_is_left_of_a_srt_killed_when_{_moment}")(_body)


@suite.case()
def a_run_that_follows_a_kill_at_once_is_not_disturbed(place):
    """It sweeps what the killed one left, while that is being removed."""
    place.settings({"network": network("a.test"), "filesystem": filesystem(write=["."])})
    for moment in _MOMENTS.values():
        _killed_when(place, moment)
        outcome = place.sh("echo ran")
        place.equal((outcome.status, outcome.out, outcome.err), (0, "ran\n", ""), str(outcome))
    place.check(place.all_ended(5), f"still running: {_commands()}")
    place.equal(place.left_behind(), [], "left on the host")


@suite.case()
def what_nobody_could_clean_up_goes_with_the_next_run(place):
    """The power fails, or all processes of a user are killed."""
    place.settings(write=["."])
    place.swept_by_the_next = True
    process = place.started_and_ready("echo ready; sleep 1000")
    for pid in children(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()
    place.check(place.all_ended(), f"still running: {_commands()}")
    place.check(place.left_behind(), "somebody cleaned up")
    place.check(place.srt("true").ok, "the next run")
    place.equal(place.left_behind(), [], "left on the host")
