"""Each way in: what a rule allows arrives, what none allows leaves no trace outside and a reason inside."""

import json

from box import CURL, PROMPT, Box, elapsed
from suite import suite
from world import ALLOWED, DENIED, DENIED6

WAYS = list(CURL)


def _mark(scene) -> None:
    for log in (scene.world.witness, scene.world.queries, scene.world.requests):
        log.mark()


def _nothing_left(scene, what: str) -> None:
    flows, queries = scene.world.witness.flows(), scene.world.queries.since()
    scene.equal(flows, [], f"{what}: left the host")
    scene.equal(queries, [], f"{what}: the DNS server was asked")


@suite.case()
def an_allowed_name_is_reached_in_each_way(scene):
    box = Box(scene, allow=["allowed.example"])
    for way in WAYS:
        for family in ("-4", "-6"):
            _mark(scene)
            # With a proxy the family is that between client and proxy.
            outcome = box.curl(way, family, "http://allowed.example/x")
            scene.check("hello /x from allowed.example" in outcome.out, f"{way} {family}: {outcome}")
            scene.check(scene.world.requests.since(), f"{way} {family}: no request arrived")
            scene.check(scene.world.witness.flows(), f"{way} {family}: the witness saw nothing")


@suite.case()
def either_protocol_works_on_either_port(scene):
    box = Box(scene, allow=["allowed.example"])
    for proxy in ("http://localhost:1080", "socks5h://localhost:3128",
                  "http://[::1]:3128", "socks5h://[::1]:1080"):  # fmt: skip
        for words in ("", "-p"):
            outcome = box.sh(f"curl -sS -m 20 {words} -x {proxy} http://allowed.example/")
            scene.check("hello" in outcome.out, f"{proxy} {words}: {outcome}")
        outcome = box.sh(f"curl -fsS -m 20 -x {proxy} http://denied.example/")
        scene.check(not outcome.ok, f"{proxy}: {outcome}")
    for old in ("socks4", "socks4a"):
        outcome = box.sh(f"curl -sS -m 20 -x {old}://localhost:1080 http://allowed.example/")
        scene.check(not outcome.ok, f"{old}: {outcome}")
    scene.check(box.events(event="denied", reason="socks4"), str(box.events()))


@suite.case()
def a_denied_name_leaves_no_trace_in_any_way(scene):
    box = Box(scene, allow=["allowed.example"])
    for way in WAYS:
        for scheme in ("http", "https"):
            _mark(scene)
            took, outcome = elapsed(
                lambda way=way, scheme=scheme: box.curl(way, f"-f {scheme}://denied.example/")
            )
            scene.check(not outcome.ok, f"{way} {scheme}: {outcome}")
            scene.check(took < PROMPT, f"{way} {scheme}: the denial took {took:.1f} s")
            _nothing_left(scene, f"{way} {scheme}")


@suite.case()
def a_denied_name_leaves_no_trace_in_dns(scene):
    box = Box(scene, allow=["allowed.example"])
    secret = "c2VjcmV0.denied.example"
    for way in ("udp", "tcp"):
        for kind in (1, 28, 5, 15, 16, 65, 12, 33, 255):
            for server in ("192.0.2.53", "2001:db8::53"):
                _mark(scene)
                answer = json.loads(box.tool("dns", secret, str(kind), way, server).out)
                scene.equal(answer["code"], 3, f"{way}, type {kind}: response code ({answer})")
                _nothing_left(scene, f"{way}, type {kind}, {server}")


@suite.case()
def a_denied_address_leaves_no_trace(scene):
    box = Box(scene, allow=["allowed.example"])
    for way in WAYS:
        for literal in (DENIED, f"[{DENIED6}]", ALLOWED):
            _mark(scene)
            took, outcome = elapsed(lambda w=way, a=literal: box.curl(w, f"-f http://{a}/"))
            scene.check(not outcome.ok, f"{way} {literal}: {outcome}")
            scene.check(took < PROMPT, f"{way} {literal}: the denial took {took:.1f} s")
            _nothing_left(scene, f"{way} {literal}")


