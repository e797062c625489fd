"""What is read and what is written."""

import os

from containers.host import call
from suite import suite

_MS_BIND, _MNT_DETACH = 0x1000, 2


def _tree(place) -> None:
    """project: a/{x,b/{x,c/x}}, secret.env, src/secret.env"""
    folder = place.project
    for path in ("a/x", "a/b/x", "a/b/c/x", "secret.env", "src/secret.env", "src/main.c"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"content of {path}\n")


def _readable(place, *paths, **keywords) -> list[str]:
    outcome = place.sh(
        "for f in "
        + " ".join(map(str, paths))
        + '; do cat "$f" >/dev/null 2>&1 && echo "$f"; done; true',
        **keywords,
    )
    place.check(outcome.ok, outcome)
    return outcome.out.split()


def _writable(place, *paths, **keywords) -> list[str]:
    """Which of the existing files can be opened for writing."""
    script = (
        "for f in "
        + " ".join(map(str, paths))
        + '; do (: >> "$f") 2>/dev/null && echo "$f"; done; true'
    )
    outcome = place.sh(script, **keywords)
    place.check(outcome.ok, outcome)
    return outcome.out.split()


@suite.case()
def only_what_is_allowed_is_written(place):
    _tree(place)
    place.settings(write=["a/b"])
    place.equal(
        _writable(place, "a/x", "a/b/x", "a/b/c/x", "src/main.c"), ["a/b/x", "a/b/c/x"], "writable"
    )


@suite.case()
def deny_write_wins_over_allow_write(place):
    _tree(place)
    place.settings(write=[".", "a/b/c"], deny_write=["a/b"])
    place.equal(_writable(place, "a/x", "a/b/x", "a/b/c/x"), ["a/x"], "writable")


@suite.case()
def the_more_specific_read_rule_wins(place):
    _tree(place)
    place.settings(deny_read=["a", "a/b/c"], read=["a/b"])
    place.equal(_readable(place, "a/x", "a/b/x", "a/b/c/x"), ["a/b/x"], "readable")


@suite.case()
def a_tie_of_read_rules_goes_to_deny(place):
    _tree(place)
    place.settings(deny_read=["a"], read=["a"])
    place.equal(_readable(place, "a/x"), [], "readable")


@suite.case()
def a_trailing_double_star_is_the_folder(place):
    _tree(place)
    place.settings(write=["a/**"], deny_read=["src/**"])
    place.equal(_writable(place, "a/x", "a/b/c/x"), ["a/x", "a/b/c/x"], "writable")
    place.equal(_readable(place, "src/main.c"), [], "readable")


@suite.case()
def a_tilde_is_the_home_folder(place):
    (place.home / "key").write_text("secret")
    (place.home / "out").mkdir()
    place.settings(write=["~/out"], deny_read=["~/key"])
    place.equal(_readable(place, "~/key"), [], "readable")
    place.check(place.sh("touch ~/out/made").ok, "writing in the home folder")


@suite.case()
def a_glob_of_read_rules_is_matched(place):
    _tree(place)
    place.settings(deny_read=["**/*.env"])
    place.equal(
        _readable(place, "secret.env", "src/secret.env", "src/main.c"), ["src/main.c"], "readable"
    )


@suite.case()
def a_glob_of_read_rules_goes_on_behind_links_to_folders(place):
    """What it names is hidden where it is: it has that name, too."""
    shared = place.notes / "shared"
    (shared / "deep").mkdir(parents=True)
    for name in ("a.env", "deep/b.env", "deep/c"):
        (shared / name).write_text("x")
    (place.project / "vendor").symlink_to(shared)
    (shared / "back").symlink_to(place.project)
    names = [f"{way}/{name}" for way in ("vendor", shared) for name in ("a.env", "deep/b.env", "deep/c")]
    place.settings(deny_read=["**/*.env"])
    place.equal(_readable(place, *names), [name for name in names if name.endswith("c")], "readable")
    place.settings(deny_read=["**/*.env"], read=[str(shared / "a.env")])
    place.equal(_readable(place, *names), [name for name in names if "b.env" not in name], "readable with a rule")


