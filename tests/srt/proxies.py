"""mitmProxy: hosts that are reached through a proxy at a unix socket of the host, or not at all."""

import os
import socket
import ssl
import subprocess
import threading

from control import _Controlled, _Server
from suite import suite
from workplace import filesystem, network

_CONNECT = "curl -sS -m 10 -p -x http://localhost:3128"
_WAYS = {
    "http": "curl -sS -m 10 -x http://localhost:3128",
    "connect": _CONNECT,
    "socks": "curl -sS -m 10 --noproxy '' -x '' --socks5-hostname localhost:1080",
    "transparent": "curl -sS -m 10 --noproxy '*'",
}


class _Proxy:
    """An HTTP proxy at a unix socket that only its owner may use. It answers itself, TLS included, as one that
    looks into it does, and remembers the first line of what it was asked."""

    def __init__(self, path, certificate=None):
        self.path, self.asked = path, []
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        os.chmod(path, 0o600)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.path.unlink()

    def _accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
        except OSError:
            pass

    @staticmethod
    def _head(client) -> str:
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(4096)
            if not more:
                break
            head += more
        return head.decode(errors="replace").split("\r\n")[0]

    def _serve(self, client):
        with client:
            try:
                first = self._head(client)
                self.asked.append(first)
                if first.startswith("CONNECT "):
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    if ":443 " in first:
                        client = self.context.wrap_socket(client, server_side=True)
                    self._head(client)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nproxied")
            except OSError:
                pass


