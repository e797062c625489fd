"""Names that run code outside once somebody writes them: git's, shells', editors', agents'."""

import os
import pathlib
import signal
import subprocess

from suite import suite
from workplace import filesystem, network

_HOST_ENV = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A"), ("EMAIL", "a@a.test"))
}


def _host(place, script: str, cwd=None) -> None:
    subprocess.run(
        ["bash", "-ec", script],
        cwd=cwd or place.project,
        env=place.environment(_HOST_ENV),
        check=True,
        timeout=20,
    )


def _tree(place) -> dict:
    """Every name below the project with what it is."""
    seen = {}
    for path in sorted(place.project.rglob("*")):
        kind = (
            os.readlink(path)
            if path.is_symlink()
            else path.read_text()
            if path.is_file()
            else "folder"
        )
        seen[str(path.relative_to(place.project))] = kind
    return seen


def _nothing_changes(place, script: str) -> None:
    before = _tree(place)
    outcome = place.sh(script)
    after = _tree(place)
    changes = {
        name: (before.get(name), after.get(name))
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    }
    place.check(not changes, f"{changes}: {outcome}")


@suite.case()
def a_folder_of_agents_that_is_a_link_stays(place):
    (place.project / "real/commands").mkdir(parents=True)
    os.symlink("real", place.project / ".claude")
    place.settings(write=["."])
    _nothing_changes(place, "rm -f .claude; mv .claude x; ln -sfn /tmp .claude; true")


@suite.case()
def what_a_linked_folder_of_agents_leads_to_is_protected(place):
    (place.project / "real/commands").mkdir(parents=True)
    os.symlink("real", place.project / ".claude")
    place.settings(write=["."])
    outcome = place.sh("echo x > .claude/commands/a; echo x > .claude/settings.json; true")
    if (place.project / "real/commands/a").exists():
        place.skip("the broker judges where a link leads, not the name that was taken to get there")
    place.check(not (place.project / "real/settings.json").exists(), outcome)


@suite.case()
def every_write_root_is_protected(place):
    other = place.notes / "other"
    other.mkdir()
    (other / ".bashrc").write_text("kept\n")
    place.settings(write=[".", str(other)])
    place.sh(
        f"cd {other}; echo x > .bashrc; rm -f .bashrc; echo x > .zshrc; mkdir .vscode; echo x > .mcp.json; true"
    )
    place.equal(sorted(os.listdir(other)), [".bashrc"], "names")
    place.equal((other / ".bashrc").read_text(), "kept\n", "content")


@suite.case()
def repositories_below_are_protected_at_any_depth(place):
    place.needs("git")
    _host(place, "mkdir -p a/b/c && git init -q a/b/c/r && git init -q r")
    place.settings(write=["."])
    script = ";".join(
        f"cd {place.project}/{r}/.git; echo x > hooks/pre-commit; echo '[core]' > config; echo '	hooksPath=/x' >> config; mkdir info; echo x > info/attributes;"
        f" mv hooks h; rm -rf hooks; ln -s /tmp hooks2; mkdir -p modules/m/hooks; echo x > modules/m/config; echo /x > commondir; cd ..; mv .git g; ln -s g .git2; true"
        for r in ("r", "a/b/c/r")
    )
    kept = [
        place.project / r / ".git" / f
        for r in ("r", "a/b/c/r")
        for f in ("config", "hooks/pre-commit", "info/attributes")
    ]
    before = [f.read_text() if f.exists() else None for f in kept]
    outcome = place.sh(script)
    place.equal([f.read_text() if f.exists() else None for f in kept], before, str(outcome))
    for r in ("r", "a/b/c/r"):
        git = place.project / r / ".git"
        place.check(
            not (git / "commondir").exists() and not (git / "modules/m/config").exists(),
            place.names(git),
        )


