"""Files that a rule covers, in all they are: mode and attributes too; and what blocked attempts leave."""

import json
import os
import resource
import subprocess

from suite import suite
from workplace import filesystem, network

_WAYS = r"""
import os, sys
for name in sys.argv[1:]:
    fd = os.open(name, os.O_RDONLY)
    for way in (lambda: os.chmod(name, 0o777), lambda: os.fchmod(fd, 0o777), lambda: os.chmod(f"/proc/self/fd/{fd}", 0o777),
                lambda: os.setxattr(name, "user.x", b"1"), lambda: os.setxattr(fd, "user.x", b"1")):
        try:
            way()
            print("changed", name)
        except OSError:
            pass
"""


def _state(path):
    return path.stat().st_mode, os.listxattr(path), path.read_bytes()


@suite.case()
def modes_of_protected_files_stay(place):
    """A hook that is no program is one after `chmod +x`."""
    (place.project / ".git/hooks").mkdir(parents=True)
    names = [".git/hooks/pre-commit", ".bashrc", "a.pem", ".env"]
    for name in names:
        (place.project / name).write_text("#!/bin/sh\n")
        (place.project / name).chmod(0o600)
    place.settings(write=["."], deny_write=["**/*.pem", ".env"])
    before = [_state(place.project / name) for name in names]
    outcome = place.srt("--", "/usr/bin/python3", "-c", _WAYS, *names)
    place.equal((outcome.status, outcome.out), (0, ""), str(outcome))
    place.equal([_state(place.project / name) for name in names], before, "modes and attributes")


@suite.case()
def no_set_user_id_program_is_left_behind(place):
    """Whoever starts it outside is the caller, root perhaps. A folder that hands its group on is none."""
    place.settings(write=["."])
    kept = place.project / "kept"
    kept.write_text("")
    kept.chmod(0o4755)
    outcome = place.python(
        "import os, stat\n"
        "def new(name, mode=0o755, flags=os.O_CREAT): return os.open(name, flags | os.O_WRONLY, mode)\n"
        "for way in (lambda: os.chmod('a', 0o4755), lambda: os.fchmod(os.open('a', 0), 0o2755), lambda: new('b', 0o6755),\n"
        "            lambda: new('c', 0o4755, os.O_CREAT | os.O_EXCL), lambda: os.mknod('d', stat.S_IFREG | 0o4755),\n"
        "            lambda: os.mknod('e', 0o2755), lambda: new('.', 0o4755, os.O_TMPFILE), lambda: os.fchmod(new('f'), 0o6711),\n"
        "            lambda: os.fchmod(new('.', 0o755, os.O_TMPFILE), 0o4755), lambda: os.chmod(f'/proc/self/fd/{new(\"g\")}', 0o4755)):\n"
        "  open('a', 'a')\n"
        "  try: way(); print('done')\n"
        "  except PermissionError: pass\n"
        "os.chmod('kept', 0o4711); os.mkdir('folder'); os.chmod('folder', 0o2775); os.chmod('a', 0o1755)"
    )
    place.equal((outcome.status, outcome.out), (0, ""), str(outcome))
    found = [path.name for path in place.project.iterdir() if path.is_file() and path.stat().st_mode & 0o6000]
    place.equal(found, ["kept"], "set-user-id programs")
    place.equal(kept.stat().st_mode & 0o7777, 0o4711, "mode of one that was there")


@suite.case()
def names_that_other_file_systems_fold_are_protected(place):
    """FAT and NTFS drop dots and blanks at a name's end."""
    place.settings(write=["."])
    place.sh("echo > .bashrc.; echo > '.zshrc '; mkdir -p '.git./hooks' .vscode...; true")
    names = place.names()
    place.check(not set(names) & {".bashrc.", ".zshrc ", ".git./hooks", ".vscode..."}, names)


@suite.case()
def blocked_writes_are_reported(place):
    place.settings(write=["."])
    file = place.notes / "violations"
    outcome = place.sh("echo > .bashrc; true", "-v", "--violations", file)
    place.check("blocked 1: " in outcome.err and ".bashrc" in outcome.err, outcome)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    place.equal([line["path"] for line in lines], [str(place.project / ".bashrc")], "violations")