def _certificate(place, *names: str):
    """One file: the key and the certificate that it has signed itself."""
    file = place.notes / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=test", "-keyout", str(place.notes / "key.pem"), "-out", str(file)),
            *("-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + (place.notes / "key.pem").read_text())
    return file


def _mitm(path, *domains) -> dict:
    return {"socketPath": str(path), "domains": list(domains)}


@suite.case()
def a_host_of_mitm_proxy_passes_it_whichever_way_it_is_asked_for(place):
    place.needs("curl", "openssl")
    certificate = _certificate(place, "a.test", "x.b.test")
    with _Proxy(place.home / "proxy.sock", certificate) as proxy:
        place.settings(
            {"network": network("a.test", "*.b.test", "c.test", mitmProxy=_mitm("~/proxy.sock", "a.test", "*.b.test"))}
        )
        for host in ("a.test", "x.b.test"):
            for way, curl in _WAYS.items():
                proxy.asked.clear()
                outcome = place.sh(f"{curl} http://{host}/x && {curl} --cacert {certificate} https://{host}/y")
                place.equal(outcome.out, "proxiedproxied", f"{way}: {outcome}")
                plain = f"GET http://{host}/x HTTP/1.1" if way == "http" else f"CONNECT {host}:80 HTTP/1.1"
                place.equal(proxy.asked, [plain, f"CONNECT {host}:443 HTTP/1.1"], way)
        proxy.asked.clear()
        codes = "; ".join(
            f"curl -s -m 10 -o /dev/null -w '%{{http_code}}\\n' http://{host}/" for host in ("c.test", "d.test")
        )
        place.equal(place.sh(codes).out.split(), ["502", "403"], "c.test is not the proxy's, d.test is denied")
        place.equal(proxy.asked, [], "what the proxy was asked about others")
        told = place.srt("explain").out
        place.check(f"through the proxy at {place.home}/proxy.sock" in told and "*.b.test" in told, told)


@suite.case()
def without_its_proxy_a_host_is_not_reached(place):
    place.needs("curl")
    with _Server() as server:
        here = f"http://localhost:{server.port}/"
        path = place.notes / "proxy.sock"
        place.settings({"network": network(f"localhost:{server.port}")})
        for way, curl in _WAYS.items():
            place.check("hello" in place.sh(f"{curl} {here}").out, f"{way}: without mitmProxy")
        place.settings({"network": network(f"localhost:{server.port}", mitmProxy=_mitm(path, "localhost"))})
        for state in ("missing", "nobody listens"):
            for way, curl in _WAYS.items():
                outcome = place.sh(f"{curl} -w '%{{http_code}} %{{http_connect}}' {here}")
                place.check("hello" not in outcome.out, f"{state}, {way}: {outcome}")
                if way in ("http", "connect"):
                    place.check("502" in outcome.out, f"{state}, {way}: {outcome}")
            dead = socket.socket(socket.AF_UNIX)
            if not path.exists():
                dead.bind(str(path))
            dead.close()


@suite.case()
def the_proxys_socket_is_not_for_the_command(place):
    """It reaches what the rules know nothing of. Whoever lists it in allowUnixSockets wants just that."""
    place.needs("curl")
    with _Proxy(place.project / "proxy.sock") as proxy:
        direct = "curl -s -m 5 -x '' --unix-socket proxy.sock http://evil.test/ || echo refused"
        mitm = _mitm(proxy.path, "a.test")
        for more in ({}, {"allowAllUnixSockets": True}):
            place.settings({"network": network("a.test", mitmProxy=mitm, **more)})
            place.equal(place.says(direct), "refused", f"{more}")
        place.equal(proxy.asked, [], "what the proxy was asked")
        listed = {"allowUnixSockets": [str(proxy.path)]}
        for more in (listed, {"allowAllUnixSockets": True, **listed}):
            place.settings({"network": network("a.test", mitmProxy=mitm, **more)})
            place.equal(place.says(direct), "proxied", f"{more}")


@suite.case()
def the_command_puts_no_other_socket_in_the_proxys_place(place):
    """A link there to docker's socket would have the guard speak to that; and later runs, to whoever listens."""
    place.needs("curl")
    folder = place.project / "run"
    folder.mkdir()
    with _Proxy(folder / "proxy.sock") as proxy, _Proxy(place.notes / "other.sock") as other:
        place.settings(
            {
                "network": network("a.test", mitmProxy=_mitm(proxy.path, "a.test")),
                "filesystem": filesystem(write=["."]),
            }
        )
        outcome = place.sh(
            f"rm -f run/proxy.sock; ln -sf {other.path} run/proxy.sock; mv run away;"
            f"mv run/proxy.sock run/x; curl -sS -m 10 http://a.test/"
        )
        place.check(outcome.out == "proxied", outcome)
        place.equal((len(proxy.asked), other.asked), (1, []), "who was asked")
        place.equal(place.names(), ["run", "run/proxy.sock"], "names")
        (place.project / "link").symlink_to("run")  # as an earlier command may have
        place.settings({"network": network("a.test", mitmProxy=_mitm(place.project / "link/proxy.sock", "a.test"))})
        outcome = place.sh("echo ran; true")
        place.check("link is a symbolic link" in outcome.err and outcome.status == 125, outcome)
    # A link that came since the rules were made, whoever made it, leads nowhere.
    path = place.notes / "late.sock"
    with _Proxy(place.notes / "other.sock") as other:
        place.settings({"network": network("a.test", mitmProxy=_mitm(path, "a.test"))})
        box = place.started_and_ready(
            "echo ready; read -r go; curl -s -m 10 -o /dev/null -w '%{http_code}' http://a.test/", stdin=-1
        )
        path.symlink_to(other.path)
        out, _ = box.communicate(b"go\n", timeout=20)
        place.equal((out, other.asked), (b"502", []), "a link that came later")


@suite.case()
def a_control_line_sends_new_connections_another_way(place):
    place.needs("curl")
    with _Proxy(place.notes / "first.sock") as first, _Proxy(place.notes / "second.sock") as second:
        box = _Controlled(place)
        for proxy in (first, second, first):
            proxy.asked.clear()
            box.send({"network": network("a.test", mitmProxy=_mitm(proxy.path, "a.test"))})
            code = "curl -s -m 10 -o /dev/null -w '%{http_code}\\n' http://a.test/"
            place.equal(box.until(code, "200"), "200", str(proxy.path))
            while not proxy.asked:
                place.equal(box.does(code), "200", str(proxy.path))
        first.asked.clear()
        box.send({"network": network("a.test", mitmProxy=_mitm(first.path, "b.test"))})
        place.equal(box.until(code, "502"), "502", "no host of the proxy's any more")
        box.send({"network": network("a.test", mitmProxy=_mitm("p.sock", "a.test"))})
        status, error = box.end()
        place.equal(status, 0, error)
        place.check("/network/mitmProxy/socketPath" in error and "the last policy stays" in error, error)
    place.check(place.all_ended(), "something stays that connected for it")


@suite.case()
def a_proxy_that_begins_anew_is_found(place):
    place.needs("curl")
    path = place.notes / "proxy.sock"
    place.settings({"network": network("a.test", mitmProxy=_mitm(path, "a.test"))})
    box = place.started_and_ready(
        "echo ready; while read -r line; do curl -s -m 10 -o /dev/null -w '%{http_code}\\n' http://a.test/; done",
        stdin=-1,
    )

    def code() -> bytes:
        box.stdin.write(b"go\n")
        box.stdin.flush()
        return box.stdout.readline().strip()

    for _ in range(2):
        with _Proxy(path):
            place.equal(code(), b"200", "with it")
        place.equal(code(), b"502", "without it")
    box.communicate(timeout=20)
    place.equal(box.returncode, 0, "status")
