"""denyRead, when somebody outside replaces what it hides: an editor that saves, a checkout, a new key."""

import ctypes
import os
import subprocess

from suite import suite
from workplace import PATIENCE, filesystem

# Answers each line with what the command of that name makes of the hidden names.
ANSWERS = """
echo ready
while read -r wish; do
  case $wish in
    read) cat .env later keys/*;;
    hidden)  # somebody outside has just replaced it: soon
      left=500
      while cat .env >/dev/null 2>&1 || cat later >/dev/null 2>&1 || [ -n "$(ls keys)" ]; do
        left=$((left - 1)); [ $left -gt 0 ] || break; sleep 0.01
      done;;
    tamper) mv .env mine; mv later mine; mv keys mine; rm -rf .env later keys; ln -f .env mine; cat <>.env
      cp .env mine; echo x > .env; echo x > keys/x;;
  esac 2>/dev/null
  echo done
done
"""


class Conversation:
    def __init__(self, place):
        self._process = place.started_and_ready(ANSWERS, stdin=subprocess.PIPE)

    def ask(self, wish: str) -> str:
        self._process.stdin.write(f"{wish}\n".encode())
        self._process.stdin.flush()
        said = b""
        while not said.endswith(b"done\n"):
            line = self._process.stdout.readline()
            if not line:
                raise AssertionError(f"srt ended: {self._process.stderr.read()!r}")
            said += line
        return said.removesuffix(b"done\n").decode()

    def end(self) -> int:
        self._process.stdin.close()
        self._process.stdin = None  # the end of the case reads the rest
        return self._process.wait(PATIENCE)


def _hidden_things(place):
    (place.project / ".env").write_text("secret one\n")
    (place.project / "keys").mkdir()
    (place.project / "keys/a").write_text("secret key\n")
    place.settings(write=["."], deny_read=[".env", "keys", "later", "**/*.pem"])


def _save(place, name: str, text: str) -> None:
    """As vim and git do."""
    beside = place.project / f"{name}.new"
    beside.write_text(text)
    beside.rename(place.project / name)


@suite.case()
def what_takes_the_place_of_a_hidden_file_is_hidden(place):
    _hidden_things(place)
    command = Conversation(place)
    place.equal(command.ask("read"), "", "at the start")
    for round in range(3):
        _save(place, ".env", f"secret {round}\n")
        command.ask("hidden")
        place.equal(command.ask("read"), "", f"after save {round}")
    command.ask("tamper")
    place.equal((place.project / ".env").read_text(), "secret 2\n", "the host's file")
    place.check(not (place.project / "mine").exists(), place.names())
    place.equal(command.end(), 0, "status")


@suite.case()
def a_hidden_file_that_is_removed_and_made_anew_is_hidden(place):
    _hidden_things(place)
    command = Conversation(place)
    (place.project / ".env").unlink()
    (place.project / ".env").write_text("secret two\n")
    command.ask("hidden")
    place.equal(command.ask("read"), "", "made anew")
    place.equal(command.end(), 0, "status")


@suite.case()
def a_folder_that_takes_the_place_of_a_hidden_one_is_hidden(place):
    _hidden_things(place)
    command = Conversation(place)
    (place.project / "keys").rename(place.notes / "old")
    (place.project / "next").mkdir()
    (place.project / "next/b").write_text("secret key\n")
    (place.project / "next").rename(place.project / "keys")
    command.ask("hidden")
    place.equal(command.ask("read"), "", "the other folder")
    command.ask("tamper")
    place.equal(place.names(), [".env", "keys", "keys/b"], "the host's files")
    place.equal(command.end(), 0, "status")


@suite.case()
def a_hidden_name_that_comes_to_be_is_hidden(place):
    _hidden_things(place)
    command = Conversation(place)
    _save(place, "later", "secret later\n")
    command.ask("hidden")
    place.equal(command.ask("read"), "", "the new file")
    command.ask("tamper")
    place.equal((place.project / "later").read_text(), "secret later\n", "the host's file")
    place.equal(command.end(), 0, "status")


