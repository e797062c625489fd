"""Where a policy comes from, what bounds it, and what the runtime says of it."""

import json
import socket
import threading

from box import Box, rules
from denials import WAYS
from suite import suite


def _reached(outcome) -> bool:
    return "hello" in outcome.out


def _refused(scene, box: Box, *words: str, flags: tuple = ()) -> None:
    name = scene.new_id()
    outcome = scene.runtime.run(box.bundle.args("/bin/true"), name, *flags)
    scene.check(not outcome.ok, f"accepted: {outcome}")
    for word in words:
        scene.check(word in outcome.err, f"the reason does not name {word!r}: {outcome.err}")
    scene.check(not scene.runtime.state(name), "a refused container has a state")


@suite.case()
def annotations_are_a_policy(scene):
    for annotations in (
        {"dev.srt.network.allowedDomains": "allowed.example, git.example"},
        {"dev.srt.network.allowedDomains": "allowed.example,*.example.org,git.example",
         "dev.srt.network.deniedDomains": "other.example"},
        {"dev.srt.policy": json.dumps(rules(["allowed.example", "git.example"]))},
    ):  # fmt: skip
        box = Box(scene, annotations=annotations)
        for way in WAYS:
            scene.check(_reached(box.curl(way, "http://allowed.example/")), f"{way}: allowed")
            scene.check(_reached(box.curl(way, "http://git.example/")), f"{way}: the second")
            scene.check(not _reached(box.curl(way, "http://other.example/")), f"{way}: other")
        scene.check(box.event(event="allowed")["origin"].startswith("annotation dev.srt."), "origin")


@suite.case()
def nothing_allowed_is_nothing_reached(scene):
    for box in (
        Box(scene, allow=[]),
        Box(scene, annotations={"dev.srt.network.allowedDomains": ""}),
        Box(scene, annotations={"dev.srt.network.deniedDomains": "denied.example"}),
    ):
        for way in WAYS:
            scene.check(not _reached(box.curl(way, "http://allowed.example/")), way)


@suite.case()
def mistakes_are_named_all_at_once(scene):
    box = Box(scene, policy=rules(["http://a.example/", "*", "a.example:0"]), start=False)
    _refused(scene, box, "http://a.example/", '"*"', "a.example:0")
    box = Box(scene, annotations={"dev.srt.network.alowedDomains": "x"}, start=False)
    _refused(scene, box, "dev.srt.network.alowedDomains", "did you mean")
    box = Box(scene, policy=rules(["a.example"]), start=False)
    box.bundle.config["annotations"] = {"dev.srt.policy": json.dumps(rules(["b.example"]))}
    _refused(scene, box, "srt.json", "dev.srt.policy")
    for text in ("", "{", "null"):
        box = Box(scene, allow=[], start=False)
        (box.bundle.path / "srt.json").write_text(text)
        _refused(scene, box, "srt.json")


@suite.case()
def what_needs_tls_termination_is_refused_by_name(scene):
    box = Box(scene, policy=rules(["allowed.example"], tlsTerminate={}), start=False)
    _refused(scene, box, "tlsTerminate", "not supported")


@suite.case()
def a_policy_on_the_hosts_network_is_refused(scene):
    box = Box(scene, allow=["allowed.example"], start=False)
    box.bundle.without_namespace("network")
    if scene.rootless:
        box.bundle.unmount("/sys").bind("/sys", "/sys", "ro")
    _refused(scene, box, "namespaces", "srt.json", "network")


@suite.case()
def a_policy_among_the_processes_of_others_is_refused(scene):
    """Whoever may trace or join one that no policy holds is not held either."""
    neighbour = scene.runtime.pid(scene.sleeping())
    for path in (None, f"/proc/{neighbour}/ns/pid"):
        box = Box(scene, allow=["allowed.example"], start=False)
        box.bundle.without_namespace("pid").unmount("/proc").bind("/proc", "/proc", "rbind")
        if path:
            box.bundle.namespace("pid", path)
        _refused(scene, box, "pid namespace")


