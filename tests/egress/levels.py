"""Without nf_tables the guard has listeners on the usual and the named ports: level named-ports."""

import json

from box import CURL, PROMPT, Box, elapsed
from denials import WAYS, _mark, _nothing_left
from refusals import without_nf_tables, without_user_namespaces
from suite import suite
from world import ALLOWED, DENIED, DENIED6, HOST_ONLY_PORT


def _reached(outcome) -> bool:
    return "hello" in outcome.out


def _wire(box, host: str, port: int, data: str, *flags: str) -> dict:
    return json.loads(box.tool("wire", *flags, host, str(port), data, proxies=False).out)


def _level_of_features(scene) -> str:
    return json.loads(scene.runtime.call("features").out)["annotations"]["dev.srt.egress.level"]


@suite.case()
def named_ports_usual_ones_are_caught(scene):
    without_nf_tables()
    box = Box(scene, allow=["allowed.example", "v6only.example"])
    for url in ("http://{}/", "https://{}/", "http://{}:8080/", "https://{}:8443/"):
        for way in WAYS:
            for name in ("allowed.example", "v6only.example"):
                outcome = box.curl(way, url.format(name))
                scene.check(_reached(outcome), f"{way} {url.format(name)}: {outcome}")
            _mark(scene)
            took, outcome = elapsed(lambda w=way, u=url: box.curl(w, "-f " + u.format("denied.example")))
            scene.check(not outcome.ok and took < PROMPT, f"{way} {url}: {took:.1f} s, {outcome}")
            _nothing_left(scene, f"{way} {url}")
    answer = _wire(box, "allowed.example", 22, "SSH-2.0-x\\r\\n", "--wait", "3")
    scene.check(answer["received"].startswith("SSH-2.0-"), str(answer))


@suite.case()
def named_ports_are_caught_and_all_others_refused(scene):
    without_nf_tables()
    box = Box(scene, allow=["allowed.example", "allowed.example:7"])
    answer = _wire(box, "allowed.example", 7, "anything", "--half-close")
    scene.equal((answer["received"], answer["error"]), ("anything", ""), "the named port")
    for host in (DENIED, DENIED6, ALLOWED, "allowed.example"):
        for port in (9, 10, 31337):
            _mark(scene)
            answer = _wire(box, host, port, "x")
            scene.equal(answer["error"], "ECONNREFUSED", f"{host}:{port}")
            _nothing_left(scene, f"{host}:{port}")
    # Where no listener stands, the proxies still lead there.
    answer = _wire(box, "127.0.0.1", 3128, "CONNECT allowed.example:8 HTTP/1.1\\r\\nHost: allowed.example:8\\r\\n\\r\\n",
                   "--wait", "2")  # fmt: skip
    scene.check(" 200 " in answer["received"], str(answer))


@suite.case()
def named_ports_names_are_looked_up_as_ever(scene):
    without_nf_tables()
    box = Box(scene, allow=["allowed.example"])
    for way in ("udp", "tcp"):
        for server in ("192.0.2.53", "2001:db8::53"):
            _mark(scene)
            answer = json.loads(box.tool("dns", "allowed.example", "1", way, server).out)
            scene.check(answer["answers"][0].startswith("198.1"), f"{way} {server}: {answer}")
            answer = json.loads(box.tool("dns", "c2VjcmV0.denied.example", "1", way, server).out)
            scene.equal(answer["code"], 3, f"{way} {server}: {answer}")
            _nothing_left(scene, f"{way} {server}")


