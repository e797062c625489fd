"""Doors beside TCP: datagrams, pings, families that no network namespace holds, and an empty namespace."""

import json

from box import CURL, PROMPT, WITHOUT_PROXIES, Box, elapsed
from denials import _mark, _nothing_left
from suite import suite
from world import ALLOWED, DENIED


@suite.case()
def datagrams_fail_at_once(scene):
    """QUIC clients then fall back to TCP."""
    box = Box(scene, allow=["allowed.example", ALLOWED])
    script = (
        "import socket, errno, sys\n"
        "for family, address in ((socket.AF_INET, sys.argv[1]), (socket.AF_INET6, \"2606:2800::34\")):\n"
        "    for port in (443, 123, 5353, 1):\n"
        "        s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(3)\n"
        "        s.connect((address, port))\n"
        "        try:\n"
        "            s.send(b\"x\"); s.recv(10); print(\"answer\", port)\n"
        "        except socket.timeout:\n            print(\"timeout\", port)\n"
        "        except OSError as e:\n            print(errno.errorcode[e.errno])\n"
    )
    _mark(scene)
    for address in (ALLOWED, DENIED):
        outcome = box.sh(f"/usr/bin/python3 -c '{script}' {address}")
        scene.equal(outcome.out.split(), ["ECONNREFUSED"] * 8, f"{address}: {outcome}")
    _nothing_left(scene, "datagrams")


@suite.case()
def a_ping_gets_no_answer(scene):
    box = Box(scene, allow=["allowed.example", ALLOWED], capabilities=["CAP_NET_RAW"])
    for address in (ALLOWED, DENIED, "8.8.8.8", "2606:2800::34"):
        _mark(scene)
        outcome = box.sh(f"ping -c 2 -i 0.2 -W 1 {address}")
        if "not found" in outcome.err:
            scene.skip("ping: not found")
        scene.check(" 0 received" in outcome.out, f"{address}: {outcome}")
        _nothing_left(scene, f"ping {address}")


@suite.case()
def raw_and_packet_sockets_reach_nothing(scene):
    box = Box(scene, allow=["allowed.example"], capabilities=["CAP_NET_RAW", "CAP_NET_ADMIN"])
    script = (
        "import socket\n"
        "for kind in (socket.IPPROTO_RAW, 132, 47):\n"
        "    try:\n"
        "        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, kind)\n"
        f"        s.sendto(b\"\\x45\" + bytes(40), (\"{DENIED}\", 0))\n"
        "    except OSError as e: print(e)\n"
        "try:\n"
        "    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((\"lo\", 0x800)); s.send(bytes(60))\n"
        "except OSError as e: print(e)\n"
    )
    _mark(scene)
    outcome = box.sh(f"/usr/bin/python3 -c '{script}'")
    scene.check(outcome.ok, str(outcome))
    _nothing_left(scene, "raw sockets")


@suite.case()
def families_that_no_namespace_holds_are_closed(scene):
    for capabilities in ((), ("CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN")):
        box = Box(scene, allow=["allowed.example"], capabilities=capabilities)
        seen = json.loads(box.tool("families").out)
        for name in ("inet", "unix", "netlink"):
            scene.equal(seen.pop(name), "open", name)
        for name, state in seen.items():
            scene.check(state != "open", f"{name} is open ({capabilities}): {seen}")
        scene.check(seen["vsock"] in ("EAFNOSUPPORT", "EPERM", "EACCES"), str(seen))
        scene.check(seen["io_uring"] in ("ENOSYS", "EPERM"), str(seen))


@suite.case()
def the_filter_holds_for_the_first_process_too(scene):
    box = Box(scene, allow=["allowed.example"], start=False)
    box.bundle.args("/usr/bin/python3", "-B", "/tools/families.py")
    outcome = scene.runtime.run(box.bundle, scene.new_id())
    scene.check(outcome.ok, str(outcome))
    seen = json.loads(outcome.out)
    scene.check(seen["vsock"] != "open" and seen["io_uring"] != "open", str(seen))


@suite.case()
def an_administrator_of_the_network_reaches_nothing(scene):
    """Routes and rules keep nobody in: there is nowhere to go. They only lead to the guard."""
    box = Box(scene, allow=["allowed.example"], capabilities=["CAP_NET_ADMIN", "CAP_NET_RAW"])
    _mark(scene)
    outcome = box.sh(
        "PATH=/usr/sbin:$PATH; nft flush ruleset; ip route flush table local; "
        "ip -6 route flush table local; ip route flush table main; ip rule flush; "
        "ip link add d0 type dummy && ip addr add 10.99.0.77/24 dev d0 && ip link set d0 up; "
        "ip route add default dev d0; ip route add default dev lo; "
        "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; "
        "ip link add m0 link h0 type macvlan; ip link set lo down; ip link set lo up; echo done"
    )
    scene.check("done" in outcome.out, str(outcome))
    for way in CURL:
        for host in ("denied.example", DENIED, f"[2606:2800::35]", "10.99.0.2", "10.99.0.1"):
            outcome = box.sh(f"{CURL[way]} -m 2 http://{host}/")
            scene.check("hello" not in outcome.out, f"{way} {host}: {outcome}")
    _nothing_left(scene, "an administrator")
    outcome = box.sh("ip link show h0; ip netns; ls /proc/1/ns", proxies=False)
    scene.check("10.99" not in outcome.out, str(outcome))


@suite.case()
def no_address_and_no_interface_of_the_host_is_inside(scene):
    box = Box(scene, allow=["allowed.example"])
    outcome = box.sh("cat /proc/net/dev; cat /proc/net/fib_trie; cat /proc/net/if_inet6")
    for text in ("h0", "10.99.0", "fd99"):
        scene.check(text not in outcome.out, f"{text}: {outcome.out}")


@suite.case()
def the_resolver_inside_is_ours(scene):
    box = Box(scene, allow=["allowed.example"])
    outcome = box.sh("cat /etc/resolv.conf; echo x >/etc/resolv.conf; cat /etc/resolv.conf")
    scene.equal(outcome.out.count("nameserver 127.0.0.1"), 2, str(outcome))
    outcome = box.sh(WITHOUT_PROXIES + "getent hosts allowed.example; getent ahostsv4 denied.example")
    scene.check("198.1" in outcome.out or "fd" in outcome.out, str(outcome))
    took, outcome = elapsed(lambda: box.sh("getent ahosts denied.example || echo none"))
    scene.check("none" in outcome.out and took < PROMPT, f"{took:.1f} s: {outcome}")
