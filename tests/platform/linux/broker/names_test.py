"""Protected names: by whatever way they are written, made, replaced, linked or moved."""

import unittest

from sandbox import Sandbox

EPERM = "Operation not permitted"


class Absent(unittest.TestCase):
    """A protected name that is not there is not made, by any call, and nothing stands in for it."""

    def refused(self, script, sandbox=None):
        with sandbox or Sandbox() as s:
            result = s.sh(script)
            self.assertIn(EPERM, result.stderr, script)
            self.assertTrue(s.violations(), script)
            return s.names()

    def test_no_call_makes_one(self):
        for script in (
                "echo x > .bashrc", "echo x >> .bashrc", "cp /etc/hostname .bashrc",
                "echo x > a; mv a .bashrc", "echo x > a; ln a .bashrc", "ln -s a .bashrc",
                "mkdir .bashrc", "mkfifo .bashrc", "mkdir d; echo x > d/.bashrc",
                "mkdir -p d/e/f; cd d/e/f; echo x > .zshenv",
                "echo x > .//./.bashrc", "mkdir d; echo x > d/../.bashrc",
                "ln -s .bashrc l; echo x > l", "ln -s $PWD/.bashrc l; echo x > l",
                "mkdir d; ln -s ../.bashrc d/l; echo x > d/l",
                "python3 -c 'import os; os.open(\".profile\", os.O_CREAT)'",
                "python3 -c 'import os; os.mknod(\".profile\")'",
                "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\".profile\")'",
                "echo x > .BashRC", "python3 -c 'open(\".ba\\u200cshrc\", \"w\")'",
                "echo x > .gitconfig", "mkdir .vscode", "mkdir .idea", "mkdir .husky",
                "echo x > .mcp.json", "echo x > .envrc", "echo x > .ripgreprc",
                "mkdir .claude && echo x > .claude/settings.json",
                "mkdir .claude && echo x > .claude/settings.local.json",
                "mkdir .claude && mkdir .claude/commands",
                "mkdir .cursor && echo x > .cursor/mcp.json",
        ):
            with self.subTest(script):
                names = self.refused(script)
                for name in (".bashrc", ".zshenv", ".profile", ".vscode", ".idea", ".husky"):
                    self.assertFalse([n for n in names if n.split("/")[-1] == name], script)

    def test_unnamed_files_get_no_protected_name(self):
        script = """python3 -c '
import ctypes, os
fd = os.open(".", os.O_TMPFILE | os.O_RDWR)
os.write(fd, b"evil")
def link(name):
    if ctypes.CDLL(None, use_errno=True).linkat(-100, b"/proc/self/fd/%d" % fd, -100, name, 0x400):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
link(b"good")
link(b".bashrc")'"""
        with Sandbox() as s:
            self.assertIn(EPERM, s.sh(script).stderr)
            self.assertEqual(["good"], s.names())

    def test_a_folder_does_not_bring_them_along(self):
        for script in (
                "mkdir -p x/hooks; echo e > x/hooks/pre-commit; mv x .git",
                "mkdir x; echo e > x/config; mv x .git",
                "mkdir -p x/commands; mv x .claude",
                "mkdir x .claude; echo e > x/settings.json; "
                "python3 -c 'import ctypes; import os; l = ctypes.CDLL(None, use_errno=True); "
                "r = l.renameat2(-100, b\"x\", -100, b\".claude\", 2); "
                "raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())) if r else 0'",
                "mkdir -p x/commands; ln -s x .claude",
                "mkdir x; ln -s x .git",
                "mkdir -p .git x/attributes; mv x .git/info",
                "mkdir -p .git/modules x/y; mv x .git/modules/x",
        ):
            with self.subTest(script):
                self.refused(script)

    def test_a_directory_does_not_become_a_bare_repository(self):
        parts = {"HEAD": "echo ref: refs/heads/x > HEAD", "config": "echo > config",
                 "objects": "mkdir objects", "refs": "mkdir refs"}
        for last in parts:
            with self.subTest(last), Sandbox() as s:
                others = "; ".join(command for name, command in parts.items() if name != last)
                result = s.sh(f"mkdir b; cd b; {others}; {parts[last]}")
                self.assertIn(EPERM, result.stderr)
                self.assertNotIn("b/" + last, s.names())

    def test_hooks_of_a_bare_repository_without_config(self):
        self.refused("mkdir b; cd b; echo ref: refs/heads/x > HEAD; mkdir objects refs; mkdir hooks")
        self.refused("mkdir -p b/evil; cd b; echo ../evil > commondir; echo ref: refs/heads/x > HEAD")

    def test_other_names_are_free(self):
        with Sandbox() as s:
            result = s.sh("set -e; echo a > bashrc; mkdir hooks config .config; mv config c2; "
                          "mkdir -p node_modules/x/.vscode; ln -s bashrc l; echo b >> l; "
                          "ln bashrc h; rm h; mkfifo p; mkdir -p d/.vscode; echo {} > d/.vscode/s.json; "
                          "echo {} > d/.vscode/s.json; rm -r d .config; truncate -s 0 bashrc")
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            self.assertEqual([], s.violations())

    def test_the_kernels_own_errors_stay(self):
        with Sandbox() as s:
            (s.root / ".bashrc").write_text("mine")
            (s.root / ".git").mkdir()
            result = s.sh("mkdir .bashrc; rm .profile; mkdir .git; rmdir nothing; echo > no/such; "
                          "mkdir a; ln -s a b; mkdir b; rm a; rmdir a/.; mv a/.. c; mv . d")
            for text in ("mkdir: cannot create directory '.bashrc': File exists",
                         "rm: cannot remove '.profile': No such file or directory",
                         "mkdir: cannot create directory '.git': File exists",
                         "rmdir: failed to remove 'nothing': No such file or directory",
                         "no/such: No such file or directory",
                         "mkdir: cannot create directory 'b': File exists",
                         "rm: cannot remove 'a': Is a directory",
                         "rmdir: failed to remove 'a/.': Invalid argument"):
                self.assertIn(text, result.stderr)
            self.assertEqual([], s.violations())


