"""The servers of the test world: `servers.py world|host FOLDER`; prints "ready" once they listen.

world: HTTP on 80 and 8080, HTTPS on 443 and 8443, ssh on 22, DNS on 53, and on ports of their own those
that do one thing (see PLAIN). host: what listens on the host that containers run on.
"""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

BLOCK = bytes(range(256)) * 256


class Appender:
    def __init__(self, path: pathlib.Path):
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, **entry) -> None:
        os.write(self._fd, json.dumps(entry).encode() + b"\n")


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: pathlib.Path
    log: Appender

    def log_message(self, *_):
        pass

    def _note(self) -> None:
        self.log.write(
            port=self.server.server_address[1],
            address=self.connection.getsockname()[0].removeprefix("::ffff:"),
            method=self.command,
            path=self.path,
            host=self.headers.get("Host", ""),
            headers=[[k, v] for k, v in self.headers.items()],
        )

    def _answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        self._note()
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path.startswith("/git/"):
            return self._git(url, b"")
        if url.path == "/big":
            return self._big(int(query["n"]))
        if url.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(5):
                self.wfile.write(b"7\r\nchunk %d\r\n" % i)
            self.wfile.write(b"0\r\n\r\n")
        elif url.path == "/redirect":
            self._answer(b"", 302, Location=query["to"])
        elif url.path == "/silent":
            time.sleep(600)
        elif url.path == "/late":
            time.sleep(1.5)
            self._answer(b"late, but here\n")
        elif url.path == "/headers":
            self._answer(str(self.headers).encode())
        elif url.path == "/ws":
            self._websocket()
        else:
            self._answer(f"hello {url.path} from {self.headers.get('Host')}\n".encode())

    do_HEAD = do_GET

    def do_POST(self):
        self._note()
        url = urllib.parse.urlsplit(self.path)
        body = self._body()
        if url.path.startswith("/git/"):
            return self._git(url, body)
        self._answer(f"{len(body)} {hashlib.sha256(body).hexdigest()}\n".encode())

    do_PUT = do_POST

    def _big(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        while size > 0:
            piece = BLOCK[: min(size, len(BLOCK))]
            self.wfile.write(piece)
            size -= len(piece)

    def _websocket(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self.wfile.flush()
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                break
            size, mask = head[1] & 127, self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))
            self.wfile.write(bytes([head[0], size]) + data)
        self.close_connection = True

    def _git(self, url, body: bytes) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder / "git"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": url.path.removeprefix("/git"),
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "192.0.2.1",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment,
                              stdout=subprocess.PIPE, check=False)  # fmt: skip
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        status = int(fields.pop("Status", "200").split()[0])
        self._answer(content, status, **{k.replace("-", "_"): v for k, v in fields.items()})