@suite.case()
def a_report_says_nothing_to_the_terminal(place):
    """Names are the command's: ESC, and the C1 controls that some terminals take as well."""
    place.settings(write=["."])
    outcome = place.python(
        "import os\n"
        "os.mkdir('\\x1b]0;x\\x07\\x9b2J\\n'); os.chdir('\\x1b]0;x\\x07\\x9b2J\\n')\n"
        "try: open('.bashrc', 'w')\n"
        "except OSError: pass",
        "-v",
    )
    report = outcome.err.rstrip("\n")
    place.check("blocked 1: " in report, outcome)
    place.check(report.isprintable(), repr(report))


@suite.case()
def what_is_refused_over_and_over_fills_no_memory(place):
    """The state folder may be in memory: a loop must not fill the host's."""
    place.settings(write=["."])
    deep = "/".join(letter * 250 for letter in "abcd")
    process = place.start(
        "--",
        "/usr/bin/python3",
        "-c",
        f"import os, time\nos.makedirs('{deep}')\n"
        f"for i in range(12000):\n  try: os.mkdir('{deep}/.bashrc')\n  except OSError: pass\n"
        "print('ready', flush=True); time.sleep(1000)",
    )
    place.equal(process.stdout.readline(), b"ready\n", "output")
    size = sum(
        path.stat().st_size
        for folder in place.state_folders()
        for path in folder.rglob("*")
        if path.is_file()
    )
    place.check(size < 9 << 20, f"{size} bytes of state")


@suite.case()
def there_is_no_room_in_dev(place):
    """A file system in memory of its own, which bwrap gives half of the host's."""
    place.settings(write=["."])
    place.equal(place.says("mkdir /dev/x 2>/dev/null || echo refused; echo > /dev/null"), "refused", "/dev")
    place.says("echo > /dev/shm/x; test -c /dev/ptmx; echo > $TMPDIR/x; exec 9<>/dev/ptmx; echo > /dev/stdout")


@suite.case()
def a_file_that_is_standard_input_stays_the_hosts(place):
    """Open for reading only: not written, and not another mode, through any of its names. Whatever the settings:
    the descriptor leads past every mount."""
    file = place.notes / "input"
    script = (
        "import os\n"
        "os.dup2(0, 9); print(open(0, closefd=False).read())\n"
        "for way in (lambda: open('/proc/self/fd/0', 'w'), lambda: open('/dev/stdin', 'a'), lambda: os.truncate('/dev/stdin', 0),\n"
        "            lambda: open('/dev/fd/9', 'r+'), lambda: open(f'/proc/{os.getpid()}/fd/9', 'w'),\n"
        "            lambda: os.fchmod(0, 0o777), lambda: os.chmod('/dev/fd/0', 0o777), lambda: os.setxattr(0, 'user.x', b'1'),\n"
        "            lambda: os.link('/dev/fd/0', 'l', follow_symlinks=True), lambda: os.truncate('/proc/thread-self/fd/9', 0)):\n"
        "  try: way(); print('done')\n"
        "  except OSError: pass"
    )
    for settings in (
        {},
        {"network": network("a.test")},
        {"network": network(allowAllUnixSockets=True)},
        {"filesystem": filesystem(write=["."])},
    ):
        place.settings(settings)
        file.write_text("kept")
        file.chmod(0o600)
        before = _state(file)
        with file.open() as stdin:
            outcome = place.python(script, stdin=stdin)
        place.equal(outcome.out, "kept\n", f"{settings}: {outcome}")
        place.equal(_state(file), before, f"the file, under {settings}")


