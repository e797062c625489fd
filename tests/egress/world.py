"""An Internet of one machine: the host that containers run on, and behind a cable everything else.

    with World() as world:      # this process moves into the host's namespaces
        ...                     # containers run here; their guard dials from here
        world.witness.mark()
        ...
        world.witness.flows()   # what left the host since
        world.queries.since()   # what the only DNS server was asked since

    host (this process)                     world (servers.py)
    10.99.0.1, fd99::1  h0 ─────────── w0   10.99.0.2, fd99::2: DNS
    127.0.0.1:7777 and [::]:7778            93.184.216.34 … and 2606:2800::34 …: public-looking
    (servers that no name may lead to)      169.254.169.254, fd00:ec2::254: metadata

Public-looking addresses, since the guard has rules about the others. Nothing of it is seen outside.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

_HERE = pathlib.Path(__file__).resolve().parent
_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET, _CLONE_NEWNS = 0x40000000, 0x00020000
_MNT_DETACH = 2
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000

ALLOWED, DENIED, OTHER = "93.184.216.34", "93.184.216.35", "93.184.216.36"
ALLOWED6, DENIED6 = "2606:2800::34", "2606:2800::35"
PUBLIC = [ALLOWED, DENIED, OTHER, "93.184.216.37", "93.184.216.38"]
PUBLIC6 = [ALLOWED6, DENIED6, "2606:2800::36"]
METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"]
METADATA6 = ["fd00:ec2::254", "fd20:ce::254"]
HOST, HOST6, RESOLVER = "10.99.0.1", "fd99::1", "10.99.0.2"
BRIDGE = "10.88.7.1"  # the host's end of a network that a case makes as engines do
HOST_ONLY_PORT = 7777  # 127.0.0.1 of the host
HOST_ANY_PORT = 7778  # every address of the host

ZONE = {
    "allowed.example": [ALLOWED, ALLOWED6],
    "git.example": [ALLOWED, ALLOWED6],
    "sub.wild.example.org": [ALLOWED, ALLOWED6],
    "a.b.wild.example.org": [ALLOWED, ALLOWED6],
    "wild.example.org": [ALLOWED, ALLOWED6],
    "denied.example": [DENIED, DENIED6],
    "other.example": [OTHER],
    "v4only.example": [ALLOWED],
    "v6only.example": [ALLOWED6],
    "allowed.example.attacker.example": [OTHER],
    "notallowed.example": [OTHER],
    "black-hole.example": ["93.184.216.99"],
    "loopback.example": ["127.0.0.1", "::1"],
    "unspecified.example": ["0.0.0.0", "::"],
    "metadata.example": ["169.254.169.254"],
    "metadata6.example": ["fd00:ec2::254"],
    "of-the-host.example": [HOST, HOST6],
    "of-the-bridge.example": [BRIDGE],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::1"],
    "nat64-local.example": ["64:ff9b:1::7f00:1"],
    "teredo.example": ["2001:0:7f00:1::1"],
    "teredo-client.example": ["2001:0:5db8:d822:8000:63bf:80ff:fffe"],
    "compatible.example": ["::127.0.0.1"],
    # "=": an alias of another name.
    "chain.example": ["=link.example"],
    "link.example": ["=loopback.example"],
    "chain-metadata.example": ["=metadata.example"],
    "chain-allowed.example": ["=v4only.example"],
    "chain-loop.example": ["=chain-loop.example"],
    "mixed.example": ["127.0.0.1", ALLOWED],
    "mixed-metadata.example": ["169.254.169.254", ALLOWED],
    "private.example": ["10.99.0.2"],
    "later.example": ["10.99.0.77"],
    "multicast.example": ["224.0.0.1"],
    # From the second answer on, another address: what was checked must be what is dialled.
    "rebinding-rootful.example": [ALLOWED, "!127.0.0.1"],
    "rebinding-rootless.example": [ALLOWED, "!127.0.0.1"],
}


def _call(name: str, *arguments) -> None:
    converted = [a.encode() if isinstance(a, str) else a for a in arguments]
    if getattr(_libc, name)(*converted) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _ip(*words: str, inside: int | None = None) -> None:
    enter = ["nsenter", "--target", str(inside), "--net"] if inside else []
    subprocess.run([*enter, "ip", *words], check=True, stdin=subprocess.DEVNULL)


class Log:
    """A file that servers append JSON lines to; every reader sees what came after its mark()."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        path.touch()
        self._seen = 0

    def mark(self) -> None:
        self._seen = self.path.stat().st_size

    def since(self) -> list[dict]:
        with open(self.path, "rb") as file:
            file.seek(self._seen)
            return [json.loads(line) for line in file.read().splitlines() if line]


