"""A folder, a broker over it, and commands that run under it."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

BIN = pathlib.Path(os.environ["SRT_BIN"])


class Sandbox:
    """`with Sandbox() as s: s.sh("echo > a")`; `s.root` is the write root."""

    def __init__(self, **rules):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="srt-broker-"))
        self.root = self.base / "w"
        self.outside = self.base / "outside"
        for folder in (self.root, self.outside, self.base / "template", self.base / "home"):
            folder.mkdir()
        self.rules = {
            "writeRoots": [str(self.root)], "denied": [], "deniedExact": [], "hidden": [], "settingsFiles": [],
            "opened": [], "aliases": [], "protectNames": True, "allowGitConfig": False,
            "policeSockets": True, "unixSockets": [], "abstractSockets": True}
        self.rules.update(rules)
        self.user = os.getuid()
        self.reads_all = True
        self.violations_file = self.base / "violations"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.base, ignore_errors=True)

    def config(self, threads=2):
        path = self.base / "config.json"
        with tempfile.NamedTemporaryFile("w", dir=self.base, delete=False) as file:
            json.dump({"uid": self.user, "gid": os.getgid(), "groups": [], "threads": threads,
                       "fixedRoot": False, "readsAllProcesses": self.reads_all, "fixedUser": False,
                       "nestedSandboxes": False, "asCaller": False,
                       "rules": self.rules}, file)
        os.replace(file.name, path)  # several may start at once
        return str(path)

    def environment(self):
        env = dict(os.environ, GIT_TEMPLATE_DIR=str(self.base / "template"),
                   HOME=str(self.base / "home"), SRT_BROKER=str(BIN / "srt-broker"),
                   GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.org",
                   GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@example.org", LC_ALL="C")
        return env

    def command(self, *argv, threads=2):
        words = [str(BIN / "brokered")]
        if os.getuid() == 0:
            words.append("--same-user-namespace")
        return words + [self.config(threads), str(self.violations_file), *map(str, argv)]

    def run(self, *argv, threads=2, timeout=60, cwd=None, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE):
        return subprocess.run(self.command(*argv, threads=threads), cwd=cwd or self.root,
                              env=self.environment(), timeout=timeout, text=True, stdout=stdout,
                              stderr=subprocess.PIPE, errors="replace", stdin=stdin)

    def sh(self, script, **options):
        return self.run("bash", "-c", script, **options)

    def outside_git(self, *argv, cwd=None):
        """git as the user runs it, without a sandbox."""
        return subprocess.run(["git", *argv], cwd=cwd or self.root, env=self.environment(),
                              check=True, capture_output=True, text=True)

    def violations(self):
        if not self.violations_file.exists():
            return []
        return [json.loads(line) for line in self.violations_file.read_text().splitlines()]

    def names(self):
        """All there is below the write root."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))