@suite.case()
def the_operators_policy_is_a_ceiling(scene):
    ceiling = scene.work / "ceiling.json"
    ceiling.write_text(json.dumps(rules(["*.wild.example.org", "allowed.example"], ["other.example"])))
    flags = ("--policy", str(ceiling))
    box = Box(scene, allow=["allowed.example"], flags=flags)
    for way in WAYS:
        scene.check(_reached(box.curl(way, "http://allowed.example/")), way)
        scene.check(not _reached(box.curl(way, "http://sub.wild.example.org/")), "narrowed away")
    for wider in (["allowed.example", "git.example"], ["*.example.org"], ["other.example"]):
        box = Box(scene, allow=wider, start=False)
        _refused(scene, box, wider[-1], "ceiling.json", "srt.json", flags=flags)
    # A bundle that says nothing is under it all the same.
    box = Box(scene, annotations={}, start=False)
    box.start(*flags)
    scene.check(_reached(box.curl("http", "http://sub.wild.example.org/")), "the ceiling's own")
    scene.check(not _reached(box.curl("transparent", "http://git.example/")), "no rule")


@suite.case()
def an_operators_proxy_at_a_unix_socket_gets_its_hosts(scene):
    """Only its owner may use it: the monitor, which is nobody, is not who connects."""
    path, asked = scene.work / "proxy.sock", []

    def serve(listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed: the end
                return
            with client:
                asked.append(client.recv(4096).decode().split("\r\n")[0])
                if asked[-1].startswith("CONNECT "):
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    client.recv(4096)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nproxied")

    mitm = {"socketPath": str(path), "domains": ["allowed.example"]}
    box = Box(scene, policy=rules(["allowed.example"], mitmProxy=mitm), start=False)
    _refused(scene, box, "/network/mitmProxy", "operator's policy")
    ceiling = scene.work / "ceiling.json"
    ceiling.write_text(json.dumps(rules(["allowed.example", "git.example"], mitmProxy=mitm)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(16)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        box = Box(scene, allow=["allowed.example"], flags=("--policy", str(ceiling)))
        for way in WAYS:
            outcome = box.curl(way, "http://allowed.example/")
            scene.check("proxied" in outcome.out, f"{way}: {outcome}")
        scene.equal(len(asked), len(WAYS), f"asked: {asked}")
        scene.check(box.update(["git.example", "allowed.example"]).ok, "an update")
        scene.check("proxied" in box.curl("http", "http://allowed.example/").out, "after an update")
        scene.check("proxied" not in box.curl("http", "http://git.example/").out, "another host")
    path.unlink()
    for way in WAYS:
        scene.check(not _reached(box.curl(way, "http://allowed.example/")), f"{way}: without it")


@suite.case()
def an_update_stays_below_the_ceiling(scene):
    ceiling = scene.work / "ceiling.json"
    ceiling.write_text(json.dumps(rules(["allowed.example", "git.example"])))
    box = Box(scene, allow=["allowed.example"], flags=("--policy", str(ceiling)))
    outcome = box.update(["git.example"])
    scene.check(outcome.ok, str(outcome))
    scene.check(_reached(box.curl("http", "http://git.example/")), "within the ceiling")
    outcome = box.update(["other.example"])
    scene.check(not outcome.ok and "other.example" in outcome.err, f"widened: {outcome}")
    scene.check("ceiling.json" in outcome.err, str(outcome))
    scene.check(not _reached(box.curl("http", "http://other.example/")), "reached")


@suite.case()
def a_ceiling_that_is_missing_or_broken_is_no_ceiling_to_run_under(scene):
    box = Box(scene, allow=["allowed.example"], start=False)
    _refused(scene, box, "/no/such/ceiling.json", flags=("--policy", "/no/such/ceiling.json"))
    broken = scene.work / "broken.json"
    for text in ("", "{", '{"networks": {}}'):
        broken.write_text(text)
        _refused(scene, box, "broken.json", flags=("--policy", str(broken)))


@suite.case()
def the_state_tells_the_policy_and_the_level(scene):
    box = Box(scene, allow=["allowed.example"])
    state = scene.runtime.state(box.name)
    scene.check(len(state["policy"]) == 64, str(state))
    scene.check(state["guard"] in ("all-ports", "named-ports"), str(state))
    same = Box(scene, allow=["allowed.example"])
    scene.equal(scene.runtime.state(same.name)["policy"], state["policy"], "one policy, one hash")
    scene.check(box.update(["other.example"]).ok, "update")
    changed = scene.runtime.state(box.name)["policy"]
    scene.check(changed != state["policy"], "the hash stayed")
    listed = json.loads(scene.runtime.call("list", "--format", "json").out)
    scene.check(changed in [entry.get("policy") for entry in listed], str(listed))
    plain = scene.runtime.state(scene.sleeping())
    scene.check("policy" not in plain and "guard" not in plain, str(plain))


@suite.case()
def exec_gets_the_proxy_variables(scene):
    box = Box(scene, allow=["allowed.example"])
    for flags in ((), ("--env", "HTTPS_PROXY=http://192.0.2.9:9", "--env", "KEPT=yes")):
        outcome = scene.runtime.exec(box.name, "/usr/bin/env", flags=flags)
        lines = outcome.out.splitlines()
        for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY", "HTTPS_PROXY", "no_proxy"):
            values = [line.split("=", 1)[1] for line in lines if line.startswith(f"{name}=")]
            scene.equal(len(values), 1, f"{name} among {lines}")
            scene.check("192.0.2" not in values[0], f"{name}: {values}")
        scene.check("HTTP_PROXY=http://localhost:3128" in lines, str(outcome))
        if flags:
            scene.check("KEPT=yes" in lines, str(outcome))


@suite.case()
def the_first_process_gets_them_too(scene):
    box = Box(scene, allow=["allowed.example"], start=False)
    outcome = scene.runtime.run(box.bundle.args("/usr/bin/env"), scene.new_id())
    lines = outcome.out.splitlines()
    scene.check("https_proxy=http://localhost:3128" in lines, str(outcome))
    scene.check("192.0.2.1" not in outcome.out, f"the engine's proxy stayed: {outcome.out}")
    scene.equal(len([x for x in lines if x.startswith("HTTP_PROXY=")]), 1, "HTTP_PROXY")


@suite.case()
def a_container_without_a_policy_is_as_before(scene):
    box = Box(scene, annotations={}, start=False)
    outcome = scene.runtime.run(box.bundle.args("/usr/bin/env"), scene.new_id())
    scene.check("HTTP_PROXY=http://192.0.2.1:1" in outcome.out, str(outcome))
    scene.check("localhost:3128" not in outcome.out, str(outcome))


@suite.case()
def features_and_doctor_tell_the_level(scene):
    box = Box(scene, allow=["allowed.example"])
    features = json.loads(scene.runtime.call("features").out)
    level = features["annotations"]["dev.srt.egress.level"]
    scene.equal(level, scene.runtime.state(box.name)["guard"], "the level")
    outcome = scene.runtime.call("doctor")
    scene.check("egress guard" in outcome.out, outcome.out[-1500:])


@suite.case(rootless=False)
def a_network_namespace_of_an_engine_is_dialled_from(scene):
    """The workload gets one of its own; what the engine allows the named one, the guard may dial."""
    import os
    import subprocess

    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec sleep 1000"],
                              stdout=subprocess.PIPE)  # fmt: skip
    holder.stdout.readline()
    try:
        path = f"/proc/{holder.pid}/ns/net"
        # Without interfaces it is an engine's "no network": the guard dials from here.
        box = Box(scene, allow=["allowed.example"], edit=lambda b: b.namespace("network", path))
        for way in WAYS:
            scene.check(_reached(box.curl(way, "http://allowed.example/")), way)
            scene.check(not _reached(box.curl(way, "http://denied.example/")), way)
        inside = os.readlink(f"/proc/{scene.runtime.pid(box.name)}/ns/net")
        scene.check(inside != os.readlink(path), "the workload is in the engine's namespace")
        # With one that leads nowhere, nothing is reached, whatever the host could.
        subprocess.run(["nsenter", "-t", str(holder.pid), "-n", "sh", "-c",
                        "ip link add e0 type veth peer name e1; ip addr add 10.88.0.2/24 dev e0; ip link set e0 up"],
                       check=True)  # fmt: skip
        box = Box(scene, allow=["allowed.example", "in-hosts.example"],
                  edit=lambda b: b.namespace("network", path))  # fmt: skip
        scene.world.witness.mark()
        outcome = box.curl("http", "-m 5 http://in-hosts.example/")
        scene.check(not _reached(outcome), str(outcome))
        scene.equal(scene.world.witness.flows(), [], "it was dialled from the host")
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