@suite.case()
def parents_with_protected_names_cannot_carry_them_off(place):
    """A rename of a parent moves what is below: `mv .git x; echo > x/config; mv x .git`."""
    place.needs("git")
    _host(place, "git init -q .; mkdir .claude; echo '{}' > .claude/settings.json")
    place.settings(write=["."])
    _nothing_changes(
        place,
        "mv .git x; mv .claude y; mv .claude/settings.json z; mkdir d; mv -T d .claude; rmdir d; true",
    )


@suite.case()
def hard_links_and_exchanges_are_no_way_around(place):
    (place.project / ".bashrc").write_text("kept\n")
    place.settings(write=["."])
    _nothing_changes(
        place,
        "ln .bashrc alias 2>/dev/null && echo x > alias && rm alias; echo x > new; ln new .zshrc; mv new .profile; rm -f new;"
        " python3 -c \"import ctypes,os; l=ctypes.CDLL(None); open('o','w').close(); print(l.syscall(316,-100,b'o',-100,b'.bashrc',2)); os.unlink('o')\"; true",
    )


@suite.case()
def odd_spellings_are_the_same_names(place):
    (place.project / "sub").mkdir()
    place.settings(write=["."])
    _nothing_changes(
        place,
        "echo x > ./sub/../.bashrc; echo x > sub/./../.bashrc; echo x > $PWD//.bashrc; echo x > /proc/self/cwd/.bashrc;"
        " echo x > /proc/$$/cwd/.bashrc; echo x > /proc/self/root$PWD/.bashrc; cd sub; echo x > ../.bashrc; exec 7<..; echo x > /dev/fd/7/.bashrc;"
        " ln -s ../.bashrc l; echo x > l; rm -f l; true",
    )


@suite.case()
def git_init_plants_no_hook(place):
    place.needs("git")
    place.settings(write=["."])
    outcome = place.sh(
        "git init -q . && git init -q deep/er; GIT_TEMPLATE_DIR=/usr/share/git-core/templates git init -q third; true"
    )
    for hooks in place.project.rglob("hooks"):
        place.equal(os.listdir(hooks), [], f"{hooks}: {outcome}")


@suite.case()
def git_config_can_be_opened_and_hooks_stay_closed(place):
    place.needs("git")
    _host(place, "git init -q .")
    place.settings(write=["."], allowGitConfig=True)
    outcome = place.sh(
        "git config core.hooksPath hooks && git config alias.x '!sh'; mkdir -p .git/hooks; echo x > .git/hooks/pre-commit; true"
    )
    config = (place.project / ".git/config").read_text()
    place.check("hooksPath" in config and "!sh" in config, f"{config} {outcome}")
    place.check(not (place.project / ".git/hooks/pre-commit").exists(), outcome)


@suite.case()
def a_protected_name_in_allow_write_stays_protected(place):
    """Only {"path": …, "literal": true} opens one, and only itself."""
    place.needs("git")
    _host(place, "git init -q .; mkdir -p .vscode .claude/commands .git/hooks; echo '{}' > .mcp.json")
    kept = [".bashrc", ".vscode/s", ".claude/commands/c", ".git/hooks/h", ".git/info/attributes"]
    for name in kept:
        (place.project / name).parent.mkdir(exist_ok=True)
        (place.project / name).write_text("kept\n")
    for entry in (".bashrc", ".vscode", ".claude", ".git", ".git/hooks", ".mcp.json", ".*", "*", "**/.bashrc", ".vscode/**"):
        place.settings(write=[entry])
        names = " ".join([*kept, ".git/config", ".mcp.json"])
        _nothing_changes(
            place,
            f"for f in {names}; do echo x >> $f; rm -f $f; mv $f $f-moved; echo x > $(dirname $f)/.zshrc; done 2>/dev/null; true",
        )
    place.settings(write=[".", {"path": ".vscode", "literal": True}])
    outcome = place.sh(f"for f in {' '.join(kept)}; do echo x > $f; done; true")
    changed = [name for name in kept if (place.project / name).read_text() != "kept\n"]
    place.equal(changed, [".vscode/s"], str(outcome))


