"""`state`, `list`, `ps`: what there is. And what all verbs have in common: exit statuses, --version."""

import datetime
import json

from suite import suite


@suite.case()
def state_document(scene):
    bundle = scene.bundle().args("/bin/true")
    bundle.config["annotations"] = {"org.example.key": "value", "another": ""}
    name = scene.new_id()
    before = datetime.datetime.now(datetime.timezone.utc)
    scene.check(scene.runtime.create(bundle, name).ok, "create failed")
    state = scene.runtime.state(name)
    scene.equal(state["id"], name, "id")
    scene.equal(state["bundle"], str(bundle.path), "bundle")
    scene.equal(state["rootfs"], str(bundle.rootfs), "rootfs")
    scene.check("ociVersion" in state and "owner" in state, f"fields {sorted(state)}")
    for key, value in bundle.config["annotations"].items():
        scene.equal(state.get("annotations", {}).get(key), value, f"annotation {key}")
    created = datetime.datetime.fromisoformat(
        state["created"].replace("Z", "+00:00")[:26].rstrip("Z+:") + "+00:00"
    )
    scene.check(abs((created - before).total_seconds()) < 60, f"created {state['created']}")
    scene.check(scene.runtime.start(name).ok, "start failed")
    scene.wait_for_status(name, "stopped")
    scene.equal(scene.runtime.state(name)["pid"], 0, "pid when stopped")


@suite.case()
def list_shows_what_there_is(scene):
    running, created = scene.sleeping(), scene.created()
    outcome = scene.runtime.call("list", "--format", "json")
    listed = {entry["id"]: entry for entry in json.loads(outcome.out)}
    scene.equal(
        {k: v["status"] for k, v in listed.items()},
        {running: "running", created: "created"},
        "listed",
    )
    scene.equal(listed[running]["pid"], scene.runtime.pid(running), "pid in the list")
    scene.equal(sorted(scene.runtime.ids()), sorted([running, created]), "list --quiet")
    table = scene.runtime.call("list").out
    scene.check(table.splitlines()[0].split()[:3] == ["ID", "PID", "STATUS"], table)
    scene.check(running in table and created in table, table)


@suite.case()
def list_of_nothing(scene):
    scene.equal(scene.runtime.ids(), [], "list --quiet")
    outcome = scene.runtime.call("list", "--format", "json")
    scene.check(
        outcome.ok and (json.loads(outcome.out or "null") or []) == [],
        f"list --format json: {outcome}",
    )


@suite.case(rootless=False)
def ps_shows_the_processes(scene):
    name = scene.started(scene.bundle().shell("sleep 1001 & exec sleep 1002"))
    outcome = scene.runtime.call("ps", "--format", "json", name)
    pids = json.loads(outcome.out)
    scene.check(scene.runtime.pid(name) in pids, f"ps: {outcome}")
    table = scene.runtime.call("ps", name).out
    scene.check("sleep 1002" in table and "PID" in table, table)


@suite.case()
def exit_statuses_of_verbs(scene):
    """The table that engines rely on."""
    running, created = scene.sleeping(), scene.created()
    stopped = scene.created("/bin/true")
    scene.check(scene.runtime.start(stopped).ok, "start failed")
    scene.wait_for_status(stopped, "stopped")
    for words, wanted in (
        (("state", "no-such-id"), 1),
        (("start", "no-such-id"), 1),
        (("kill", "no-such-id", "KILL"), 1),
        (("delete", "no-such-id"), 1),
        (("delete", "--force", "no-such-id"), 0),
        (("start", running), 1),
        (("start", stopped), 1),
        (("delete", running), 1),
        (("kill", stopped, "KILL"), 1),
        (("kill", running, "NOSUCHSIGNAL"), 1),
        (("state", running), 0),
        (("state", stopped), 0),
        (("list",), 0),
        (("ps", running), 0),
        (("delete", stopped), 0),
        (("delete", created), 0),
        (("state", created), 1),
        (("delete", "--force", running), 0),
        (("state", running), 1),
        (("no-such-verb",), None),
    ):
        outcome = scene.runtime.call(*words)
        if wanted is None:
            scene.check(outcome.status != 0, f"{words}: {outcome}")
        else:
            scene.equal(outcome.status, wanted, f"status of {words} ({outcome.err.strip()})")


@suite.case()
def version_first_line(scene):
    outcome = scene.runtime.call("--version")
    lines = outcome.out.splitlines()
    scene.check(lines and " version " in lines[0], str(outcome))
    scene.check(any(line.startswith("spec: 1.") for line in lines), str(outcome))
