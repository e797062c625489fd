"""What passes, passes whole: large bodies, both directions, odd ends, and servers that do not answer."""

import contextlib
import hashlib
import json
import os
import subprocess

from box import CURL, PROMPT, Box, elapsed
from containers import host as host_module
from denials import WAYS, _mark
from suite import suite

_SIZE = 24 << 20
_BLOCK = bytes(range(256)) * 256


def _digest(size: int) -> str:
    digest = hashlib.sha256()
    while size > 0:
        digest.update(_BLOCK[: min(size, len(_BLOCK))])
        size -= len(_BLOCK)
    return digest.hexdigest()


@suite.case()
def a_large_body_arrives_whole_each_way(scene):
    box = Box(scene, allow=["allowed.example"])
    wanted = _digest(_SIZE)
    for way in WAYS:
        for scheme in ("http", "https"):
            outcome = box.curl(way, f"{scheme}://allowed.example/big?n={_SIZE} | sha256sum")
            scene.check(wanted in outcome.out, f"{way}, {scheme}, down: {outcome}")
            outcome = box.sh(f"head -c {_SIZE} /dev/urandom >/tmp/up; sha256sum </tmp/up")
            sent = outcome.out.split()[0]
            for words in ("-T /tmp/up", "-T - </tmp/up", "--data-binary @/tmp/up -H Expect:"):
                outcome = box.curl(way, f"{scheme}://allowed.example/up {words}")
                scene.check(sent in outcome.out, f"{way}, {scheme}, up with {words}: {outcome}")
    ended = box.event(event="ended", way="connect", port=443)
    scene.check(max(ended["bytesUp"], ended["bytesDown"]) >= _SIZE, f"it counts: {ended}")


@suite.case()
def chunks_and_kept_connections(scene):
    box = Box(scene, allow=["allowed.example"])
    for way in WAYS:
        outcome = box.curl(way, "http://allowed.example/chunked")
        scene.equal(outcome.out, "".join(f"chunk {i}" for i in range(5)), way)
        outcome = box.curl(way, "-w '%{num_connects}\\n' " + " ".join(
            f"http://allowed.example/{i}" for i in range(5)))  # fmt: skip
        connects = [line for line in outcome.out.splitlines() if line.isdigit()]
        scene.equal(connects, ["1", "0", "0", "0", "0"], f"{way}: new connections for each")
        for i in range(5):
            scene.check(f"hello /{i} from" in outcome.out, f"{way}: {outcome}")
        outcome = box.curl(way, "-I http://allowed.example/1 http://allowed.example/2")
        scene.equal(outcome.out.count("200 OK"), 2, f"{way}: HEAD")


@suite.case()
def pipelined_requests_are_answered_in_order(scene):
    box = Box(scene, allow=["allowed.example", "git.example"])
    hosts = ["allowed.example", "git.example", "denied.example", "allowed.example"]
    last = len(hosts) - 1
    requests = "".join(
        f"GET http://{host}/{i} HTTP/1.1\\r\\nHost: {host}\\r\\n"
        + ("Connection: close\\r\\n" if i == last else "")
        + "\\r\\n"
        for i, host in enumerate(hosts)
    )
    answer = json.loads(box.tool("wire", "127.0.0.1", "3128", requests).out)
    positions = [answer["received"].find(text) for text in
                 ("hello /0 from allowed", "hello /1 from git", "403 Blocked", "hello /3 from allowed")]  # fmt: skip
    scene.check(-1 not in positions and positions == sorted(positions), f"{positions}: {answer}")


@suite.case()
def a_websocket_works(scene):
    box = Box(scene, allow=["allowed.example"])
    for proxy in ("-", "http"):
        outcome = box.tool("websocket", proxy, "allowed.example", proxies=False)
        scene.equal(outcome.out.split("\n")[1:4], ["one", "two", "three"], f"{proxy}: {outcome}")
        outcome = box.tool("websocket", proxy, "denied.example", proxies=False)
        scene.check("101" not in outcome.out, f"{proxy}: {outcome}")


@suite.case()
def a_closed_half_stays_half_open(scene):
    box = Box(scene, allow=["allowed.example:8"])
    for prelude in (
        ["allowed.example", "8"],
        ["127.0.0.1", "3128", "CONNECT allowed.example:8 HTTP/1.1\\r\\nHost: allowed.example:8\\r\\n\\r\\n"],
    ):  # fmt: skip
        answer = json.loads(box.tool("wire", "--half-close", *prelude, "x" * 1000, proxies=False).out)
        scene.check(answer["received"].endswith("got 1000 bytes\n"), f"{prelude}: {answer}")
        scene.equal(answer["error"], "", f"{prelude}")


@suite.case()
def a_server_that_is_not_there_is_told_apart(scene):
    """Refused, no such name: told at once, each way in its own words."""
    box = Box(scene, allow=["allowed.example", "no-such-name.example"])
    outcome = box.curl("http", "-i http://allowed.example:81/")
    scene.check(" 502 " in outcome.out and "93.184" not in outcome.out, str(outcome))
    outcome = box.curl("http", "-i http://no-such-name.example/")
    scene.check(" 502 " in outcome.out, str(outcome))
    outcome = box.curl("connect", "-v http://allowed.example:81/")
    scene.check(" 502 " in outcome.err, str(outcome))
    answer = json.loads(box.tool("wire", "127.0.0.1", "1080", "\\x05\\x01\\x00",
                                 "\\x05\\x01\\x00\\x03\\x0fallowed.example\\x00\\x51").out)  # fmt: skip
    scene.equal(answer["received"][3], "\x05", "SOCKS: refused")
    took, outcome = elapsed(lambda: box.curl("transparent", "http://allowed.example:81/"))
    scene.check(not outcome.ok and took < PROMPT, f"{took:.1f} s: {outcome}")
    scene.check(box.events(event="failed", reason="refused"), str(box.events()))
    scene.check(box.events(event="failed", reason="no-such-name"), str(box.events()))