@suite.case()
def globs_have_one_character_and_classes(place):
    _tree(place)
    for name in ("k1", "k2", "k3", "kk1"):
        (place.project / name).write_text("x")
    place.settings(deny_read=["k[12]", "s?c/*.c"])
    place.equal(_readable(place, "k1", "k2", "k3", "kk1", "src/main.c"), ["k3", "kk1"], "readable")


@suite.case()
def an_entry_that_is_a_glob_and_exists_is_read_both_ways(place):
    for name in ("f[1]", "f1"):
        (place.project / name).write_text("x")
    place.settings(deny_read=["f[1]"])
    outcome = place.sh("cat 'f[1]' f1")
    place.equal(outcome.out, "", "readable")


@suite.case()
def a_literal_entry_is_no_glob(place):
    for name in ("f[1]", "f1"):
        (place.project / name).write_text("x")
    place.settings(deny_read=[{"path": "f[1]", "literal": True}])
    outcome = place.sh("cat 'f[1]'; cat f1")
    place.equal(outcome.out, "x", "readable")


@suite.case()
def a_glob_of_write_rules_is_matched(place):
    _tree(place)
    place.settings(write=["."], deny_write=["**/*.env"])
    place.equal(
        _writable(place, "secret.env", "src/secret.env", "src/main.c"), ["src/main.c"], "writable"
    )


@suite.case()
def a_folder_whose_name_looks_like_a_glob_is_a_folder(place):
    """As the working directory, and in front of a pattern; what appears later included."""
    folder = place.project / "[WIP] it*is?"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/old.env").write_text("secret\n")
    rules = {"write": ["."], "deny_write": ["**/*.pem"], "deny_read": ["sub/*.env"]}
    place.settings(**rules)
    outcome = place.sh(
        "cat sub/old.env; touch a.pem sub/b.pem sub/c.env; touch sub/fine", cwd=folder
    )
    place.equal(place.names(folder), ["sub", "sub/fine", "sub/old.env"], str(outcome))
    place.check("secret" not in outcome.out, outcome)
    place.settings(write=["."], deny_write=["[WIP] it*is?/**/*.pem"])
    outcome = place.sh("cd '[WIP] it*is?'; touch a.pem sub/b.pem; touch sub/good")
    place.equal(
        place.names(folder), ["sub", "sub/fine", "sub/good", "sub/old.env"], str(outcome)
    )


@suite.case()
def brackets_that_spell_no_set_are_text(place):
    for path in ("app/[user-id]/k.env", "app/u/k.env", "list[]/k.env"):
        (place.project / path).parent.mkdir(parents=True)
        (place.project / path).write_text("x")
    place.settings(
        write=["."], deny_read=["app/[user-id]/*.env"], deny_write=["list[]/*.env", "**/[z-a]*"]
    )
    place.equal(
        _readable(place, "'app/[user-id]/k.env'", "app/u/k.env"), ["app/u/k.env"], "readable"
    )
    outcome = place.sh("echo y > 'list[]/k.env'; touch 'list[]/new.env' '[z-a]new' 'app/[z-a]' ok")
    made = [name for name in place.names() if "new" in name or "z-a" in name or name == "ok"]
    place.equal(made, ["ok"], str(outcome))


@suite.case()
def no_character_negates_a_set(place):
    for name in ("!k", "^k", "ak", "bk"):
        (place.project / name).write_text("x")
    place.settings(deny_read=["[!a]k", "[^a]k"])
    place.equal(_readable(place, "'!k'", "'^k'", "ak", "bk"), ["bk"], "readable")


@suite.case()
def a_double_star_beside_text_crosses_folders(place):
    place.settings(write=["."], deny_write=["**.pem", "a**z"])
    outcome = place.sh("mkdir -p d/e a/b; touch k.pem d/e/k.pem a/b/z aQz d/fine")
    place.equal(place.names(), ["a", "a/b", "d", "d/e", "d/fine"], str(outcome))


