"""Where a name leads is judged after it is resolved, on the very address that is dialled."""

import contextlib
import pathlib
import socket
import subprocess
import time

from box import Box, rules
from denials import WAYS, _mark
from suite import suite
from world import ALLOWED, BRIDGE, HOST, HOST6, HOST_ANY_PORT, HOST_ONLY_PORT, METADATA, METADATA6, RESOLVER


def _reached(outcome) -> bool:
    return "hello" in outcome.out


def _host_answers(scene, address: str, port: int) -> None:
    """The canary: what must not be reached from inside is reached from here."""
    with socket.create_connection((address, port), timeout=5):
        pass


@suite.case()
def an_allowed_name_may_not_lead_to_the_host(scene):
    names = ["loopback", "unspecified", "of-the-host", "mapped", "nat64", "nat64-local", "sixtofour",
             "teredo", "teredo-client", "compatible", "multicast", "chain"]  # fmt: skip
    box = Box(scene, allow=[f"{name}.example" for name in names])
    _host_answers(scene, "127.0.0.1", 80)
    _host_answers(scene, HOST, 80)
    for name in names:
        for way in WAYS:
            _mark(scene)
            outcome = box.curl(way, f"http://{name}.example/")
            scene.check(not _reached(outcome), f"{name}, {way}: {outcome}")
            scene.equal(scene.world.requests.since(), [], f"{name}, {way}: a request arrived")
            dialled = [f for f in scene.world.witness.flows() if not f.startswith("udp 10.99.0.2 ")]
            scene.equal(dialled, [], f"{name}, {way}: left the host")
    for name in names:
        event = box.event(event="denied", host=f"{name}.example", way="http")
        scene.check(event["reason"].startswith("address: "), str(event))


@contextlib.contextmanager
def _engine_network():
    """A namespace as an engine's bridge makes it: its one way out leads over this host."""
    forward = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
    before = forward.read_text()
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec sleep 1000"],
                              stdout=subprocess.PIPE)  # fmt: skip
    try:
        holder.stdout.readline()
        inside = f"nsenter -t {holder.pid} -n ip"
        subprocess.run(
            f"ip link add b0 type veth peer name e0 netns {holder.pid} && ip address add {BRIDGE}/24 dev b0 && "
            f"ip link set b0 up && {inside} address add 10.88.7.2/24 dev e0 && {inside} link set e0 up && "
            f"{inside} route add default via {BRIDGE}", shell=True, check=True)  # fmt: skip
        forward.write_text("1")
        yield f"/proc/{holder.pid}/ns/net"
    finally:
        forward.write_text(before)
        holder.kill()
        holder.wait()
        holder.stdout.close()


@suite.case(rootless=False)
def the_host_is_the_host_from_an_engines_network_too(scene):
    """The guard dials from the namespace that the bundle names, in which none of the host's addresses is its own."""
    names = ("of-the-bridge.example", "of-the-host.example")

    def in_network(bundle):
        bundle.namespace("network", network)
        resolv_conf = bundle.path / "resolv.conf"
        resolv_conf.write_text(f"nameserver {RESOLVER}\n")
        bundle.bind(resolv_conf, "/etc/resolv.conf", "ro")

    with _engine_network() as network:
        box = Box(scene, allow=["v4only.example", "later.example", *names], edit=in_network)
        _host_answers(scene, BRIDGE, 80)
        scene.check(_reached(box.curl("http", "http://v4only.example/")), "what is allowed")
        for name in names:
            for way in WAYS:
                _mark(scene)
                outcome = box.curl(way, "-4 -m 5", f"http://{name}/")
                scene.check(not _reached(outcome), f"{name}, {way}: {outcome}")
                scene.equal(scene.world.requests.since(), [], f"{name}, {way}: a request arrived")
            event = box.event(event="denied", host=name, way="http")
            scene.equal(event["reason"], "address: an address of this host", "reason")
        # One that the host gets later is the host's as well.
        subprocess.run(["ip", "address", "add", "10.99.0.77/24", "dev", "b0"], check=True)
        outcome = box.curl("http", "-4 -m 5", "http://later.example/")
        scene.check(not _reached(outcome), str(outcome))
        scene.equal(box.event(event="denied", host="later.example")["reason"],
                    "address: an address of this host", "reason")  # fmt: skip


@suite.case()
def an_allowed_name_may_not_lead_to_metadata(scene):
    names = ("metadata.example", "metadata6.example", "chain-metadata.example")
    box = Box(scene, allow=names)
    _host_answers(scene, METADATA[0], 80)
    for name in names:
        for way in WAYS:
            _mark(scene)
            outcome = box.curl(way, f"http://{name}/latest/meta-data/")
            scene.check(not _reached(outcome), f"{name}, {way}: {outcome}")
            scene.equal(scene.world.requests.since(), [], f"{name}, {way}: a request arrived")
        event = box.event(event="denied", host=name, way="connect")
        scene.equal(event["reason"], "address: cloud metadata", "reason")


