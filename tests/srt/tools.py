"""Real programs at work inside."""

import os
import subprocess

from suite import suite

_IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@a.test",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@a.test",
}


def _repository(place) -> None:
    """An origin outside of the project, made on the host."""
    script = (
        "git init -q -b main origin && cd origin && echo 1 > f && git add f && git commit -qm first"
    )
    subprocess.run(
        ["bash", "-c", script],
        cwd=place.notes,
        env=place.environment(_IDENTITY),
        check=True,
        timeout=20,
    )


def _host_git(place, *words, cwd=None) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=cwd or place.project,
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    place.check(done.returncode == 0, done.stderr)
    return done.stdout.strip()


@suite.case()
def git_init_add_and_commit_work(place):
    place.needs("git")
    place.settings(write=["."])
    place.says(
        "git init -q -b main . && echo 1 > f && git add f && git commit -qm one && git branch two && git checkout -q two",
        env=_IDENTITY,
    )
    place.equal(_host_git(place, "log", "--format=%s"), "one", "log")
    place.check(
        not (place.project / ".git/hooks").exists() or not os.listdir(place.project / ".git/hooks"),
        "hooks were made",
    )


@suite.case()
def git_clone_works(place):
    place.needs("git")
    _repository(place)
    place.settings(write=["."])
    place.says(
        "git clone -q ../notes/origin copy && cd copy && git log --format=%s && git status --short"
    )
    place.equal(_host_git(place, "log", "--format=%s", cwd=place.project / "copy"), "first", "log")


@suite.case()
def git_worktree_and_rebase_work(place):
    place.needs("git")
    place.settings(write=["."])
    place.says(
        "git init -q -b main r && cd r && echo 1 > f && git add f && git commit -qm one && git worktree add -q ../w -b two"
        " && cd ../w && echo 2 > g && git add g && git commit -qm two && git tag v1 && git stash list && cd ../r && git merge -q two && git gc -q",
        env=_IDENTITY,
    )
    place.equal(_host_git(place, "log", "--format=%s", cwd=place.project / "r"), "two\none", "log")


@suite.case()
def git_submodule_works(place):
    place.needs("git")
    _repository(place)
    place.settings(write=["."])
    outcome = place.sh(
        "git init -q -b main r && cd r && git -c protocol.file.allow=always submodule --quiet add ../../notes/origin sub"
        " && git commit -qm sub && cat sub/f",
        env=_IDENTITY,
    )
    place.equal(outcome.out.strip()[-1:], "1", str(outcome))


@suite.case()
def git_works_in_a_repository_that_was_there(place):
    place.needs("git")
    _repository(place)
    _host_git(place, "clone", "-q", str(place.notes / "origin"), "copy")
    place.settings(write=["."])
    outcome = place.sh(
        "cd copy && echo 2 > f && git commit -qam two && git checkout -q -b other && git log --format=%s | head -1",
        env=_IDENTITY,
    )
    place.equal(outcome.out.strip(), "two", str(outcome))


@suite.case()
def the_hooks_of_a_repository_are_not_changed(place):
    place.needs("git")
    _repository(place)
    _host_git(place, "clone", "-q", str(place.notes / "origin"), "copy")
    hooks = place.project / "copy/.git/hooks"
    before = sorted(os.listdir(hooks))
    config = (place.project / "copy/.git/config").read_text()
    place.settings(write=["."])
    outcome = place.sh(
        "cd copy; echo x > .git/hooks/pre-commit; mv .git/hooks .git/h; git config core.hooksPath /tmp; echo x >> .git/config; true"
    )
    place.equal(sorted(os.listdir(hooks)) if hooks.exists() else None, before, str(outcome))
    place.equal((place.project / "copy/.git/config").read_text(), config, str(outcome))


@suite.case()
def a_git_config_of_harmless_keys_can_be_written(place):
    place.needs("git")
    place.settings(write=["."])
    outcome = place.sh(
        "git init -q . && git config user.name Me && git config user.name; git config core.hooksPath /x; git config core.hooksPath"
    )
    place.equal(outcome.out, "Me\n", str(outcome))


@suite.case()
def make_and_a_compiler_work(place):
    place.needs("make", "gcc")
    (place.project / "Makefile").write_text("p: p.c\n\tgcc -o $@ $<\nrun: p\n\t./p\n")
    (place.project / "p.c").write_text('#include <stdio.h>\nint main(){puts("built");}\n')
    place.settings(write=["."])
    outcome = place.sh("make -s -j2 run")
    place.equal(outcome.out, "built\n", str(outcome))


@suite.case()
def python_works(place):
    place.settings(write=["."])
    outcome = place.sh(
        "python3 -m venv --without-pip v && v/bin/python -c 'import sys,ssl; print(sys.prefix != sys.base_prefix)'"
    )
    place.equal(outcome.out.strip(), "True", str(outcome))


@suite.case()
def npm_works(place):
    place.needs("npm", "node")
    (place.project / "package.json").write_text(
        '{"name":"a","version":"1.0.0","scripts":{"test":"node -e \\"console.log(42)\\""},"dependencies":{"b":"file:b"}}'
    )
    (place.project / "b").mkdir()
    (place.project / "b/package.json").write_text('{"name":"b","version":"1.0.0","main":"i.js"}')
    (place.project / "b/i.js").write_text("module.exports=1")
    place.settings(write=[".", "~"])
    outcome = place.sh(
        "npm install --offline --no-audit --no-fund --silent && node -e 'console.log(require(\"b\"))' && npm test --silent"
    )
    place.equal(outcome.out.split(), ["1", "42"], str(outcome))


@suite.case()
def archives_unpack(place):
    place.needs("tar")
    place.settings(write=["."])
    place.says(
        "mkdir t && for i in $(seq 200); do echo $i > t/$i; done && ln -s 1 t/l && tar czf t.tgz t && rm -r t && tar xzf t.tgz && ls t | wc -l"
    )
    place.equal(len(os.listdir(place.project / "t")), 201, "files")


@suite.case()
def what_was_just_written_can_be_run(place):
    """Many at once: whoever opens files for others must be done with each before it is run ("Text file busy")."""
    place.settings(write=["."])
    outcome = place.sh(
        "one() { for i in $(seq 60); do"
        " printf '#!/bin/sh\\n' >script$1; chmod +x script$1; ./script$1 || echo script; rm script$1;"
        " cp /bin/true program$1; ./program$1 || echo program; rm program$1; done; };"
        " for k in 1 2 3 4 5 6; do one $k & done; wait"
    )
    place.equal((outcome.ok, outcome.out, outcome.err), (True, "", ""), str(outcome))
