"""Names: which pattern matches what, how else a name can be written, and what our DNS says."""

import json

from box import Box
from denials import WAYS, _mark, _nothing_left
from suite import suite
from world import ALLOWED, OTHER


def _reached(outcome) -> bool:
    return "hello" in outcome.out


@suite.case()
def a_pattern_matches_what_it_says_and_no_more(scene):
    box = Box(scene, allow=["allowed.example", "*.wild.example.org"])
    for name, wanted in {
        "allowed.example": True,
        "ALLOWED.Example": True,
        "allowed.example.": True,
        "sub.wild.example.org": True,
        "a.b.wild.example.org": True,
        "wild.example.org": False,  # the apex is not below itself
        "notallowed.example": False,
        "allowed.example.attacker.example": False,
        "xwild.example.org": False,
    }.items():
        for way in WAYS:
            outcome = box.curl(way, f"http://{name}/")
            scene.equal(_reached(outcome), wanted, f"{name}, {way}: {outcome}")


@suite.case()
def a_denial_wins_over_every_permission(scene):
    box = Box(scene, allow=["*.wild.example.org"], deny=["sub.wild.example.org"])
    for way in WAYS:
        scene.check(_reached(box.curl(way, "http://a.b.wild.example.org/")), way)
        for name in ("sub.wild.example.org", "SUB.wild.example.org", "sub.wild.example.org."):
            _mark(scene)
            outcome = box.curl(way, f"http://{name}/")
            scene.check(not _reached(outcome), f"{name}, {way}: {outcome}")
            _nothing_left(scene, f"{name}, {way}")


@suite.case()
def a_port_in_a_rule_is_the_only_one(scene):
    box = Box(scene, allow=["allowed.example:8080"])
    for way in WAYS:
        scene.check(_reached(box.curl(way, "http://allowed.example:8080/")), f"{way}: 8080")
        outcome = box.curl(way, "http://allowed.example/")
        scene.check(not _reached(outcome), f"{way}: 80: {outcome}")


@suite.case()
def names_with_hostile_bytes_are_malformed(scene):
    """A name that is looked at differently by the one who judges and the one who dials is a way round."""
    box = Box(scene, allow=["allowed.example", "*.wild.example.org"])
    _mark(scene)
    for name in (
        "denied.example\\x00.wild.example.org",
        "denied.example\\x0a.wild.example.org",
        "denied.example\\x20.wild.example.org",
        "denied.example%00.wild.example.org",
        "denied.example%2f.wild.example.org",
        "denied.example#.wild.example.org",
        "denied.example?.wild.example.org",
        "denied.example/.wild.example.org",
        "denied.example\\x5c.wild.example.org",
        "denied.example@sub.wild.example.org",
        "denied.example..wild.example.org",
        ".wild.example.org",
        "x" * 64 + ".wild.example.org",
    ):
        size = len(name.encode("latin-1").decode("unicode_escape"))
        answer = json.loads(
            box.tool("wire", "127.0.0.1", "1080", "\\x05\\x01\\x00",
                     f"\\x05\\x01\\x00\\x03\\x{size:02x}{name}\\x00\\x50").out
        )  # fmt: skip
        scene.equal(answer["received"][2:4], "\x05\x02", f"SOCKS reply to {name!r}")
        request = f"GET http://{name}/ HTTP/1.1\\r\\nHost: {name}\\r\\nConnection: close\\r\\n\\r\\n"
        answer = json.loads(box.tool("wire", "127.0.0.1", "3128", request).out)
        status = answer["received"].split(" ")[1:2]
        if name[14:15] not in "#?/":  # there the authority ends, and that is denied.example
            scene.check(status in (["400"], ["421"]), f"HTTP to {name!r}: {answer}")
        scene.check("hello" not in answer["received"], f"HTTP to {name!r}: {answer}")
        request = f"CONNECT {name}:80 HTTP/1.1\\r\\nHost: {name}:80\\r\\n\\r\\n"
        answer = json.loads(box.tool("wire", "127.0.0.1", "3128", request).out)
        scene.equal(answer["received"].split(" ")[1:2], ["400"], f"CONNECT to {name!r}: {answer}")
    _nothing_left(scene, "hostile names")
    for event in box.events():
        scene.check(event["event"] != "allowed", str(event))