@suite.case()
def every_port_leads_to_the_guard(scene):
    box = Box(scene, allow=["allowed.example:8080"])
    for port in (1, 21, 25, 80, 443, 3000, 8080, 31337, 65535):
        for host in (DENIED, "allowed.example"):
            _mark(scene)
            outcome = box.tool("wire", host, str(port), "GET / HTTP/1.0\\r\\nHost: h\\r\\n\\r\\n",
                               proxies=False)  # fmt: skip
            answer = json.loads(outcome.out)
            if (host, port) == ("allowed.example", 8080):
                continue
            scene.equal(answer["error"], "ECONNRESET", f"{host}:{port}")
            scene.check(answer["seconds"] < PROMPT, f"{host}:{port}: {answer}")
            _nothing_left(scene, f"{host}:{port}")
    outcome = box.curl("transparent", "http://allowed.example:8080/")
    scene.check("hello" in outcome.out, str(outcome))


@suite.case()
def a_denial_says_what_and_why(scene):
    policy = {
        "network": {
            "allowedDomains": ["allowed.example"],
            "deniedDomains": ["denied.example"],
            "deniedDomainReasons": {"denied.example": "ask the platform team"},
        }
    }
    box = Box(scene, policy=policy)
    body = box.curl("http", "-i http://denied.example/")
    for text in ("403", "X-Proxy-Error: blocked-by-allowlist", "denied.example", "srt.json",
                 "ask the platform team"):  # fmt: skip
        scene.check(text in body.out, f"{text!r} is missing: {body}")
    body = box.curl("http", "-i http://other.example/")
    for text in ("403", "blocked-by-allowlist", "other.example", "network.allowedDomains"):
        scene.check(text in body.out, f"{text!r} is missing: {body}")
    refused = box.curl("connect", "-v https://denied.example/")
    scene.check("403 Blocked" in refused.err, str(refused))
    answer = json.loads(box.tool("dns", "denied.example", "1").out)
    scene.check("ask the platform team" in answer["said"], str(answer))
    socks = json.loads(box.tool("wire", "127.0.0.1", "1080", "\\x05\\x01\\x00",
                                "\\x05\\x01\\x00\\x03\\x0edenied.example\\x00\\x50").out)  # fmt: skip
    scene.equal(socks["received"][2:4], "\x05\x02", "SOCKS reply")


@suite.case()
def every_verdict_is_an_event(scene):
    box = Box(scene, allow=["allowed.example"], deny=["denied.example"])
    for way in WAYS:
        box.curl(way, "http://allowed.example/")
        box.curl(way, "http://other.example/")
    for way in ("http", "connect", "socks"):
        allowed = box.event(event="allowed", way=way, host="allowed.example", port=80)
        scene.equal(allowed["rule"], "allowed.example", "rule")
        scene.equal(allowed["origin"], "srt.json", "origin")
        scene.check(allowed["address"].startswith((ALLOWED, "[2606:2800::34]")), str(allowed))
        scene.equal(allowed["container"], box.name, "container")
        denied = box.event(event="denied", way=way, host="other.example", port=80)
        scene.equal(denied["reason"], "no-rule", "reason")
        ended = box.event(event="ended", way=way, host="allowed.example")
        scene.check(ended["bytesDown"] > 20 and ended["durationUs"] > 0, str(ended))
        scene.check(ended["connection"] == allowed["connection"], "one number a connection")
    box.event(event="allowed", way="transparent", host="allowed.example", port=80)
    box.event(event="denied", way="dns", host="other.example", reason="no-rule")
    box.curl("http", "http://denied.example/")
    event = box.event(event="denied", host="denied.example")
    scene.equal((event["rule"], event["reason"]), ("denied.example", "denied-by-rule"), "denied")
