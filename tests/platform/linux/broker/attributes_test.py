"""What a file is, whatever it holds: its mode and its extended attributes."""

import os
import unittest

from sandbox import Sandbox

# Every way to change a mode or an attribute, by path, by descriptor, through a link; prints what went through.
EVERY_WAY = r"""
import ctypes, fcntl, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *args):
    known = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in args]
    if libc.syscall(ctypes.c_long(number), *known) != 0:
        raise OSError(ctypes.get_errno(), "")
path = sys.argv[1]
fd, held = os.open(path, os.O_RDONLY), os.open(path, os.O_PATH)
os.symlink(os.path.abspath(path), "link")
acl = struct.pack("<IHHIHHIHHI", 2, 1, 7, 2**32 - 1, 4, 5, 2**32 - 1, 0x20, 5, 2**32 - 1)
ways = {
    "fchmod": lambda: os.fchmod(fd, 0o777),
    "fchmodat2": lambda: call(452, fd, b"", 0o777, 0x1000),
    "fsetxattr": lambda: os.setxattr(fd, "user.x", b"1"),
    "setxattrat": lambda: call(463, fd, b"", 0x1000, b"user.x", struct.pack("QII", 0, 0, 0), 16),
    "fremovexattr": lambda: os.removexattr(fd, "user.mine"),
    "flags": lambda: fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0x40)),
    "lsetxattr": lambda: os.setxattr(path, "user.x", b"1", follow_symlinks=False),
}
for name in (path, "./" + path, os.path.abspath(path), f"/proc/self/fd/{fd}", f"/dev/fd/{fd}", f"/proc/self/fd/{held}",
             f"/proc/{os.getpid()}/cwd/{path}", f"/proc/self/root{os.path.abspath(path)}", "link"):
    ways[f"chmod {name}"] = lambda name=name: os.chmod(name, 0o777)
    ways[f"fchmodat2 {name}"] = lambda name=name: call(452, -100, name.encode(), 0o777, 0)
    ways[f"acl {name}"] = lambda name=name: os.setxattr(name, "system.posix_acl_access", acl)
    ways[f"removexattr {name}"] = lambda name=name: os.removexattr(name, "user.mine")
for name, way in ways.items():
    try:
        way()
        print(name)
    except OSError:
        pass
"""


def _state(path):
    try:
        attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    except OSError:
        attributes = {}
    return path.stat().st_mode, attributes


class Attributes(unittest.TestCase):
    def stays(self, name, **rules):
        with Sandbox(**rules) as s:
            path = s.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o600)
            os.setxattr(path, "user.mine", b"1")
            before = _state(path)
            result = s.run("python3", "-c", EVERY_WAY, name)
            self.assertEqual((0, "", ""), (result.returncode, result.stdout, result.stderr))
            self.assertEqual(before, _state(path))

    def test_a_hook_does_not_become_a_program(self):
        self.stays(".git/hooks/pre-commit")

    def test_a_start_up_file_is_not_opened_to_others(self):
        self.stays("a/.bashrc")

    def test_a_denied_pattern_covers_the_mode(self):
        self.stays("keys/a.pem", denied=["/**/*.pem"])

    def test_the_configuration_of_git_is_not_opened_to_others(self):
        self.stays(".git/config")

    def test_other_files_are_free(self):
        with Sandbox() as s:
            script = ("echo > f; chmod 640 f; mkdir d; chmod 700 d;"
                      "python3 -c 'import os; os.fchmod(os.open(\"f\", os.O_RDONLY), 0o604);"
                      " os.fchmod(1, 0o600); os.setxattr(\"f\", \"user.y\", b\"2\");"
                      " os.removexattr(\"f\", \"user.y\"); os.fchmod(os.memfd_create(\"m\"), 0o700)';"
                      "ln -s f l; chmod 605 l; chmod --reference=d /proc/self/fd/9 9<d")
            result = s.sh(script)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            self.assertEqual(0o605, (s.root / "f").stat().st_mode & 0o7777)
            self.assertEqual([], s.violations())

    def test_the_kernels_own_errors_are_kept(self):
        with Sandbox() as s:
            result = s.run("python3", "-c", """
import errno, os
def why(f):
    try: f()
    except OSError as e: return errno.errorcode[e.errno]
open("f", "w").close(); os.symlink("f", "l"); os.symlink("gone", "d")
print(why(lambda: os.chmod("absent", 0o600)), why(lambda: os.chmod("d", 0o600)),
      why(lambda: os.chmod("f/x", 0o600)), why(lambda: os.fchmod(77, 0o600)), why(lambda: os.chmod("", 0o600)),
      why(lambda: os.removexattr("f", "user.absent")), why(lambda: os.setxattr("f", "user.x", b"1", os.XATTR_REPLACE)))
""")
            self.assertEqual("ENOENT ENOENT ENOTDIR EBADF ENOENT ENODATA ENODATA\n", result.stdout,
                             result.stderr)

    def test_a_file_of_the_hosts_that_is_standard_input_keeps_its_mode(self):
        with Sandbox() as s:
            path = s.outside / "f"
            path.write_text("x")
            path.chmod(0o600)
            with path.open() as file:
                result = s.run("python3", "-c", """
import os
for way in (lambda: os.fchmod(0, 0o777), lambda: os.chmod("/proc/self/fd/0", 0o777),
            lambda: os.setxattr(0, "user.x", b"1")):
    try: way(); print("changed")
    except PermissionError: pass
""", stdin=file)
            self.assertEqual(("", ""), (result.stdout, result.stderr))
            self.assertEqual(0o600, path.stat().st_mode & 0o7777)

    def test_git_init_in_a_repository_still_learns_about_modes(self):
        """It toggles the execute bit of its config; without that it would write `filemode = false`."""
        with Sandbox() as s:
            s.outside_git("init", "-q", ".")
            result = s.sh("git init -q . && git config core.filemode")
            self.assertEqual(("true\n", ""), (result.stdout, result.stderr))

    def test_a_refusal_is_written_down(self):
        with Sandbox() as s:
            (s.root / ".bashrc").write_text("x")
            s.sh("chmod 777 .bashrc")
            self.assertEqual([("attributes", str(s.root / ".bashrc"), ".bashrc")],
                             [(v["operation"], v["path"], v["rule"]) for v in s.violations()])


class Renames(unittest.TestCase):
    def test_no_rename_leaves_a_device_behind(self):
        with Sandbox() as s:
            result = s.run("python3", "-c", """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
open("a", "w").close()
print(libc.renameat2(-100, b"a", -100, b"b", 4), ctypes.get_errno())
""")
            self.assertEqual("-1 22\n", result.stdout, result.stderr)
            self.assertEqual(["a"], s.names())


class Log(unittest.TestCase):
    def test_what_is_refused_over_and_over_fills_nothing(self):
        most = 8 << 20
        with Sandbox() as s:
            deep = "/".join(letter * 250 for letter in "abcd")
            result = s.run("python3", "-c", f"""
import os
os.makedirs("{deep}")
for i in range(12000):
    try: os.mkdir("{deep}/.bashrc")
    except PermissionError: pass
""", timeout=120)
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            self.assertLess(s.violations_file.stat().st_size, most + 4096)
            self.assertIn("more was refused", s.violations()[-1]["rule"])

