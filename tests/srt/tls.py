"""network.tlsTerminate: TLS that is opened, real clients inside and a real server of the host."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import threading
import time

from containers.certificates import Authority
from containers.host import wait_until
from control import _Controlled
from suite import suite
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


# What is seen


@suite.case()
def a_request_within_tls_is_seen_and_passes(place):
    with https(place) as server:
        use(place, server)
        place.equal(place.says(curl(server)), "you asked for /x", "the answer")
        place.check("Host: " + server.here in server.requests[0], server.requests)
        place.equal(server.names, ["localhost"], "the server names it was asked for")
        shown = place.says(curl(server, "/x", "-v", "-o", "/dev/null", "2>&1"))
        place.check("srt sandbox (ephemeral)" in shown and "HTTP/1.1 200" in shown, shown)


@suite.case()
def each_way_is_opened(place):
    """CONNECT, SOCKS5, and what ignores every proxy variable."""
    with https(place) as server:
        use(place, server, more={"stripResponseHeaders": ["x-secret"]})
        for way in ("", "-x socks5h://localhost:1080", "--noproxy '*'"):
            outcome = place.sh(curl(server, "/way", "-i", way))
            place.check("you asked for /way" in outcome.out, f"{way}: {outcome}")
            place.check("X-Secret" not in outcome.out, f"{way}: it was not opened: {outcome}")


@suite.case()
def the_programs_of_the_host_trust_it(place):
    place.needs("git", "node")
    with https(place) as server:
        use(place, server)
        node = (
            "require('https').get({host:'localhost',port:PORT,path:'/node'},"
            "r=>r.on('data',d=>console.log(String(d)))).on('error',e=>console.log(String(e)))"
        ).replace("PORT", str(server.port))
        place.equal(place.says(f'node -e "{node}"'), "you asked for /node", "node")
        python = f"import urllib.request as u; print(u.urlopen('https://{server.here}/python').read().decode())"
        place.equal(place.python(python).out.strip(), "you asked for /python", "python")
        git = place.sh(f"GIT_CURL_VERBOSE=1 git ls-remote https://{server.here}/repo.git 2>&1")
        place.check("/repo.git/info/refs" in "".join(server.requests), f"git: {git}")
        place.check("certificate problem" not in git.out, git)


@suite.case()
def a_request_for_another_host_is_refused_within_tls(place):
    with https(place) as server:
        use(place, server)
        outcome, violations = report(place, curl(server, "/x", "-i", "-H 'Host: evil.test'"))
        place.check(" 421 " in outcome.out.splitlines()[0], outcome)
        place.equal(server.requests, [], "what the server got")
        told = [event for event in violations if event.get("scheme") == "https"]
        place.check(told and told[0]["terminated"] is True, violations)


@suite.case()
def a_server_name_that_is_not_allowed_is_refused(place):
    with https(place) as server:
        use(place, server)
        script = f"""
import socket, ssl
raw = socket.create_connection(("localhost", {server.port}), 10)
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    context.wrap_socket(raw, server_hostname="evil.test")
    print("served")
except OSError as error:
    print("refused")
"""
        place.equal(place.python(script).out.strip(), "refused", "another server name")
        place.equal(server.names, [], "what the server was asked for")


def _ask(where: str, name: str, *hosts: str) -> str:
    """Python: the status of one request a host, each in a tunnel to `where` with the server name `name`."""
    return f"""
import socket, ssl
for host in {hosts!r}:
    raw = socket.create_connection(("localhost", 3128), 10)
    raw.sendall(b"CONNECT {where} HTTP/1.1\\r\\nHost: {where}\\r\\n\\r\\n")
    assert b" 200 " in raw.recv(4000)
    it = ssl.create_default_context().wrap_socket(raw, server_hostname={name!r})
    it.sendall(f"GET / HTTP/1.1\\r\\nHost: {{host}}\\r\\nConnection: close\\r\\n\\r\\n".encode())
    print(it.recv(4000).decode().split()[1])
