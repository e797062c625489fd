"""Unix sockets: those of the host are closed unless listed, those made inside work."""

import os
import pathlib
import socket
import threading

from suite import suite
from workplace import filesystem, network


class _Listener:
    """A service of the host: it answers each connection with one word."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(address))
        self.socket.listen(8)
        self.reached = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.reached += 1
            connection.sendall(b"host")
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def _connect(address: str, kind: str = "SOCK_STREAM") -> str:
    return (
        f"import socket\ntry:\n  s=socket.socket(socket.AF_UNIX,socket.{kind}); s.settimeout(3); s.connect({address!r});"
        " print('connected', s.recv(10))\nexcept OSError as e: print('refused', e.errno)"
    )


@suite.case()
def a_socket_of_the_host_is_refused(place):
    with _Listener(place.project / "host.sock") as listener:
        place.settings(write=["."])
        outcome = place.python(_connect("host.sock"))
        place.check(
            outcome.ok and "connected" not in outcome.out and listener.reached == 0, outcome
        )


@suite.case()
def a_socket_of_the_host_gets_no_name_that_is_listed(place):
    """Where the command may write the folder that another one lies in: renamed, linked, exchanged, or with its folder."""
    host = place.project / "host"
    host.mkdir()
    listed = [str(place.project / name) for name in ("mine", "app/agent.sock", "all")]
    place.settings({"network": network(allowUnixSockets=listed), "filesystem": filesystem(write=["."])})
    script = (
        "import ctypes, os, socket\n"
        "libc = ctypes.CDLL(None)\n"
        "def tried(way):\n"
        "  try: way()\n"
        "  except OSError: pass\n"
        "  for name in ('mine', 'app/agent.sock', 'all', 'all/agent.sock', 'all/a/agent.sock'):\n"
        "    s = socket.socket(socket.AF_UNIX)\n"
        "    try: s.connect(name); print('connected', name)\n"
        "    except OSError: pass\n"
        "fd = os.open('host/agent.sock', os.O_PATH)\n"
        "open('file', 'w'); os.makedirs('app/a'); os.mkdir('new')\n"
        "tried(lambda: os.rename('host/agent.sock', 'mine'))\n"
        "tried(lambda: os.link('host/agent.sock', 'mine'))\n"
        "tried(lambda: os.link(f'/proc/self/fd/{fd}', 'mine', follow_symlinks=True))\n"
        "tried(lambda: os.link('host/agent.sock', 'other') or os.rename('other', 'mine'))\n"
        "tried(lambda: libc.renameat2(-100, b'host/agent.sock', -100, b'file', 2) or os.rename('file', 'mine'))\n"
        "tried(lambda: os.rename('app', 'old') or os.rename('host', 'app'))\n"
        "tried(lambda: libc.renameat2(-100, b'host', -100, b'app', 2))\n"
        "tried(lambda: os.rename('host', 'all'))\n"
        "tried(lambda: os.mkdir('all') or os.rename('host', 'all/a'))\n"
        "tried(lambda: os.rename('host', 'new/a') or os.rename('new', 'all'))\n"
        "s = socket.socket(socket.AF_UNIX); s.bind('own'); s.listen(1); os.rename('own', 'mine'); tried(lambda: None)"
    )
    with _Listener(host / "agent.sock") as listener:
        outcome = place.python(script)
        place.equal((outcome.status, outcome.out), (0, "connected mine\n"), str(outcome))
        place.equal(listener.reached, 0, "connections to the host's socket")


@suite.case()
def an_abstract_socket_of_the_host_is_refused(place):
    """A network namespace of our own has abstract names of its own."""
    name = f"\0srt-test-{os.getpid()}"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(name)
    listening.listen()
    for document in (
        {},
        {"network": network("a.test")},
        {"network": network(allowAllUnixSockets=True)},
    ):
        place.settings(document)
        outcome = place.python(_connect(name))
        place.check(outcome.ok and "connected" not in outcome.out, f"{document}: {outcome}")
    listening.close()


@suite.case()
def a_datagram_socket_of_the_host_is_refused(place):
    path = place.project / "log"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(path))
    listening.settimeout(0.2)
    place.settings(write=["."])
    outcome = place.python(
        "import socket\n"
        "for make in (lambda: socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM), lambda: socket.socketpair(socket.AF_UNIX,socket.SOCK_DGRAM)[0]):\n"
        "  try:\n    make().sendto(b'x','log'); print('sent')\n  except OSError as e: print('refused')"
    )
    place.check(outcome.ok, outcome)
    try:
        listening.recv(10)
        place.check(False, f"a datagram got out: {outcome}")
    except TimeoutError:
        pass
    listening.close()


@suite.case()
def a_pair_of_sockets_works(place):
    for document in ({}, {"filesystem": filesystem(write=["."])}):
        place.settings(document)
        outcome = place.python(
            "import socket\nfor t in (socket.SOCK_STREAM,socket.SOCK_DGRAM,socket.SOCK_SEQPACKET):\n"
            "  a,b=socket.socketpair(socket.AF_UNIX,t); a.send(b'x'); print(b.recv(1).decode(),end='')"
        )
        place.equal(outcome.out, "xxx", f"{document}: {outcome}")


@suite.case()
def a_datagram_socket_bound_inside_can_be_reached_inside(place):
    place.settings(write=["."])
    outcome = place.python(
        "import socket,os\n"
        "for path in ('in.sock', os.environ['TMPDIR']+'/in.sock'):\n"
        "  here=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); here.bind(path)\n"
        "  one=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); one.sendto(b'a',path)\n"
        "  one.sendmsg([b'b'],[],0,path); one.connect(path); one.send(b'c')\n"
        "  print(b''.join(here.recv(1) for _ in range(3)).decode())"
    )
    place.equal(outcome.out.split(), ["abc", "abc"], str(outcome))


@suite.case()
def a_listed_datagram_socket_is_reached(place):
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(place.notes / "log"))
    log.settimeout(5)
    place.settings({"network": network(allowUnixSockets=[str(place.notes / "log")])})
    outcome = place.python(
        f"import socket; socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM).sendto(b'line',{str(place.notes / 'log')!r})"
    )
    place.equal(log.recv(10), b"line", str(outcome))
    log.close()


@suite.case()
def all_unix_sockets_can_be_allowed(place):
    with _Listener(place.project / "host.sock"):
        place.settings({"network": network(allowAllUnixSockets=True)})
        outcome = place.python(_connect("host.sock"))
        place.equal(outcome.out.strip(), "connected b'host'", str(outcome))


@suite.case()
def a_listed_socket_is_reached_and_no_other(place):
    with _Listener(place.project / "one.sock"), _Listener(place.project / "two.sock") as other:
        place.settings(
            {
                "network": network(allowUnixSockets=["one.sock"]),
                "filesystem": filesystem(write=["."]),
            }
        )
        place.equal(
            place.python(_connect("one.sock")).out.strip(), "connected b'host'", "the listed one"
        )
        place.check(
            "refused" in place.python(_connect("two.sock")).out and not other.reached,
            "the other one",
        )


@suite.case()
def a_link_to_another_socket_is_not_the_listed_one(place):
    with _Listener(place.project / "two.sock") as other:
        place.settings(
            {
                "network": network(allowUnixSockets=["one.sock"]),
                "filesystem": filesystem(write=["."]),
            }
        )
        outcome = place.sh(
            "ln -s two.sock one.sock; python3 -c " + repr(_connect("one.sock")).replace("\\n", "\n")
        )
        place.check("connected" not in outcome.out and not other.reached, outcome)


@suite.case()
def a_socket_bound_inside_can_be_connected_inside(place):
    place.settings(write=["."])
    outcome = place.python(
        "import socket,os\nfor p in ('in.sock', os.environ['TMPDIR']+'/in.sock'):\n"
        "  l=socket.socket(socket.AF_UNIX); l.bind(p); l.listen(); c=socket.socket(socket.AF_UNIX); c.connect(p); print('ok')"
    )
    place.equal(outcome.out.split(), ["ok", "ok"], str(outcome))


@suite.case()
def sockets_bound_inside_need_no_settings(place):
    """In TMPDIR, and abstract ones, which are the network namespace's own."""
    outcome = place.python(
        "import multiprocessing.managers, os, socket\n"
        "for name in (os.environ['TMPDIR']+'/s', '\\0abstract'):\n"
        "  l=socket.socket(socket.AF_UNIX); l.bind(name); l.listen()\n"
        "  c=socket.socket(socket.AF_UNIX); c.connect(name); print('ok')\n"
        "with multiprocessing.managers.SyncManager() as manager: print(manager.list([1]))"
    )
    place.equal(outcome.out.split(), ["ok", "ok", "[1]"], str(outcome))


