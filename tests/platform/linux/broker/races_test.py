"""Threads that change everything under the broker while it looks. SRT_RACE_SECONDS each, by default 3."""

import os
import threading
import time
import unittest

from sandbox import Sandbox

SECONDS = float(os.environ.get("SRT_RACE_SECONDS", "3"))

# Each runs as long as it is told, in as many threads as there are functions. ctypes lets go of the
# interpreter's lock, so that their calls are truly at the same time.
PRELUDE = f"""
import ctypes, os, threading, time
libc = ctypes.CDLL(None, use_errno=True)
END = time.monotonic() + {SECONDS}
def ren(a, b): return libc.rename(a, b)
def exch(a, b): return libc.renameat2(-100, a, -100, b, 2)
def make(path, text=b"evil"):
    fd = libc.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    if fd >= 0:
        libc.write(fd, text, len(text)); libc.close(fd)
def race(*functions):
    def loop(f):
        while time.monotonic() < END: f()
    threads = [threading.Thread(target=loop, args=(f,)) for f in functions]
    for t in threads: t.start()
    for t in threads: t.join()
"""


class Races(unittest.TestCase):
    def never(self, script, *names, setup=lambda s: None):
        """None of `names` is ever seen, not even for a moment."""
        with Sandbox() as s:
            setup(s)
            seen, stop = set(), threading.Event()

            def watch():
                while not stop.is_set():
                    for name in names:
                        if os.path.lexists(s.root / name):
                            seen.add(name)

            watcher = threading.Thread(target=watch)
            watcher.start()
            try:
                result = s.run("python3", "-c", PRELUDE + script, threads=4, timeout=60 + SECONDS)
            finally:
                stop.set()
                watcher.join()
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            self.assertEqual(set(), seen)
            return s.names()

    def test_a_path_rewritten_under_its_reader(self):
        self.never("""
path = ctypes.create_string_buffer(b"harmless.", 32)
def swap():
    path.value = b".bashrc"
    path.value = b"harmles"
def write(): make(path)
race(swap, write, write, write)
""", ".bashrc")

    def test_a_symlink_that_changes_its_target(self):
        self.never("""
os.symlink("good", "l"); os.symlink(".bashrc", "k"); os.symlink("good", "m")
def swap(): exch(b"l", b"k")
def write(): make(b"l")
race(swap, swap, write, write)
""", ".bashrc")

    def test_a_parent_renamed_to_dot_git(self):
        names = self.never("""
def mk(): libc.mkdir(b"x", 0o700)
def to(): ren(b"x", b".git")
def back(): ren(b".git", b"x")
def hook(): libc.mkdir(b"x/hooks", 0o700)
def unhook(): libc.rmdir(b"x/hooks")
race(mk, to, back, hook, unhook)
""", ".git/hooks")
        self.assertNotIn(".git/hooks", names)

    def test_a_bare_repository_made_by_several_at_once(self):
        self.never("""
os.mkdir("b")
makers = [lambda: make(b"b/HEAD"), lambda: libc.mkdir(b"b/objects", 0o700),
          lambda: libc.mkdir(b"b/refs", 0o700), lambda: make(b"b/config")]
names = ["b/HEAD", "b/objects", "b/refs", "b/config"]
rounds = 0
while time.monotonic() < END:
    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=lambda m=m: (barrier.wait(), m())) for m in makers]
    for t in threads: t.start()
    for t in threads: t.join()
    made = [n for n in names if os.path.lexists(n)]
    assert len(made) == 3, made
    for n in made: os.rmdir(n) if os.path.isdir(n) else os.unlink(n)
    rounds += 1
assert rounds > 10
""")

    def test_descriptors_that_change_under_it(self):
        self.never("""
open("good", "w").close()
a, b = os.open("good", os.O_RDONLY), os.open("prot/.bashrc", os.O_RDONLY)
os.dup2(a, 100)
def swap(): os.dup2(b, 100); os.dup2(a, 100)
def write():
    fd = libc.open(b"/proc/self/fd/100", os.O_WRONLY)
    if fd >= 0: libc.write(fd, b"evil", 4); libc.close(fd)
race(swap, write, write)
assert open("prot/.bashrc").read() == "mine"
""", setup=lambda s: ((s.root / "prot").mkdir(), (s.root / "prot/.bashrc").write_text("mine")))

    def test_a_folder_swapped_for_a_link(self):
        self.never("""
os.mkdir("d"); os.symlink("prot/.vscode", "e")
def swap(): exch(b"d", b"e")
def write(): make(b"d/tasks.json")
race(swap, write, write)
""", "prot/.vscode/tasks.json", setup=lambda s: (s.root / "prot/.vscode").mkdir(parents=True))

    def two_sandboxes(self, s, first, second):
        """What neither may do alone, both may not do together in one folder."""
        s.config()
        results = []
        sides = [threading.Thread(target=lambda script=script: results.append(s.run(
            "python3", "-c", PRELUDE + script, timeout=60 + SECONDS))) for script in (first, second)]
        for side in sides:
            side.start()
        for side in sides:
            side.join()
        self.assertEqual([(0, "")] * 2, [(r.returncode, r.stderr) for r in results])

    def test_a_neighbour_renames_the_folder_in_which_a_name_is_made(self):
        with Sandbox() as s:
            seen, stop = set(), threading.Event()

            def watch():
                while not stop.is_set():
                    if (s.root / ".git/hooks").exists():
                        seen.add(".git/hooks")

            watcher = threading.Thread(target=watch)
            watcher.start()
            try:
                self.two_sandboxes(s, """
race(lambda: libc.mkdir(b"x", 0o700), lambda: ren(b"x", b".git"), lambda: ren(b".git", b"x"))
""", """
race(lambda: libc.mkdir(b"x/hooks", 0o700), lambda: libc.mkdir(b"x/hooks", 0o700),
     lambda: libc.rmdir(b"x/hooks"))
""")
            finally:
                stop.set()
                watcher.join()
            self.assertEqual((set(), False), (seen, (s.root / ".git/hooks").exists()))

    def test_neighbours_make_a_bare_repository_together(self):
        rounds = """
i = 0
while time.monotonic() < END:
    {begin}
    {first}
    {second}
    i += 1
"""
        with Sandbox() as s:
            self.two_sandboxes(
                s,
                rounds.format(begin="os.mkdir(f'b{i}')", first="make(f'b{i}/HEAD'.encode())",
                              second="libc.mkdir(f'b{i}/objects'.encode(), 0o700)"),
                rounds.format(begin="while not os.path.exists(f'b{i}') and time.monotonic() < END: pass",
                              first="make(f'b{i}/config'.encode())",
                              second="libc.mkdir(f'b{i}/refs'.encode(), 0o700)"))
            made = [sorted(os.listdir(folder)) for folder in s.root.iterdir()]
            self.assertGreater(len(made), 50)
            self.assertNotIn(["HEAD", "config", "objects", "refs"], made)

    def test_killed_callers(self):
        with Sandbox() as s:
            result = s.sh(f"end=$((SECONDS + {int(SECONDS)})); while [ $SECONDS -lt $end ]; do "
                          "(for i in 1 2 3 4 5 6 7 8; do echo > f$i; mkdir -p d$i; mv d$i e$i; "
                          "rmdir e$i; done) & sleep 0.01; kill -9 $!; wait $!; done 2>/dev/null; "
                          "echo fine > end", threads=2, timeout=60 + SECONDS)
            self.assertEqual("fine\n", (s.root / "end").read_text(), result.stderr)

    def test_many_sandboxes_in_one_folder(self):
        with Sandbox() as s:
            s.config()
            results = []

            def run(i):
                results.append(s.sh(f"for j in $(seq 50); do echo > .bashrc; mkdir -p {i}/$j; done "
                                    "2>/dev/null"))

            threads = [threading.Thread(target=run, args=(i,)) for i in range(10)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([0] * 10, [r.returncode for r in results])
            self.assertNotIn(".bashrc", s.names())