@suite.case()
def an_alias_is_judged_by_the_name_that_was_asked_for(scene):
    """What an allowed name leads to is its owner's choice, within the rules about addresses."""
    box = Box(scene, allow=["chain-allowed.example", "chain-loop.example"])
    for way in WAYS:
        scene.check(_reached(box.curl(way, "-4", "http://chain-allowed.example/")), way)
        outcome = box.curl(way, "-4", "http://v4only.example/")
        scene.check(not _reached(outcome), f"{way}: the target is no rule: {outcome}")
    outcome = box.curl("http", "-i http://chain-loop.example/")
    scene.check(" 502 " in outcome.out, str(outcome))


@suite.case()
def metadata_addresses_are_denied_as_literals(scene):
    box = Box(scene, allow=["allowed.example"])
    for address in METADATA + [f"[{a}]" for a in METADATA6]:
        for way in WAYS:
            _mark(scene)
            outcome = box.curl(way, "-m 5", f"http://{address}/")
            scene.check(not _reached(outcome), f"{address}, {way}: {outcome}")
            scene.equal(scene.world.witness.flows(), [], f"{address}, {way}: left the host")


@suite.case()
def an_answer_that_changes_does_not_change_what_is_dialled(scene):
    """Rebinding: one lookup, and what was judged is dialled. The second lookup says 127.0.0.1."""
    name = f"rebinding-{'rootless' if scene.rootless else 'rootful'}.example"
    box = Box(scene, allow=[name])
    _mark(scene)
    _host_answers(scene, "127.0.0.1", 80)
    for pause in (0, 5.2, 0):  # it remembers an answer for 5 s
        time.sleep(pause)
        for way in WAYS:
            outcome = box.curl(way, "-4", f"http://{name}/")
            for request in scene.world.requests.since():
                scene.check(request.get("address") != "127.0.0.1", f"{way}: {request}")
            if _reached(outcome):
                event = box.event(event="allowed", host=name, port=80)
                scene.check(event["address"].startswith(ALLOWED), str(event))
    scene.check(box.events(reason="address: loopback"), f"it never turned to 127.0.0.1: {box.events()}")


@suite.case()
def mixed_answers_never_fall_back_to_a_refused_address(scene):
    box = Box(scene, allow=["mixed.example", "mixed-metadata.example"])
    for name in ("mixed.example", "mixed-metadata.example"):
        for way in WAYS:
            outcome = box.curl(way, f"http://{name}/")
            scene.check(_reached(outcome), f"{name}, {way}: {outcome}")
            # Nothing listens there on the permitted address; on the refused one it does.
            _mark(scene)
            for port in (HOST_ONLY_PORT, HOST_ANY_PORT):
                outcome = box.curl(way, f"http://{name}:{port}/")
                scene.check(not _reached(outcome), f"{name}:{port}, {way}: {outcome}")
            scene.equal(scene.world.requests.since(), [], f"{name}, {way}: a request arrived")


@suite.case()
def spellings_of_an_address_are_that_address(scene):
    box = Box(scene, allow=["allowed.example"])
    for spelling in (
        "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1.", "0", "[::ffff:127.0.0.1]",
        "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::]", "0.0.0.0", "0xa9fea9fe", "169.254.43518",
        HOST, f"[{HOST6}]", "[64:ff9b::7f00:1]", "[::ffff:a9fe:a9fe]", "[fe80::1%25lo]",
    ):  # fmt: skip
        for way in WAYS:
            for port in (80, HOST_ANY_PORT):
                _mark(scene)
                outcome = box.curl(way, "-m 5", f"http://{spelling}:{port}/")
                scene.check(not _reached(outcome), f"{spelling}:{port}, {way}: {outcome}")
                scene.equal(scene.world.requests.since(), [], f"{spelling}:{port}, {way}")


@suite.case()
def a_denied_address_is_denied_in_each_disguise(scene):
    """deniedDomains with a literal, deniedResolvedAddresses with a network."""
    for policy in (
        rules(["allowed.example", "mapped34.example"], [ALLOWED]),
        rules(["allowed.example"], deniedResolvedAddresses=["93.184.216.0/24", "2606:2800::/32"]),
    ):
        box = Box(scene, policy=policy)
        for way in WAYS:
            outcome = box.curl(way, "-4", "http://v4only.example/")
            scene.check(not _reached(outcome), f"{way}: {outcome}")
            _mark(scene)
            box.curl(way, "http://allowed.example/")
            flows = scene.world.witness.flows()
            scene.check(not any(ALLOWED in flow for flow in flows), f"{way}: {flows}")