class DualStack(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 4096

    def handle_error(self, *_):
        pass  # a client that vanishes is part of the tests

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class TlsServer(DualStack):
    context: ssl.SSLContext

    def finish_request(self, request, client_address):
        request.settimeout(20)
        wrapped = self.context.wrap_socket(request, server_side=True)
        wrapped.settimeout(None)
        super().finish_request(wrapped, client_address)


def tls_context(folder: pathlib.Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


def echo(connection, note):
    while block := connection.recv(65536):
        connection.sendall(block)


def echo_at_end(connection, note):
    """Answers only once the client has closed its half."""
    everything = b""
    while block := connection.recv(65536):
        everything += block
    connection.sendall(b"got %d bytes\n" % len(everything))


def never_answers(connection, note):
    while connection.recv(65536):
        pass


def counts_bytes(connection, note):
    total = 0
    connection.settimeout(10)
    try:
        while block := connection.recv(65536):
            total += len(block)
    except OSError:
        pass
    note(bytes=total)


def speaks_first(connection, note):
    connection.sendall(b"220 ready\r\n")
    echo(connection, note)


PLAIN = {7: echo, 8: echo_at_end, 9: never_answers, 10: counts_bytes, 25: speaks_first}


class Plain(socketserver.BaseRequestHandler):
    def handle(self):
        port = self.server.server_address[1]
        log = self.server.log
        log.write(port=port, accepted=True)
        PLAIN[port](self.request, lambda **what: log.write(port=port, **what))


class Names(threading.Thread):
    """A DNS server that knows the zone, and writes down what it is asked."""

    def __init__(self, zone: dict, log: Appender):
        super().__init__(daemon=True)
        self._zone, self._log, self._asked = zone, log, {}
        self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._socket.bind(("::", 53))

    def run(self):
        while True:
            query, peer = self._socket.recvfrom(4096)
            try:
                self._socket.sendto(self._answer(query), peer)
            except (ValueError, IndexError, struct.error):
                pass

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while size := query[at]:
            labels.append(query[at + 1 : at + 1 + size].decode("ascii", "replace"))
            at += 1 + size
        (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
        name = ".".join(labels).lower()
        self._log.write(name=name, type=kind)
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        code = 0 if name in self._zone else 3
        records, owner = [], b"\xc0\x0c"  # the name of the question
        for _ in range(8):  # an alias may lead to itself
            target = next((e[1:] for e in self._zone.get(name, []) if e.startswith("=")), None)
            if target is None:
                break
            wire = b"".join(bytes([len(part)]) + part.encode() for part in target.split(".")) + b"\0"
            records.append(owner + struct.pack("!HHIH", 5, 1, 0, len(wire)) + wire)
            name, owner = target, wire
        for address in self._addresses(name, kind):
            if family and (":" in address) == (kind == 28):
                packed = socket.inet_pton(family, address)
                records.append(owner + struct.pack("!HHIH", kind, 1, 0, len(packed)) + packed)
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        return head + query[12 : at + 5] + b"".join(records)

    def _addresses(self, name: str, kind: int) -> list[str]:
        entry = self._zone.get(name, [])
        later = [a[1:] for a in entry if a.startswith("!")]
        if later:
            self._asked[name, kind] = self._asked.get((name, kind), 0) + 1
            if self._asked[name, kind] > 1:
                return later
        return [a for a in entry if a[0] not in "!="]


def serve(server: socketserver.BaseServer) -> None:
    threading.Thread(target=server.serve_forever, daemon=True).start()


def start_sshd(folder: pathlib.Path) -> subprocess.Popen | None:
    program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
    if program is None:
        return None
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    lines = [
        "Port 22", f"HostKey {folder}/host_key", f"AuthorizedKeysFile {folder}/authorized_keys",
        "PermitRootLogin yes", "StrictModes no", "UsePAM no", "UseDNS no", f"PidFile {folder}/sshd.pid",
        "PasswordAuthentication no", "MaxStartups 100", "PrintMotd no", "PrintLastLog no",
    ]  # fmt: skip
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    return subprocess.Popen(
        [program, "-D", "-f", folder / "sshd_config", "-E", folder / "sshd.log"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def main() -> None:
    role, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    Web.folder, Web.log = folder, Appender(folder / "requests.log")
    sshd = None
    if role == "world":
        for port in (80, 8080):
            serve(DualStack(("::", port), Web))
        for port in (443, 8443):
            server = TlsServer(("::", port), Web)
            server.context = tls_context(folder)
            serve(server)
        # Clients guess another curve: the server asks for a second hello.
        server.context.set_ecdh_curve("secp384r1")
        names = Appender(folder / "names.log")
        server.context.sni_callback = lambda _socket, name, _context: names.write(sni=name)
        for port in PLAIN:
            server = DualStack(("::", port), Plain)
            server.log = Web.log
            serve(server)
        zone = json.loads((folder / "zone.json").read_text())
        Names(zone, Appender(folder / "queries.log")).start()
        sshd = start_sshd(folder)
    else:

        class LoopbackOnly(DualStack):
            address_family = socket.AF_INET

        serve(LoopbackOnly(("127.0.0.1", 7777), Web))
        serve(DualStack(("::", 7778), Web))
        serve(DualStack(("::", 80), Web))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    print("ready", flush=True)
    try:
        while True:
            signal.pause()
    finally:
        if sshd:
            sshd.terminate()
            sshd.wait()


if __name__ == "__main__":
    main()