@suite.case(rootless=False)
def sockets_that_work_outside_for_their_callers_stay_hidden(place):
    """Name services resolve names, D-Bus starts programs: also with allowAllUnixSockets."""
    folders = (
        "dbus/system_bus_socket",
        "nscd/socket",
        "systemd/private",
        "systemd/resolve/io.systemd.Resolve",
    )
    listeners = []
    for name in folders:
        path = pathlib.Path("/run") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        listeners.append(_Listener(path))
    place.settings({"network": network(allowAllUnixSockets=True)})
    for name, listener in zip(folders, listeners):
        outcome = place.python(_connect(f"/run/{name}"))
        place.check(
            outcome.ok and "connected" not in outcome.out and not listener.reached,
            f"{name}: {outcome}",
        )
    for name in ("/var/run/dbus/system_bus_socket", "/proc/self/root/run/dbus/system_bus_socket"):
        place.check("connected" not in place.python(_connect(name)).out, name)


@suite.case()
def the_users_bus_stays_hidden(place):
    runtime = place.notes / "runtime"
    runtime.mkdir(mode=0o700)
    with _Listener(runtime / "bus") as listener:
        place.settings({"network": network(allowAllUnixSockets=True)})
        outcome = place.python(
            _connect(str(runtime / "bus")),
            env={
                "XDG_RUNTIME_DIR": str(runtime),
                "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
            },
        )
        place.check(outcome.ok and "connected" not in outcome.out and not listener.reached, outcome)
    for path in sorted(runtime.rglob("*"), reverse=True):
        path.unlink() if not path.is_dir() else path.rmdir()