class Existing(unittest.TestCase):
    """One that is there stays as it is."""

    SETUP = {".bashrc": "mine", "repo/.git/hooks/pre-commit": "mine", "repo/.git/config": "[core]\n",
             ".claude/settings.json": "{}", "deep/er/.vscode/tasks.json": "{}"}

    def check(self, script, violations=True):
        with Sandbox() as s:
            for name, text in self.SETUP.items():
                (s.root / name).parent.mkdir(parents=True, exist_ok=True)
                (s.root / name).write_text(text)
            result = s.sh(script)
            for name, text in self.SETUP.items():
                self.assertEqual(text, (s.root / name).read_text(), f"{script}: {result.stderr}")
            if violations:
                self.assertTrue(s.violations(), script)

    def test_it_is_not_changed(self):
        for script in (
                "echo x > .bashrc", "echo x >> .bashrc", "truncate -s 0 .bashrc", "rm .bashrc",
                "mv .bashrc b; echo > .bashrc", "echo e > e; mv e .bashrc", "ln .bashrc b; echo > b",
                "exec 9<.bashrc; echo x > /proc/self/fd/9", "exec 9<.bashrc; echo x > /dev/fd/9",
                "ln -s .bashrc l; echo x > l", "cat /proc/self/root$PWD/.bashrc; echo x > /proc/self/root$PWD/.bashrc",
                "echo x > /proc/self/cwd/.bashrc", "echo x > /proc/$$/cwd/.bashrc",
                "sed -i s/mine/evil/ .bashrc", "rm -rf repo", "rm repo/.git/config",
                "mv repo/.git repo/g", "mv repo/.git/hooks h", "echo > repo/.git/hooks/pre-commit",
                "echo > repo/.git/hooks/pre-push", "mkdir x; mv x/ repo/.git/hooks",
                "mv .claude c", "rm -r .claude", "rm -r deep", "echo > deep/er/.vscode/tasks.json",
                "echo x > deep/er/.vscode/new.json", "mv deep/er/.vscode .",
                "cd repo/.git && echo > config", "echo '[core]' >> repo/.git/config",
                "python3 -c 'import os; os.truncate(\".bashrc\", 0)'",
                "python3 -c 'import os; os.open(\".bashrc\", os.O_RDONLY | os.O_TRUNC)'",
                "python3 -c 'import os; os.open(\".bashrc\", os.O_RDWR)'",
        ):
            with self.subTest(script):
                self.check(script)

    def test_a_package_brings_its_editor_files_and_goes_with_them(self):
        """npm removes and replaces packages; what it installed before this run is not changed in its place."""
        changes = ("echo x > {}", "echo x >> {}", "truncate -s 0 {}", "echo x > e; mv e {}", "ln {} l; echo x > l",
                   "chmod +x {}", "echo x > $(dirname {})/new.json", "mkdir $(dirname {})/new",
                   "exec 9<{}; echo x > /proc/self/fd/9", "ln -s $(dirname {}) l; echo x > l/tasks.json")
        for change in changes:
            with self.subTest(change), Sandbox() as s:
                tasks = s.root / "node_modules/p/.vscode/tasks.json"
                tasks.parent.mkdir(parents=True)
                tasks.write_text("{}")
                result = s.sh(change.format("node_modules/p/.vscode/tasks.json"))
                self.assertIn(EPERM, result.stderr)
                names = [path.name for path in tasks.parent.iterdir()]
                self.assertEqual(("{}", ["tasks.json"], 0o644),
                                 (tasks.read_text(), names, tasks.stat().st_mode & 0o777))
        with Sandbox() as s:
            for package in ("p", "q"):
                (s.root / "node_modules" / package / ".vscode").mkdir(parents=True)
                (s.root / "node_modules" / package / ".vscode/tasks.json").write_text("{}")
            result = s.sh("cd node_modules; mv p .p-x; mkdir -p p/.vscode; echo x > p/.vscode/tasks.json; "
                          "rm -r .p-x q; mkdir -p r; echo x > r/.envrc; echo y > r/.envrc")
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            self.assertEqual("x\n", (s.root / "node_modules/p/.vscode/tasks.json").read_text())

    def test_ordinary_parents_may_move(self):
        with Sandbox() as s:
            (s.root / "a/.git/hooks").mkdir(parents=True)
            result = s.sh("mv a b && mkdir c && mv b c/d")
            self.assertEqual("", result.stderr)
            self.assertIn("c/d/.git/hooks", s.names())

    def test_a_symlink_in_a_protected_place_stays(self):
        with Sandbox() as s:
            (s.root / "elsewhere").mkdir()
            (s.root / ".claude").symlink_to("elsewhere")
            s.sh("rm .claude; mv .claude c; ln -sfn evil .claude")
            self.assertEqual("elsewhere", str((s.root / ".claude").readlink()))

    def test_what_is_written_through_such_a_symlink(self):
        with Sandbox() as s:
            (s.root / "dotfiles/claude").mkdir(parents=True)
            (s.root / ".claude").symlink_to("dotfiles/claude")
            (s.root / "dotfiles/git/hooks").mkdir(parents=True)
            (s.root / ".git").symlink_to("dotfiles/git")
            s.sh("mkdir .claude/commands; mkdir dotfiles/claude/agents; echo > .git/hooks/x; "
                 "printf '[alias]\\nx = !y\\n' > dotfiles/git/config; cat dotfiles/git/config; sleep 0.1; "
                 "echo > dotfiles/claude/free")
            self.assertEqual([".claude", ".git", "dotfiles", "dotfiles/claude", "dotfiles/claude/free",
                              "dotfiles/git", "dotfiles/git/hooks"], s.names())

    def test_what_was_made_here_can_be_removed(self):
        with Sandbox() as s:
            result = s.sh("git init -q r && mkdir -p r/.vscode && echo > r/.vscode/x && rm -rf r")
            self.assertEqual((0, ""), (result.returncode, result.stderr))
            self.assertEqual([], s.names())


