"""Where settings come from: files that are there, missing or broken, variables, flags, layers."""

import os
import pathlib
import shutil

from containers.host import call
from suite import suite
from workplace import filesystem, network


def _refused(place, outcome, *texts) -> None:
    place.equal(outcome.status, 125, str(outcome))
    place.check("ran" not in outcome.out, f"the command ran: {outcome}")
    for text in texts:
        place.check(text in outcome.err, f"{text!r} is not in {outcome.err!r}")


@suite.case()
def without_settings_there_is_no_network_and_no_writing(place):
    (place.project / "here").write_text("readable\n")
    outcome = place.sh(
        "cat here; touch there && echo wrote; touch ~/there && echo wrote; touch /tmp/srt-there && echo wrote;"
        " tail -n +3 /proc/self/net/dev | cut -d: -f1; true"
    )
    place.equal(outcome.out.split(), ["readable", "lo"], str(outcome))
    place.equal(place.names(), ["here"], "names in the project")


@suite.case()
def a_named_file_that_is_missing_is_an_error(place):
    outcome = place.srt("-s", place.home / "nowhere.json", "echo ran; true")
    _refused(place, outcome, "nowhere.json: there is no such settings file (write it, or name another")
    place.equal(outcome.err.count("\n"), 1, "lines")


@suite.case()
def a_named_file_that_is_a_link_to_nowhere_is_an_error(place):
    os.symlink("nowhere", place.home / "link.json")
    _refused(place, place.srt("-s", place.home / "link.json", "echo ran; true"), "leads nowhere")


@suite.case()
def a_variable_that_names_a_missing_file_is_an_error(place):
    _refused(place, place.srt("echo ran; true", env={"SRT_SETTINGS": "nowhere.json"}), "nowhere.json")


@suite.case()
def a_named_file_that_is_too_large_is_an_error(place):
    file = place.settings(" " * ((1 << 20) + 1) + "{}", file=place.home / "large.json")
    _refused(place, place.srt("-s", file, "echo ran; true"), "large.json", "is larger than")


@suite.case()
def a_named_file_that_is_empty_is_an_error(place):
    for content in ("", " \n"):
        file = place.settings(content, file=place.home / "empty.json")
        _refused(place, place.srt("-s", file, "echo ran; true"), "empty.json", "is empty")


@suite.case()
def a_named_file_that_is_invalid_is_an_error(place):
    file = place.settings({"filesystem": {"alowWrite": ["."]}}, file=place.home / "typo.json")
    _refused(
        place,
        place.srt("-s", file, "echo ran; true"),
        "typo.json",
        "/filesystem/alowWrite",
        "allowWrite",
    )


@suite.case()
def a_named_file_that_is_a_folder_is_an_error(place):
    _refused(place, place.srt("-s", place.home, "echo ran; true"))


@suite.case()
def a_named_file_that_is_a_fifo_is_an_error_and_does_not_block(place):
    os.mkfifo(place.home / "pipe")
    _refused(place, place.srt("-s", place.home / "pipe", "echo ran; true", timeout=5))


@suite.case(rootful=False)
def a_named_file_that_cannot_be_read_is_an_error(place):
    file = place.settings(write=["."], file=place.home / "closed.json")
    file.chmod(0)
    _refused(place, place.srt("-s", file, "echo ran; true"), "closed.json")


@suite.case(rootful=False)
def the_users_own_file_that_cannot_be_read_is_an_error(place):
    place.settings(write=["."]).chmod(0)
    _refused(place, place.srt("echo ran; true"), ".srt-settings.json")


@suite.case()
def the_users_own_file_that_is_invalid_is_an_error(place):
    place.settings("{")
    _refused(place, place.srt("echo ran; true"), ".srt-settings.json")


@suite.case()
def an_empty_name_of_a_file_is_an_error(place):
    _refused(place, place.srt("-s", "", "echo ran; true"))


@suite.case()
def a_named_file_stands_in_place_of_the_users_own(place):
    place.settings(write=["."])
    other = place.settings(file=place.home / "other.json")
    outcome = place.sh("touch made", "-s", other)
    place.check(not outcome.ok and not (place.project / "made").exists(), outcome)


@suite.case()
def a_relative_name_of_a_file_is_from_here(place):
    place.settings(write=["."], file=place.project / "mine.json")
    place.check(
        place.sh("touch made", "-s", "mine.json").ok, "a file beside the command is not read"
    )


@suite.case()
def a_variable_names_the_file(place):
    file = place.settings(write=["."], file=place.home / "other.json")
    place.check(
        place.sh("touch made", env={"SRT_SETTINGS": str(file)}).ok, "SRT_SETTINGS is not heard"
    )


# Layers


@suite.case()
def a_projects_file_opens_nothing(place):
    place.settings(
        {"filesystem": filesystem(write=["."])}, file=place.project / ".srt-settings.json"
    )
    outcome = place.sh("touch made")
    place.check(not outcome.ok and not (place.project / "made").exists(), outcome)