@suite.case()
def a_glob_covers_files_that_appear_later(place):
    place.settings(write=["."], deny_write=["**/*.env"])
    outcome = place.sh("echo x > new.env; echo x > new.c; true")
    place.equal(place.names(), ["new.c"], str(outcome))


# Denied folders and files


@suite.case()
def a_denied_folder_is_empty_and_read_only(place):
    _tree(place)
    place.settings(write=["."], deny_read=["a"])
    outcome = place.sh(
        "ls -A a | wc -l; touch a/new && echo wrote; mkdir a/new && echo wrote; true"
    )
    place.equal(outcome.out.split(), ["0"], str(outcome))
    place.check(not (place.project / "a/new").exists(), "it was written on the host")


@suite.case()
def a_denied_file_is_unreadable(place):
    """For root as well, from whom a mode alone hides nothing."""
    _tree(place)
    place.settings(write=["."], deny_read=["secret.env"])
    outcome = place.sh(
        "cat secret.env; echo x >> secret.env && echo wrote; chmod 644 secret.env && cat secret.env; true"
    )
    place.check("content" not in outcome.out and "wrote" not in outcome.out, outcome)
    place.equal(
        (place.project / "secret.env").read_text(),
        "content of secret.env\n",
        "the file on the host",
    )


@suite.case()
def a_denied_parent_leaves_the_working_directory_where_it_is(place):
    _tree(place)
    place.settings(deny_read=[".."])
    outcome = place.sh("pwd; ls -A ..; ls -A .")
    place.check(outcome.ok, outcome)
    place.equal(outcome.out.split()[0], str(place.project), "working directory")
    place.check("notes" not in outcome.out and "home" not in outcome.out, outcome)


@suite.case()
def a_denied_parent_with_an_opened_child(place):
    _tree(place)
    place.settings(deny_read=[".."], read=["."], write=["a"])
    outcome = place.sh("cat secret.env && touch a/made && ls -A ..")
    place.equal(outcome.out, "content of secret.env\nproject\n", str(outcome))
    place.check((place.project / "a/made").exists(), "a write inside")


@suite.case()
def what_may_not_be_read_may_not_be_written(place):
    _tree(place)
    place.settings(write=["."], deny_read=["a/x"])
    place.equal(_writable(place, "a/x", "a/b/x"), ["a/b/x"], "writable")


# Links


@suite.case()
def a_link_is_judged_by_where_it_leads(place):
    (place.notes / "outside").write_text("kept\n")
    os.symlink(place.notes / "outside", place.project / "link")
    place.settings(write=["."])
    outcome = place.sh("echo changed > link; ln -s ../notes/outside two; echo changed > two; true")
    place.equal((place.notes / "outside").read_text(), "kept\n", str(outcome))


@suite.case()
def a_denied_path_is_denied_under_every_name(place):
    _tree(place)
    os.symlink("secret.env", place.project / "alias")
    place.settings(deny_read=["alias"])
    place.equal(_readable(place, "alias", "secret.env"), [], "readable")


@suite.case(rootless=False)
def a_denied_path_is_denied_under_every_mount(place):
    """`mount --bind`: the same folder once more, from above, itself, and from below."""
    secret, other = place.notes / "data/secret", place.notes / "other"
    (secret / "deep").mkdir(parents=True)
    for file in ("key", "deep/key"):
        (secret / file).write_text("SECRET\n")
    names = {"above": place.notes / "data", "itself": secret, "below": secret / "deep", "file": secret / "key"}
    for name, source in names.items():
        if name == "file":
            other.mkdir(exist_ok=True)
            (other / name).touch()
        else:
            (other / name).mkdir(parents=True)
        call("mount", str(source), str(other / name), None, _MS_BIND, None)
    everything = f"find '{place.notes}' -type f -exec cat {{}} + 2>/dev/null; true"
    try:
        place.check("SECRET" in place.says(everything), "nothing to hide")
        for rule in (secret, other / "itself", other / "above/secret"):
            place.settings(deny_read=[str(rule)])
            place.equal(place.says(everything), "", f"denyRead {rule}")
        place.settings(deny_read=[str(secret)], read=[str(other / "below")])
        place.equal(place.says(everything), "SECRET", "what a rule names stays open")
        place.settings(write=[str(other)], deny_write=[str(secret)])
        outcome = place.sh(f"cd '{other}'; for f in above/secret/key itself/key below/key file; do echo x >$f; done")
        place.equal((secret / "key").read_text() + (secret / "deep/key").read_text(), "SECRET\nSECRET\n", str(outcome))
    finally:
        for name in names:
            call("umount2", str(other / name), _MNT_DETACH)


