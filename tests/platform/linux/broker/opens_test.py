"""Opening for writing: what means the caller, what waits, what is answered."""

import os
import pty
import subprocess
import time
import unittest

from sandbox import Sandbox


class MeansTheCaller(unittest.TestCase):
    def output(self, script, **options):
        with Sandbox() as s:
            result = s.sh(script, **options)
            self.assertEqual("", result.stderr, script)
            return result.stdout

    def test_descriptors_by_name(self):
        self.assertEqual("x\n", self.output("exec 7>f; echo x > /dev/fd/7; cat f"))
        self.assertEqual("x\n", self.output("exec 7>f; echo x > /proc/self/fd/7; cat f"))
        self.assertEqual("x\n", self.output("exec 7>f; cd /dev; echo x > fd/7; cat $OLDPWD/f"))
        self.assertEqual("x\n", self.output("exec 7>f; ln -s /dev/fd/7 l; echo x > l; cat f"))
        self.assertEqual("x\n", self.output("exec 7>f; echo x > /proc/thread-self/fd/7; cat f"))
        self.assertEqual("x\n", self.output("exec 7>f; cd /proc/self; echo x > fd/7; cat $OLDPWD/f"))

    def test_process_substitution(self):
        self.assertEqual("x\n", self.output("echo x > >(cat); sleep 0.2"))
        self.assertEqual("x\nx\n", self.output("echo x | tee >(cat) /dev/null; sleep 0.2"))

    def test_standard_output(self):
        self.assertEqual("a\n", self.output("echo a > /dev/stdout"))
        self.assertEqual("a\n", self.output("echo a | cat > /dev/stdout"))
        self.assertEqual("", self.output("echo a > /dev/null; echo b > /dev/zero; echo c >> /dev/full "
                                         "2>/dev/null || true"))

    def test_proc_files_are_the_callers(self):
        out = self.output("echo 123 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj /proc/$$/oom_score_adj; "
                          "echo name > /proc/self/comm; cat /proc/$$/comm; cd /proc/self; echo 200 > oom_score_adj; "
                          "cat /proc/$$/oom_score_adj")
        self.assertEqual("123\n123\nname\n\n200\n", out)

    def test_umask_is_the_callers(self):
        out = self.output("umask 027; echo > f; mkdir d; mkfifo p; umask 0; echo > g; (umask 077; echo > h); "
                          "echo > i; stat -c %a f d p g h i")
        self.assertEqual("640 750 640 666 600 666", " ".join(out.split()))

    def test_umask_of_threads_and_children(self):
        with Sandbox() as s:
            result = s.run("python3", "-c", """
import os, threading
def mode(n):
    os.close(os.open(n, os.O_CREAT | os.O_WRONLY, 0o666)); m = os.stat(n).st_mode & 0o777; os.unlink(n); return m
for i in range(300):
    mask = (i % 8) * 8 + i % 7
    os.umask(mask)
    seen = [mode("a")]
    t = threading.Thread(target=lambda: seen.append(mode("b"))); t.start(); t.join()
    if i % 10 == 0:
        if os.fork() == 0: os._exit(mode("c") != 0o666 & ~mask)
        assert os.wait()[1] == 0
    assert seen == [0o666 & ~mask] * 2, (oct(mask), seen)
""")
            self.assertEqual("", result.stderr)

    def test_terminal(self):
        with Sandbox() as s:
            master, slave = pty.openpty()
            process = subprocess.Popen(
                s.command("setsid", "-c", "bash", "-c", "echo to-the-tty > /dev/tty; cd /dev; echo rel > tty"),
                stdin=slave, stdout=slave, stderr=slave, env=s.environment(), cwd=s.root)
            os.close(slave)
            process.wait(timeout=30)
            self.assertEqual(b"to-the-tty\r\nrel\r\n", os.read(master, 4096))

    def test_no_terminal(self):
        with Sandbox() as s:
            self.assertIn("No such device", s.sh("setsid bash -c 'echo > /dev/tty'").stderr)

    def test_deleted_working_directory(self):
        with Sandbox() as s:
            result = s.sh("mkdir d; cd d; rmdir ../d; echo > x")
            self.assertIn("No such file or directory", result.stderr)

    def test_a_process_that_cannot_be_looked_into(self):
        with Sandbox() as s:
            result = s.sh("""python3 -c '
import ctypes
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
open("f", "w").write("x")
open("/proc/self/fd/1", "w").write("y")
open(".bashrc", "w")'; cat f""")
            self.assertEqual("yx", result.stdout, result.stderr)
            self.assertIn("Operation not permitted: '.bashrc'", result.stderr)


