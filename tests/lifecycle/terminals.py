"""Terminals: a person's in front of `run` and `exec`, and an engine's behind a console socket."""

import os
import shutil

from containers.scene import Scene
from containers.terminal import ConsoleSocket, TerminalProcess
from suite import suite


def _with_terminal(scene: Scene):
    bundle = scene.bundle()
    bundle.process["terminal"] = True
    return bundle


def _on_terminal(scene: Scene, *words, **size) -> TerminalProcess:
    return TerminalProcess(scene.runtime.command(*words), **size)


# run with a terminal of its own


@suite.case()
def run_has_a_terminal(scene):
    bundle = _with_terminal(scene)
    bundle.shell(
        "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo three; readlink /proc/self/fd/0; : > /dev/tty && "
        "echo controlling; exit 9"
    )
    with _on_terminal(scene, "run", "--bundle", bundle.save(), scene.new_id()) as process:
        before = process.attributes()
        scene.equal(process.wait(), 9, f"status; output {process.terminal.text!r}")
        text = process.terminal.text
        scene.check("three" in text and "controlling" in text, text)
        scene.check("/dev/pts/0" in text or "/dev/console" in text, f"stdin is {text!r}")
        scene.equal(process.attributes(), before, "the caller's terminal mode after run")


@suite.case()
def run_passes_the_terminals_size_and_its_changes(scene):
    bundle = _with_terminal(scene)
    (bundle.rootfs / "bin/stty").symlink_to("busybox")
    bundle.shell(
        "trap 'echo now $(stty size); exit 0' WINCH; echo first $(stty size); "
        "while :; do sleep 0.05; done"
    )
    with _on_terminal(
        scene, "run", "--bundle", bundle.save(), scene.new_id(), rows=31, columns=97
    ) as process:
        scene.check(process.terminal.read_until("first 31 97"), process.terminal.text)
        process.terminal.resize(45, 133)
        scene.check(process.terminal.read_until("now 45 133"), process.terminal.text)
        scene.equal(process.wait(), 0, "status")


@suite.case()
def run_passes_keys_to_the_program(scene):
    bundle = _with_terminal(scene).shell(
        "trap 'echo interrupted; exit 4' INT; echo ready; read line; "
        "echo line=$line; while :; do sleep 0.05; done"
    )
    with _on_terminal(scene, "run", "--bundle", bundle.save(), scene.new_id()) as process:
        scene.check(process.terminal.read_until("ready"), process.terminal.text)
        process.terminal.write("typed\n")
        scene.check(process.terminal.read_until("line=typed"), process.terminal.text)
        process.terminal.write("\x03")
        scene.equal(process.wait(), 4, f"status after ^C: {process.terminal.text!r}")


@suite.case()
def run_moves_much_through_its_terminal(scene):
    bundle = _with_terminal(scene).shell("yes 0123456789 | head -n 20000; echo the end")
    (bundle.rootfs / "bin/head").symlink_to("busybox")
    with _on_terminal(scene, "run", "--bundle", bundle.save(), scene.new_id()) as process:
        scene.equal(process.wait(20), 0, "status")
        process.terminal.read_until("the end", 2)
        scene.equal(process.terminal.text.count("0123456789"), 20000, "lines")
        scene.check("the end" in process.terminal.text, process.terminal.text[-100:])


# run in the caller's terminal


@suite.case()
def two_interrupts_end_a_program_that_ignores_them(scene):
    """sleep as pid 1 does not feel SIGINT from outside: the second ^C kills."""
    name = scene.new_id()
    folder = scene.bundle().args("/bin/sleep", "1000").save()
    with _on_terminal(scene, "run", "--bundle", folder, name) as process:
        scene.wait_for_status(name, "running")
        process.terminal.write("\x03")
        if process.wait(0.5) is None:
            process.terminal.write("\x03")
        scene.equal(process.wait(5), 137, "status after the second ^C")
    scene.equal(scene.runtime.ids(), [], "containers left")


@suite.case()
def one_interrupt_ends_a_program_that_listens(scene):
    name = scene.new_id()
    folder = (
        scene.bundle()
        .shell("trap 'echo bye; exit 6' INT; echo ready; while :; do sleep 0.05; done")
        .save()
    )
    with _on_terminal(scene, "run", "--bundle", folder, name) as process:
        scene.check(process.terminal.read_until("ready"), process.terminal.text)
        process.terminal.write("\x03")
        scene.equal(process.wait(5), 6, f"status after ^C: {process.terminal.text!r}")


@suite.case()
def ctrl_z_stops_and_fg_continues(scene):
    """Under a shell with job control, as a person does it."""
    bash = shutil.which("bash")
    if bash is None:
        scene.skip("no bash to be the shell with job control")
    name = scene.new_id()
    folder = (
        scene.bundle()
        .shell(
            "echo ready; n=0; while [ $n -lt 200 ]; do n=$((n+1)); sleep 0.02; "
            "[ $n = 40 ] && echo went on; done; exit 5"
        )
        .save()
    )
    command = " ".join(scene.runtime.command("run", "--bundle", str(folder), name))
    environment = {**os.environ, "PS1": "prompt> ", "HISTFILE": ""}
    with TerminalProcess([bash, "--norc", "--noprofile", "-i"], env=environment) as shell:
        scene.check(shell.terminal.read_until("prompt> "), shell.terminal.text)
        shell.terminal.write(command + "\n")
        scene.check(shell.terminal.read_until("ready"), shell.terminal.text)
        shell.terminal.write("\x1a")
        scene.check(
            shell.terminal.read_until("Stopped"), f"^Z did not stop it: {shell.terminal.text!r}"
        )
        shell.terminal.text = ""
        shell.terminal.write("echo still=$((20+3))\n")
        scene.check(shell.terminal.read_until("still=23"), shell.terminal.text)
        shell.terminal.write("fg\n")
        scene.check(
            shell.terminal.read_until("went on", 10),
            f"fg did not continue it: {shell.terminal.text!r}",
        )
        shell.terminal.write("\x03")
        shell.terminal.write("\x03")
        shell.terminal.write("exit 0\n")
        shell.wait(10)