"""


@suite.case()
def a_server_is_who_the_request_is_for_whatever_name_the_hello_has(place):
    """Domain fronting inside of TLS: the name of the hello, the certificate and Host are one server's."""
    with https(place) as server:
        use(place, server, "other.test")
        outcome = place.python(_ask(server.here, "other.test", server.here, "other.test"))
        place.equal(outcome.out.split(), ["200", "421"], str(outcome))
        place.equal(set(server.names), {"localhost"}, "the names that the server was asked for")


@suite.case()
def a_tunnel_to_an_address_is_for_the_server_of_its_hello(place):
    with https(place) as server:
        port = server.port
        use(place, server, f"127.0.0.1:{port}", "other.test")
        hosts = (server.here, f"127.0.0.1:{port}", f"other.test:{port}", "evil.test")
        outcome = place.python(_ask(f"127.0.0.1:{port}", "localhost", *hosts))
        place.equal(outcome.out.split(), ["200", "200", "421", "421"], str(outcome))


@suite.case()
def many_begin_at_the_same_time(place):
    with https(place) as server:
        server.listener.listen(400)
        use(place, server)
        script = f"""
import ssl, socket, threading
context, found, together = ssl.create_default_context(), [], threading.Barrier(200)
def ask():
    raw = socket.create_connection(("localhost", {server.port}), 20)
    together.wait(20)
    it = context.wrap_socket(raw, server_hostname="localhost")
    it.sendall(b"GET / HTTP/1.1\\r\\nHost: {server.here}\\r\\nConnection: close\\r\\n\\r\\n")
    found.append(it.recv(4000).split()[1])
threads = [threading.Thread(target=ask) for _ in range(200)]
for it in threads: it.start()
for it in threads: it.join()
print(found.count(b"200"), set(found))
"""
        outcome = place.python(script, timeout=60)
        place.check(outcome.out.startswith("200 "), outcome)


@suite.case()
def an_upload_passes_whole(place):
    size = 8 << 20
    got = []

    def take(connection, _head, held):
        left = size - len(held)
        while left > 0 and (piece := connection.recv(65536)):
            left -= len(piece)
        got.append(size - left)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with https(place, answer=take) as server:
        use(place, server)
        upload = curl(server, "/up", "-H 'Expect:'", "--data-binary @-")
        place.equal(place.says(f"head -c {size} /dev/zero | {upload}"), "ok", "the answer")
        place.equal(got, [size], "bytes that came")


@suite.case()
def requests_of_one_tunnel_are_judged_one_by_one(place):
    with https(place) as server:
        use(place, server)
        script = f"""
import socket, ssl
raw = socket.create_connection(("localhost", {server.port}), 10)
it = ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")
def ask(host):
    it.sendall(f"GET /p HTTP/1.1\\r\\nHost: {{host}}\\r\\n\\r\\n".encode())
    return it.recv(4000).split(b"\\r\\n")[0].decode()
print(ask("localhost:{server.port}"))
print(ask("localhost:{server.port}"))
print(ask("evil.test"))
"""
        outcome = place.python(script)
        lines = outcome.out.splitlines()
        place.check(lines[:2] == ["HTTP/1.1 200 OK"] * 2 and " 421 " in lines[2], outcome)
        place.equal(len(server.requests), 2, "requests that came")
        place.equal(server.connections, 1, "connections")


@suite.case()
def a_websocket_passes(place):
    def upgrade(connection, *_):
        connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while piece := connection.recv(1000):
            connection.sendall(piece.upper())

    with https(place, answer=upgrade) as server:
        use(place, server)
        script = f"""
import socket, ssl
raw = socket.create_connection(("localhost", {server.port}), 10)
it = ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")
it.sendall(b"GET /ws HTTP/1.1\\r\\nHost: {server.here}\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n")
print(it.recv(4000).split(b"\\r\\n")[0].decode())
it.sendall(b"frames")
print(it.recv(100).decode())
"""
        outcome = place.python(script)
        place.check(outcome.out.splitlines()[0].startswith("HTTP/1.1 101"), outcome)
        place.equal(outcome.out.splitlines()[1], "FRAMES", "what went through")