@suite.case()
def a_projects_file_narrows(place):
    place.settings(write=["."])
    (place.project / "src").mkdir()
    (place.project / "key").write_text("secret\n")
    place.settings(
        {"filesystem": filesystem(write=["src"], deny_read=["key"])},
        file=place.project / ".srt-settings.json",
    )
    outcome = place.sh("touch src/made; touch made; cat key")
    place.equal(place.names(), [".srt-settings.json", "key", "src", "src/made"], str(outcome))
    place.check("secret" not in outcome.out, outcome)


@suite.case()
def a_projects_file_that_is_invalid_is_an_error(place):
    place.settings("{", file=place.project / ".srt-settings.json")
    _refused(place, place.srt("echo ran; true"), ".srt-settings.json")


@suite.case()
def a_projects_file_cannot_be_written_from_inside(place):
    place.settings(write=["."])
    file = place.settings(
        {"filesystem": filesystem(write=["."])}, file=place.project / ".srt-settings.json"
    )
    before = file.read_text()
    outcome = place.sh(
        "echo '{}' > .srt-settings.json; rm -f .srt-settings.json; mv .srt-settings.json x"
    )
    place.equal(file.read_text(), before, str(outcome))


@suite.case()
def the_users_file_cannot_be_written_from_inside(place):
    file = place.settings(write=[".", "~"])
    before = file.read_text()
    place.sh("echo '{}' > ~/.srt-settings.json; rm -f ~/.srt-settings.json")
    place.equal(file.read_text(), before, "the settings in force")


@suite.case()
def flags_open_and_close(place):
    (place.project / "key").write_text("secret\n")
    outcome = place.sh("touch made; cat key", "--allow-write", ".", "--deny-read", "key")
    place.check((place.project / "made").exists() and "secret" not in outcome.out, outcome)


@suite.case()
def flags_can_be_repeated(place):
    for name in ("a", "b"):
        (place.project / name).mkdir()
    place.check(
        place.sh("touch a/x b/x", "--allow-write", "a", "--allow-write", "b").ok, "two flags"
    )


@suite.case()
def variables_open_and_close(place):
    (place.project / "key").write_text("secret\n")
    outcome = place.sh("touch made; cat key", env={"SRT_ALLOW_WRITE": ".", "SRT_DENY_READ": "key"})
    place.check((place.project / "made").exists() and "secret" not in outcome.out, outcome)


@suite.case()
def a_misspelled_variable_is_an_error(place):
    _refused(place, place.srt("echo ran; true", env={"SRT_DENY_RAED": "key"}), "SRT_DENY_READ")


@suite.case()
def an_unknown_option_is_an_error(place):
    _refused(place, place.srt("--alow-write", ".", "true"), "alow-write")


@suite.case()
def a_bad_domain_in_a_flag_is_an_error(place):
    _refused(
        place, place.srt("--allow-domain", "https://a.test", "echo ran; true"), "--allow-domain"
    )


def _operator_policy(place, document: dict) -> None:
    """/etc/srt/policy.json, in a copy of /etc that only this case's mount namespace has."""
    copy = place.notes / "etc"
    shutil.copytree("/etc", copy, symlinks=True, ignore_dangling_symlinks=True)
    (copy / "srt").mkdir(exist_ok=True)
    place.settings(document, file=copy / "srt/policy.json")
    call("mount", str(copy), "/etc", None, 0x1000, None)  # MS_BIND
    place.host = type(place.host)(pathlib.Path(place.notes))  # our own mount is no change


@suite.case(rootless=False)
def the_operators_policy_is_a_ceiling(place):
    (place.project / "src").mkdir()
    _operator_policy(place, {"filesystem": filesystem(write=[str(place.project / "src")])})
    place.settings(write=["."])
    _refused(place, place.srt("echo ran; true"), "/etc/srt/policy.json")
    place.settings(write=["src"])
    place.check(place.sh("touch src/made").ok, "what the operator allows, too")


@suite.case(rootless=False)
def the_operators_denials_hold_without_settings(place):
    (place.project / "key").write_text("secret\n")
    _operator_policy(place, {"filesystem": filesystem(deny_read=[str(place.project / "key")])})
    outcome = place.sh("cat key", "--allow-write", str(place.notes))
    place.check("secret" not in outcome.out, outcome)


@suite.case(rootless=False)
def an_operators_policy_that_is_invalid_is_an_error(place):
    _operator_policy(place, {"filesystem": {"x": 1}})
    _refused(place, place.srt("echo ran; true"), "/etc/srt/policy.json")


# permissions


@suite.case()
def permissions_are_another_spelling(place):
    (place.project / "src").mkdir()
    (place.project / "key").write_text("secret\n")
    place.settings({"permissions": {"allow": ["Edit(./src)"], "deny": ["Read(key)"]}})
    outcome = place.sh("touch src/made; touch made; cat key")
    place.equal(place.names(), ["key", "src", "src/made"], str(outcome))
    place.check("secret" not in outcome.out, outcome)