@suite.case()
def run_signals_nobody_of_the_callers_group(scene):
    """Without a terminal of its own a program keeps the caller's session, and its group."""
    folder = scene.bundle().shell("kill -9 0; kill -9 0; exit 4").save()
    command = scene.runtime.command("run", "--bundle", folder, scene.new_id())
    script = 'sleep 1000 & "$@"; echo status=$?; kill $! && echo sibling lives'
    with TerminalProcess(["sh", "-c", script, "sh", *map(str, command)]) as process:
        scene.equal(process.wait(10), 0, f"the script's status; {process.terminal.text!r}")
        scene.check("sibling lives" in process.terminal.text, process.terminal.text)


# exec with a terminal


@suite.case()
def exec_has_a_terminal(scene):
    bundle = scene.bundle()
    (bundle.rootfs / "bin/stty").symlink_to("busybox")
    name = scene.sleeping(bundle)
    with _on_terminal(
        scene,
        "exec",
        "--tty",
        name,
        "/bin/sh",
        "-c",
        "[ -t 0 ] && [ -t 1 ] && echo terminal; stty size; exit 8",
        rows=33,
        columns=99,
    ) as process:
        scene.equal(process.wait(), 8, f"status: {process.terminal.text!r}")
        scene.check("terminal" in process.terminal.text, process.terminal.text)
        scene.check("33 99" in process.terminal.text, f"size: {process.terminal.text!r}")


@suite.case()
def exec_with_a_console_socket(scene):
    name = scene.sleeping()
    with ConsoleSocket(scene.work / "console.sock") as console:
        outcome = scene.runtime.call(
            "exec",
            "--tty",
            "--detach",
            "--console-socket",
            str(console.path),
            "--pid-file",
            str(scene.work / "pid"),
            name,
            "/bin/sh",
            "-c",
            "[ -t 0 ] && echo terminal; read x; echo got $x",
        )
        scene.check(outcome.ok, str(outcome))
        terminal = console.receive()
        scene.check(terminal.read_until("terminal"), terminal.text)
        terminal.write("typed\n")
        scene.check(terminal.read_until("got typed"), terminal.text)
        scene.check(int((scene.work / "pid").read_text()) > 0, "pid file")


# create with a console socket


@suite.case()
def create_hands_the_terminal_over(scene):
    bundle = _with_terminal(scene)
    bundle.process["consoleSize"] = {"height": 41, "width": 111}
    (bundle.rootfs / "bin/stty").symlink_to("busybox")
    bundle.shell("stty size; [ -c /dev/console ] && echo console; read x; echo got $x; exit 3")
    name = scene.new_id()
    with ConsoleSocket(scene.work / "console.sock") as console:
        created = scene.runtime.create(bundle, name, "--console-socket", str(console.path))
        scene.check(created.ok, str(created))
        terminal = console.receive()
        scene.equal(terminal.size(), (41, 111), "size of the terminal")
        pid = scene.runtime.pid(name)
        scene.check(scene.runtime.start(name).ok, "start failed")
        scene.check(terminal.read_until("41 111"), terminal.text)
        scene.check(terminal.read_until("console"), terminal.text)
        terminal.write("typed\n")
        scene.check(terminal.read_until("got typed"), terminal.text)
        terminal.read_to_end()
        _, status = os.waitpid(pid, 0)
        scene.equal(os.waitstatus_to_exitcode(status), 3, "exit status")


@suite.case()
def lines_end_once_on_the_callers_terminal(scene):
    """Two terminals in a row: only one of them may turn a line feed into CR LF."""
    bundle = _with_terminal(scene).shell("echo line; echo end")
    with _on_terminal(scene, "run", "--bundle", bundle.save(), scene.new_id()) as process:
        scene.equal(process.wait(), 0, "status")
        scene.check("line\r\nend\r\n" in process.terminal.text, repr(process.terminal.text))


@suite.case()
def the_terminal_belongs_to_the_programs_user(scene):
    bundle = _with_terminal(scene)
    if scene.rootless:
        uids, gids = scene.subordinate_maps()
        bundle.own_user_namespace(uids=uids, gids=gids)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.shell(
        "stat -c 'owner %u' $(readlink /proc/self/fd/0); "
        "echo hello > /dev/tty && echo written; exit 0"
    )
    with _on_terminal(scene, "run", "--bundle", bundle.save(), scene.new_id()) as process:
        scene.equal(process.wait(), 0, f"status: {process.terminal.text!r}")
        scene.check(
            "owner 1000" in process.terminal.text and "written" in process.terminal.text,
            process.terminal.text,
        )
