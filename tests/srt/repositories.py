"""What git runs outside, afterwards: none of what the command wrote inside."""

import os
import subprocess

from suite import suite

# Everything that git takes for a program to run, said in every place where git looks, in every way to put
# it there. `touch CANARY` is the program.
_ATTEMPTS = r"""
e='touch CANARY'
configs=("[core]\n\tfsmonitor = \"$e\"\n" "[core]\r\n\tfsmonitor = $e\r\n" "[core] fsmonitor = $e\n" "[CoRe]FsMonitor=$e"
  "\xef\xbb\xbf[core]\nfsmonitor=$e\n" "[core]\nbare=false \\\\\n fsmonitor=$e\n" "[branch \"a\\\\\"]\n[core]\"]\nfsmonitor=$e\n"
  "[include]\n\tpath = ../evil.config\n" "[includeIf \"gitdir:/\"]\n\tpath = ../evil.config\n" "[core]\n\thooksPath = ../evil.hooks\n"
  "[diff]\n\texternal = $e\n" "[filter \"x\"]\n\tclean = $e\n\tsmudge = $e\n\tprocess = $e\n" "[diff \"x\"]\n\ttextconv = $e\n"
  "[remote \"origin\"]\n\turl = ext::sh -c '$e'\n\tuploadpack = $e\n" "[url \"ext::sh -c '$e' \"]\n\tinsteadOf = /\n" "[core]\n\tworktree = ../..\n")
git init -q new; git init -q --bare newbare
for r in . new repo; do
  g=$r/.git
  for text in "${configs[@]}"; do
    printf "$text" > $g/config; printf "$text" > $g/config.lock; mv $g/config.lock $g/config; mv --exchange $g/config.lock $g/config
    ln -f $g/config.lock $g/config; rm -f $g/config.lock; printf "$text" > $g/config.worktree
  done
  git -C $r config core.fsmonitor "$e"; git -C $r config core.hooksPath ../evil.hooks; git -C $r config include.path ../evil.config
  echo '* filter=x diff=x' > $r/.gitattributes; mkdir -p $g/info $g/hooks; echo '* filter=x' > $g/info/attributes
  echo ../evil.git > $g/commondir
  for h in evil.hooks/*; do cp $h $g/hooks/; ln -s $PWD/$h $g/hooks/; mv $h $g/hooks/; done
  rm -rf $g/hooks; ln -s ../evil.hooks $g/hooks; mv evil.hooks $g/hooks; mv $g g; mv $g/hooks h; cp -r evil.hooks $g/hooks
done
head='ref: refs/heads/main'
for order in 'head objects refs config' 'config head refs objects' 'objects config refs head' 'refs objects config head'; do
  b=bare.${order// /-}; mkdir $b
  for part in $order; do case $part in
    head) echo $head > $b/h; mv $b/h $b/HEAD;; config) printf "${configs[0]}" > $b/c; mv $b/c $b/config; ln $b/c $b/config; ln -s c $b/config;;
    *) mkdir $b/x.$part; mv $b/x.$part $b/$part;; esac; done
done
mkdir half other; echo $head > half/HEAD; mkdir half/objects half/refs; printf "${configs[0]}" > other/config; mv half/* other/; mv other/config half/; rmdir half; mv other half
mkdir -p evil.git/objects evil.git/refs; echo $head > evil.git/HEAD; printf "${configs[0]}" > evil.git/config
mkdir file linked named; echo 'gitdir: ../evil.git' > file/.git; ln -s ../evil.git linked/.git; echo 'gitdir: ../evil.git' > g; mv g named/.git
git -C new worktree add -q ../tree; for w in new/.git/worktrees/*; do echo ../../evil.git > $w/commondir; printf "${configs[0]}" > $w/config.worktree; done
echo "gitdir: $PWD/evil.git" > tree/.git
printf '[submodule "x"]\n\tpath = x\n\turl = /\n\tupdate = !%s\n' "$e" > .gitmodules
for m in x a/b a/b/c; do mkdir -p .git/modules/$m/{objects,refs,hooks}; echo $head > .git/modules/$m/HEAD; printf "${configs[0]}" > .git/modules/$m/config; done
mkdir objects refs; echo $head > HEAD; printf "${configs[0]}" > config
true
"""


@suite.case()
def git_outside_runs_nothing_that_was_written_inside(place):
    place.needs("git")
    who = {f"GIT_{w}_{k}": v for w in ("AUTHOR", "COMMITTER") for k, v in (("NAME", "A"), ("EMAIL", "a@a.test"))}
    env = place.environment(who)

    def outside(script: str) -> None:
        subprocess.run(["bash", "-c", script], cwd=place.project, env=env, check=True, timeout=60)

    outside(
        "set -e; for r in . repo; do git init -q -b main $r; echo 1 > $r/f; git -C $r add f; git -C $r commit -qm 1; done; mkdir evil.hooks;"
        " for h in pre-commit post-checkout post-index-change reference-transaction; do printf '#!/bin/sh\\ntouch CANARY\\n' > evil.hooks/$h; done;"
        " chmod +x evil.hooks/*; printf '[core]\\n\\tfsmonitor = touch CANARY\\n' > evil.config"
    )
    place.settings(write=["."])
    place.sh("exec 2>/dev/null\n" + _ATTEMPTS, env=who, timeout=60)

    def what_ran(top) -> list[str]:
        ran = []
        for folder, below, _ in os.walk(top):
            below[:] = [name for name in below if name not in (".git", "objects", "refs", "hooks")]
            outside(
                f"cd '{folder}'; for c in status 'diff HEAD' 'add -A .' 'commit -qam x'; do timeout 5 git $c </dev/null >/dev/null 2>&1; done; true"
            )
            canaries = list(place.project.rglob("CANARY"))
            ran += [folder] * bool(canaries)
            for canary in canaries:
                canary.unlink()
        return ran

    place.equal(what_ran(place.project), [], "git ran what was written inside, in")
    # The witness sees: the same words, written by the user.
    outside("printf '[core]\\n\\tfsmonitor = touch CANARY\\n' >> repo/.git/config")
    place.check(what_ran(place.project / "repo"), "the witness is blind")


@suite.case()
def what_a_command_writes_last_is_there_or_is_not(place):
    """A `.gitmodules` is looked at before it counts, also when its writer ends the sandbox."""
    place.settings(write=["."])
    good = '[submodule "a"]\n\tpath = a\n\turl = https://a.test/c\n'
    file = place.project / ".gitmodules"
    (place.notes / "good").write_text(good)
    for _ in range(20):
        place.check(place.sh(f"cat {place.notes}/good > .gitmodules").ok, "the command")
        place.equal(file.read_text() if file.exists() else None, good, "what is left of it")
        file.unlink()
        place.sh("echo x > .gitmodules")
        place.check(not file.exists(), "something that git could not read was left")
