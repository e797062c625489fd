"""The rules of a running container change; what happened is read while it happens."""

import json
import os
import signal
import subprocess

from box import CURL, PROMPT, Box, elapsed, rules
from containers import host as host_module
from denials import WAYS
from suite import suite


def _reached(outcome) -> bool:
    return "hello" in outcome.out


@suite.case()
def an_update_counts_at_once(scene):
    box = Box(scene, allow=["allowed.example"])
    for _ in range(3):
        for allowed, denied in (("other.example", "allowed.example"), ("allowed.example", "other.example")):
            outcome = box.update([allowed])
            scene.check(outcome.ok, str(outcome))
            for way in WAYS:
                scene.check(_reached(box.curl(way, f"http://{allowed}/")), f"{way}: {allowed}")
                scene.check(not _reached(box.curl(way, f"http://{denied}/")), f"{way}: {denied}")
    scene.equal(len(box.events(event="policy")), 6, "events of the change")


@suite.case()
def an_update_cuts_what_it_denies_and_nothing_else(scene):
    box = Box(scene, allow=["allowed.example:7", "other.example:7"])
    script = (
        "import socket, sys\n"
        "c = socket.create_connection((sys.argv[1], 7), timeout=20); c.sendall(b\"\\x01\"); c.recv(1)\n"
        "print(\"open\", flush=True)\n"
        "try:\n    print(\"got\", c.recv(1), flush=True)\n"
        "except ConnectionResetError:\n    print(\"cut\", flush=True)\n"
        "except OSError as e:\n    print(e, flush=True)\n"
    )
    held = {
        name: subprocess.Popen(
            scene.runtime.command("exec", box.name, "/usr/bin/python3", "-c", script, name),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for name in ("allowed.example", "other.example")
    }  # fmt: skip
    for name, process in held.items():
        scene.equal(process.stdout.readline(), b"open\n", name)
    scene.check(box.update(["other.example:7"]).ok, "update")
    took, line = elapsed(held["allowed.example"].stdout.readline)
    scene.equal(line, b"cut\n", "the denied one")
    scene.check(took < PROMPT, f"{took:.1f} s")
    event = box.event(event="cut", host="allowed.example", port=7)
    scene.check(event["bytesUp"] == 1 and event["reason"] == "policy-changed", str(event))
    scene.check(held["other.example"].poll() is None, "the other one ended, too")
    scene.equal(box.events(event="cut", host="other.example"), [], "cut")
    for process in held.values():
        process.kill()
        process.wait()
        process.stdout.close()


@suite.case()
def an_address_that_becomes_denied_is_cut(scene):
    box = Box(scene, allow=["v4only.example"])
    held = subprocess.Popen(
        scene.runtime.command("exec", box.name, "/bin/sh", "-c",
                              f"{CURL['http']} http://v4only.example/silent; echo ended"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    box.event(event="allowed", host="v4only.example", way="http")
    policy = {
        "network": {
            "allowedDomains": ["v4only.example"],
            "deniedDomains": [],
            "deniedResolvedAddresses": ["93.184.216.0/24"],
        }
    }
    scene.check(box.update(policy=policy).ok, "update")
    took, _ = elapsed(lambda: held.wait(10))
    held.stdout.close()
    scene.check(took < PROMPT, f"{took:.1f} s")
    box.event(event="cut", host="v4only.example")
    scene.check(not _reached(box.curl("http", "http://v4only.example/")), "reached")


@suite.case()
def a_bad_update_changes_nothing(scene):
    box = Box(scene, allow=["allowed.example"])
    before = box.record()["policyHash"] if "policyHash" in box.record() else None
    for text in ("", "{", "[]", '{"network": {}}', '{"network": {"allowedDomains": ["*"], "deniedDomains": []}}',
                 '{"network": {"allowedDomains": [], "deniedDomains": [], "unknown": 1}}',
                 '{"network": {"allowedDomains": ["http://x/"], "deniedDomains": []}}'):  # fmt: skip
        path = box.bundle.path / "bad.json"
        path.write_text(text)
        outcome = scene.runtime.call("update", "--policy", path, box.name)
        scene.check(not outcome.ok and "bad.json" in outcome.err, f"{text!r}: {outcome}")
    outcome = scene.runtime.call("update", "--policy", "/no/such/file", box.name)
    scene.check(not outcome.ok and "/no/such/file" in outcome.err, str(outcome))
    outcome = scene.runtime.call("update", box.name)
    scene.check(not outcome.ok and "--policy" in outcome.err, str(outcome))
    scene.check(_reached(box.curl("http", "http://allowed.example/")), "the last policy is gone")
    if before:
        scene.equal(box.record()["policyHash"], before, "the hash")


@suite.case()
def a_container_without_a_policy_has_nothing_to_update(scene):
    name = scene.sleeping()
    path = scene.work / "some.json"
    path.write_text('{"network": {"allowedDomains": [], "deniedDomains": []}}')
    for words in (("update", "--policy", path, name), ("events", "--follow", name)):
        outcome = scene.runtime.call(*words)
        scene.check(not outcome.ok and "egress" in outcome.err, str(outcome))


@suite.case()
def updates_and_connections_at_once(scene):
    box = Box(scene, allow=["allowed.example"])
    load = subprocess.Popen(
        scene.runtime.command("exec", box.name, "/bin/sh", "-c",
                              "for i in $(seq 20); do curl -s -Z -o /dev/null "
                              "'http://allowed.example/[1-40]'; done"),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for i in range(20):
        outcome = box.update(["allowed.example"] if i % 2 else ["other.example"])
        scene.check(outcome.ok, str(outcome))
    load.wait(30)
    scene.check(_reached(box.curl("http", "http://allowed.example/")), "the last one stands")


@suite.case()
def events_follow_what_happens(scene):
    box = Box(scene, allow=["allowed.example"])
    box.curl("http", "http://allowed.example/")
    following = subprocess.Popen(
        scene.runtime.command("events", "--follow", box.name),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

    def read_until(**wanted) -> dict:
        while line := following.stdout.readline():
            event = json.loads(line)
            if all(event.get(k) == v for k, v in wanted.items()):
                return event
        scene.check(False, f"it ended before {wanted}: {following.stderr.read()!r}")
        return {}

    read_until(event="allowed", host="allowed.example")  # from before it was started
    box.curl("http", "http://denied.example/")
    read_until(event="denied", host="denied.example")
    box.update(["other.example"])
    read_until(event="policy")
    scene.runtime.kill(box.name)
    scene.equal(following.wait(15), 0, "it ends with the container")
    following.stdout.close()
    following.stderr.close()


@suite.case()
def events_follow_through_rotation(scene):
    policy = {
        "network": {"allowedDomains": ["allowed.example"], "deniedDomains": []},
        "audit": {"maxBytes": "64k", "keep": 50},
    }
    box = Box(scene, policy=policy)
    with open(scene.work / "followed", "wb") as file:
        following = subprocess.Popen(
            scene.runtime.command("events", "--follow", box.name),
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE,
        )  # fmt: skip
        box.sh("curl -s -Z --parallel-max 30 -o /dev/null 'http://allowed.example/[1-1000]'")
        all_of_them = host_module.wait_until(
            lambda: len(box.events(event="ended")) == 1000, 30, step=0.05
        )
        scene.check(all_of_them, f"{len(box.events(event='ended'))} ended")
        stored = len(box.events())
        scene.runtime.kill(box.name)
        following.wait(15)
        following.stderr.close()
    lines = (scene.work / "followed").read_text().splitlines()
    seen = [json.loads(line) for line in lines]
    scene.equal(len(seen), stored, "events that --follow showed")
    scene.equal(len({json.dumps(e) for e in seen}), stored, "some came twice")


@suite.case()
def the_operator_has_each_event_in_a_file_of_his_own(scene):
    """Of all containers, appended; the file outlives them. A bundle cannot name one."""
    audit, ceiling = scene.work / "audit.ndjson", scene.work / "ceiling.json"
    audit.write_text("older\n")
    ceiling.write_text(json.dumps({**rules(["allowed.example"]), "audit": {"file": str(audit)}}))
    boxes = [Box(scene, allow=["allowed.example"], flags=("--policy", str(ceiling))) for _ in range(2)]
    for box in boxes:
        box.curl("http", "http://allowed.example/")
        box.curl("http", "http://denied.example/")
        box.event(event="ended")
    lines = audit.read_text().splitlines()
    scene.equal(lines[0], "older", "what was there")
    for box in boxes:
        copied = [e for e in map(json.loads, lines[1:]) if e["container"] == box.name]
        scene.equal(copied, box.events(), "the copy")
    link = scene.work / "link"
    link.symlink_to(audit)
    for policy, words in (
        ({"audit": {"file": str(link)}}, ("--policy", str(ceiling))),
        ({"audit": {"file": "/dev/null"}}, ("--policy", str(ceiling))),
        ({"audit": {"file": str(audit)}}, ()),
    ):
        box = Box(scene, allow=["allowed.example"], start=False)
        text = json.dumps({**rules(["allowed.example"]), **policy})
        (ceiling if words else box.bundle.path / "srt.json").write_text(text)
        outcome = scene.runtime.run(box.bundle.args("/bin/true"), scene.new_id(), *words)
        named = policy["audit"]["file"] if words else "audit/file"
        scene.check(not outcome.ok and named in outcome.err, f"{policy}: {outcome}")


@suite.case()
def events_outlive_the_container_until_delete(scene):
    box = Box(scene, allow=["allowed.example"])
    box.curl("http", "http://denied.example/")
    scene.runtime.kill(box.name)
    scene.wait_for_status(box.name, "stopped")
    scene.check(box.events(event="denied", host="denied.example"), "no events after the end")


@suite.case()
def no_verdict_is_lost_by_a_killed_client(scene):
    """The event is written before the answer is sent."""
    box = Box(scene, allow=["allowed.example"])
    script = (
        "for i in $(seq 40); do (printf 'GET http://denied-%s.example/ HTTP/1.1\\r\\n"
        "Host: denied-%s.example\\r\\n\\r\\n' $i $i | nc -w 1 127.0.0.1 3128 | head -c 1 >/dev/null) & done; wait"
    )
    box.sh(script)
    seen = {e["host"] for e in box.events(event="denied", way="http")}
    scene.equal(seen, {f"denied-{i}.example" for i in range(1, 41)}, "denials")


@suite.case()
def hostile_names_do_not_break_the_log(scene):
    box = Box(scene, allow=["allowed.example"])
    for name in ("a\\x0a{\\x22event\\x22:\\x22allowed\\x22}", "\\x1b[2J", "\\xff\\xfe", "x" * 250):
        size = len(name.encode("latin-1").decode("unicode_escape"))
        box.tool("wire", "--wait", "3", "127.0.0.1", "1080", "\\x05\\x01\\x00",
                 f"\\x05\\x01\\x00\\x03\\x{size:02x}{name}\\x00\\x50")  # fmt: skip
        box.tool("dns", name, "1")
    outcome = scene.runtime.call("events", box.name)
    lines = outcome.out.splitlines()
    scene.check(len(lines) >= 7, outcome.out)
    for line in lines:
        scene.equal(json.loads(line)["event"], "denied", line)
        scene.check(line.isascii() and line.isprintable() and len(line) < 4096, repr(line))


@suite.case()
def a_container_that_stops_during_an_update(scene):
    box = Box(scene, allow=["allowed.example"])
    os.kill(scene.runtime.pid(box.name), signal.SIGKILL)
    scene.wait_for_status(box.name, "stopped", 15)
    outcome = box.update(["other.example"])
    scene.check(not outcome.ok and outcome.err, str(outcome))
