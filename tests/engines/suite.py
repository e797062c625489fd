"""Cases, and the lines that report them.

    @case("an exit code reaches the caller", needs=ROOT)
    def exit_code(engine): ...

A case is a function that returns when what its title says holds, raises AssertionError (or anything
else) when it does not, and raises Skip(reason) where this machine cannot tell. Output is TAP
version 13 and ends with "N passed, N failed, N skipped"; the exit status is 0 only without a failure.
"""

import fnmatch
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Callable

ROOT = "root"  # only uid 0 of the host can do this
USER = "user"  # only an ordinary user can show this
CASE_SECONDS = 120


class Skip(Exception):
    """This machine cannot show it; the text says why."""


@dataclass(frozen=True)
class Case:
    name: str  # module.function, for --only
    title: str
    needs: str | None
    run: Callable


_cases: list[Case] = []


def case(title, needs=None):
    def register(function):
        module = function.__module__.rsplit(".", 1)[-1]
        _cases.append(Case(f"{module}.{function.__name__}", title, needs, function))
        return function

    return register


def table(title, rows, needs=None):
    """One case for each row; `title` is formatted with the row, the function called with it."""

    def register(function):
        module = function.__module__.rsplit(".", 1)[-1]
        for row in rows:
            _cases.append(
                Case(
                    f"{module}.{function.__name__}",
                    title.format(*row),
                    needs,
                    lambda engine, row=row: function(engine, *row),
                )
            )
        return function

    return register


def cases(only="*"):
    return [c for c in _cases if fnmatch.fnmatch(c.name, only)]


def shorten(value):
    text = repr(value)
    return text if len(text) <= 600 else f"{text[:600]}… ({len(text)} characters)"


def equal(found, wanted, what="value"):
    assert found == wanted, f"{what}: wanted {shorten(wanted)}, found {shorten(found)}"


def contains(text, part):
    assert part in text, f"wanted {part!r} in {shorten(text)}"


def _who_is_missing(needs):
    if needs == ROOT and os.geteuid() != 0:
        return "needs root"
    if needs == USER and os.geteuid() == 0:
        return "needs an ordinary user"
    return None


def _timed_out(_signal, _frame):
    raise TimeoutError(f"no end after {CASE_SECONDS} s")


def _run_one(c, subject):
    """("ok" | "not ok" | "skip", text)"""
    missing = _who_is_missing(c.needs)
    if missing:
        return "skip", missing
    signal.alarm(CASE_SECONDS)
    try:
        c.run(subject)
        return "ok", ""
    except Skip as reason:
        return "skip", str(reason)
    except AssertionError as failure:
        frame = traceback.extract_tb(failure.__traceback__)[-1]
        return "not ok", f"{failure}\n({os.path.basename(frame.filename)}:{frame.lineno})"
    except Exception:  # a crash of a case is its failure, and the others still run
        return "not ok", traceback.format_exc()
    finally:
        signal.alarm(0)


def run(selected, subject, after_each=lambda: None):
    """Runs the cases with `subject` as their argument; the exit status."""
    signal.signal(signal.SIGALRM, _timed_out)
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    print("TAP version 13")
    print(f"1..{len(selected)}", flush=True)
    for number, c in enumerate(selected, 1):
        begin = time.monotonic()
        verdict, text = _run_one(c, subject)
        counts[verdict] += 1
        line = f"{'not ok' if verdict == 'not ok' else 'ok'} {number} - {c.name}: {c.title}"
        if verdict == "skip":
            line += f" # SKIP {text}"
        print(f"{line} ({time.monotonic() - begin:.1f} s)" if verdict != "skip" else line)
        if verdict == "not ok":
            print("".join(f"#   {row}\n" for row in text.splitlines()), end="")
        sys.stdout.flush()
        if verdict != "skip":
            after_each()
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped", flush=True)
    return 1 if counts["not ok"] else 0
