"""srt-scope: requests that are none get an answer, and do no harm to the next."""

import json

from suite import suite


@suite.case()
def what_is_no_request_is_answered(scene):
    unit, scope = scene.new_unit(), scene.scope()
    good = {"do": "start", "buses": scope.buses, "unit": unit, "slice": scene.slice}
    witness = scene.work / "started"
    program = f"unixexec:path=/bin/touch,argv1={witness}"
    for packet in (
        b"{",
        b"[]",
        b"\xff\xfe",
        json.dumps({**good, "do": "dance"}).encode(),
        json.dumps({**good, "buses": [program]}).encode(),
        json.dumps({**good, "buses": [f"{scope.buses[0]};{program}"]}).encode(),
        json.dumps({**good, "unit": "../x.scope"}).encode(),
        json.dumps({**good, "unit": "x.service"}).encode(),
        json.dumps({**good, "pids": [1]}).encode(),
        json.dumps({**good, "description": "x" * (64 << 10)}).encode(),
    ):
        scope.send(packet)
        answer = scope.receive()
        scene.check(answer.get("error") and "cgroup" not in answer, f"{packet[:80]}: {answer}")
    scene.check(not witness.exists(), "an address started a program")
    scene.check("cgroup" in scope.ask("start", unit, slice=scene.slice), "not started")