@suite.case()
def a_file_is_no_standard_input_where_nobody_judges_what_is_opened(place):
    place.settings({"allowNestedUserNamespaces": True})
    file = place.notes / "input"
    file.write_text("kept")
    with file.open() as stdin:
        outcome = place.sh("unshare -Ur sh -c 'echo x > /dev/stdin'; echo x > /dev/stdin", stdin=stdin)
    place.check(outcome.status == 125 and "put a pipe in between" in outcome.err, outcome)
    place.equal(file.read_text(), "kept", "the file")
    place.equal(place.sh("cat", stdin="through a pipe").out, "through a pipe", "what a pipe brings")
    for name, called in (("stdin", "standard input"), ("stdout", "standard output")):
        with file.open() as reading:
            process = place.start("true", stderr=subprocess.PIPE, **{name: reading})
            _, err = process.communicate(timeout=20)
        place.equal(process.returncode, 125, name)
        place.check(f"srt: {called}: is a file open for reading".encode() in err, err)


@suite.case()
def a_folder_is_no_standard_descriptor(place):
    """`srt … < .`: from the folder all of the host's tree could be walked, and written."""
    for name in ("stdin", "stdout", "stderr"):
        folder = os.open(place.project, os.O_RDONLY | os.O_DIRECTORY)
        keywords = {name: folder}
        if name != "stderr":
            keywords["stderr"] = subprocess.PIPE
        process = place.start("-c", "touch /dev/fd/0/made /dev/fd/1/made /dev/fd/2/made", **keywords)
        _, err = process.communicate(timeout=20)
        os.close(folder)
        place.equal(process.returncode, 125, name)
        if name != "stderr":
            place.check(b"is a folder" in err, err)
        place.equal(place.names(), [], name)


@suite.case()
def a_pipe_of_the_host_is_not_written(place):
    """No mount keeps anybody from a FIFO: whoever reads it outside would do what the command says."""
    pipe = place.notes / "commands"
    os.mkfifo(pipe)
    os.symlink(pipe, place.project / "link")
    script = (
        "import os\n"
        f"pipe = '{pipe}'\n"
        "held = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)\n"
        "for path in (pipe, 'link', '/proc/self/root' + pipe, f'/proc/self/fd/{held}', f'/dev/fd/{held}'):\n"
        "  for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_WRONLY | os.O_NONBLOCK):\n"
        "    try: os.write(os.open(path, flags), b'x'); print('wrote', path, flags)\n"
        "    except OSError: pass\n"
        "own = os.environ['TMPDIR'] + '/own'; os.mkfifo(own)\n"
        "print(os.write(os.open(own, os.O_RDWR), b'own'))"
    )
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for settings in (
        {},
        {"network": network(allowAllUnixSockets=True)},
        {"filesystem": filesystem(write=["."])},
    ):
        place.settings(settings)
        outcome = place.python(script)
        place.equal(outcome.out, "3\n", f"{settings}: {outcome}")
        place.equal(os.read(reader, 10), b"", f"what the host reads, under {settings}")
    place.settings(write=[str(place.notes)])
    place.check(place.sh(f"echo yes > {pipe}").ok, "one in a folder that may be written")
    place.equal(os.read(reader, 10), b"yes\n", "what the host reads of that")
    os.close(reader)


@suite.case()
def a_crash_leaves_no_core_file(place):
    """The kernel writes it past every rule."""
    for folder in (".git/hooks", ".vscode"):
        (place.project / folder).mkdir(parents=True)
    place.settings(write=["."])
    before = place.names()
    outcome = place.sh(
        "ulimit -c unlimited; for d in .git/hooks .vscode .; do (cd $d; sh -c 'kill -SEGV $$'); done; ulimit -H -c; true",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
        if resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY
        else None,
    )
    place.equal(place.names(), before, str(outcome))
    place.check(outcome.out.strip() in ("0", "1"), f"the limit: {outcome}")


@suite.case()
def a_crash_starts_no_program_outside(place):
    """core_pattern may be a pipe to one, which the kernel starts as root; at a limit of 1, and of nothing else, it does
    not. Whoever sets another limit is told that it is set, and keeps that."""
    outcome = place.python(
        "import resource as r\n"
        "for limit in ((0, 0), (0, 1)):\n"
        "  r.setrlimit(r.RLIMIT_CORE, limit); r.prlimit(0, r.RLIMIT_CORE, limit)\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (99, 99))\n"
        "print(r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_NOFILE), r.prlimit(0, r.RLIMIT_CORE))"
    )
    limit = (0, 0) if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 else (1, 1)
    place.equal(outcome.out.strip(), f"{limit} (99, 99) {limit}", str(outcome))


