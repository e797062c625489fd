"""How a path may be spelled in each list, and what then holds."""

import os

from suite import suite
from workplace import filesystem

_PLACES = ("a/n", "a/b/n", "c/n", "n", "la/n", "../n", "~/n")


def _tree(place) -> None:
    for folder in ("a/b", "c"):
        (place.project / folder).mkdir(parents=True)
    for file in ("a/x", "a/b/x", "c/x", "g1", "g[1]"):
        (place.project / file).write_text("content\n")
    os.symlink("a/b", place.project / "la")


def _made(place) -> set[str]:
    """Where a file can be made; each is taken away again."""
    script = f"for f in {' '.join(_PLACES)}; do touch $f 2>/dev/null && rm $f && echo $f; done; true"
    outcome = place.sh(script.replace("~/", str(place.home) + "/"))
    place.check(outcome.ok, outcome)
    return {path.replace(str(place.home), "~") for path in outcome.out.split()}


_ALL = {"a/n", "a/b/n", "c/n", "n", "la/n"}
_IN_A = {"a/n", "a/b/n", "la/n"}

_OPENED = {
    "a/": _IN_A,
    "./a": _IN_A,
    "a//./": _IN_A,
    "a/**": _IN_A,
    "a/*": {"a/b/n", "la/n"},
    "c/../a/b": {"a/b/n", "la/n"},
    "**": _ALL,
    "./**": _ALL,
    "*": _ALL - {"n"},
    ".": _ALL,
    "..": _ALL | {"../n", "~/n"},
    "~": {"~/n"},
    "~/": {"~/n"},
    "~/../project/a": _IN_A,
    "la": set(),  # a link that an earlier command may have made
    "missing": set(),
    "a/x": set(),
}

_CLOSED = {
    "a": _ALL - _IN_A,
    "a/b/": {"a/n", "c/n", "n"},
    "a/b/**": {"a/n", "c/n", "n"},
    "la": {"a/n", "c/n", "n"},
    "la/n": {"a/n", "c/n", "n"},
    "a/*": {"c/n", "n"},
    "**/n": set(),
    "*/n": {"a/b/n", "n", "la/n"},
    "*": set(),
    "**": set(),
    ".": set(),
    "/": set(),
    "~/../project/c": _ALL - {"c/n"},
    "missing/../c": _ALL - {"c/n"},
}


@suite.case()
def what_may_be_written_however_it_is_spelled(place):
    _tree(place)
    for entry, wanted in _OPENED.items():
        place.settings(write=[entry])
        place.equal(_made(place), wanted, f"allowWrite {entry!r}")


@suite.case()
def what_may_not_be_written_however_it_is_spelled(place):
    _tree(place)
    for entry, wanted in _CLOSED.items():
        place.settings(write=["."], deny_write=[entry])
        place.equal(_made(place), wanted, f"denyWrite {entry!r}")


_FILES = ("a/x", "a/b/x", "c/x", "g1", "'g[1]'", "la/x")

_READ = {
    # denyRead, allowRead: what is left
    (("a",), ()): {"c/x", "g1", "g[1]"},
    (("a/",), ("a/b/",)): {"a/b/x", "la/x", "c/x", "g1", "g[1]"},
    (("a",), ("a",)): {"c/x", "g1", "g[1]"},
    (("a/b",), ("a",)): {"a/x", "c/x", "g1", "g[1]"},
    (("a/**",), ("a/b/*",)): {"a/b/x", "la/x", "c/x", "g1", "g[1]"},
    (("la",), ()): {"a/x", "c/x", "g1", "g[1]"},
    (("*/x",), ()): {"g1", "g[1]"},  # "la/x" is a match, and what it leads to is hidden
    (("g[1]",), ()): {"a/x", "a/b/x", "la/x", "c/x"},
    (("**",), ()): set(),
    ((".",), ()): set(),
    (("..",), ("a",)): {"a/x", "a/b/x"},  # the link is not there
    (("~/../project/c",), ()): {"a/x", "a/b/x", "la/x", "g1", "g[1]"},
    (("missing",), ("a",)): {"a/x", "a/b/x", "la/x", "c/x", "g1", "g[1]"},
    (("missing/../c", "./missing/x/../../g1"), ()): {"a/x", "a/b/x", "la/x", "g[1]"},
}


@suite.case()
def what_may_be_read_however_it_is_spelled(place):
    _tree(place)
    for (denied, allowed), wanted in _READ.items():
        place.settings(deny_read=denied, read=allowed)
        script = f'for f in {" ".join(_FILES)}; do cat "$f" >/dev/null 2>&1 && echo "$f"; done; true'
        outcome = place.sh(script)
        place.equal(set(outcome.out.split()), wanted, f"denyRead {denied}, allowRead {allowed}: {outcome}")


