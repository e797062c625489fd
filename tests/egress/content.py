"""What is said inside an allowed connection: SNI, Host, and requests that two readers read differently."""

import json

from box import Box
from denials import _mark
from suite import suite
from world import DENIED

_S_CLIENT = "timeout 10 openssl s_client -brief -verify_quiet -CAfile /etc/ca.pem"


def _bytes_that_arrived(scene) -> int:
    return sum(entry.get("bytes", 0) for entry in scene.world.requests.since())


@suite.case()
def a_server_name_must_be_the_destination(scene):
    """Port 10 tells how many bytes it got: of a hello with the wrong name, none."""
    box = Box(scene, allow=["allowed.example", "git.example"])
    for way, proxy in {
        "connect": "-proxy localhost:3128",
        "transparent": "",
    }.items():
        for port in (10, 443):
            for name in ("denied.example", "sub.allowed.example", "allowed.example.attacker.example",
                         DENIED, "127.0.0.1"):  # fmt: skip
                _mark(scene)
                outcome = box.sh(
                    f"{_S_CLIENT} {proxy} -connect allowed.example:{port} -servername {name} </dev/null",
                    proxies=False,
                )
                scene.check("access denied" in outcome.err, f"{way}, {port}, {name}: {outcome}")
                event = box.event(event="denied", way=way, sni=name, port=port)
                scene.equal(event["reason"], "sni-mismatch", "reason")
                scene.equal(_bytes_that_arrived(scene), 0, f"{way}, {port}, {name}: bytes upstream")
        # The name itself, none, and one that is allowed by itself.
        for words in ("-servername allowed.example", "-servername ALLOWED.Example",
                      "-servername allowed.example.", "-noservername", "-servername git.example"):  # fmt: skip
            outcome = box.sh(
                f"{_S_CLIENT} {proxy} -connect allowed.example:443 {words} </dev/null", proxies=False
            )
            scene.check(outcome.ok, f"{way}, {words}: {outcome}")


@suite.case()
def a_server_name_in_a_split_hello_is_found(scene):
    """One byte a segment, and the handshake message in several records."""
    box = Box(scene, allow=["allowed.example"])
    for records in (0, 7, 40, 200):
        for way in ("transparent", "connect", "socks"):
            _mark(scene)
            outcome = box.tool("hello", way, "allowed.example", "443", "denied.example", str(records))
            scene.check("denied" in outcome.out, f"{way}, records of {records}: {outcome}")
            outcome = box.tool("hello", way, "allowed.example", "443", "allowed.example", str(records))
            scene.check("server" in outcome.out, f"{way}, records of {records}: {outcome} {box.events()[-3:]}")


@suite.case()
def a_second_hello_is_judged_like_the_first(scene):
    """Port 8443 answers each hello by HelloRetryRequest, and takes the name of the second."""
    box = Box(scene, allow=["allowed.example"])
    outcome = box.sh(f"{_S_CLIENT} -connect allowed.example:8443 </dev/null")
    scene.check(outcome.ok, f"{outcome} {box.events()[-3:]}")
    for other in ("allowed.example", "another.example"):
        scene.world.server_names.mark()
        outcome = box.tool("again", "allowed.example", "8443", "allowed.example", other)
        names = [entry["sni"] for entry in scene.world.server_names.since()]
        scene.equal("server" in outcome.out, other == "allowed.example", f"{other}: {outcome}")
        scene.equal(set(names), {"allowed.example"}, "names that the server was asked for")
    scene.equal(box.event(event="denied", sni="another.example")["reason"], "sni-mismatch", "reason")


@suite.case()
def port_443_carries_tls_or_ssh(scene):
    box = Box(scene, allow=["allowed.example"])
    for data in ("GET / HTTP/1.1\\r\\nHost: allowed.example\\r\\n\\r\\n", "hello there\\r\\n",
                 "PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"):  # fmt: skip
        answer = json.loads(box.tool("wire", "allowed.example", "443", data, proxies=False).out)
        scene.equal((answer["received"], answer["error"]), ("", "ECONNRESET"), repr(data))
    scene.check(len(box.events(event="denied", reason="not-tls")) == 3, str(box.events()))