@suite.case()
def a_folder_does_not_become_a_bare_repository(place):
    place.needs("git")
    place.settings(write=["."])
    outcome = place.sh(
        "mkdir -p objects refs; echo 'ref: refs/heads/main' > HEAD; printf '[core]\\n\\tbare=true\\n\\tfsmonitor=/x\\n' > config; ls"
    )
    names = set(place.names())
    place.check(not {"HEAD", "config", "objects", "refs"} <= names, f"{names}: {outcome}")


@suite.case()
def a_git_file_cannot_lead_elsewhere(place):
    place.needs("git")
    (place.notes / "evil").mkdir()
    _host(place, "mkdir sub")
    place.settings(write=["."])
    outcome = place.sh("echo 'gitdir: ../data' > sub/.git; true")
    target = place.project / "sub/.git"
    place.check(not target.exists() or "data" not in target.read_text(), outcome)


@suite.case()
def the_settings_in_force_cannot_be_written(place):
    file = place.settings(
        {"filesystem": filesystem(write=["."])}, file=place.project / "rules.json"
    )
    before = file.read_text()
    for name in ("rules.json", "sub/rules.json"):
        outcome = place.sh(
            "echo '{}' > rules.json; rm -f rules.json; mv rules.json x; ln -f rules.json y; true",
            "-s",
            file,
        )
        place.equal(file.exists() and file.read_text(), before, f"{name}: {outcome}")


@suite.case()
def a_denied_name_that_is_absent_is_not_made(place):
    place.settings(write=["."], deny_write=[".env", "conf/secret"])
    outcome = place.sh(
        "echo x > .env; mkdir .env; ln -s / .env; mkdir conf; echo x > conf/secret; echo x > n; mv n .env; true"
    )
    place.equal(place.names(), ["conf", "n"], str(outcome))


@suite.case()
def names_inside_trees_of_this_run_are_free(place):
    """A clone or an npm package may bring editor files along."""
    place.settings(write=["."])
    outcome = place.sh(
        "mkdir -p node_modules/p/.vscode new/.idea && echo x > node_modules/p/.vscode/settings.json && echo x > new/.mcp.json && echo all"
    )
    place.equal(outcome.out, "all\n", str(outcome))


@suite.case()
def nothing_appears_while_it_runs(place):
    """No placeholder, not for a moment: looked at while it runs and after a kill."""
    place.settings(write=["."], deny_write=["absent", "a/b/c"])
    process = place.started_and_ready("echo ready; sleep 1000")
    place.equal(place.names(), [], "names while it runs")
    process.kill()
    process.wait()
    place.check(place.all_ended(), "something still runs")
    place.equal(place.names(), [], "names after the kill")


# Our own processes