@suite.case()
def named_ports_clash_with_a_server_inside(scene):
    """What the guard listens on, a program inside cannot: it is told so, by bind and by a warning."""
    without_nf_tables()
    box = Box(scene, allow=[f"localhost:{HOST_ONLY_PORT}"], start=False)
    name = scene.new_id()
    created = scene.runtime.create(box.bundle.args("/bin/sleep", "1000"), name)
    scene.check(created.ok and "no nf_tables" in created.err, str(created))
    scene.check(scene.runtime.start(name).ok, "start")
    box.name = name
    scene.check(_reached(box.curl("transparent", f"-4 http://localhost:{HOST_ONLY_PORT}/")), "the host's")
    listen = (
        "/usr/bin/python3 -c 'import socket, sys; s = socket.socket(); "
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
        's.bind((sys.argv[1], int(sys.argv[2]))); s.listen(); print("listens")\' '
    )
    for address in ("127.0.0.1", "0.0.0.0"):
        outcome = box.sh(f"{listen} {address} {HOST_ONLY_PORT}")
        scene.check(not outcome.ok and "Address already in use" in outcome.err, str(outcome))
        outcome = box.sh(f"{listen} {address} {HOST_ONLY_PORT + 1}")
        scene.check("listens" in outcome.out, f"another port: {outcome}")


@suite.case()
def named_ports_of_the_guard_itself_are_left_to_the_proxies(scene):
    without_nf_tables()
    box = Box(scene, allow=[f"allowed.example:{port}" for port in (53, 1080, 3128)])
    for port in (53, 1080, 3128):
        outcome = box.curl("connect", f"-v http://allowed.example:{port}/")
        scene.check(" 502 " in outcome.err or " 200 " in outcome.err, f"{port}: {outcome}")
        scene.check(box.events(way="connect", port=port, event="denied") == [], f"{port}: denied")


@suite.case()
def named_ports_is_what_state_features_doctor_and_plan_say(scene):
    without_nf_tables()
    box = Box(scene, allow=["allowed.example:7"])
    scene.equal(scene.runtime.state(box.name)["guard"], "named-ports", "state")
    scene.equal(_level_of_features(scene), "named-ports", "features")
    doctor = scene.runtime.call("doctor").out
    line = next(line for line in doctor.splitlines() if "egress guard" in line)
    scene.check(line.startswith("warning"), line)
    scene.check("named-ports" in doctor, doctor[-800:])
    plan = scene.runtime.call("plan", box.bundle.path).out
    scene.check("guard here: named-ports" in plan, plan[-2000:])
    ports = plan.split("listen on ports ", 1)[1].split(")", 1)[0].split()
    for port in ("7", "22", "80", "443", "8443"):
        scene.check(port in ports, f"{port} is not among {ports}")
    as_json = json.loads(scene.runtime.call("plan", "--json", box.bundle.path).out)
    scene.equal(as_json["guard"], "named-ports", "plan --json")


@suite.case()
def all_ports_is_what_plan_says_here(scene):
    box = Box(scene, allow=["allowed.example"])
    level = scene.runtime.state(box.name)["guard"]
    scene.equal(_level_of_features(scene), level, "features")
    plan = scene.runtime.call("plan", box.bundle.path).out
    scene.check(f"guard here: {level}" in plan, plan[-2000:])


@suite.case()
def the_level_is_not_guessed_where_it_cannot_be_tried(scene):
    """Root needs no user namespace for it; whoever can make none is told that it is not known."""
    known = _level_of_features(scene)
    without_user_namespaces()
    scene.equal(_level_of_features(scene), "unknown" if scene.rootless else known, "features")
    doctor = scene.runtime.call("doctor").out
    if scene.rootless:
        scene.check("it is not known: allow user namespaces" in doctor, doctor[-1200:])
        scene.check("modprobe nf_tables" not in doctor, doctor[-1200:])


@suite.case()
def named_ports_carry_what_all_ports_carry(scene):
    """The guard behind the listeners is the same: bodies, half-closes and wrong server names."""
    without_nf_tables()
    box = Box(scene, allow=["allowed.example:8", "allowed.example"])
    answer = _wire(box, "allowed.example", 8, "x" * 1000, "--half-close")
    scene.check(answer["received"].endswith("got 1000 bytes\n"), str(answer))
    outcome = box.sh(f"{CURL['transparent']} http://allowed.example/big?n=3000000 | wc -c")
    scene.equal(outcome.out.strip(), "3000000", "bytes")
    outcome = box.sh("timeout 10 openssl s_client -connect allowed.example:443 -servername denied.example </dev/null")
    scene.check(not outcome.ok, str(outcome))
    box.event(event="denied", way="transparent", reason="sni-mismatch")