# explain


@suite.case()
def explain_names_the_origin_of_every_rule(place):
    place.settings(
        {
            "network": network("a.test", denied=["b.test"]),
            "filesystem": filesystem(write=["."], deny_read=["~/.ssh"]),
        }
    )
    outcome = place.srt("explain", "--allow-domain", "c.test", env={"SRT_DENY_DOMAINS": "d.test"})
    place.check(outcome.ok, outcome)
    for rule, origin in (
        ("a.test", "~/.srt-settings.json"),
        ("b.test", "~/.srt-settings.json"),
        ("c.test", "--allow-domain"),
        ("d.test", "SRT_DENY_DOMAINS"),
        (str(place.project), "~/.srt-settings.json"),
        ("~/.ssh", "~/.srt-settings.json"),
    ):
        found = [line for line in outcome.out.splitlines() if rule in line and origin in line]
        place.check(found, f"no line has {rule!r} and {origin!r}:\n{outcome.out}")


@suite.case(rootful=False)
def explain_runs_nothing(place):
    _refused(place, place.srt("explain", "echo ran; true"), "explain", "takes no command")


@suite.case()
def explain_without_settings_says_so(place):
    outcome = place.srt("explain")
    place.check(outcome.ok and "none" in outcome.out, outcome)


@suite.case(rootful=False)
def explain_prints_whole_sentences(place):
    for line in place.srt("explain").out.splitlines():
        place.check(not line.rstrip().endswith((" and", ",")), f"an unfinished line: {line!r}")


@suite.case()
def a_shell_command_that_is_empty_is_an_error(place):
    _refused(place, place.srt("-c", ""), "-c: names no command")


@suite.case()
def a_variable_asks_for_what_is_done(place):
    place.check("debug" in place.srt("true", env={"SRT_DEBUG": "1"}).err, "nothing is told")
    place.equal(place.srt("true", env={"SRT_DEBUG": ""}).err, "", "what is told")


@suite.case(rootful=False)
def help_and_version_can_be_read(place):
    shown = place.srt("--help")
    place.check(shown.ok and "Usage: srt" in shown.out and "--allow-write" in shown.out, shown)
    place.equal(place.srt("-V").out, place.srt("--version").out, "what -V prints")
    version = place.srt("--version")
    place.check(version.ok and version.out.startswith("srt "), version)


@suite.case(rootful=False)
def no_command_is_an_error(place):
    _refused(place, place.srt())


# Keys that choose how the sandbox is made


@suite.case()
def the_bubblewrap_of_bwrap_path_is_used(place):
    bwrap = shutil.which("bwrap")
    place.settings({"bwrapPath": bwrap})
    place.equal(place.says("echo in"), "in", "output")
    place.settings({"bwrapPath": "/usr/bin/no-bwrap"})
    _refused(place, place.srt("echo ran; true"), "/usr/bin/no-bwrap")


@suite.case()
def a_bubblewrap_that_others_may_write_is_refused(place):
    fake = place.notes / "bwrap"
    fake.write_text(f"#!/bin/sh\ntouch {place.notes}/called\nexit 1\n")
    fake.chmod(0o777)
    place.settings({"bwrapPath": str(fake)})
    _refused(place, place.srt("echo ran; true"), str(fake))
    place.check(not (place.notes / "called").exists(), "it was run")


@suite.case()
def a_limit_holds_or_is_an_error(place):
    place.settings({"resources": {"pids": 40, "memory": "64m"}})
    outcome = place.python("print('ran', flush=True); b=bytearray(300<<20); print('filled')")
    if outcome.status == 125:
        place.check("ran" not in outcome.out and "/resources" in outcome.err, outcome)
    else:
        place.check("ran" in outcome.out and "filled" not in outcome.out, outcome)


@suite.case()
def a_weaker_nested_sandbox_still_protects_the_kernel(place):
    place.settings({"enableWeakerNestedSandbox": True})
    outcome = place.sh(
        "echo in; (: >> /proc/sys/vm/swappiness) 2>/dev/null && echo wrote; cat /proc/self/comm"
    )
    place.equal(outcome.out.split()[:1] + outcome.out.split()[-1:], ["in", "cat"], str(outcome))
    place.check("wrote" not in outcome.out, outcome)
    place.check("enableWeakerNestedSandbox" in place.srt("explain").out, "explain does not tell")


@suite.case(rootful=False)
def keys_without_effect_are_noted(place):
    place.settings(
        {
            "ripgrep": {"command": "rg"},
            "mandatoryDenySearchDepth": 3,
            "allowPty": False,
            "windows": {},
            "socatPath": "/x",
            "seccomp": {},
        }
    )
    notes = [line for line in place.srt("explain").out.splitlines() if line.startswith("note:")]
    for key in (
        "ripgrep",
        "mandatoryDenySearchDepth",
        "allowPty",
        "windows",
        "socatPath",
        "seccomp",
    ):
        place.check(any(key in note and "no effect" in note for note in notes), f"{key}: {notes}")
