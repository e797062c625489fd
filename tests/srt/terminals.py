"""A person at a terminal: keys, job control, size and modes are as without the sandbox."""

import ctypes
import os
import termios

from containers.host import children, wait_until
from containers.terminal import TerminalProcess
from suite import suite


def _on_terminal(place, *words, **size) -> TerminalProcess:
    os.chdir(place.project)
    return TerminalProcess(place.command(*words), env=place.environment({"TERM": "xterm"}), **size)


def _runs(name: str, below: int) -> bool:
    """Whether a program of this name runs below a process."""
    for pid in children(below):
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            if file.read().strip() == name or _runs(name, pid):
                return True
    return False


def _prompts_again(shell) -> bool:
    shell.terminal.read_what_is_there()
    return "prompt> " in shell.terminal.text.rpartition("Stopped")[2]


def _bash(place) -> TerminalProcess:
    """The shell with job control in which a person calls srt."""
    os.chdir(place.project)
    return TerminalProcess(
        ["bash", "--norc", "--noprofile", "-i"],
        env=place.environment({"TERM": "xterm", "PS1": "prompt> ", "HISTFILE": ""}),
    )


def _reads(place, process, text: str, seconds: float = 8) -> None:
    place.check(
        process.terminal.read_until(text, seconds), f"no {text!r} in {process.terminal.text!r}"
    )


@suite.case()
def there_is_a_terminal(place):
    with _on_terminal(
        place,
        "-c",
        "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && : > /dev/tty && tty >/dev/null && echo all; exit 9",
    ) as process:
        place.equal(process.wait(), 9, f"status: {process.terminal.text!r}")
        place.check("all" in process.terminal.text, process.terminal.text)


@suite.case()
def the_size_and_its_changes_arrive(place):
    script = "trap 'echo now $(stty size); exit 0' WINCH; echo first $(stty size); while :; do sleep 0.05; done"
    with _on_terminal(place, "-c", script, rows=31, columns=97) as process:
        _reads(place, process, "first 31 97")
        process.terminal.resize(45, 133)
        _reads(place, process, "now 45 133")
        place.equal(process.wait(), 0, "status")


@suite.case()
def ctrl_c_interrupts(place):
    with _on_terminal(place, "-c", "echo ready; sleep 1000") as process:
        _reads(place, process, "ready")
        process.terminal.write("\x03")
        place.equal(process.wait(5), 130, f"status: {process.terminal.text!r}")


@suite.case()
def ctrl_c_can_be_handled(place):
    with _on_terminal(
        place, "-c", "trap 'echo bye; exit 6' INT; echo ready; while :; do sleep 0.05; done"
    ) as process:
        _reads(place, process, "ready")
        process.terminal.write("\x03")
        place.equal(process.wait(5), 6, f"status: {process.terminal.text!r}")


@suite.case()
def ctrl_backslash_quits(place):
    with _on_terminal(place, "-c", "ulimit -c 0; echo ready; exec sleep 1000") as process:
        _reads(place, process, "ready")
        place.check(wait_until(lambda: _runs("sleep", process.pid), 5), "no sleep")
        process.terminal.write("\x1c")
        place.equal(process.wait(5), 131, f"status: {process.terminal.text!r}")


@suite.case()
def ctrl_z_stops_and_fg_continues(place):
    with _bash(place) as shell:
        _reads(place, shell, "prompt> ")
        shell.terminal.write(
            f"'{place.program}' -c 'echo rea\"\"dy; read line; echo got=$line; exit 5'\n"
        )
        _reads(place, shell, "ready")
        shell.terminal.write("\x1a")
        _reads(place, shell, "Stopped")
        # What is typed before the shell has its prompt, it may throw away.
        place.check(wait_until(lambda: _prompts_again(shell), 5), shell.terminal.text)
        shell.terminal.text = ""
        shell.terminal.write("echo still=$((20+3))\n")
        _reads(place, shell, "still=23")
        shell.terminal.write("fg\n")
        shell.terminal.write("typed\n")
        _reads(place, shell, "got=typed")
        shell.terminal.write("echo status=$?\n")
        _reads(place, shell, "status=5")
        shell.terminal.write("exit 0\n")
        shell.wait(5)


