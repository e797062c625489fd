"""What cases of network.tlsTerminate share: a server of the host, settings, and this run's srt-tls."""

import contextlib
import json
import os
import pathlib
import re
import socket
import ssl
import threading
import time

from containers.certificates import Authority
from workplace import filesystem, network

TRUST = "/dev/shm/srt-trust.pem"


class Server:
    """HTTPS on the host's loopback: each request is kept, and answered by `answer` or with its path."""

    def __init__(self, certificate, key, answer=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.answer, self.requests, self.names, self.connections = answer, [], [], 0
        self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.here = f"localhost:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        with contextlib.suppress(OSError):
            raw.settimeout(20)
            with self.context.wrap_socket(raw, server_side=True) as connection:
                self._talk(connection)
                connection.unwrap()

    def _talk(self, connection):
        held = b""
        while True:
            while b"\r\n\r\n" not in held:
                piece = connection.recv(65536)
                if not piece:
                    return
                held += piece
            head, _, held = held.partition(b"\r\n\r\n")
            self.requests.append(head.decode())
            if self.answer is not None:
                self.answer(connection, head, held)
                return
            body = b"you asked for " + head.split()[1]
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nX-Secret: of the server\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )


@contextlib.contextmanager
def https(place, names="DNS:localhost,IP:127.0.0.1", *, days=30, answer=None):
    """A server whose authority is in `server.roots`."""
    place.needs("openssl", "curl")
    authority = Authority(place.notes / "authority")
    certificate, key = authority.sign(names, label="server", days=days)
    with Server(certificate, key, answer) as server:
        server.authority = authority
        server.roots = [str(authority.certificate)]
        yield server


def use(place, server, *allowed, roots=None, files=None, more=None, **tls):
    tls.setdefault("extraCaCertPaths", server.roots if roots is None else roots)
    rules = network(server.here, *allowed, tlsTerminate=tls, **(more or {}))
    place.settings({"network": rules, "filesystem": filesystem(**(files or {}))})


def curl(server, path="/x", *options) -> str:
    return f"curl -sS -m 10 --suppress-connect-headers {' '.join(options)} https://{server.here}{path}"


def report(place, script: str, **keywords):
    """What came of it, and the violations."""
    file = place.notes / f"violations-{time.monotonic_ns()}"
    outcome = place.sh(script, "--violations", file, **keywords)
    return outcome, [json.loads(line) for line in file.read_text().splitlines()]


def terminator(place, process) -> int:
    """The pid of this run's srt-tls."""
    for line in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (line / "stat").read_text().rsplit(")", 1)
            if fields[0].endswith("(srt-tls") and int(fields[1].split()[1]) == process.pid:
                return int(line.name)
    raise AssertionError("no srt-tls")


def may_look(pid: int) -> bool:
    with contextlib.suppress(OSError):
        os.listdir(f"/proc/{pid}/fd")
        return True
    return False


def memory(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])
