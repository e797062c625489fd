"""network.tlsTerminate: what is not opened, how much is, its end, and who may say so."""

import contextlib
import os
import signal
import socket
import threading

from containers.host import wait_until
from control import _Controlled
from https import curl, https, may_look, memory, terminator, use
from suite import suite
from workplace import network

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
        pid = terminator(place, process)
        before = len(os.listdir(f"/proc/{pid}/fd")) if may_look(pid) else None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        place.equal(process.stdout.readline().strip(), b"done", "the end of them")
        if before is not None:
            quiet = wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before, 10)
            place.check(quiet, "descriptors are left in srt-tls")
        place.check(memory(pid) < 48 * 1024, f"{memory(pid)} KiB")
        process.stdin.write(b"end\n")
        process.stdin.close()
        process.stdin = None
        place.equal(process.wait(10), 0, "status")


# Ends



@suite.case()
def without_it_nothing_of_it_is_started(place):
    place.settings({"network": network("a.test")})
    process = place.started_and_ready("echo ready; sleep 20")
    try:
        terminator(place, process)
    except AssertionError:
        return
    place.check(False, "srt-tls was started")


@suite.case()
def it_ends_with_the_sandbox_however_that_ends(place):
    with https(place) as server:
        use(place, server)
        for end in (signal.SIGTERM, signal.SIGKILL):
            process = place.started_and_ready("echo ready; sleep 20")
            terminator(place, process)
            process.send_signal(end)
            process.wait(10)
            place.check(place.all_ended(1), f"something is left after {end!r}")


@suite.case()
def when_it_dies_nothing_passes(place):
    with https(place) as server:
        use(place, server)
        process = place.started_and_ready(f"echo ready; read -r go; {curl(server)}; echo $?", stdin=-1)
        os.kill(terminator(place, process), signal.SIGKILL)
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