class FromOutside(unittest.TestCase):
    """Descriptors that the host handed in lead to its mounts."""

    def test_a_file_for_reading_is_not_written(self):
        with Sandbox() as s:
            for script in ("echo evil > /proc/self/fd/0", "echo evil > /dev/stdin",
                           "ln -s /dev/fd/0 l; echo evil >> l",
                           "python3 -c 'import os; os.truncate(\"/proc/self/fd/0\", 0)'",
                           "python3 -c 'import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); "
                           "open(\"/proc/self/fd/0\", \"w\")'"):
                (s.outside / "f").write_text("mine")
                with open(s.outside / "f") as file:
                    result = s.sh(script, stdin=file)
                self.assertIn("Operation not permitted", result.stderr, script)
                self.assertEqual("mine", (s.outside / "f").read_text(), script)

    def test_a_file_for_writing_is(self):
        with Sandbox() as s:
            with open(s.outside / "f", "w") as file:
                result = s.sh("echo a > /dev/stdout; echo b >> /proc/self/fd/1", stdout=file)
            self.assertEqual("", result.stderr)
            self.assertEqual("a\nb\n", (s.outside / "f").read_text())

    def test_a_folder_is_no_place_to_write_to(self):
        with Sandbox() as s:
            folder = os.open(s.outside, os.O_RDONLY | os.O_DIRECTORY)
            result = s.sh("""exec 9<&0 0</dev/null; python3 -c '
import os
for call in (lambda: os.open("x", os.O_CREAT, dir_fd=9), lambda: os.mkdir("x", dir_fd=9),
             lambda: os.open("/proc/self/fd/9", os.O_TMPFILE | os.O_RDWR),
             lambda: os.mkdir("/proc/self/fd/9/x"), lambda: (os.fchdir(9), os.mkdir("x"))):
    try: call()
    except PermissionError: continue
    raise SystemExit("made it")'""", stdin=folder)
            os.close(folder)
            self.assertEqual((0, ""), (result.returncode, result.stderr))


class Answers(unittest.TestCase):
    def python(self, script, **options):
        with Sandbox() as s:
            result = s.run("python3", "-c", script, **options)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            return result.stdout

    def test_flags_are_the_callers(self):
        self.python("""
import fcntl, os
for flags in (0, os.O_APPEND, os.O_NONBLOCK, os.O_CLOEXEC, os.O_SYNC, os.O_APPEND | os.O_NONBLOCK):
    fd = os.open("f", os.O_RDWR | os.O_CREAT | flags)
    got = fcntl.fcntl(fd, fcntl.F_GETFL)
    for flag in (os.O_APPEND, os.O_NONBLOCK, os.O_SYNC):
        assert got & flag == flags & flag, (flags, got)
    assert got & os.O_ACCMODE == os.O_RDWR
import ctypes
libc = ctypes.CDLL(None)
plain, closed = (libc.open(b"f", os.O_WRONLY | extra) for extra in (0, os.O_CLOEXEC))
assert not fcntl.fcntl(plain, fcntl.F_GETFD) and fcntl.fcntl(closed, fcntl.F_GETFD)
""")

    def test_errors(self):
        self.python("""
import ctypes, errno, os, resource
libc = ctypes.CDLL(None, use_errno=True)
def err(call, *args):
    r = getattr(libc, call)(*args)
    return errno.errorcode.get(ctypes.get_errno()) if r < 0 else r
os.mkdir("d"); open("f", "w"); os.symlink("loop", "loop"); os.symlink("f", "l")
C, W, X = os.O_CREAT, os.O_WRONLY, os.O_EXCL
checks = [
 ("ENOENT", "open", b"", C | W, 0o600), ("ENOENT", "open", b"no/x", C | W, 0o600),
 ("ENOTDIR", "open", b"f/x", C | W, 0o600), ("EISDIR", "open", b"d", W),
 ("EISDIR", "open", b"d", C, 0o600), ("EISDIR", "open", b"d/", C | W, 0o600),
 ("EISDIR", "open", b"new/", C | W, 0o600), ("EEXIST", "open", b"f", C | X | W, 0o600),
 ("EEXIST", "open", b"l", C | X | W, 0o600), ("ELOOP", "open", b"l", W | os.O_NOFOLLOW),
 ("ELOOP", "open", b"loop", C | W, 0o600), ("ENAMETOOLONG", "open", b"x" * 300, C | W, 0o600),
 ("ENAMETOOLONG", "open", b"x/" * 3000, C | W, 0o600), ("EFAULT", "open", ctypes.c_void_p(1), C | W, 0o600),
 ("EBADF", "openat", 99, b"x", C | W, 0o600), ("ENOTDIR", "openat", os.open("f", 0), b"x", C | W, 0o600),
 ("EEXIST", "mkdir", b"f", 0o700), ("EEXIST", "mkdir", b".", 0o700), ("EEXIST", "mkdir", b"/", 0o700),
 ("EISDIR", "unlink", b"d"), ("ENOTDIR", "rmdir", b"f"), ("EINVAL", "rmdir", b"."),
 ("ENOTDIR", "unlink", b"f/"), ("EBUSY", "rename", b".", b"x"), ("ENOENT", "rename", b"no", b"x"),
 ("EINVAL", "rename", b"d", b"d/e"), ("ENOENT", "symlink", b"x", b""), ("ENOENT", "truncate", b"no", 0),
 ("EISDIR", "truncate", b"d", 0), ("EPERM", "link", b"d", b"x"), ("EEXIST", "link", b"f", b"d"),
 (0, "mkdir", b"new/", 0o700), (0, "rename", b"new/", b"new2/"), (0, "rmdir", b"new2/"),
]
for want, *call in checks:
    got = err(*call)
    assert got == want, (call, got, want)
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
try:
    while True: os.open("f", W)
except OSError as e:
    assert e.errno == errno.EMFILE, e
""")

    def test_permissions_are_the_callers(self):
        if os.getuid() == 0:
            self.skipTest("run as root: every mode lets it through")
        self.python("""
import os
os.mkdir("ro", 0o555)
open("f", "w"); os.chmod("f", 0o444)
for path, flags in (("ro/x", os.O_CREAT | os.O_WRONLY), ("f", os.O_WRONLY), ("/etc/x", os.O_CREAT | os.O_WRONLY)):
    try: os.open(path, flags)
    except PermissionError: continue
    raise SystemExit(path)
""")

    def test_another_user_of_the_sandbox_is_not_served(self):
        if os.getuid() != 0:
            self.skipTest("not run as root: no other user to be")
        with Sandbox() as s:
            os.chmod(s.root, 0o777)
            # The command has no capability to become somebody else with; the broker is told it is.
            s.user = 12345
            self.assertIn("Operation not permitted", s.sh("echo > f").stderr)

    def test_root_without_capabilities(self):
        if os.getuid() != 0:
            self.skipTest("not run as root")
        with Sandbox() as s:
            (s.root / "f").write_text("")
            os.chown(s.root / "f", 12345, 12345)
            os.chmod(s.root / "f", 0o600)
            self.assertIn("Permission denied", s.sh("echo x > f").stderr)