@suite.case()
def http_inside_a_tunnel_is_judged_by_its_host(scene):
    box = Box(scene, allow=["allowed.example"])
    for way, words in {
        "connect": ("127.0.0.1", "3128", "CONNECT allowed.example:80 HTTP/1.1\\r\\nHost: allowed.example:80\\r\\n\\r\\n"),
        "transparent": ("allowed.example", "80"),
    }.items():  # fmt: skip
        for host, wanted in {
            "denied.example": ("403", "421"),
            "denied.example:80": ("403", "421"),
            "allowed.example:8080": ("403", "421"),
            "allowed.example": ("200",),
        }.items():
            _mark(scene)
            request = f"GET / HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n"
            answer = json.loads(box.tool("wire", *words, request, proxies=False).out)
            text = answer["received"]
            if way == "connect":
                text = text.split("\r\n\r\n", 1)[1]
            scene.check(text[9:12] in wanted, f"{way}, {host}: {answer}")
            if wanted != ("200",):
                arrived = [r for r in scene.world.requests.since() if "host" in r]
                scene.equal(arrived, [], f"{way}, {host}: it arrived")
    # Each request of a connection by itself.
    requests = "".join(
        f"GET /{n} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n"
        for n, host in enumerate(["allowed.example", "denied.example", "allowed.example"])
    )
    _mark(scene)
    answer = json.loads(box.tool("wire", "--wait", "3", "allowed.example", "80", requests,
                                 proxies=False).out)  # fmt: skip
    scene.check("hello /0" in answer["received"], str(answer))
    hosts = [r["host"] for r in scene.world.requests.since() if "host" in r]
    scene.check("denied.example" not in hosts, f"it arrived: {hosts}")


@suite.case()
def the_host_header_must_agree_with_the_target(scene):
    box = Box(scene, allow=["allowed.example", "git.example"])
    for head, wanted in {
        "GET http://allowed.example/ HTTP/1.1\\r\\nHost: git.example\\r\\n": ("421", "400"),
        "GET http://allowed.example/ HTTP/1.1\\r\\nHost: denied.example\\r\\n": ("421", "400"),
        "GET http://allowed.example/ HTTP/1.1\\r\\nHost: allowed.example:81\\r\\n": ("421", "400"),
        "GET http://allowed.example/ HTTP/1.1\\r\\n": ("400",),
        "GET http://allowed.example/ HTTP/1.1\\r\\nHost: allowed.example\\r\\nHost: denied.example\\r\\n": ("400",),
        "GET http://allowed.example/ HTTP/1.1\\r\\nHost: allowed.example\\r\\nHost: allowed.example\\r\\n": ("400",),
        "GET http://allowed.example/ HTTP/1.1\\r\\nHost : allowed.example\\r\\n": ("400",),
        "GET http://allowed.example/ HTTP/1.1\\r\\nHost: allowed.example\\r\\n X: folded\\r\\n": ("400",),
        "POST http://allowed.example/ HTTP/1.1\\r\\nHost: allowed.example\\r\\nContent-Length: 5\\r\\n"
        "Transfer-Encoding: chunked\\r\\n": ("400",),
        "POST http://allowed.example/ HTTP/1.1\\r\\nHost: allowed.example\\r\\nContent-Length: 5\\r\\n"
        "Content-Length: 6\\r\\n": ("400",),
        "POST http://allowed.example/ HTTP/1.1\\r\\nHost: allowed.example\\r\\nTransfer-Encoding: xchunked\\r\\n": ("400", "501"),
        "GET http://allowed.example/ HTTP/1.1\\nHost: allowed.example\\r\\n": ("400",),
        "GET http://allowed.example /x HTTP/1.1\\r\\nHost: allowed.example\\r\\n": ("400",),
        "GET / HTTP/1.1\\r\\nHost: allowed.example\\r\\n": ("400",),
        "GET ftp://allowed.example/ HTTP/1.1\\r\\nHost: allowed.example\\r\\n": ("400",),
    }.items():  # fmt: skip
        _mark(scene)
        answer = json.loads(box.tool("wire", "127.0.0.1", "3128", head + "\\r\\nhello").out)
        scene.check(answer["received"][9:12] in wanted, f"{head!r}: {answer}")
        scene.equal(scene.world.requests.since(), [], f"{head!r}: something arrived")


@suite.case()
def what_is_meant_for_the_proxy_is_not_forwarded(scene):
    box = Box(scene, allow=["allowed.example"])
    outcome = box.curl("http", "-H 'Proxy-Authorization: Basic c2VjcmV0' -H 'Connection: X-Hop' "
                       "-H 'X-Hop: 1' -H 'Proxy-Connection: keep-alive' -H 'X-Kept: yes' "
                       "-H 'TE: trailers' http://allowed.example/headers")  # fmt: skip
    text = outcome.out.lower()
    for name in ("proxy-authorization", "x-hop", "proxy-connection", "c2vjcmv0"):
        scene.check(name not in text, f"{name} was forwarded: {outcome.out}")
    scene.check("x-kept: yes" in text, outcome.out)