@suite.case()
def names_are_not_resolved_outside(place):
    """With no way out, not even a query leaves."""
    outcome = place.sh("getent hosts example.org; true", timeout=15)
    place.equal(outcome.out, "", str(outcome))


@suite.case()
def the_state_of_sandboxes_is_out_of_reach(place):
    """Its sockets take new rules from whoever has the caller's user id."""
    state = place.state_folders()[0]
    place.settings({"network": network("a.test", allowAllUnixSockets=True)})
    process = place.started_and_ready("echo ready; sleep 1000")
    there = [path for path in state.rglob("*") if path.is_socket()]
    place.check(there, f"no socket below {state} on the host: {list(state.rglob('*'))}")
    outcome = place.sh(
        f"ls -A {state} 2>&1; find {state} /run /dev/shm -type s 2>/dev/null | grep srt; true"
    )
    place.equal(outcome.out, "", str(outcome))
    process.kill()


def _leads_elsewhere(standard_input, address) -> str:
    """What code inside does with a socket of the host that it was given; prints what went through."""
    return f"""
import ctypes, os, socket
s = socket.socket(fileno=os.dup(0))
unspec = (ctypes.c_char * 16)()
ways = {{
    "disconnect": lambda: ctypes.CDLL(None).connect(0, unspec, 16) and 1 / 0,
    "connect": lambda: s.connect({address!r}),
    "sendto": lambda: s.type == socket.SOCK_DGRAM and s.sendto(b"out", {address!r}) or 1 / 0,
    "sendmsg": lambda: s.type == socket.SOCK_DGRAM and s.sendmsg([b"out"], [], 0, {address!r}) or 1 / 0,
    "bind": lambda: s.bind(("127.0.0.1", 0) if s.family == socket.AF_INET else "\\0srt-test-again"),
}}
for name, way in ways.items():
    try: way()
    except (OSError, ZeroDivisionError): continue
    print(name)
os.write(0, b"still")
"""


def _stays_with_its_peer(place, given, peer, secret, where) -> None:
    """Datagrams of `given` come to its peer and not to `secret`, which is at `where`."""
    outcome = place.python(_leads_elsewhere(given, where), stdin=given)
    place.check(outcome.ok and outcome.out == "", outcome)
    place.equal(peer.recv(10), b"still", "what its own peer gets")
    secret.setblocking(False)
    try:
        place.check(not secret.recv(10), "a datagram got out")
    except BlockingIOError:
        pass


def _loopback(kind):
    one = socket.socket(socket.AF_INET, kind)
    one.bind(("127.0.0.1", 0))
    return one


@suite.case()
def a_socket_of_the_host_as_standard_input_leads_nowhere_else(place):
    """inetd and its like give a command the connection itself, which is of the host's network, past the guard."""
    place.settings({"network": network(), "filesystem": filesystem(write=["."])})
    with _loopback(socket.SOCK_STREAM) as server, _loopback(socket.SOCK_STREAM) as secret:
        server.listen()
        secret.listen()
        secret.settimeout(0.2)
        with socket.create_connection(server.getsockname()) as mine, server.accept()[0] as given:
            outcome = place.python(_leads_elsewhere(given, secret.getsockname()), stdin=given)
            place.check(outcome.ok and outcome.out == "", outcome)
            place.equal(mine.recv(10), b"still", "what its own peer gets")
        try:
            secret.accept()[0].close()
            place.check(False, "it was reached")
        except TimeoutError:
            pass
    with _loopback(socket.SOCK_DGRAM) as given, _loopback(socket.SOCK_DGRAM) as peer, _loopback(
        socket.SOCK_DGRAM
    ) as secret:
        given.connect(peer.getsockname())
        _stays_with_its_peer(place, given, peer, secret, secret.getsockname())
    name = f"\0srt-test-{os.getpid()}"
    given, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with given, peer, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as secret:
        secret.bind(name)
        _stays_with_its_peer(place, given, peer, secret, name)


@suite.case()
def a_socket_of_the_host_that_nobody_would_judge_is_refused(place):
    place.settings({"network": network(allowAllUnixSockets=True), "filesystem": filesystem(write=["."])})
    with _loopback(socket.SOCK_DGRAM) as given:
        outcome = place.srt("true", stdin=given)
        place.check(outcome.status == 125 and "standard input: is a socket" in outcome.err, outcome)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"a line\n")
        ours.shutdown(socket.SHUT_WR)
        outcome = place.srt("cat", stdin=theirs)
        place.check(outcome.ok and outcome.out == "a line\n", outcome)
