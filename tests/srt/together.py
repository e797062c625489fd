"""Several sandboxes in one folder, some of them killed: none disturbs another, and nothing is left."""

import os
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