@suite.case()
def a_name_that_looks_alike_is_another_one(scene):
    """IDN: a letter of another script makes another name; a wide spelling of a letter is that letter."""
    box = Box(scene, allow=["allowed.example"])
    encoded = "xn--" + "\u0430llowed".encode("punycode").decode() + ".example"  # a Cyrillic first letter
    for name in ("\u0430llowed.example", encoded, encoded.upper(), "all\u043ewed.example"):
        _mark(scene)
        raw = "".join(f"\\x{byte:02x}" for byte in name.encode())
        answer = json.loads(
            box.tool("wire", "127.0.0.1", "1080", "\\x05\\x01\\x00",
                     f"\\x05\\x01\\x00\\x03\\x{len(name.encode()):02x}{raw}\\x00\\x50").out
        )  # fmt: skip
        scene.equal(answer["received"][2:4], "\x05\x02", f"SOCKS to {name!r}")
        request = f"GET http://{raw}/ HTTP/1.1\\r\\nHost: {raw}\\r\\nConnection: close\\r\\n\\r\\n"
        answer = json.loads(box.tool("wire", "127.0.0.1", "3128", request).out)
        scene.equal(answer["received"][9:12], "403", f"HTTP to {name!r}")
        answer = json.loads(box.tool("dns", raw, "1").out)
        scene.equal(answer["code"], 3, f"DNS of {name!r}: {answer}")
        _nothing_left(scene, repr(name))
    scene.check(box.events(event="denied", host=encoded.lower()), f"by its canonical name: {box.events()}")
    wide = "".join(f"\\x{byte:02x}" for byte in "\uff21llowed\u3002example".encode())
    request = f"GET http://{wide}/ HTTP/1.1\\r\\nHost: {wide}\\r\\nConnection: close\\r\\n\\r\\n"
    answer = json.loads(box.tool("wire", "127.0.0.1", "3128", request).out)
    scene.check("hello / from allowed.example" in answer["received"], f"wide letters: {answer}")


@suite.case()
def userinfo_is_not_the_host(scene):
    box = Box(scene, allow=["allowed.example"])
    for way in WAYS:
        outcome = box.curl(way, "http://allowed.example@denied.example/")
        scene.check(not _reached(outcome), f"{way}: {outcome}")


@suite.case()
def a_redirect_is_a_new_question(scene):
    box = Box(scene, allow=["allowed.example"])
    for way in WAYS:
        outcome = box.curl(way, "-L 'http://allowed.example/redirect?to=http://denied.example/'")
        scene.check(not _reached(outcome), f"{way}: {outcome}")
        outcome = box.curl(way, "-L 'http://allowed.example/redirect?to=/there'")
        scene.check("hello /there" in outcome.out, f"{way}: {outcome}")


@suite.case()
def dns_gives_allowed_names_addresses_of_our_own(scene):
    box = Box(scene, allow=["allowed.example"])
    _mark(scene)
    for way in ("udp", "tcp"):
        v4 = json.loads(box.tool("dns", "allowed.example", "1", way).out)
        scene.check(v4["code"] == 0 and v4["answers"][0].startswith("198.1"), str(v4))
        again = json.loads(box.tool("dns", "ALLOWED.example.", "1", way, "8.8.8.8").out)
        scene.equal(again["answers"], v4["answers"], "remembered, whatever server is asked")
        v6 = json.loads(box.tool("dns", "allowed.example", "28", way).out)
        scene.check(v6["answers"][0].startswith("fd"), str(v6))
        for kind in (65, 64, 16, 15, 257):  # no ECH key, no way to carry data
            other = json.loads(box.tool("dns", "allowed.example", str(kind), way).out)
            scene.equal((other["code"], other["answers"]), (0, []), f"type {kind}")
    # Names are looked up when something is dialled, not when the sandbox asks.
    _nothing_left(scene, "lookups inside")


@suite.case()
def the_rule_for_a_name_does_not_open_its_address(scene):
    box = Box(scene, allow=["allowed.example"])
    outcome = box.sh("curl -sS -m 5 --resolve other.example:80:198.18.0.77 --noproxy '*' "
                     "http://other.example/", proxies=False)  # fmt: skip
    scene.check(not outcome.ok, str(outcome))
    outcome = box.curl("transparent", f"-m 5 --resolve allowed.example:80:{OTHER}",
                       "http://allowed.example/")  # fmt: skip
    scene.check(not _reached(outcome), f"the name in Host opened another address: {outcome}")


@suite.case()
def a_name_is_looked_up_as_it_stands(scene):
    """The host's resolv.conf would have attacker.example tried behind names of few dots, and first of all."""
    names = {"allowed.example", "missing.example"}
    box = Box(scene, allow=sorted(names))
    _mark(scene)
    for way in WAYS:
        outcome = box.curl(way, "-4 http://allowed.example/")
        scene.check("hello" in outcome.out, f"{way}: {outcome}")
        scene.check("hello" not in box.curl(way, "http://missing.example/").out, way)
    for event in box.events(event="allowed", port=80):
        scene.equal(event["address"], f"{ALLOWED}:80", "dialled")
    asked = {query["name"] for query in scene.world.queries.since()}
    scene.equal(asked, names, "names that left the host")


@suite.case()
def a_wildcard_is_looked_up_only_below_it(scene):
    box = Box(scene, allow=["*.wild.example.org"])
    _mark(scene)
    for name in ("wild.example.org", "example.org", "org", "data.example.org"):
        answer = json.loads(box.tool("dns", name, "1").out)
        scene.equal(answer["code"], 3, name)
    _nothing_left(scene, "names beside the wildcard")
