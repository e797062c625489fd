"""Real git under the broker."""

import unittest

from sandbox import Sandbox

EPERM = "Operation not permitted"


class Works(unittest.TestCase):
    def ok(self, s, script):
        result = s.sh("set -ex; " + script)
        self.assertEqual(0, result.returncode, result.stderr + str(s.violations()))
        return result

    def upstream(self, s, modules=False):
        folder = s.outside / "up"
        s.outside_git("init", "-q", str(folder))
        (folder / "f").write_text("f")
        s.outside_git("add", "f", cwd=folder)
        s.outside_git("commit", "-qm", "1", cwd=folder)
        return folder

    def test_init_commit_branch(self):
        with Sandbox() as s:
            self.ok(s, "git init -q r; cd r; echo a > a; git add a; git commit -qm 1; "
                       "git checkout -qb b; git config user.name x; git config branch.b.remote .; "
                       "git branch c; git branch -m c d; git branch -D d; git tag t; git stash list; "
                       "echo b > a; git commit -qam 2; git merge -q master; git gc -q; git status")
            self.assertEqual([], s.violations())

    def test_in_an_existing_repository(self):
        with Sandbox() as s:
            s.outside_git("init", "-q", "r")
            s.outside_git("config", "alias.x", "!evil", cwd=s.root / "r")
            s.outside_git("config", "core.hooksPath", "/mine", cwd=s.root / "r")
            self.ok(s, "cd r; echo a > a; git add a; git commit -qm 1; git checkout -qb b; "
                       "git remote add o https://example.org/x; git branch -q --unset-upstream || true")
            config = (s.root / "r/.git/config").read_text()
            self.assertIn("example.org", config)
            self.assertIn("!evil", config)

    def test_clone_and_submodule(self):
        with Sandbox() as s:
            up = self.upstream(s)
            self.ok(s, f"git clone -q {up} c; cd c; git -c protocol.file.allow=always submodule --quiet "
                       f"add {up} sub; git commit -qm sub; cat sub/.git .gitmodules; cd ..; "
                       f"git -c protocol.file.allow=always clone -q --recurse-submodules c c2; "
                       f"cat c2/sub/f; cd c2; git submodule status; git submodule --quiet deinit -f sub")
            self.assertEqual([], [v for v in s.violations()])

    def test_worktree(self):
        with Sandbox() as s:
            self.ok(s, "git init -q r; cd r; echo a > a; git add a; git commit -qm 1; "
                       "git worktree add -q ../w2; cd ../w2; git status; echo b > a; git commit -qam 2; "
                       "cd ../r; git worktree list; git worktree remove ../w2; git worktree prune")
            self.assertEqual([], s.violations())

    def test_a_settled_file_is_whole_for_every_reader(self):
        with Sandbox() as s:
            script = ("git init -q r; cd r; git commit -q --allow-empty -m 1; for i in $(seq 40); do "
                      "git worktree add -q ../w$i; grep -q gitdir: ../w$i/.git; "
                      "grep -qx ../.. .git/worktrees/w$i/commondir; done")
            self.ok(s, script)


