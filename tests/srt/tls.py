"""network.tlsTerminate: requests within TLS are seen and judged, real clients inside and a real server outside."""

import contextlib
import socket
import threading

from https import curl, https, report, use
from suite import suite

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
