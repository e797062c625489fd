"""Unix sockets by path."""

import os
import socket
import subprocess
import threading
import unittest

from sandbox import Sandbox

TALK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
print(s.recv(10).decode(), end="")
"""


# In a pid namespace of its own, which stands for the host's.
REUSED = r'''
import os, pathlib, subprocess, sys
sys.dont_write_bytecode = True
from sandbox import Sandbox

INSIDE = """
import os, socket, sys
a, b = socket.socketpair()
pid = os.fork()
if not pid:
    b.close()
    open("/proc/self/comm", "w").write("blocked-sender")
    while True: a.sendmsg([b"x" * 100000])
a.close(); print("begun", flush=True)
sys.stdin.readline(); os.kill(pid, 9); os.waitpid(pid, 0); print("killed", flush=True)
sys.stdin.readline(); b.shutdown(socket.SHUT_RD); print("closed", flush=True)
sys.stdin.readline()
"""

def sender():
    while True:
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "comm").read_text().strip() != "blocked-sender": continue
                # Its call has a thread of the broker to itself once that is waiting for the receiver.
                brokers = [b for b in pathlib.Path("/proc").glob("[0-9]*") if (b / "comm").read_text() == "srt-broker\n"]
                if any(len(list((b / "task").iterdir())) > 3 for b in brokers): return int(entry.name)
            except OSError: pass

with Sandbox() as s:
    inside = subprocess.Popen(s.command("python3", "-c", INSIDE), cwd=s.root, env=s.environment(), text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    def step(word):
        inside.stdin.write("\n"); inside.stdin.flush()
        assert inside.stdout.readline() == word + "\n"
    assert inside.stdout.readline() == "begun\n"
    number = sender()
    step("killed")
    for _ in range(100):
        pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        victim = subprocess.Popen(["sleep", "1000"])
        if victim.pid == number: break
        victim.kill(); victim.wait()
    else: raise SystemExit("the number was not given out again")
    step("closed")
    try: victim.wait(2)
    except subprocess.TimeoutExpired: pass
    print(victim.poll())
    victim.kill(); inside.kill()
'''


def serve(path):
    """A listener of the host's that says hi to everybody."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def loop():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            peer.send(b"hi")
            peer.close()

    threading.Thread(target=loop, daemon=True).start()
    return listener