class Witness:
    """Sees every packet that leaves the host."""

    _OUTGOING = 4

    def __init__(self, interface: str):
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
        self._socket.bind((interface, 0x0003))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        self._socket.setblocking(False)

    def mark(self) -> None:
        self._read()

    def flows(self) -> list[str]:
        """What was begun since: TCP connections, datagrams, pings. Neighbour discovery, and packets of
        connections that are older, are nobody's attempt to reach something."""
        return [flow for flow in map(self._describe, self._read()) if flow]

    def _read(self) -> list[tuple[int, bytes]]:
        packets = []
        while True:
            try:
                packet, (_, protocol, kind, *_) = self._socket.recvfrom(65536)
            except BlockingIOError:
                return packets
            if kind == self._OUTGOING:
                packets.append((protocol, packet))

    @staticmethod
    def _describe(entry: tuple[int, bytes]) -> str:
        protocol, packet = entry
        if protocol == 0x0800:
            kind, head = packet[9], (packet[0] & 15) * 4
            to = socket.inet_ntop(socket.AF_INET, packet[16:20])
        elif protocol == 0x86DD:
            kind, head = packet[6], 40
            to = socket.inet_ntop(socket.AF_INET6, packet[24:40])
            if to.startswith("ff02:"):
                return ""  # of the link itself: neighbour discovery, multicast reports
        else:
            return ""
        rest = packet[head:]
        if kind == 6 and len(rest) >= 14:
            fresh = rest[13] & 0x12 == 0x02  # SYN without ACK
            return f"tcp {to} {struct.unpack('!H', rest[2:4])[0]}" if fresh else ""
        if kind == 17:
            return f"udp {to} {struct.unpack('!H', rest[2:4])[0]}"
        if kind == 1 and rest[0] == 8:
            return f"ping {to}"
        if kind == 58:
            return f"ping {to}" if rest[0] == 128 else ""
        return f"protocol {kind} {to}"


