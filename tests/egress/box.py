"""A container under an egress policy that has the programs of this machine: its clients are real ones.

    box = Box(scene, allow=["allowed.example"])
    answer = box.sh("curl -sS https://allowed.example/")
    box.events(event="denied", host="denied.example")
"""

import json
import os
import pathlib
import shutil
import time

from containers import host as host_module

PROXY_NAMES = (
    "HTTP_PROXY HTTPS_PROXY ALL_PROXY GRPC_PROXY DOCKER_HTTP_PROXY DOCKER_HTTPS_PROXY FTP_PROXY "
    "RSYNC_PROXY NO_PROXY NODE_USE_ENV_PROXY JAVA_TOOL_OPTIONS"
)
# `exec` gives them, and a program that does not honour them is as one that has none.
WITHOUT_PROXIES = f"unset {PROXY_NAMES} {PROXY_NAMES.lower()}; "
_READ_ONLY = ("usr", "etc/alternatives", "etc/ssl")
# Seconds in which whatever happens at once has happened, on a busy machine, too; whoever waits for a
# time-out (8 s of wire.py, 10 s of a resolver, 20 s of curl) takes longer.
PROMPT = 6
_HTTP, _SOCKS = "http://localhost:3128", "socks5h://localhost:1080"
# How curl is told to take each way in.
CURL = {
    "http": f"curl -sS -m 20 -x {_HTTP}",
    "connect": f"curl -sS -m 20 -p -x {_HTTP}",
    "socks": f"curl -sS -m 20 -x {_SOCKS}",
    "transparent": "curl -sS -m 20 --noproxy '*'",
}


def fill(bundle, world) -> None:
    """The machine's /usr, and what its programs look for in /etc; the rest of the rootfs stays small."""
    rootfs = bundle.rootfs
    shutil.rmtree(rootfs / "bin")
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        there = pathlib.Path("/", name)
        if there.is_symlink():
            (rootfs / name).symlink_to(os.readlink(there))
        elif there.is_dir():
            (rootfs / name).mkdir()
            bundle.bind(there, f"/{name}", "ro")
    for name in _READ_ONLY:
        (rootfs / name).mkdir(parents=True, exist_ok=True)
        bundle.bind(f"/{name}", f"/{name}", "ro")
    etc = rootfs / "etc"
    (etc / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    keys = rootfs / "root" / ".ssh"
    keys.mkdir(mode=0o700)
    shutil.copy(world.folder / "user_key", keys / "id")
    (keys / "id").chmod(0o600)
    (rootfs / "tools").mkdir()
    bundle.bind(world.folder / "tools", "/tools", "ro")
    shutil.copy(world.folder / "ca.pem", etc / "ca.pem")
    bundle.process["env"] += [
        "HOME=/root",
        "CURL_CA_BUNDLE=/etc/ca.pem",
        "SSL_CERT_FILE=/etc/ca.pem",
        "NODE_EXTRA_CA_CERTS=/etc/ca.pem",
        "GIT_SSL_CAINFO=/etc/ca.pem",
        "GIT_SSH_COMMAND=" + ssh_command(),
        "PYTHONDONTWRITEBYTECODE=1",
        # Ours replace what an engine brings along.
        "HTTP_PROXY=http://192.0.2.1:1",
        "https_proxy=http://192.0.2.1:1",
    ]


def ssh_command() -> str:
    return (
        "ssh -F none -i /root/.ssh/id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
        "-o BatchMode=yes -o ConnectTimeout=10 -o LogLevel=ERROR"
    )


class Box:
    def __init__(self, scene, *, allow=(), deny=(), policy=None, annotations=None, capabilities=(),
                 world=None, edit=None, flags=(), start=True):  # fmt: skip
        """`policy` is a whole srt.json; `allow` and `deny` are short for one; `annotations` instead."""
        self.scene = scene
        self.bundle = scene.bundle()
        fill(self.bundle, world or scene.world)
        if capabilities:
            self.bundle.grant(*capabilities)
        if annotations is not None:
            self.bundle.config.setdefault("annotations", {}).update(annotations)
        else:
            self.write_policy(policy or rules(allow, deny))
        if edit:
            edit(self.bundle)
        self.name = ""
        if start:
            self.start(*flags)

    def write_policy(self, policy: dict) -> pathlib.Path:
        path = self.bundle.path / "srt.json"
        path.write_text(json.dumps(policy))
        return path

    def start(self, *flags: str) -> None:
        self.name = self.scene.started(self.bundle.args("/bin/sleep", "1000"), *flags)

    def sh(self, script: str, *, proxies: bool = True, timeout: float = 40, **keywords):
        script = script if proxies else WITHOUT_PROXIES + script
        return self.scene.runtime.exec(
            self.name, "/bin/sh", "-c", script, timeout=timeout, **keywords
        )

    def tool(self, name: str, *words: str, **keywords):
        """One of inside/: what no ready client does."""
        quoted = " ".join(f"'{w}'" for w in words)
        return self.sh(f"exec /usr/bin/python3 -B /tools/{name}.py {quoted}", **keywords)

    def curl(self, way: str, *words: str, **keywords):
        return self.sh(f"{CURL[way]} {' '.join(words)}", **keywords)

    @property
    def monitor(self) -> int:
        """Process id of its srt-monitor."""
        return self.record()["handle"]["monitor"]

    def record(self) -> dict:
        return json.loads((self.scene.runtime.state_folder / self.name / "state.json").read_text())

    def events(self, **wanted) -> list[dict]:
        outcome = self.scene.runtime.call("events", self.name)
        self.scene.check(outcome.ok, str(outcome))
        found = [json.loads(line) for line in outcome.out.splitlines()]
        return [e for e in found if all(e.get(key) == value for key, value in wanted.items())]

    def event(self, seconds: float = 15, **wanted) -> dict:
        """The last event that is so; it may still be on its way (the end of a connection)."""
        found = host_module.wait_until(lambda: self.events(**wanted), seconds, step=0.02)
        self.scene.check(found, f"no event {wanted} among {self.events()}")
        return found[-1]

    def update(self, allow=(), deny=(), policy=None):
        path = self.bundle.path / "changed.json"
        path.write_text(json.dumps(policy or rules(allow, deny)))
        return self.scene.runtime.call("update", "--policy", path, self.name)


def rules(allow=(), deny=(), **more) -> dict:
    return {"network": {"allowedDomains": list(allow), "deniedDomains": list(deny), **more}}


def elapsed(action) -> tuple[float, object]:
    started = time.monotonic()
    result = action()
    return time.monotonic() - started, result