@suite.case()
def a_literal_in_the_policy_is_an_explicit_choice(scene):
    box = Box(scene, allow=[f"{METADATA[0]}:80", ALLOWED, "[2606:2800::34]", "10.99.0.2:8080"])
    for way in WAYS:
        for address in (METADATA[0], ALLOWED, "[2606:2800::34]", "10.99.0.2:8080"):
            outcome = box.curl(way, f"http://{address}/")
            scene.check(_reached(outcome), f"{address}, {way}: {outcome}")
    # The name that leads there is not the literal.
    scene.check(not _reached(box.curl("http", "http://metadata.example/")), "the name was allowed")


@suite.case()
def the_hosts_loopback_is_a_choice_by_port(scene):
    box = Box(scene, allow=[f"localhost:{HOST_ONLY_PORT}"])
    for way in WAYS:
        for host in ("localhost", "127.0.0.1"):
            outcome = box.curl(way, "-4", f"http://{host}:{HOST_ONLY_PORT}/")
            if way == "transparent" or host == "localhost":
                scene.check(_reached(outcome), f"{host}, {way}: {outcome}")
        for other in (HOST_ANY_PORT, 80):
            _mark(scene)
            outcome = box.curl(way, f"http://localhost:{other}/")
            scene.check(not _reached(outcome), f"{way}: port {other} of the host: {outcome}")
            scene.equal(scene.world.requests.since(), [], f"{way}: {other}")


@suite.case()
def the_hosts_loopback_without_a_port_is_all_of_its_ports(scene):
    box = Box(scene, allow=["localhost"])
    for way in WAYS:
        for port in (HOST_ONLY_PORT, HOST_ANY_PORT, 80):
            outcome = box.curl(way, "-4", f"http://localhost:{port}/")
            scene.check(_reached(outcome), f"{way}: {port}: {outcome}")
    outcome = box.curl("http", f"http://{HOST}:{HOST_ANY_PORT}/")
    scene.check(not _reached(outcome), f"another address of the host: {outcome}")


@suite.case(rootless=False)
def an_address_that_the_host_gets_later_is_the_hosts(scene):
    box = Box(scene, allow=["later.example"])
    box.curl("http", "-m 3", "http://later.example:7778/")  # nobody's yet
    scene.check(not box.events(event="denied", host="later.example"), str(box.events()))
    subprocess.run(["ip", "address", "add", "10.99.0.77/32", "dev", "h0"], check=True)
    try:
        for way in WAYS:
            outcome = box.curl(way, "http://later.example:7778/")
            scene.check(not _reached(outcome), f"{way}: {outcome}")
        event = box.event(event="denied", host="later.example", way="http")
        scene.equal(event["reason"], "address: an address of this host", "reason")
    finally:
        subprocess.run(["ip", "address", "del", "10.99.0.77/32", "dev", "h0"], check=True)


@suite.case()
def a_server_inside_keeps_its_port(scene):
    """The host's loopback is reached only where nothing inside listens."""
    box = Box(scene, allow=[f"localhost:{HOST_ONLY_PORT}", "allowed.example"])
    for address in ("127.0.0.1", "0.0.0.0", "::1", "::"):
        box.sh("mkdir -p /tmp/own; echo from-inside >/tmp/own/index.html")
        name = f"[{address}]" if ":" in address else "127.0.0.1"
        family = "-6" if ":" in address else "-4"
        script = (
            f"cd /tmp/own; /usr/bin/python3 -m http.server {HOST_ONLY_PORT} --bind {address} "
            ">/dev/null 2>&1 & server=$!; for i in $(seq 100); do "
            f"curl -s -o /dev/null {family} --noproxy '*' http://{name}:9/ ; "
            f"curl -s {family} --noproxy '*' http://localhost:{HOST_ONLY_PORT}/ | grep from-inside && break; "
            "sleep 0.05; done; kill $server; wait $server 2>/dev/null; true"
        )
        outcome = box.sh(script)
        scene.check("from-inside" in outcome.out, f"{address}: {outcome}")
        outcome = box.curl("transparent", "-4", f"http://localhost:{HOST_ONLY_PORT}/")
        scene.check(_reached(outcome), f"after the server on {address} ended: {outcome}")


@suite.case()
def programs_inside_talk_to_each_other(scene):
    box = Box(scene, allow=["allowed.example"])
    for address in ("127.0.0.1", "127.0.0.2", "::1"):
        outcome = box.sh(
            f"/usr/bin/python3 -c 'import socket; a = \"{address}\"\n"
            "s = socket.create_server((a, 5555), family=socket.AF_INET6 if \":\" in a else socket.AF_INET)\n"
            "c = socket.create_connection((a, 5555)); p, _ = s.accept(); c.sendall(b\"inside\")\n"
            "print(p.recv(100))'"
        )
        scene.check("inside" in outcome.out, f"{address}: {outcome}")


@suite.case()
def etc_hosts_of_the_host_counts(scene):
    box = Box(scene, allow=["in-hosts.example"])
    for way in WAYS:
        scene.check(_reached(box.curl(way, "http://in-hosts.example/")), way)