class Refused(unittest.TestCase):
    def refused(self, script, setup=None):
        with Sandbox() as s:
            s.outside_git("init", "-q", "r")
            before = (s.root / "r/.git/config").read_text()
            result = s.sh("cd r; " + script)
            self.assertTrue(s.violations(), result.stderr)
            self.assertEqual(before, (s.root / "r/.git/config").read_text(), script)
            return s.names()

    def test_configuration_that_runs_code(self):
        for script in (
                "git config core.hooksPath x", "git config core.fsmonitor x",
                "git config core.sshCommand x", "git config alias.st '!x'",
                "git config include.path ../x", "git config includeIf.gitdir:/.path x",
                "git config filter.x.clean x", "git config core.pager x", "git config diff.x.textconv x",
                "git config credential.helper x", "git config core.worktree /", "git config gpg.program x",
                "git config remote.o.url 'ext::sh -c x'", "git config remote.o.url foo://x",
                "git config remote.o.url -- -x", "git config branch.b.remote ext::x", "git config remote.o.uploadpack x",
                "git config url.x.insteadOf y", "git config submodule.s.update '!x'",
                "printf '[core]\\n\\thooksPath = x\\n' > l; mv l .git/config",
                "printf '[core] hooksPath = x\\n' > l; mv l .git/config",
                "printf '[core]\\n\\tfilemode = true\\\\\\n[core]\\n\\thooksPath = x\\n' > l; mv l .git/config",
                "printf '[core]\\r\\n\\thooksPath = x\\r\\n' > l; mv l .git/config",
                "printf '\\357\\273\\277[core]\\nhookspath = x\\n' > l; mv l .git/config",
                "cp -f /dev/null .git/config", "rm .git/config", "ln -sf /x .git/config",
        ):
            with self.subTest(script):
                self.refused(script)

    def test_hooks(self):
        names = self.refused("mkdir -p .git/hooks; echo x > .git/hooks/pre-commit; "
                             "git init -q --template=/usr/share/git-core/templates ../t")
        self.assertFalse([n for n in names if "hooks" in n])

    def test_an_exchange(self):
        names = self.refused("""python3 -c '
import ctypes
open("x", "w").write("[user]\\n\\tname = x\\n")
assert ctypes.CDLL(None).renameat2(-100, b"x", -100, b".git/config", 2) == -1'""")
        self.assertIn("r/x", names)

    def test_a_lock_file_that_stays_open(self):
        with Sandbox() as s:
            result = s.sh("""git init -q r; cd r; python3 -c '
import os
good = open(".git/config").read()
f = open(".git/config.lock", "w"); f.write(good); f.flush()
os.rename(".git/config.lock", ".git/config")
f.write("[core]\\n hooksPath = evil\\n"); f.flush()
assert open(".git/config").read() == good
try: open(f"/proc/self/fd/{f.fileno()}", "a").write("[core]\\n hooksPath = evil\\n")
except PermissionError: pass
assert open(".git/config").read() == good
'""")
            self.assertEqual("", result.stderr)

    def test_a_dot_git_file_that_leads_elsewhere(self):
        for target in ("../evil", "/tmp/evil", "evil", "../r/.git/../../evil", "\\n"):
            with self.subTest(target), Sandbox() as s:
                (s.root / "evil").mkdir()
                s.sh(f"mkdir d; printf 'gitdir: {target}' > d/.git; cat d/.git; sleep 0.1")
                self.assertNotIn("d/.git", s.names())
                self.assertTrue(s.violations())

    def test_a_dot_git_file_written_again_later(self):
        with Sandbox() as s:
            s.sh("""git init -q r; mkdir d; python3 -c '
import os, time
f = os.open("d/.git", os.O_CREAT | os.O_WRONLY)
os.write(f, b"gitdir: ../r/.git\\n")
print(open("d/.git").read())
os.pwrite(f, b"gitdir: ../evil\\n", 0)
os.close(f); time.sleep(0.2)
'; cat d/.git""")
            text = (s.root / "d/.git").read_text() if (s.root / "d/.git").exists() else ""
            self.assertNotIn("evil", text)

    def test_gitmodules(self):
        for text in ("[submodule \"x\"]\\n\\tpath = x\\n\\turl = ext::sh\\n",
                     "[submodule \"x\"]\\n\\tupdate = !sh\\n",
                     "[submodule \"../x\"]\\n\\tpath = x\\n", "[core]\\n\\thooksPath = x\\n"):
            with self.subTest(text), Sandbox() as s:
                s.sh(f"printf '{text}' > .gitmodules; cat .gitmodules; sleep 0.1")
                self.assertNotIn(".gitmodules", s.names())
                self.assertTrue(s.violations())