class ByPath(unittest.TestCase):
    def talk(self, s, path, **options):
        return s.run("python3", "-c", TALK, str(path), **options)

    def test_only_listed_ones(self):
        with Sandbox() as s:
            good, bad = s.outside / "good", s.outside / "bad"
            with serve(good), serve(bad):
                s.rules["unixSockets"] = [str(good)]
                self.assertEqual("hi", self.talk(s, good).stdout)
                self.assertEqual("hi", self.talk(s, "../outside/good").stdout)
                self.assertIn("PermissionError", self.talk(s, bad).stderr)
                self.assertEqual([str(bad)], [v["path"] for v in s.violations()])

    def test_links_are_judged_by_where_they_lead(self):
        with Sandbox() as s:
            good, bad = s.outside / "good", s.outside / "bad"
            with serve(good), serve(bad):
                s.rules["unixSockets"] = [str(good), str(s.root / "l")]
                (s.root / "l").symlink_to(bad)
                (s.root / "g").symlink_to(good)
                self.assertIn("PermissionError", self.talk(s, "l").stderr)
                self.assertEqual("hi", self.talk(s, "g").stdout)

    def test_own_ones(self):
        with Sandbox() as s:
            result = s.run("python3", "-c", """
import os, socket
for path in ("s", os.path.abspath("t"), "d/u"):
    os.makedirs("d", exist_ok=True)
    l = socket.socket(socket.AF_UNIX); l.bind(path); l.listen()
    assert l.getsockname() == path
    c = socket.socket(socket.AF_UNIX); c.connect(path)
    c.send(b"x"); assert l.accept()[0].recv(1) == b"x"
l = socket.socket(socket.AF_UNIX); l.bind(b"\\0abstract"); l.listen()
socket.socket(socket.AF_UNIX).connect(b"\\0abstract")
a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c = socket.socket(socket.AF_UNIX); c.setblocking(False)
try: c.connect("gone")
except FileNotFoundError: pass
""")
            self.assertEqual("", result.stderr)

    def test_abstract_ones_of_the_host(self):
        with Sandbox(abstractSockets=False) as s:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(b"\0srt-broker-test-%d" % os.getpid())
            listener.listen()
            result = s.run("python3", "-c",
                           f"import socket; socket.socket(socket.AF_UNIX).connect(b'\\0srt-broker-test-{os.getpid()}')")
            listener.close()
            self.assertIn("ConnectionRefusedError", result.stderr)

    def test_datagrams_between_own_ones(self):
        with Sandbox() as s:
            result = s.run("python3", "-c", """
import array, os, socket, threading, time
here = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); here.bind("here")
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
loose = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for sender in (loose, a):
    assert sender.sendto(b"to", "here") == 2 and here.recv(9) == b"to"
    assert sender.sendmsg([b"m", b"sg"], [], 0, os.path.abspath("here")) == 3
    assert here.recv(9) == b"msg"
assert a.send(b"x") == 1 and b.recv(9) == b"x"
assert a.sendmsg([b"y"]) == 1 and b.recv(9) == b"y"
assert a.sendmsg([b""]) == 0 and b.recv(9) == b""
loose.connect("here"); loose.send(b"connected"); assert here.recv(9) == b"connected"
for gone, error in (("gone", FileNotFoundError), ("/etc/passwd", OSError)):
    try: loose.sendto(b"x", gone); assert False
    except error: pass
# Descriptors are handed over, by streams too.
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    r, w = os.pipe()
    a.sendmsg([b"fd"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [w]))])
    data, fds, flags, address = socket.recv_fds(b, 9, 1)
    os.close(w); os.write(fds[0], b"through"); assert os.read(r, 9) == b"through"
# One that has to wait holds up nobody, and arrives.
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
done = []
def fill():
    for i in range(400): a.sendmsg([b"z" * 1000])
    done.append(1)
thread = threading.Thread(target=fill); thread.start()
open("other", "w")
for i in range(400): assert len(b.recv(2000)) == 1000
thread.join(); assert done
# A stream whose reader has gone.
a, b = socket.socketpair(); b.close()
try: a.sendmsg([b"x"]); assert False
except BrokenPipeError: pass
big, rest = socket.socketpair()
threading.Thread(target=lambda: big.sendall(b"") or big.sendmsg([b"q" * 200000]) or big.close()).start()
total = 0
while total < 200000: total += len(rest.recv(65536))
""", timeout=30)
            self.assertEqual("", result.stderr)

    def test_datagrams_to_the_host(self):
        with Sandbox() as s:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            listener.bind(os.path.join(s.root, "host"))
            listener.setblocking(False)
            result = s.run("python3", "-c", """
import ctypes, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
address = struct.pack("=H", socket.AF_UNIX) + b"host\\0"
def mmsg(sender):
    name = ctypes.create_string_buffer(address); data = ctypes.create_string_buffer(b"x")
    part = struct.pack("PN", ctypes.addressof(data), 1); parts = ctypes.create_string_buffer(part)
    head = struct.pack("PIxxxxPNPNixxxxIxxxx", ctypes.addressof(name), len(address), ctypes.addressof(parts), 1, 0, 0, 0, 0)
    if libc.sendmmsg(sender.fileno(), ctypes.create_string_buffer(head), 1, 0) != 1: raise OSError(ctypes.get_errno(), "")
os.symlink("host", "link")
for make in (lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0],
             lambda: socket.socket(socket.AF_UNIX, socket.SOCK_RAW)):
    for send in (lambda s: s.sendto(b"x", "host"), lambda s: s.sendmsg([b"x"], [], 0, "host"), lambda s: s.sendto(b"x", "link"), mmsg,
                 lambda s: s.connect("host") or s.send(b"x")):
        try: send(make()); print("sent")
        except PermissionError: print("refused")
""")
            self.assertEqual("refused\n" * 15, result.stdout, result.stderr)
            with self.assertRaises(BlockingIOError):
                listener.recv(9)
            listener.close()

    def test_a_socket_that_is_exchanged_meanwhile(self):
        """The type of a socket is not looked at and then relied on: dup2 would make it another one."""
        with Sandbox() as s:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            listener.bind(os.path.join(s.root, "host"))
            listener.setblocking(False)
            result = s.run("python3", "-c", """
import os, socket, threading, time
pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
swapped = os.dup(pair[0].fileno())
end = time.monotonic() + 2
def swap():
    while time.monotonic() < end:
        os.dup2(datagram.fileno(), swapped); os.dup2(pair[0].fileno(), swapped)
threading.Thread(target=swap).start()
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM, fileno=swapped)
while time.monotonic() < end:
    try: sender.sendmsg([b"x"], [], socket.MSG_DONTWAIT, "host")
    except OSError: pass
""", timeout=30)
            self.assertEqual("", result.stderr)
            with self.assertRaises(BlockingIOError):
                listener.recv(9)
            listener.close()

    def test_names_are_looked_up(self):
        """Resolvers send with sendmmsg(2), and ask the kernel for addresses by sendto(2)."""
        with Sandbox() as s:
            result = s.run("python3", "-c", """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind(("127.0.0.1", 0)); server.settimeout(5)
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b"one", server.getsockname()); assert server.recv(9) == b"one"
client.sendmsg([b"t", b"wo"], [], 0, server.getsockname()); assert server.recv(9) == b"two"
client.connect(server.getsockname()); client.sendmsg([b"three"]); assert server.recv(9) == b"three"
socket.getaddrinfo("localhost", 80)
""")
            self.assertEqual("", result.stderr)

    def test_internet_sockets_are_left_alone(self):
        with Sandbox() as s:
            result = s.run("python3", "-c", """
import socket
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
for blocking in (True, False):
    c = socket.socket(); c.setblocking(blocking)
    try: c.connect(l.getsockname())
    except BlockingIOError: pass
    l.accept()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.connect(("127.0.0.1", 9))
l.close()
try: socket.create_connection(("127.0.0.1", 1))
except ConnectionRefusedError: pass
""")
            self.assertEqual("", result.stderr)

    def test_a_full_listener_holds_up_nobody(self):
        with Sandbox() as s:
            result = s.run("python3", "-c", """
import os, socket, threading, time
l = socket.socket(socket.AF_UNIX); l.bind("s"); l.listen(0)
def talk(): socket.socket(socket.AF_UNIX).connect("s")
threads = [threading.Thread(target=talk, daemon=True) for _ in range(20)]
for t in threads: t.start()
time.sleep(0.2)
for i in range(100): open(f"f{i}", "w")
for _ in range(20): l.accept()
for t in threads: t.join(5)
""", timeout=30)
            self.assertEqual("", result.stderr)

    def test_a_number_that_is_given_out_again_is_left_alone(self):
        """A sender is killed while it waits for its receiver, and a process of the host gets its number."""
        if os.getuid() != 0:
            self.skipTest("only root says which number is next")
        result = subprocess.run(
            ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "python3", "-c", REUSED],
            cwd=os.path.dirname(os.path.abspath(__file__)), capture_output=True, text=True, timeout=60)
        self.assertEqual(("None\n", ""), (result.stdout, result.stderr))

    def test_a_working_directory_that_moves_meanwhile(self):
        """The name is made where it was judged: not in a folder that another thread of the caller has gone to since."""
        with Sandbox() as s:
            (s.root / ".git").mkdir()
            (s.root / "x").mkdir()
            result = s.run("python3", "-c", """
import os, socket, threading, time
places = [os.open(name, os.O_RDONLY | os.O_DIRECTORY) for name in (".git", "x")]
made = done = False
def move():
    while not done:
        for place in places: os.fchdir(place)
threading.Thread(target=move, daemon=True).start()
end = time.monotonic() + 1
while time.monotonic() < end and not made:
    with socket.socket(socket.AF_UNIX) as one:
        try: one.bind("hooks")
        except OSError: pass
    made = os.path.lexists(f"/proc/self/fd/{places[0]}/hooks")
    try: os.unlink("hooks", dir_fd=places[1])
    except OSError: pass
done = True
print(made)
""")
            self.assertEqual(("False\n", ""), (result.stdout, result.stderr))

    def test_names_through_links_of_procfs(self):
        with Sandbox() as s:
            (s.root / "x").mkdir()
            result = s.run("python3", "-c", """
import os, socket
at = os.open("x", os.O_RDONLY | os.O_DIRECTORY)
os.symlink("/proc/self/cwd/x", "link")
for name in ("/proc/self/cwd/a", f"/proc/self/fd/{at}/b", f"/proc/{os.getpid()}/cwd/c", "link/d", "x/e", "./x/../f",
             os.path.abspath("g")):
    one, other = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    one.bind(name); one.listen(); other.connect(name)
for name in ("/proc/self/cwd/.git/hooks", "/proc/self/cwd/.bashrc", "link/.bashrc", "x/.bashrc/"):
    try: socket.socket(socket.AF_UNIX).bind(name); print(name)
    except OSError: pass
print(*sorted(os.listdir(".") + os.listdir("x")))
""")
            self.assertEqual(("a b c d e f g link x\n", ""), (result.stdout, result.stderr))