@suite.case()
def much_passes_whole(place):
    size = 20 << 20

    def send(connection, *_):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 16):
            connection.sendall(b"x" * 65536)

    with https(place, answer=send) as server:
        use(place, server)
        place.equal(place.says(curl(server, "/much") + " | wc -c"), str(size), "bytes")


@suite.case()
def an_answer_that_is_cut_short_does_not_look_whole(place):
    """Its length is told by the end of the connection alone, and whoever sits on the way may make that end."""

    def cut(connection, *_):
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\npay 1")
        raw = socket.socket(fileno=connection.detach())
        raw.close()  # no close_notify
        raise OSError

    with https(place, answer=cut) as server:
        use(place, server)
        outcome = place.sh(curl(server))
        place.check(not outcome.ok, outcome)


# Which server it is


def _is_refused(place, server, reason: str, **tls) -> None:
    use(place, server, **tls)
    outcome, violations = report(place, curl(server, "/secret", "-k", "-i", "-d token"))
    place.check(" 502 " in outcome.out.splitlines()[0], outcome)
    place.check("localhost" in outcome.out and reason in outcome.out, outcome)
    place.equal(server.requests, [], "what the server got")
    reasons = [event["reason"] for event in violations]
    place.check(any("untrusted-certificate" in told and reason in told for told in reasons), violations)


@suite.case()
def a_server_of_another_name_is_refused(place):
    with https(place, "DNS:other.test") as server:
        _is_refused(place, server, "mismatch")


@suite.case()
def a_server_whose_certificate_has_expired_is_refused(place):
    with https(place, days=-1) as server:
        _is_refused(place, server, "expired")


@suite.case()
def a_server_that_nobody_vouches_for_is_refused(place):
    with https(place) as server:
        _is_refused(place, server, "issuer", roots=[])


@suite.case()
def a_server_that_vouches_for_itself_is_refused(place):
    with https(place) as server:
        server.context.load_cert_chain(server.authority.certificate, server.authority.key)
        _is_refused(place, server, "self", roots=[])


@suite.case()
def what_the_callers_programs_trust_is_trusted(place):
    with https(place) as server:
        use(place, server, roots=[])
        for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
            outcome = place.sh(curl(server), env={name: server.roots[0]})
            place.equal(outcome.out, "you asked for /x", f"{name}: {outcome}")