@suite.case()
def a_link_that_takes_the_place_of_a_hidden_file_leads_no_mount_astray(place):
    _hidden_things(place)
    (place.project / "open").write_text("for all\n")
    command = Conversation(place)
    (place.project / ".env").unlink()
    os.symlink("open", place.project / ".env")
    place.equal(command.ask("read"), "for all\n", "what the link leads to is open")
    _save(place, ".env", "secret two\n")
    command.ask("hidden")
    place.equal(command.ask("read"), "", "a file again")
    place.equal((place.project / "open").read_text(), "for all\n", "what the link led to")
    place.equal(command.end(), 0, "status")


@suite.case()
def others_in_the_folder_of_a_hidden_file_come_and_go(place):
    _hidden_things(place)
    command = Conversation(place)
    for number in range(2000):  # more than the queue of one read holds
        _save(place, f"f{number % 7}", "x")
    _save(place, ".env", "secret two\n")
    command.ask("hidden")
    place.equal(command.ask("read"), "", "after many others")
    place.equal(command.end(), 0, "status")


_ON_THE_WAY = """
echo ready
read -r _
left=500
while cat way/to/key 2>/dev/null; do left=$((left - 1)); [ $left -gt 0 ] || break; sleep 0.01; done >/dev/null
cat way/to/key
"""


def _make_way(place, text: str) -> None:
    (place.project / "way/to").mkdir(parents=True)
    (place.project / "way/to/key").write_text(text)


def _never_there(place) -> None:
    _make_way(place, "secret made later\n")


def _made_anew(place) -> None:
    """As `git checkout` does of a branch without the folder, and back."""
    (place.project / "way/to/key").unlink()
    (place.project / "way/to").rmdir()
    (place.project / "way").rmdir()
    _make_way(place, "secret made anew\n")


def _another_one(place) -> None:
    (place.project / "way").rename(place.notes / "old")
    (place.project / "next/to").mkdir(parents=True)
    (place.project / "next/to/key").write_text("secret of another folder\n")
    (place.project / "next").rename(place.project / "way")


def _in_a_folder_that_cannot_be_listed(place) -> None:
    (place.project / "way/to").chmod(0o311)
    (place.project / "way/to/new").write_text("secret beside\n")
    (place.project / "way/to/new").rename(place.project / "way/to/key")


for _change in (_never_there, _made_anew, _another_one, _in_a_folder_that_cannot_be_listed):

    def _body(place, change=_change):
        place.settings(deny_read=["way/to/key"])
        if change != _never_there:
            _make_way(place, "secret from the start\n")
        process = place.started_and_ready(_ON_THE_WAY, stdin=subprocess.PIPE)
        change(place)
        seen, said = process.communicate(b"look\n", PATIENCE)
        place.equal(seen, b"", "what was seen")
        place.check(b"Permission denied" in said, said)

    suite.case(name=f"what_is_hidden_stays_so{_change.__name__}")(_body)


@suite.case(rootful=False)  # root's instances are of use to others while this runs
def who_uses_up_inotify_sees_no_more(place):
    """fs.inotify.max_user_instances is a user's: any program of his, in another sandbox too, can take them all."""
    (place.project / ".env").write_text("secret one\n")
    place.settings({"filesystem": filesystem(deny_read=[".env"])})
    libc = ctypes.CDLL(None)
    held = []
    try:
        while (one := libc.inotify_init1(os.O_CLOEXEC)) >= 0:
            held.append(one)
        script = _ON_THE_WAY.replace("way/to/key", ".env")
        process = place.started_and_ready(script, stdin=subprocess.PIPE)
        _save(place, ".env", "secret two\n")
        seen, said = process.communicate(b"look\n", PATIENCE)
        place.equal(seen, b"", "what was seen")
        place.check(b"Permission denied" in said and b"inotify" not in said, said)
    finally:
        for one in held:
            os.close(one)