@suite.case()
def a_silent_server_does_not_hold_the_others_up(scene):
    box = Box(scene, allow=["allowed.example", "black-hole.example"])
    waiting = [
        f"{client} http://{where} >/dev/null 2>&1 &"
        for client in ("curl -m 30", "curl -m 30 --noproxy '*'")
        for where in ("allowed.example/silent", "allowed.example:9/", "black-hole.example/")
    ]
    script = "".join(waiting) + "sleep 0.3; curl -sS http://allowed.example/; kill %1 %2 %3 %4 %5 %6"
    took, outcome = elapsed(lambda: box.sh(script))
    scene.check("hello" in outcome.out and took < PROMPT, f"{took:.1f} s: {outcome}")


# Both ends of those that the guard keeps, empty, for the next transfer (proxy/splice_pipe.cc).
_IDLE_PIPES = 2 * 8


def _open_files(pid: int) -> list[str]:
    """What the descriptors of `pid` lead to; one that is closed meanwhile is none."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


@suite.case()
def clients_that_vanish_leave_nothing(scene):
    """Killed in the middle of a transfer, a handshake, a lookup: no descriptor stays."""
    box = Box(scene, allow=["allowed.example"])
    box.curl("http", "http://allowed.example/")

    def descriptors() -> int:
        if scene.rootless:
            begun = [e for e in box.events(event="allowed") if e["way"] != "dns"]
            return len(begun) - len(box.events(event="ended"))
        return sum(not file.startswith("pipe:") for file in _open_files(box.monitor))

    before = descriptors()
    for way in WAYS:
        box.sh("for i in $(seq 8); do timeout -s KILL 0.3 "
               + CURL[way] + f" -o /dev/null http://allowed.example/big?n={1 << 30} & done; wait")  # fmt: skip
    after = host_module.wait_until(lambda: descriptors() <= before, 15, step=0.05)
    scene.check(after, f"{before} before, {descriptors()} after")
    if not scene.rootless:
        pipes = [file for file in _open_files(box.monitor) if file.startswith("pipe:")]
        scene.check(len(pipes) <= _IDLE_PIPES, str(pipes))
    scene.check("hello" in box.curl("http", "http://allowed.example/").out, "it serves no more")


@suite.case()
def a_client_that_leaves_before_its_answer_frees_the_server(scene):
    """Killed while the server is silent: noticed at once, not after the answer's two minutes."""
    box = Box(scene, allow=["allowed.example"])
    for way in WAYS:
        _mark(scene)
        ended = len(box.events(event="ended"))
        script = f"{CURL[way]} -m 200 http://allowed.example/silent & read line; kill -KILL $!; wait; true"
        client = subprocess.Popen(
            scene.runtime.command("exec", box.name, "/bin/sh", "-c", script),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        seen: list[dict] = []
        arrived = host_module.wait_until(
            lambda s=seen: s.extend(scene.world.requests.since()) or s, 20, step=0.05
        )
        scene.check(arrived, f"{way}: no request arrived")
        client.communicate(b"\n")
        freed = host_module.wait_until(
            lambda n=ended: len(box.events(event="ended")) > n, 30, step=0.05
        )
        scene.check(freed, f"{way}: {box.events()[-3:]}")


@suite.case()
def an_answer_comes_late_to_a_client_that_closed_its_half(scene):
    box = Box(scene, allow=["allowed.example"])
    request = "GET {} HTTP/1.1\\r\\nHost: allowed.example\\r\\nConnection: close\\r\\n\\r\\n"
    for words in (
        ("127.0.0.1", "3128", request.format("http://allowed.example/late")),
        ("allowed.example", "80", request.format("/late")),
    ):
        answer = json.loads(box.tool("wire", "--half-close", *words, proxies=False).out)
        scene.check(answer["received"].endswith("late, but here\n"), f"{words}: {answer}")


@suite.case()
def many_connections_at_once(scene):
    box = Box(scene, allow=["allowed.example"])
    for way in WAYS:
        outcome = box.curl(way, "-Z --parallel-max 100 --parallel-immediate "
                           f"'http://allowed.example/[1-200]' | grep -c hello")  # fmt: skip
        scene.equal(outcome.out.strip(), "200", f"{way}: {outcome}")


@suite.case()
def two_containers_have_two_policies(scene):
    one = Box(scene, allow=["allowed.example"])
    two = Box(scene, allow=["other.example"])
    for way in WAYS:
        for box, name, wanted in (
            (one, "allowed.example", True),
            (one, "other.example", False),
            (two, "allowed.example", False),
            (two, "other.example", True),
        ):
            outcome = box.curl(way, f"http://{name}/")
            scene.equal("hello" in outcome.out, wanted, f"{way} {name}: {outcome}")
    scene.check(one.monitor != two.monitor, "one monitor for two containers")
    scene.check(not two.events(host="allowed.example", event="allowed"), "events got mixed up")
    # What one of them gives up does not end the other.
    scene.check(scene.runtime.delete(one.name).ok, "delete")
    scene.check("hello" in two.curl("http", "http://other.example/").out, "the other one ended, too")