@suite.case()
def a_server_without_tls_is_a_502(place):
    with https(place) as server:
        use(place, server)
        server._serve = lambda raw: (raw.recv(100), raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n"), raw.close())
        outcome = place.sh(curl(server, "/x", "-i"))
        place.check(" 502 " in outcome.out.splitlines()[0], outcome)


# What is not opened


@suite.case()
def an_excluded_host_is_not_opened(place):
    with https(place) as server:
        use(place, server, excludeDomains=["localhost"])
        shown = place.says(curl(server, "/x", "-v", "-o", "/dev/null", "2>&1"))
        place.check("issuer: CN=test authority" in shown, shown)  # which the bundle has, too


@suite.case()
def what_is_not_tls_passes_as_before(place):
    with https(place) as server, socket.create_server(("127.0.0.1", 0)) as plain:
        here = f"localhost:{plain.getsockname()[1]}"

        def serve():
            for first in (b"SSH-2.0-first\r\n", b""):
                connection, _ = plain.accept()
                with connection:
                    connection.sendall(first)
                    connection.sendall(connection.recv(100).upper())

        threading.Thread(target=serve, daemon=True).start()
        use(place, server, here)
        for sent, wanted in ((b"SSH-2.0-me\r\n", "SSH-2.0-first"), (b"\x01abc\r\n", "ABC")):
            script = f"""
import socket
it = socket.create_connection({tuple(here.split(":"))!r}, 10)
it.sendall({sent!r})
print(repr(it.recv(100)))
"""
            outcome = place.python(script)
            place.check(wanted in outcome.out, outcome)


@suite.case()
def a_server_that_speaks_first_gets_no_tls_past_it(place):
    """An allowed server that says a word before the hello would otherwise have TLS that nobody opens."""
    with https(place) as server, socket.create_server(("127.0.0.1", 0)) as sly:
        here = f"localhost:{sly.getsockname()[1]}"
        got = []

        def serve():
            connection, _ = sly.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(10)
                connection.sendall(b"*")
                got.append(connection.recv(1000))

        accomplice = threading.Thread(target=serve, daemon=True)
        accomplice.start()
        use(place, server, here)
        script = f"""
import socket, ssl
it = socket.create_connection({tuple(here.split(":"))!r}, 10)
assert it.recv(1) == b"*"
context = ssl.create_default_context()
try:
    context.wrap_socket(it, server_hostname="localhost")
except OSError as error:
    print("refused")
"""
        outcome = place.python(script)
        accomplice.join(10)
        place.equal((outcome.out.strip(), got), ("refused", [b""] if got == [b""] else []), str(outcome))


@suite.case()
def with_opaque_tunnels_refused_what_is_opened_passes(place):
    with https(place) as server:
        use(place, server, more={"refuseOpaqueTunnels": True})
        for way in ("", "-x socks5h://localhost:1080", "--noproxy '*'"):
            place.equal(place.sh(curl(server, "/x", way)).out, "you asked for /x", way)
        use(place, server, more={"refuseOpaqueTunnels": True}, excludeDomains=["localhost"])
        for way in ("", "-x socks5h://localhost:1080", "--noproxy '*'"):
            place.check(not place.sh(curl(server, "/x", way)).ok, way)
        place.equal(len(server.requests), 3, "requests that came")


# Limits


def _open_tunnels(server, count: int) -> str:
    """Python: tunnels that stay, in `held`, and `answers`."""
    return f"""
import socket
held, answers = [], []
for _ in range({count}):
    it = socket.create_connection(("localhost", 3128), 10)
    it.sendall(b"CONNECT {server.here} HTTP/1.1\\r\\nHost: {server.here}\\r\\n\\r\\n")
    held.append(it)
    answers.append(it.recv(4000).decode())
"""


@suite.case()
def one_tunnel_too_many_is_told_so(place):
    with https(place) as server:
        use(place, server, maxTunnels=2)
        script = _open_tunnels(server, 3) + f"""
print(answers[2])
held[0].close()
import time, subprocess
for _ in range(50):
    done = subprocess.run("{curl(server)}", shell=True, capture_output=True)
    if done.returncode == 0: break
    time.sleep(0.1)
print(done.stdout.decode())
"""
        file = place.notes / "violations"
        outcome = place.python(script, "--violations", file)
        place.check("HTTP/1.1 503" in outcome.out and "X-Proxy-Error: too-many-tunnels" in outcome.out, outcome)
        place.check("you asked for /x" in outcome.out, f"the place of a closed one: {outcome}")
        place.check("too-many-tunnels" in file.read_text(), file.read_text())


@suite.case()
def a_handshake_that_does_not_come_ends(place):
    with https(place) as server:
        use(place, server, handshakeTimeoutMs=500)
        for sent in (b"", b"\x16\x03\x01"):
            script = _open_tunnels(server, 1) + f"""
import time
began = time.monotonic()
held[0].sendall({sent!r})
held[0].settimeout(10)
try:
    while held[0].recv(100): pass
except ConnectionResetError: pass
print(time.monotonic() - began < 5)
"""
            place.equal(place.python(script).out.strip(), "True", f"after {sent!r}")


@suite.case()
def many_at_once_leave_nothing_behind_in_it(place):
    with https(place) as server:
        use(place, server, maxTunnels=40)
        process = place.started_and_ready("echo ready; read -r go; " + f"""
for i in $(seq 60); do {curl(server, "/$i", "-o", "/dev/null")} & done; wait; echo done; read -r end
""", stdin=-1)  # fmt: skip
        pid = _terminator(place, process)
        before = len(os.listdir(f"/proc/{pid}/fd")) if _may_look(pid) else None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        place.equal(process.stdout.readline().strip(), b"done", "the end of them")
        if before is not None:
            quiet = wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before, 10)
            place.check(quiet, "descriptors are left in srt-tls")
        place.check(_memory(pid) < 48 * 1024, f"{_memory(pid)} KiB")
        process.stdin.write(b"end\n")
        process.stdin.close()
        process.stdin = None
        place.equal(process.wait(10), 0, "status")