class World:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="srt-world-"))
        self.folder.chmod(0o755)
        self._processes: list[subprocess.Popen] = []

    def __enter__(self) -> "World":
        try:
            self._make_namespaces()
            self._make_certificates()
            self._make_keys()
            self._make_repository()
            shutil.copytree(_HERE / "inside", self.folder / "tools")  # where any user can read it
            self.queries = Log(self.folder / "queries.log")
            self.requests = Log(self.folder / "requests.log")
            self.server_names = Log(self.folder / "names.log")
            self._point_the_host_here()
            (self.folder / "zone.json").write_text(json.dumps(ZONE))
            self._serve("world", enter=self._far)
            self._serve("host")
            self.witness = Witness("h0")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _far(self) -> int:
        return self._processes[0].pid

    def _make_namespaces(self) -> None:
        _call("unshare", _CLONE_NEWNET | _CLONE_NEWNS)
        _call("mount", "none", "/", None, _MS_REC | _MS_PRIVATE, None)
        # Where an engine of this host keeps its namespaces; an engine of the tests makes its own.
        while _libc.umount2(b"/run/netns", _MNT_DETACH) == 0:
            pass
        far = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec sleep 86400"], stdout=subprocess.PIPE
        )
        self._processes.append(far)
        far.stdout.readline()  # it is in a namespace of its own
        _ip("link", "set", "lo", "up")
        _ip("link", "add", "h0", "type", "veth", "peer", "name", "w0", "netns", str(far.pid))
        _ip("address", "add", f"{HOST}/24", "dev", "h0")
        _ip("-6", "address", "add", f"{HOST6}/64", "dev", "h0", "nodad")
        _ip("link", "set", "h0", "up")
        _ip("link", "set", "lo", "up", inside=far.pid)
        _ip("address", "add", f"{RESOLVER}/24", "dev", "w0", inside=far.pid)
        _ip("-6", "address", "add", "fd99::2/64", "dev", "w0", "nodad", inside=far.pid)
        _ip("link", "set", "w0", "up", inside=far.pid)
        for address in PUBLIC + METADATA:
            _ip("address", "add", f"{address}/32", "dev", "lo", inside=far.pid)
        for address in PUBLIC6 + METADATA6:
            _ip("-6", "address", "add", f"{address}/128", "dev", "lo", "nodad", inside=far.pid)
        # An engine's bridge on the host, where nothing translates its addresses.
        _ip("route", "add", "10.88.0.0/16", "via", HOST, inside=far.pid)
        _ip("route", "add", "default", "via", RESOLVER)
        _ip("-6", "route", "add", "default", "via", "fd99::2")

    def _make_certificates(self) -> None:
        """ca.pem signs server.pem for every name of the zone and every public address."""
        names = [f"DNS:{name}" for name in ZONE] + [f"IP:{a}" for a in PUBLIC + PUBLIC6]
        (self.folder / "server.ext").write_text("subjectAltName=" + ",".join(names) + "\n")
        make_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for words in (
            ["req", "-x509", *make_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
             "-subj", "/CN=Test CA"],
            ["req", *make_key, "-keyout", "server.key", "-out", "server.csr",
             "-subj", "/CN=allowed.example"],
            ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
             "-CAcreateserial", "-days", "2", "-extfile", "server.ext", "-out", "server.pem"],
        ):  # fmt: skip
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def _make_keys(self) -> None:
        for name in ("host_key", "user_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True
            )
        # The private key of a throw-away account: each half of the suite copies it for itself.
        (self.folder / "user_key").chmod(0o644)
        shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")

    def _make_repository(self) -> None:
        work, bare = self.folder / "work", self.folder / "git" / "project.git"
        identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@allowed.example",
                    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@allowed.example",
                    "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.folder)}  # fmt: skip
        environment = {**os.environ, **identity}
        work.mkdir()
        (work / "file").write_text("from the repository\n")
        for words in (["init", "-q", "-b", "main", "."], ["add", "file"],
                      ["commit", "-q", "-m", "first"],
                      ["clone", "-q", "--bare", ".", str(bare)]):  # fmt: skip
            subprocess.run(["git", *words], cwd=work, env=environment, check=True)

    def _point_the_host_here(self) -> None:
        for name, text in (
            ("resolv.conf", f"nameserver {RESOLVER}\nsearch attacker.example\noptions timeout:2 attempts:1 ndots:4\n"),
            ("hosts", "127.0.0.1 localhost\n::1 localhost\n93.184.216.38 in-hosts.example\n"),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
        ):
            (self.folder / name).write_text(text)
            _call("mount", str(self.folder / name), f"/etc/{name}", None, _MS_BIND, None)

    def _serve(self, role: str, *, enter: int | None = None) -> None:
        command = [sys.executable, str(_HERE / "servers.py"), role, str(self.folder)]
        if enter:
            command = ["nsenter", "--target", str(enter), "--net", *command]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._processes.append(process)
        line = process.stdout.readline()
        if line != b"ready\n":
            raise RuntimeError(f"the servers of {role} did not start: {line!r}")
