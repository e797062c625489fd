"""Unix sockets by path."""

import os
import socket
import threading
import unittest

from sandbox import Sandbox

TALK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
print(s.recv(10).decode(), end="")
"""


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

    def test_datagrams(self):
        with Sandbox() as s:
            for script in ("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
                           "socket.socket(socket.AF_UNIX, socket.SOCK_RAW)",
                           "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)",
                           "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"):
                result = s.run("python3", "-c", "import socket; " + script)
                self.assertIn("PermissionError", result.stderr, script)

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