# The authority


@suite.case()
def an_authority_of_the_settings_signs_and_its_key_is_hidden(place):
    with https(place) as server:
        its = Authority(place.project / "its", "of the settings")
        for files in ({"write": [str(place.project)]}, {"disabled": True}):
            use(place, server, caCertPath=str(its.certificate), caKeyPath="its/ca.key", files=files)
            shown = place.says(curl(server, "/x", "-v", "-o", "/dev/null", "2>&1"))
            place.check("issuer: CN=of the settings" in shown, shown)
            for attempt in ("cat its/ca.key", "cat /proc/self/root$PWD/its/ca.key", "grep -r 'BEGIN PRIVATE' its"):
                outcome = place.sh(attempt)
                place.check("PRIVATE" not in outcome.out, f"{attempt}: {outcome}")


@suite.case()
def an_authority_that_is_none_is_an_error(place):
    with https(place) as server:
        its, other = Authority(place.notes / "its"), Authority(place.notes / "other")
        for certificate, key, word in (
            (its.certificate, other.key, "not the key"),
            (its.certificate, place.notes / "none", "caKeyPath"),
            (its.key, its.key, "caCertPath"),
        ):
            use(place, server, caCertPath=str(certificate), caKeyPath=str(key))
            outcome = place.sh("echo ran")
            place.equal((outcome.status, outcome.out), (125, ""), str(outcome))
            place.check("tlsTerminate" in outcome.err and word in outcome.err, outcome)


@suite.case()
def the_bundle_has_certificates_alone_and_stays_as_it_is(place):
    with https(place) as server:
        mixed = place.notes / "mixed.pem"
        mixed.write_text("a remark\n" + server.authority.key.read_text() + server.authority.certificate.read_text())
        use(place, server, roots=[str(mixed), str(place.notes / "not there")], files={"write": ["/"]})
        text = place.says(f"cat {TRUST}")
        places = set(re.findall("-----BEGIN ([A-Z ]+)-----", text))
        place.equal(places, {"CERTIFICATE"}, "what is in it")
        place.check("remark" not in text, "a remark")
        place.equal(place.says(curl(server)), "you asked for /x", "with it")
        for attack in (f"echo x >{TRUST}", f"rm -f {TRUST}", f"mv {TRUST} /dev/shm/y", f"chmod 666 {TRUST}", f"ln -f /etc/passwd {TRUST}"):  # fmt: skip
            place.check(not place.sh(attack).ok, attack)


@suite.case()
def every_variable_names_the_bundle(place):
    with https(place) as server:
        use(place, server)
        names = "SSL_CERT_FILE NODE_EXTRA_CA_CERTS CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO AWS_CA_BUNDLE CARGO_HTTP_CAINFO DENO_CERT".split()  # fmt: skip
        script = "; ".join(f'echo "${name}"' for name in names)
        theirs = {name: "/of/the/caller" for name in names}
        place.equal(place.says(script, env=theirs).split(), [TRUST] * len(names), "values")
        place.settings({"network": network(server.here)})
        place.check(TRUST not in place.says("env; ls /dev/shm"), "without tlsTerminate")


# Ends


def _terminator(place, process) -> int:
    """The pid of this run's srt-tls."""
    for line in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (line / "stat").read_text().rsplit(")", 1)
            if fields[0].endswith("(srt-tls") and int(fields[1].split()[1]) == process.pid:
                return int(line.name)
    raise AssertionError("no srt-tls")


def _may_look(pid: int) -> bool:
    with contextlib.suppress(OSError):
        os.listdir(f"/proc/{pid}/fd")
        return True
    return False


def _memory(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])


@suite.case()
def without_it_nothing_of_it_is_started(place):
    place.settings({"network": network("a.test")})
    process = place.started_and_ready("echo ready; sleep 20")
    try:
        _terminator(place, process)
    except AssertionError:
        return
    place.check(False, "srt-tls was started")