@suite.case()
def a_link_to_a_denied_folder_shows_nothing(place):
    _tree(place)
    os.symlink("a", place.project / "alias")
    place.settings(deny_read=["a"])
    place.equal(_readable(place, "alias/x", "alias/b/x", "src/../a/x"), [], "readable")


@suite.case()
def a_link_made_by_an_earlier_run_opens_nothing(place):
    """`ln -s / build` in one run; allowWrite ["build"] in the next."""
    (place.notes / "kept").write_text("kept\n")
    place.settings(write=["."])
    place.check(place.sh(f"ln -s {place.notes} build").ok, "the link")
    place.settings(write=[".", "build"])
    outcome = place.sh("echo changed > build/kept; true")
    place.equal((place.notes / "kept").read_text(), "kept\n", str(outcome))


@suite.case()
def a_write_root_that_is_missing_is_not_made(place):
    place.settings(write=["missing"])
    outcome = place.sh("touch missing/made; mkdir missing; true")
    place.equal(place.names(), [], str(outcome))


# What is always writable


@suite.case()
def tmpdir_is_private_and_vanishes(place):
    outcome = place.sh(
        'echo "$TMPDIR"; stat -c "%a %u" "$TMPDIR"; mktemp >/dev/null && python3 -c "import tempfile; tempfile.NamedTemporaryFile()"'
        ' && dd if=/dev/zero of="$TMPDIR/f" bs=1M count=2 2>/dev/null && cp /bin/true "$TMPDIR/t" && "$TMPDIR/t" && echo all'
    )
    lines = outcome.out.split("\n")
    place.check(outcome.ok and "all" in lines, outcome)
    place.equal(lines[1].split()[0], "700", "mode")
    place.equal(lines[1].split()[1], str(os.geteuid()), "owner")
    place.check(not os.path.exists(lines[0] + "/f"), f"{lines[0]} outlives the sandbox")


@suite.case()
def the_callers_tmpdir_is_not_used(place):
    outcome = place.sh('echo "$TMPDIR"', env={"TMPDIR": str(place.notes)})
    place.check(outcome.ok and outcome.out.strip() != str(place.notes), outcome)


@suite.case()
def standard_devices_work(place):
    outcome = place.sh(
        "echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c && echo e > /dev/stderr"
        " && echo o > /dev/stdout && echo f > /dev/fd/1 && cat < /dev/null && (echo x > /dev/full) 2>/dev/null || echo full"
    )
    place.equal(outcome.out.split(), ["4", "4", "o", "f", "full"], str(outcome))


@suite.case()
def process_substitution_works(place):
    place.equal(place.says("cat <(echo one) | tee >(cat >&2)"), "one", "output")


@suite.case()
def disabled_leaves_the_callers_temporary_folder(place):
    place.settings(
        {"filesystem": {"disabled": True, "denyRead": [], "allowWrite": [], "denyWrite": []}}
    )
    shown = 'echo "${TMPDIR-none} ${GIT_TEMPLATE_DIR-none}"'
    place.equal(
        place.says(shown, env={"TMPDIR": str(place.notes)}), f"{place.notes} none", "the caller's"
    )
    place.check(place.sh("touch $TMPDIR/x", env={"TMPDIR": str(place.notes)}).ok, "in that folder")
    place.check((place.notes / "x").exists(), "what was made there")


@suite.case()
def disabled_leaves_the_tree_as_it_is(place):
    place.settings(
        {"filesystem": {"disabled": True, "denyRead": [], "allowWrite": [], "denyWrite": []}}
    )
    outcome = place.sh("touch made ../notes/made")
    place.check(outcome.ok and (place.notes / "made").exists(), outcome)


