"""Several sandboxes in one folder, some of them killed: none disturbs another, and nothing is left."""

import json
import os
import pathlib
import random
import signal
import time

from containers.host import children
from suite import suite
from workplace import network


@suite.case()
def ten_in_one_folder_with_random_kills_leave_no_names(place):
    (place.project / "src").mkdir()
    (place.project / "src/.env").write_text("kept\n")
    (place.project / ".vscode").mkdir()
    place.settings(
        {
            "filesystem": {
                "denyRead": ["secret"],
                "allowWrite": ["."],
                "denyWrite": ["src/.env", "absent"],
            },
            "network": network("a.test"),
        }
    )
    before = place.names()
    chance = random.Random(4711)
    for _ in range(4 if place.long else 2):
        running = [
            place.start("-c", "while :; do : > mine; rm -f mine; sleep 0.01; done 2>/dev/null")
            for _ in range(10)
        ]
        deadline = time.monotonic() + (10 if place.long else 4)
        while running and time.monotonic() < deadline:
            # Also in the midst of their start.
            time.sleep(chance.uniform(0, 0.1))
            process = running.pop(chance.randrange(len(running)))
            process.send_signal(
                chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP))
            )
            names = [name for name in place.names() if name != "mine"]
            place.equal(names, before, "names while sandboxes run")
        for process in running:
            process.kill()
        place.check(place.all_ended(2), f"still running: {children(os.getpid())}")
    place.equal([name for name in place.names() if name != "mine"], before, "names in the end")


@suite.case()
def the_end_of_one_does_not_end_anothers_protection(place):
    (place.project / ".env").write_text("kept\n")
    place.settings(write=["."], deny_write=[".env"])
    long = place.started_and_ready("echo ready; sleep 1; echo x > .env; true")
    place.check(place.srt("true").ok, "the short one")
    place.equal(long.wait(10), 0, "status of the long one")
    place.equal((place.project / ".env").read_text(), "kept\n", "the file")


@suite.case()
def they_do_not_see_each_other(place):
    first = place.started_and_ready("echo secret > $TMPDIR/mine; echo ready; sleep 1000")
    outcome = place.sh("ls -A $TMPDIR; ps -e 2>/dev/null | grep -c sleep; true")
    place.equal(outcome.out.split(), ["0"], str(outcome))
    first.kill()


@suite.case()
def many_one_after_another(place):
    place.settings(write=["."], deny_read=["~/.ssh"])
    for number in range(20):
        place.equal(place.sh(f"exit {number}").status, number, "status")


@suite.case(rootful=False)
def nobody_makes_the_state_of_a_later_run(place):
    """Without XDG_RUNTIME_DIR it lies in /tmp, which many a command may write; what stands there is believed."""
    shared = pathlib.Path(f"/tmp/srt-{os.geteuid()}")
    try:
        shared.rmdir()  # left empty by a runtime that keeps its root
    except FileNotFoundError:
        pass
    except OSError:
        place.skip(f"{shared} is in use")
    place.settings(write=["/tmp"])
    outcome = place.sh(
        f"mkdir {shared}; mkdir a; mv a {shared}; mv -T a {shared}; ln -s . {shared}; echo > {shared}; mkfifo {shared}; true"
    )
    place.check(outcome.ok and not os.path.lexists(shared), outcome)
    held = place.started_and_ready("echo ready; sleep 100", env={"XDG_RUNTIME_DIR": ""})
    place.check(shared.exists(), "nothing to protect")
    inside = place.says(f"ls -A {shared}; touch {shared}/x 2>&1; mv {shared} /tmp/b 2>&1; ls -d {shared}")
    place.check("x" not in os.listdir(shared) and inside.endswith(str(shared)), inside)
    held.terminate()
    held.wait(10)


@suite.case()
def what_a_killed_run_left_runs_no_hooks(place):
    """A command has none: who has written there that it had some was not srt."""
    entry = place.state_folders()[0] / "srt-4000000-1"  # of a process that cannot be there
    entry.mkdir(parents=True)
    made = place.notes / "made"
    hook = {"path": "/bin/touch", "args": ["touch", str(made)]}
    config = {"ociVersion": "1.0.2", "root": {"path": "/"}, "hooks": {"poststop": [hook]}}
    handle = dict.fromkeys(("initStart", "mountNamespace", "monitor", "monitorStart", "broker", "brokerStart", "guardPort"), 0)
    handle |= {"ownPidNamespace": True, "cgroups": {}, "rdtGroup": "", "run": "", "ownTmpdir": ""}
    record = {"ociVersion": "1.0.2", "id": entry.name, "phase": "created", "pid": 0, "bundle": "/", "rootfs": "/"}
    record |= {"created": "2026-01-01T00:00:00.000000000Z", "owner": "x", "annotations": {}, "handle": handle}
    record |= {"poststartHooks": False, "poststopHooks": True, "fileRules": False}
    record |= dict.fromkeys(("policyHash", "guardLevel", "policyCeiling"), "")
    (entry / "config.json").write_text(json.dumps(config))
    (entry / "state.json").write_text(json.dumps(record))
    place.check(place.sh("true").ok, "a run")
    place.check(not entry.exists(), "it is still there")
    place.check(not made.exists(), "the hook ran")