@suite.case()
def the_host_is_not_held_up_by_a_lease(place):
    """Whoever opens a file that is under one waits for 45 seconds; its owner needs only to read it."""
    file = place.notes / "file"
    file.write_text("")
    outcome = place.python(
        "import fcntl, os\n"
        f"fd = os.open('{file}', os.O_RDONLY)\n"
        "for kind in (fcntl.F_WRLCK, fcntl.F_RDLCK):\n"
        "  try: fcntl.fcntl(fd, fcntl.F_SETLEASE, kind); print('leased')\n"
        "  except OSError: pass"
    )
    place.equal((outcome.status, outcome.out), (0, ""), str(outcome))


@suite.case()
def the_report_is_not_written_through_a_link(place):
    """`--violations FILE` in a folder that the command may write."""
    place.settings(write=["."])
    victim = place.home / ".bashrc"
    victim.write_text("mine\n")
    trap = f"echo > .zshrc; rm -f report; ln -s {victim} report; true"
    place.sh(trap, "--violations", "report")
    place.equal(victim.read_text(), "mine\n", "where the link leads")
    later = place.sh("echo > .zshrc; true", "--violations", "report")
    place.check(later.status == 125 and "symbolic link" in later.err, later)
    place.equal(victim.read_text(), "mine\n", "where the link of an earlier run leads")


@suite.case()
def what_may_not_be_read_cannot_be_moved_into_sight(place):
    """Folders above it are renamed and exchanged; it stays hidden under every name."""
    secret = place.project / "a/b/secret"
    secret.mkdir(parents=True)
    (secret / "key").write_text("SECRET")
    (place.project / "a/b/file").write_text("SECRET")
    place.settings(write=["."], deny_read=["a/b/secret", "a/b/file"])
    outcome = place.sh(
        "look() { find . -type f -exec cat {} +; cat $1/secret/key $1/file /proc/self/root$PWD/$1/file /proc/1/root$PWD/$1/file; } 2>/dev/null\n"
        "exec 7<a/b; mv a c; look c/b; mv c a; mkdir d; mv a/b d/b; look d/b; mv --exchange d a 2>/dev/null; mv d e; look e/b; look a/b;"
        " cat /proc/self/fd/7/secret/key /dev/fd/7/file 2>/dev/null; ln e/b/file l 2>/dev/null; cat l 2>/dev/null; chmod 644 e/b/file 2>/dev/null; look e/b; true"
    )
    place.check("SECRET" not in outcome.out, outcome)
    place.equal(
        sorted(path.read_text() for path in place.project.rglob("*") if path.is_file()),
        ["SECRET", "SECRET"],
        "content on the host",
    )


@suite.case(rootful=False)
def an_ordinary_users_fork_bomb_has_an_end(place):
    """There is no control group to hold it; the limit counts what is inside alone."""
    limit = place.says("ulimit -Hu")
    place.check(limit.isdigit() and int(limit) <= 8192, f"processes: {limit}")
    here = sum(1 for entry in os.listdir("/proc") if entry.isdigit() and _is_mine(entry))
    others = [place.start("sleep", "1000") for _ in range(3)]
    outcome = place.sh(
        f"ulimit -u {max(here, 3) + 20}; for i in $(seq {max(here, 3) + 30}); do sleep 5 & done 2>&1 | tail -1", timeout=20
    )
    place.check("fork" in outcome.out + outcome.err, outcome)
    for other in others:
        place.equal(other.poll(), None, "another sandbox of the user")


def _is_mine(entry: str) -> bool:
    try:
        return os.stat(f"/proc/{entry}").st_uid == os.geteuid()
    except OSError:
        return False