class Denied(unittest.TestCase):
    def test_globs_cover_what_appears_later(self):
        with Sandbox() as s:
            s.rules["denied"] = [f"{s.root}/**/*.env", f"{s.root}/conf/[ab]?"]
            result = s.sh("echo > x.env; mkdir -p d/e; echo > d/e/y.env; mkdir conf; echo > conf/a1; "
                          "echo > conf/c1; echo > z; mv z d/z.env; mv conf k; ln -s d conf2")
            self.assertEqual(["conf", "conf/c1", "conf2", "d", "d/e", "k", "z"] if False else
                             sorted(["d", "d/e", "conf2", "k", "k/c1", "z"]), s.names(), result.stderr)

    def test_parents_of_the_settings_file_stay(self):
        with Sandbox() as s:
            (s.root / "p").mkdir()
            (s.root / "p/.srt-settings.json").write_text("{}")
            s.rules["settingsFiles"] = [f"{s.root}/p/.srt-settings.json"]
            s.sh("echo > p/.srt-settings.json; mv p q; rm p/.srt-settings.json")
            self.assertEqual("{}", (s.root / "p/.srt-settings.json").read_text())

    def test_a_literal_entry_opens_a_protected_path(self):
        with Sandbox() as s:
            (s.root / ".vscode").mkdir()
            s.rules["opened"] = [f"{s.root}/.vscode"]
            result = s.sh("echo > .vscode/settings.json; echo > .bashrc")
            self.assertIn(".vscode/settings.json", s.names())
            self.assertNotIn(".bashrc", s.names(), result.stderr)