@suite.case()
def a_literal_path_is_no_pattern_in_any_list(place):
    for name in ("f[1]", "f1", "w*", "wx"):
        (place.project / name).write_text("old")
    literal = [{"path": name, "literal": True} for name in ("f[1]", "w*")]
    place.settings(write=["."], deny_write=literal)
    place.sh("for f in 'f[1]' f1 'w*' wx; do echo new > \"$f\"; done")
    content = {path.name: path.read_text().strip() for path in place.project.iterdir()}
    place.equal(
        content, {"f[1]": "old", "f1": "new", "w*": "old", "wx": "new"}, "after denyWrite of literals"
    )
    place.settings(write=literal)
    place.sh("for f in 'f[1]' f1 'w*' wx; do echo newer > \"$f\"; done")
    content = {path.name: path.read_text().strip() for path in place.project.iterdir()}
    place.equal(
        content,
        {"f[1]": "newer", "f1": "new", "w*": "newer", "wx": "new"},
        "after allowWrite of literals",
    )


@suite.case()
def another_users_home_is_an_error(place):
    place.settings(deny_read=["~root"])
    outcome = place.srt("echo ran; true")
    place.check(outcome.status == 125 and '"~root"' in outcome.err, outcome)


@suite.case()
def a_home_that_is_not_known_is_an_error_where_it_is_meant(place):
    for home in ("", "relative"):
        file = place.settings(deny_read=["~/.ssh"], file=place.notes / "rules.json")
        outcome = place.srt("-s", file, "echo ran; true", env={"HOME": home})
        place.check(outcome.status == 125 and "HOME" in outcome.err, outcome)
        place.settings({"filesystem": filesystem(write=["."])}, file=file)
        place.check(place.srt("-s", file, "echo ran; true", env={"HOME": home}).ok, "no ~ is named")


# From one run to the next


@suite.case()
def what_may_not_be_read_stays_where_the_rule_finds_it(place):
    """Moved away, with a folder around it too, it would be hidden no more in the next run."""
    (place.project / "a/b/secret").mkdir(parents=True)
    (place.project / "a/b/secret/key").write_text("SECRET")
    (place.project / "a/b/file").write_text("SECRET")
    (place.project / "real").write_text("SECRET")
    (place.project / "deep").mkdir()
    os.symlink("../real", place.project / "deep/link")
    before = place.names()
    place.settings(write=["."], deny_read=["a/b/secret", "a/b/file", "deep/link"])
    first = place.sh(
        "mv a c; mv a/b a/z; mv a/b/secret s; mv a/b/file f; rm -f deep/link; mv deep/link l; mv deep e; ln -sf x deep/link;"
        " mv real r; mkdir n; python3 -c \"import ctypes; l=ctypes.CDLL(None); l.syscall(316,-100,b'n',-100,b'a',2);"
        " l.syscall(316,-100,b'n',-100,b'a/b',2); l.syscall(316,-100,b'n',-100,b'deep/link',2)\"; rmdir n"
    )
    place.equal(place.names(), before, str(first))
    second = place.sh("find . -type f -exec cat {} +; cat deep/link; true")
    place.check("SECRET" not in second.out, second)


@suite.case()
def links_that_lead_to_each_other_end_no_run(place):
    """An earlier command may have made them where a rule names a place, or a pattern matches."""
    for link, target in (("l", "l"), ("a.k", "b.k"), ("b.k", "a.k")):
        os.symlink(target, place.project / link)
    (place.project / "c.k").write_text("SECRET")
    for rules in (
        {"deny_read": ["l"]},
        {"deny_read": ["l/x", "*.k"]},
        {"deny_read": ["."], "read": ["l"]},
        {"write": [".", "l"], "deny_write": ["l", "a.k"]},
    ):
        place.settings(**rules)
        place.equal(place.says("echo in"), "in", f"{rules}")
    place.settings(write=["."], deny_read=["l", "*.k"])
    outcome = place.sh("cat *.k; rm -f l; echo made > l; ln -s c.k l; cat l; true")
    place.check("SECRET" not in outcome.out, outcome)
    place.check(os.path.islink(place.project / "l"), "the place of a denial was taken")


@suite.case()
def what_is_opened_in_a_hidden_folder_can_be_written(place):
    (place.project / "a/b").mkdir(parents=True)
    place.settings(write=[".", "a/b"], deny_read=["a"], read=["a/b"])
    outcome = place.sh("touch a/b/f && mv a/b/f a/b/g && mkdir a/b/d && rm -r a/b/d && echo ok")
    place.equal(outcome.out, "ok\n", str(outcome))


@suite.case()
def a_file_that_the_host_replaces_in_a_hidden_folder_stays_hidden(place):
    """As editors save. (A hidden file that is replaced itself shows: docs/srt.md says so.)"""
    (place.project / "keys").mkdir()
    (place.project / "keys/k").write_text("SECRET")
    place.settings(deny_read=["keys"])
    process = place.started_and_ready("echo ready; read x; cat keys/k; ls -A keys; true", stdin=-1)
    (place.project / "keys/new").write_text("SECRET")
    (place.project / "keys/new").rename(place.project / "keys/k")
    out, _ = process.communicate(b"go\n", timeout=10)
    place.equal(out, b"", "what is seen of it")