class Waits(unittest.TestCase):
    def test_fifos_wait_for_their_readers_and_hold_up_nobody(self):
        with Sandbox() as s:
            result = s.sh("mkfifo $(seq 40); for i in $(seq 40); do echo $i > $i & done; "
                          "for i in $(seq 200); do echo > f$i; done; sleep 0.3; "
                          "for i in $(seq 40); do cat $i; done; wait", threads=2)
            self.assertEqual([str(i) for i in range(1, 41)], result.stdout.split(), result.stderr)

    def test_a_killed_writer_is_forgotten(self):
        with Sandbox() as s:
            result = s.sh("mkfifo p; (exec echo x > p) & sleep 0.1; kill -9 $!; wait $!; "
                          "timeout 0.2 cat p; echo $?; echo ok > f; cat f")
            self.assertEqual("124\nok\n", result.stdout, result.stderr)

    def test_nonblocking_fifo(self):
        with Sandbox() as s:
            result = s.sh("mkfifo p; python3 -c 'import os; os.open(\"p\", os.O_WRONLY | os.O_NONBLOCK)'")
            self.assertIn("No such device or address", result.stderr)


class Ends(unittest.TestCase):
    def running(self, s, script):
        """The command, stopped at its first `read`, and the broker's pid."""
        process = subprocess.Popen(
            s.command("bash", "-c", "echo > up; read line; " + script), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=s.environment(),
            cwd=s.root)
        while not (s.root / "up").exists():
            self.assertIsNone(process.poll(), "it ended before it began")
            time.sleep(0.01)
        pid = subprocess.run(["pgrep", "-P", str(process.pid), "-x", "srt-broker"],
                             capture_output=True, text=True, check=True).stdout.strip()
        return process, int(pid)

    def test_without_the_broker_calls_fail(self):
        with Sandbox() as s:
            process, pid = self.running(s, "echo > down; mkdir .vscode; ls -A")
            os.kill(pid, 9)
            out, err = process.communicate("go\n", timeout=30)
            self.assertEqual("up\n", out)
            self.assertIn("Function not implemented", err)

    def test_it_has_given_everything_up(self):
        with Sandbox() as s:
            s.reads_all = False
            process, pid = self.running(s, "ls -A")
            with open(f"/proc/{pid}/status") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual("0" * 16, status[name], name)
            self.assertEqual("1", status["NoNewPrivs"])
            self.assertEqual(0, os.stat(f"/proc/{pid}/mem").st_uid, "it is dumpable")
            process.communicate("go\n", timeout=30)

    def test_it_ends_with_the_sandbox(self):
        with Sandbox() as s:
            process, pid = self.running(s, "(sleep 1000 > f &) ; exit 7")
            process.communicate("go\n", timeout=30)
            self.assertEqual(7, process.returncode)
            self.assertFalse(os.path.exists(f"/proc/{pid}"))