@suite.case()
def it_runs_in_the_background_of_a_shell(place):
    with _bash(place) as shell:
        _reads(place, shell, "prompt> ")
        shell.terminal.write(
            f"'{place.program}' -c 'sleep 0.3; exit 4' & wait $!; echo status=$?\n"
        )
        _reads(place, shell, "status=4")
        shell.terminal.write("exit 0\n")
        shell.wait(5)


@suite.case()
def raw_mode_works_and_is_the_callers_to_restore(place):
    """One key without a line end arrives at once, as an editor needs it."""
    script = (
        "import sys,tty,termios,os\n"
        "before=termios.tcgetattr(0); tty.setraw(0); os.write(1,b'ready'); key=os.read(0,1)\n"
        "termios.tcsetattr(0,termios.TCSADRAIN,before); print('key',key)"
    )
    with _on_terminal(place, "--", "/usr/bin/python3", "-c", script) as process:
        before = process.attributes()
        _reads(place, process, "ready")
        process.terminal.write("\x03")  # in raw mode a byte like any other
        place.equal(process.wait(5), 0, f"status: {process.terminal.text!r}")
        place.check("key b'\\x03'" in process.terminal.text, process.terminal.text)
        place.equal(process.attributes(), before, "the terminal's modes")


@suite.case()
def an_interactive_shell_works_inside(place):
    with _on_terminal(place, "bash", "--norc", "--noprofile", "-i") as process:
        process.terminal.write("PS1='in> '; HISTFILE=\n")
        _reads(place, process, "in> ")
        place.check("no job control" not in process.terminal.text, process.terminal.text)
        process.terminal.text = ""
        process.terminal.write("sh -c \"echo go''ing; exec sleep 1000\"\n")
        _reads(place, process, "going")
        process.terminal.write("\x1a")
        _reads(place, process, "Stopped")
        process.terminal.write("kill %1; echo job=$((1+1))\n")
        _reads(place, process, "job=2")
        process.terminal.write("sh -c \"echo aga''in; exec sleep 1000\"\n")
        _reads(place, process, "again")
        process.terminal.write("\x03")
        process.terminal.write("echo after=$((2+1))\n")
        _reads(place, process, "after=3")
        process.terminal.write("exit 7\n")
        place.equal(process.wait(5), 7, f"status: {process.terminal.text!r}")


@suite.case()
def a_hang_up_ends_everything(place):
    with _on_terminal(place, "-c", "echo ready; sleep 1000") as process:
        _reads(place, process, "ready")
        process.close_slave()
        process.terminal.close()
        import time

        deadline = time.monotonic() + 3
        pid = 0
        while not pid and time.monotonic() < deadline:
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            time.sleep(0.01)
        place.check(pid, "srt still runs after its terminal has gone")
        process.status = os.waitstatus_to_exitcode(status)
        process.terminal.fd = -1


@suite.case()
def characters_cannot_be_put_into_the_callers_terminal(place):
    script = (
        "import fcntl,termios,ctypes\n"
        "for c in (termios.TIOCSTI, termios.TIOCSTI | 1<<32, 0x541c):\n"
        "  r=ctypes.CDLL(None,use_errno=True).syscall(16,0,ctypes.c_ulong(c),b'X'); print(c, r)"
    )
    with _on_terminal(place, "--", "/usr/bin/python3", "-c", script) as process:
        place.equal(process.wait(5), 0, process.terminal.text)
        place.equal(process.terminal.text.count(" -1"), 3, process.terminal.text)
        place.equal(process.pending_input(), "", "input of the terminal")


@suite.case()
def terminal_modes_survive_a_killed_command(place):
    with _on_terminal(place, "-c", "kill -9 $$") as process:
        before = process.attributes()
        place.equal(process.wait(5), 137, process.terminal.text)
        place.equal(process.attributes()[3] & termios.ECHO, before[3] & termios.ECHO, "echo")