@suite.case()
def a_smuggled_request_is_not_forwarded(scene):
    """The body of one request, read as the next one by a server that counts otherwise."""
    box = Box(scene, allow=["allowed.example"])
    smuggled = "GET /smuggled HTTP/1.1\\r\\nHost: denied.example\\r\\n\\r\\n"
    for fields in (
        "Content-Length: 4\\r\\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\\r\\nContent-Length: 4",
        "Transfer-Encoding: chunked\\r\\nTransfer-Encoding: identity",
        "Transfer-Encoding: chunked\\r\\nTransfer-Encoding: cow",
        "Transfer-Encoding: cow\\r\\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\\x0bchunked",
        "Transfer-Encoding: \\x0cchunked",
        "Transfer-Encoding:\\r\\n chunked",
        "X: y\\nTransfer-Encoding: chunked",
        "X: y\\rTransfer-Encoding: chunked",
        "\\x00Transfer-Encoding: chunked",
        "Transfer_Encoding: chunked\\r\\nContent-Length: 5",
        "Content-Length: 5\\r\\nContent-Length: 60",
        "Content-Length: 5\\r\\n Content-Length: 60",
        "Content-Length: 5\\x0b",
        "Transfer-Encoding : chunked",
        "Content-Length: +4",
        "Content-Length: 0x4",
        "Content-Length: 4, 4",
        "Content-Length: -1",
    ):
        _mark(scene)
        head = f"POST http://allowed.example/first HTTP/1.1\\r\\nHost: allowed.example\\r\\n{fields}\\r\\n\\r\\n"
        answer = json.loads(
            box.tool("wire", "--wait", "3", "127.0.0.1", "3128", head + "0\\r\\n\\r\\n" + smuggled).out
        )
        paths = [r.get("path", "") for r in scene.world.requests.since()]
        scene.check("/smuggled" not in paths, f"{fields!r}: {answer}, arrived: {paths}")


@suite.case()
def a_chunk_that_can_be_read_in_two_ways_carries_nothing(scene):
    """Sizes, extensions and ends of chunks, each followed by what a server might take for a request."""
    box = Box(scene, allow=["allowed.example"])
    smuggled = "GET /smuggled HTTP/1.1\\r\\nHost: denied.example\\r\\n\\r\\n"
    head = ("POST http://allowed.example/up HTTP/1.1\\r\\nHost: allowed.example\\r\\n"
            "Transfer-Encoding: chunked\\r\\n\\r\\n")  # fmt: skip
    for body in (
        "5\\nhello\\r\\n0\\r\\n\\r\\n",
        "5\\r\\nhello\\n0\\r\\n\\r\\n",
        "5\\rhello\\r\\n0\\r\\n\\r\\n",
        "0x5\\r\\nhello\\r\\n0\\r\\n\\r\\n",
        "+5\\r\\nhello\\r\\n0\\r\\n\\r\\n",
        "-5\\r\\nhello\\r\\n0\\r\\n\\r\\n",
        "5 5\\r\\nhello\\r\\n0\\r\\n\\r\\n",
        "10000000000000005\\r\\nhello\\r\\n0\\r\\n\\r\\n",
        "5;\\n=x\\r\\nhello\\r\\n0\\r\\n\\r\\n",
        "5;a=\\x22\\r\\nhello\\r\\n0\\r\\n\\r\\n",
        "5\\r\\nhello00\\r\\n\\r\\n",
        "\\r\\n0\\r\\n\\r\\n",
    ):
        _mark(scene)
        box.tool("wire", "--wait", "2", "127.0.0.1", "3128", head + body + smuggled)
        arrived = [r.get("path", "") for r in scene.world.requests.since()]
        scene.check("/smuggled" not in arrived, f"{body!r}: arrived: {arrived}")


@suite.case()
def http2_is_a_tunnel_or_nothing(scene):
    """Its preface is no HTTP/1 request for a proxy, and on its way to an allowed port bytes like others."""
    box = Box(scene, allow=["allowed.example:7", "allowed.example:443"])
    preface = "PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"
    answer = json.loads(box.tool("wire", "127.0.0.1", "3128", preface).out)
    scene.equal(answer["received"][9:12], "400", "to the proxy")
    answer = json.loads(box.tool("wire", "--half-close", "allowed.example", "7", preface, proxies=False).out)
    scene.equal(answer["received"], "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "through a tunnel")
    for words in (("denied.example", "7"), ("allowed.example", "443")):
        answer = json.loads(box.tool("wire", *words, preface, proxies=False).out)
        scene.equal(answer["received"], "", f"{words}")
    # Asked for by an upgrade it stays HTTP/1: the request is forwarded, the wish is not.
    box = Box(scene, allow=["allowed.example"])
    outcome = box.curl("http", "-i -H 'Connection: Upgrade, HTTP2-Settings' -H 'Upgrade: h2c' "
                       "-H 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA' http://allowed.example/headers")  # fmt: skip
    scene.check(" 200 " in outcome.out and "h2c" not in outcome.out.lower(), str(outcome))
