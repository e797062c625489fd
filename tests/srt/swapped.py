"""Somebody who may write around the project, another sandbox say, changes what names mean while srt starts: every run
does what its rules say of one of the states, or says that it cannot."""

import ctypes
import os
import pathlib
import signal
from contextlib import contextmanager

from suite import suite

_AT_FDCWD, _RENAME_EXCHANGE, _PR_SET_PDEATHSIG = -100, 2, 1
_RUNS = 25


@contextmanager
def _exchanging(one: pathlib.Path, other: pathlib.Path):
    """All the time, until its end: which of the two names means what."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")
    pid = os.fork()
    if pid == 0:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        while True:
            libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _victim(place) -> pathlib.Path:
    victim = place.notes / "victim"
    (victim / "below").mkdir(parents=True)
    return victim


def _make_a_mark(*folders) -> str:
    return "; ".join(f"echo written > {folder}/mark" for folder in folders) + "; true"


def _unwritten(place, victim: pathlib.Path) -> None:
    place.equal(place.names(victim), ["below"], "names in a folder that no rule opens")


@suite.case()
def a_link_for_a_folder_that_may_be_written(place):
    victim = _victim(place)
    (place.project / "out").mkdir()
    (place.project / "other").symlink_to(victim)
    place.settings(write=["out"])
    with _exchanging(place.project / "out", place.project / "other"):
        for _ in range(_RUNS):
            outcome = place.sh(_make_a_mark("out", victim))
            place.check(outcome.status in (0, 125), str(outcome))
            _unwritten(place, victim)


@suite.case()
def a_link_for_a_folder_above_one_that_may_be_written(place):
    victim = _victim(place)
    (place.project / "out/below").mkdir(parents=True)
    (place.project / "other").symlink_to("../notes/victim")
    place.settings(write=["out/below"])
    with _exchanging(place.project / "out", place.project / "other"):
        for _ in range(_RUNS):
            outcome = place.sh(_make_a_mark("out/below", victim / "below"))
            place.check(outcome.status in (0, 125), str(outcome))
            _unwritten(place, victim)
            place.equal(place.names(victim / "below"), [], "names in a folder that no rule opens")


@suite.case()
def a_link_for_the_working_directory(place):
    """`allowWrite: ["."]` was then what it leads to, every second time."""
    victim = _victim(place)
    here = place.project / "here"
    here.mkdir()
    (place.project / "other").symlink_to(victim)
    place.settings(write=["."])
    held = os.open(here, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _exchanging(here, place.project / "other"):
            for _ in range(_RUNS):
                outcome = place.sh(
                    _make_a_mark(".", victim), cwd="/", preexec_fn=lambda: os.fchdir(held)
                )
                place.check(outcome.status in (0, 125), str(outcome))
                _unwritten(place, victim)
    finally:
        os.close(held)


@suite.case()
def two_folders_with_hidden_files_for_each_other(place):
    """Both covers were put over the same file, and either name was covered when it was looked at."""
    for folder in ("one", "other"):
        (place.project / folder).mkdir()
        (place.project / folder / "key").write_text("secret")
    place.settings(deny_read=["one/key", "other/key"])
    with _exchanging(place.project / "one", place.project / "other"):
        for _ in range(2 * _RUNS):
            outcome = place.sh("cat one/key other/key; true")
            place.check(outcome.status in (0, 125), str(outcome))
            place.equal(outcome.out, "", "what was read")