@suite.case()
def what_was_blocked_is_told_once_at_the_end(place):
    place.needs("curl")
    with _on_terminal(
        place, "--allow-domain", "a.test", "-c", "curl -s -m 5 http://b.test/; true"
    ) as process:
        place.equal(process.wait(10), 0, process.terminal.text)
        place.equal(process.terminal.text.count("srt: blocked"), 1, process.terminal.text)
        place.check("b.test" in process.terminal.text, process.terminal.text)


def _scopes_signals() -> bool:
    """Landlock of ABI 6, Linux 6.12."""
    return ctypes.CDLL(None).syscall(444, 0, 0, 1) >= 6


def _script(place, script: str, *words) -> TerminalProcess:
    """A person's script, in whose process group "$@", which is srt, runs too."""
    os.chdir(place.project)
    return TerminalProcess(
        ["sh", "-c", script, "sh", *place.command(*words)],
        env=place.environment({"TERM": "xterm"}),
    )


@suite.case()
def the_callers_group_is_neither_signalled_nor_slowed_down(place):
    """It is the command's, too, since the keyboard's signals are for all of a pipeline."""
    script = 'sleep 1000 & "$@"; echo srt=$?; ps -o ni= -p $$; kill $! && echo sibling lives'
    inside = """
import os, signal
try: os.setpriority(os.PRIO_PGRP, 0, 19)
except OSError as e: print("refused", e.errno)
try: os.kill(0, signal.SIGKILL)
except OSError: os.kill(os.getpid(), signal.SIGKILL)
"""
    with _script(place, script, "--", "/usr/bin/python3", "-c", inside) as process:
        place.equal(process.wait(10), 0, process.terminal.text)
        lines = [line.strip() for line in process.terminal.text.splitlines()]
        place.equal(lines, ["refused 1", "srt=137", "0", "sibling lives"], "what the script says")


@suite.case()
def a_group_signals_itself(place):
    if not _scopes_signals():
        place.skip("before Linux 6.12 nobody can signal a group that is the caller's, too")
    script = "trap 'echo told' TERM; sleep 1000 & child=$!; kill 0; wait $child; echo child=$?; exit 3"
    with _on_terminal(place, "-c", script) as process:
        place.equal(process.wait(10), 3, process.terminal.text)
        text = process.terminal.text
        place.check("told" in text and "child=143" in text, text)


@suite.case()
def the_terminal_can_be_opened_as_before(place):
    """Neither another mode, nor TIOCEXCL, nor a line discipline that reads nothing."""
    inside = """
import fcntl, os, struct
for what in (lambda: fcntl.ioctl(0, 0x540c), lambda: fcntl.ioctl(0, 0x5423, struct.pack("i", 27)), lambda: os.fchmod(0, 0o666),
             lambda: os.chmod("/proc/self/fd/0", 0o666), lambda: os.chmod("/dev/console", 0o666), lambda: os.chmod("/dev/tty", 0)):
    try: what(); print("done")
    except OSError as e: print("refused")
"""
    script = 'before=$(stat -c %a "$(tty)"); "$@"; : < "$(tty)" && echo opened; echo $before $(stat -c %a "$(tty)")'
    for options in ((), ("--allow-write", ".")):
        with _script(place, script, *options, "--", "/usr/bin/python3", "-c", inside) as process:
            place.equal(process.wait(10), 0, process.terminal.text)
            lines = process.terminal.text.split("\n")
            place.equal(process.terminal.text.count("refused"), 6, process.terminal.text)
            place.check("opened\r" in lines, process.terminal.text)
            before, after = lines[-2].split()
            place.equal(after, before, "mode of the terminal")


@suite.case()
def the_keyboard_is_the_callers_again(place):
    """A command gives it to a group of its own, and ends: the script could read no answer."""
    inside = """
import os, signal
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
if not (pid := os.fork()):
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    os._exit(0)
os.waitpid(pid, 0)
"""
    with _script(
        place, '"$@"; echo asks; read answer; echo "got $answer"', "--", "/usr/bin/python3", "-c", inside
    ) as process:
        _reads(place, process, "asks")
        process.terminal.write("yes\n")
        _reads(place, process, "got yes")
        place.equal(process.wait(5), 0, process.terminal.text)