def _ours(place, name: str) -> list[int]:
    """Processes of this sandbox by the name of their program, anywhere below us."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                comm = pathlib.Path(f"/proc/{entry}/comm").read_text().strip()
                parents = _ancestors(int(entry))
            except OSError:
                continue
            if name in comm and os.getpid() in parents:
                found.append(int(entry))
    return found


def _ancestors(pid: int) -> set[int]:
    seen = set()
    while pid > 1:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        pid = int(stat[stat.rindex(")") + 2 :].split()[1])
        seen.add(pid)
    return seen


def _kill_and_see(place, name: str, *, also_srt: bool) -> None:
    place.settings({"network": network("a.test"), "filesystem": filesystem(write=["."])})
    place.swept_by_the_next = name == "srt-init"
    process = place.started_and_ready("echo ready; sleep 1000")
    victims = _ours(place, name)
    place.check(victims, f"no process {name}")
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    if not also_srt:
        # The command may go on without it, or end: but nothing is allowed that was not before.
        process.terminate()
    else:
        process.kill()
    process.wait(5)
    place.check(place.all_ended(), f"something still runs after {name} was killed")
    place.equal(place.names(), [], "names in the project")


for _name in ("srt-monitor", "srt-broker", "srt-init"):
    for _also in (False, True):

        def _body(place, name=_name, also=_also):
            _kill_and_see(place, name, also_srt=also)

        suite.case(
            name=f"killed_{_name.replace('-', '_')}{'_and_srt' if _also else ''}_leaves_nothing"
        )(_body)


@suite.case()
def without_its_broker_nothing_is_written(place):
    place.settings(write=["."])
    process = place.started_and_ready(
        "echo ready; read x; echo y > .bashrc; mkdir .vscode; echo y > .envrc; echo end",
        stdin=subprocess.PIPE,
    )
    for pid in _ours(place, "srt-broker"):
        os.kill(pid, signal.SIGKILL)
    try:
        process.communicate(b"go\n", timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
    place.equal(place.names(), [], "names in the project")


@suite.case()
def our_processes_are_out_of_reach(place):
    place.settings({"network": network("a.test"), "filesystem": filesystem(write=["."])})
    process = place.started_and_ready(
        "echo ready; read x; kill -9 -1; pkill -9 srt; exit 0", stdin=subprocess.PIPE
    )
    ours = _ours(place, "srt-monitor") + _ours(place, "srt-broker")
    place.check(ours, "neither monitor nor broker")
    seen = place.sh(" ".join(f"ls -d /proc/{pid};" for pid in ours) + "true")
    place.equal(seen.out, "", str(seen))
    process.stdin.write(b"go\n")
    process.stdin.flush()
    process.wait(5)


# Sockets that are keys to the host


@suite.case()
def an_agent_for_ssh_keys_is_reached_where_it_is_listed(place):
    place.needs("ssh-agent", "ssh-add")
    agent = place.notes / "agent"
    server = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.DEVNULL)
    try:
        from containers.host import wait_until

        place.check(wait_until(agent.exists, 5), "no agent")
        env = {"SSH_AUTH_SOCK": str(agent)}
        place.equal(place.srt("ssh-add", "-l", env=env).status, 2, "not listed: cannot connect")
        place.settings({"network": network(allowUnixSockets=[str(agent)])})
        listed = place.srt("ssh-add", "-l", env=env)
        place.check(listed.status == 1 and "no identities" in listed.out, listed)
    finally:
        server.kill()
        server.wait()


# A build at work, with the broker in between


@suite.case()
def a_hook_that_was_there_runs_and_stays(place):
    place.needs("git")
    _host(
        place,
        "git init -q -b main . && printf '#!/bin/sh\\necho ran > hook-ran\\n' > .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit",
    )
    place.settings(write=["."])
    outcome = place.sh("echo 1 > f && git add f && git commit -qm one", env=_HOST_ENV)
    place.check(outcome.ok and (place.project / "hook-ran").exists(), outcome)


@suite.case()
def many_git_commands_in_a_row_work(place):
    place.needs("git")
    _host(
        place,
        "git init -q -b main o && cd o && for i in 1 2 3; do echo $i > f$i; git add .; git commit -qm $i; done",
        cwd=place.notes,
    )
    place.settings(write=["."])
    place.says(
        "git clone -q ../notes/o c && cd c && git checkout -q -b t && echo 4 > f4 && git add . && git commit -qm 4 && git stash -q -u || true;"
        " git remote set-url origin ../../notes/o; git remote rename origin up; git fetch -q up; git branch -u up/main; git rebase -q up/main && git log --format=%s | wc -l"
        " && git cherry-pick --no-commit HEAD~1 2>/dev/null; git reset -q --hard && git revert --no-edit HEAD >/dev/null && git tag -a -m x v1 && git bisect start HEAD HEAD~2 >/dev/null"
        " && git bisect reset 2>/dev/null && git fsck && git gc -q && git status --short",
        env=_HOST_ENV,
    )