@suite.case()
def it_ends_with_the_sandbox_however_that_ends(place):
    with https(place) as server:
        use(place, server)
        for end in (signal.SIGTERM, signal.SIGKILL):
            process = place.started_and_ready("echo ready; sleep 20")
            _terminator(place, process)
            process.send_signal(end)
            process.wait(10)
            place.check(place.all_ended(1), f"something is left after {end!r}")


@suite.case()
def when_it_dies_nothing_passes(place):
    with https(place) as server:
        use(place, server)
        process = place.started_and_ready(f"echo ready; read -r go; {curl(server)}; echo $?", stdin=-1)
        os.kill(_terminator(place, process), signal.SIGKILL)
        process.stdin.write(b"go\n")
        process.stdin.close()
        process.stdin = None
        out = process.stdout.read().decode()
        place.check("you asked" not in out and out.strip() not in ("", "0"), out)
        place.equal(server.requests, [], "what the server got")


@suite.case()
def nobody_inside_can_look_into_it(place):
    with https(place) as server:
        use(place, server)
        out = place.sh("cat /proc/[0-9]*/comm; ls /proc").out
        place.check("srt-tls" not in out and "srt-monitor" not in out, out)


# New rules


@suite.case()
def new_rules_hold_for_what_is_opened(place):
    with https(place) as server:
        use(place, server)
        box = _Controlled(place)
        code = curl(server, "/x", "-o", "/dev/null", "-w", "'%{http_code}\\n'") + " 2>/dev/null"
        place.equal(box.does(code), "200", "before")
        tls = {"extraCaCertPaths": server.roots}
        box.send({"network": network(tlsTerminate=tls)})
        place.equal(box.until(code, "000"), "000", "after it was taken away")
        box.send({"network": network(server.here, tlsTerminate={**tls, "excludeDomains": ["localhost"]})})
        issuer = curl(server, "/x", "-v", "-o", "/dev/null") + " 2>&1 | grep -o 'issuer: CN=test authority' || echo no"
        place.equal(box.until(issuer, "issuer: CN=test authority"), "issuer: CN=test authority", "excluded now")
        box.send({"network": network(server.here)})
        status, error = box.end()
        place.equal(status, 0, error)
        place.check("network/tlsTerminate" in error and "the last policy stays" in error, error)


# Who may say it


@suite.case()
def a_projects_file_opens_no_tls(place):
    with https(place) as server:
        place.settings({"network": network(server.here)})
        place.settings({"network": network(server.here, tlsTerminate={})}, file=place.project / ".srt-settings.json")
        outcome = place.sh("echo ran")
        place.equal((outcome.status, outcome.out), (125, ""), str(outcome))
        place.check("/network/tlsTerminate" in outcome.err, outcome)


@suite.case()
def explain_tells_of_it(place):
    place.settings({"network": network("a.test", tlsTerminate={"excludeDomains": ["pinned.test"]})})
    told = place.srt("explain").out
    place.check("TLS is opened, by an authority of this run" in told and "not opened to pinned.test" in told, told)


# Where it goes through another proxy


@suite.case()
def a_parent_proxy_carries_it(place):
    asked = []

    def proxy(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                head = client.recv(4000)
                asked.append(head.split(b"\r\n")[0].decode())
                other = socket.create_connection(("127.0.0.1", server.port))
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                for one, two in ((client, other), (other, client)):
                    threading.Thread(target=_copy, args=(one, two), daemon=True).start()

    with https(place, "DNS:up.test") as server, socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=proxy, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        use(place, server, "up.test:443", more={"parentProxy": {"http": url}})
        place.equal(place.says("curl -sS -m 10 https://up.test/far"), "you asked for /far", "the answer")
        place.equal(asked, ["CONNECT up.test:443 HTTP/1.1"], "what the proxy was asked for")
        place.check("Host: up.test\r\n" in server.requests[0], f"signatures cover it: {server.requests}")


def _copy(source, to) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