@suite.case()
def a_large_tree_does_not_slow_the_start(place):
    """Globs are matched by rule, not by a walk through the write root."""
    for folder in range(40):
        (place.project / f"d{folder}").mkdir()
        for file in range(250):
            (place.project / f"d{folder}/f{file}").touch()
    place.settings(write=["."], deny_write=["**/*.pem"])
    import time

    place.sh("true")
    started = time.monotonic()
    place.check(place.sh("true").ok, "status")
    place.check(time.monotonic() - started < 1, f"10,000 files: {time.monotonic() - started:.2f} s")


# Protected names


@suite.case()
def a_protected_name_that_exists_is_not_changed(place):
    (place.project / ".bashrc").write_text("kept\n")
    (place.project / "deep/er").mkdir(parents=True)
    (place.project / "deep/er/.mcp.json").write_text("kept\n")
    place.settings(write=["."])
    outcome = place.sh(
        "echo x >> .bashrc; rm -f .bashrc; mv .bashrc y; echo x > deep/er/.mcp.json; rm -f deep/er/.mcp.json; true"
    )
    place.equal(
        (place.project / ".bashrc").exists() and (place.project / ".bashrc").read_text(),
        "kept\n",
        str(outcome),
    )
    kept = place.project / "deep/er/.mcp.json"
    place.equal(kept.exists() and kept.read_text(), "kept\n", str(outcome))


@suite.case()
def a_protected_name_that_is_absent_is_not_made(place):
    place.settings(write=[".", str(place.notes)])
    outcome = place.sh(
        "for n in .bashrc .bash_profile .profile .zshrc .zprofile .zshenv .zlogin .inputrc .gitconfig .mcp.json"
        " .envrc .ripgreprc .gitmodules; do echo x > $n; echo x > ../notes/$n; ln -s / $n; mkdir $n; done;"
        " for n in .vscode .idea .husky; do mkdir $n; done; mkdir .claude && mkdir .claude/commands;"
        " mkdir .cursor && echo x > .cursor/mcp.json; true"
    )
    bad = [n for n in place.names() + place.names(place.notes) if n not in (".claude", ".cursor")]
    place.equal(bad, [], str(outcome))


@suite.case()
def a_hook_cannot_be_planted(place):
    place.needs("git")
    place.settings(write=["."])
    outcome = place.sh(
        "git init -q . && mkdir -p .git/hooks && echo x > .git/hooks/pre-commit; git config core.hooksPath /x;"
        " git config core.fsmonitor x; mkdir -p bare/refs bare/objects; echo x > bare/config; echo x > bare/HEAD; true"
    )
    place.check(not (place.project / ".git/hooks/pre-commit").exists(), outcome)
    config = (place.project / ".git/config").read_text()
    place.check("hooksPath" not in config and "fsmonitor" not in config, config)


@suite.case()
def what_a_pattern_opens_has_protected_names_as_well(place):
    (place.project / "pkg-a/deep").mkdir(parents=True)
    (place.project / "pkg-a/.envrc").write_text("kept\n")
    (place.project / "other").mkdir()
    place.settings(write=["pkg-*"], deny_write=["**/*.pem"])
    outcome = place.sh(
        "cd pkg-a; touch fine deep/fine; touch .bashrc deep/.zshrc k.pem ../other/x; mkdir .vscode; echo x > .envrc; true"
    )
    names = place.names(place.project / "pkg-a") + place.names(place.project / "other")
    place.equal(names, [".envrc", "deep", "deep/fine", "fine"], str(outcome))
    place.equal((place.project / "pkg-a/.envrc").read_text(), "kept\n", str(outcome))


@suite.case()
def a_literal_entry_opens_a_protected_name(place):
    (place.project / ".envrc").write_text("old\n")
    place.settings(write=[".", {"path": ".envrc", "literal": True}])
    place.check(place.sh("echo new > .envrc").ok, "a literal .envrc")
