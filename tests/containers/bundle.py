"""A bundle on disk: a busybox rootfs, the probe, and a config.json that a case changes in place."""

import json
import os
import pathlib
import shutil

_APPLETS = [
    "sh",
    "cat",
    "echo",
    "env",
    "false",
    "grep",
    "hostname",
    "id",
    "kill",
    "ln",
    "ls",
    "mkdir",
    "mknod",
    "mount",
    "mv",
    "ps",
    "readlink",
    "rm",
    "sleep",
    "stat",
    "touch",
    "true",
    "umount",
    "yes",
]
_FOLDERS = ["bin", "dev", "etc", "mnt", "proc", "root", "run", "sys", "tmp", "usr", "var"]

# What runc's template grants, here and below.
DEFAULT_CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
MASKED = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def default_mounts() -> list[dict]:
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
        },
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        },
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        },
        {
            "destination": "/dev/mqueue",
            "type": "mqueue",
            "source": "mqueue",
            "options": ["nosuid", "noexec", "nodev"],
        },
        {
            "destination": "/sys",
            "type": "sysfs",
            "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"],
        },
    ]


def all_capabilities(names: list[str]) -> dict:
    return {
        part: list(names)
        for part in ("bounding", "permitted", "effective", "inheritable", "ambient")
    }


def default_config() -> dict:
    """runc's `spec`, without a terminal."""
    capabilities = {
        part: list(DEFAULT_CAPABILITIES) for part in ("bounding", "permitted", "effective")
    }
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/true"],
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            "cwd": "/",
            "capabilities": capabilities,
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs"},
        "hostname": "contained",
        "mounts": default_mounts(),
        "linux": {
            "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")],
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READONLY),
        },
    }


def subordinate_range(file: str, user: str) -> tuple[int, int] | None:
    """First range of `user` in /etc/subuid or /etc/subgid."""
    try:
        lines = pathlib.Path(file).read_text().splitlines()
    except FileNotFoundError:
        return None
    for line in lines:
        name, _, numbers = line.partition(":")
        if name == user and ":" in numbers:
            first, count = numbers.split(":")
            return int(first), int(count)
    return None


class Bundle:
    """`config` is the dictionary that save() writes; `rootfs` is an ordinary folder."""

    def __init__(self, folder: pathlib.Path, helpers: pathlib.Path, *, rootless: bool):
        self.path = folder
        self.rootfs = folder / "rootfs"
        self.rootfs.mkdir(parents=True)
        for name in _FOLDERS:
            (self.rootfs / name).mkdir()
        (self.rootfs / "tmp").chmod(0o1777)
        busybox = shutil.which("busybox") or "/bin/busybox"
        shutil.copy(busybox, self.rootfs / "bin/busybox")
        for name in _APPLETS:
            (self.rootfs / "bin" / name).symlink_to("busybox")
        self._helpers = helpers
        self.add_helper("probe")
        (self.rootfs / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (self.rootfs / "etc/group").write_text("root:x:0:\n")
        self.config = default_config()
        if rootless:
            self.own_user_namespace()
        else:
            self.config["linux"]["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}

    def add_helper(self, name: str) -> str:
        """Copies a built program into the rootfs; returns its path inside."""
        shutil.copy(self._helpers / name, self.rootfs / "bin" / name)
        return f"/bin/{name}"

    def own_user_namespace(self, *, uids: list[tuple] = (), gids: list[tuple] = ()) -> None:
        """A user namespace whose root is the caller, or with (inside, outside, size) maps."""
        linux = self.config["linux"]
        if not any(n["type"] == "user" for n in linux["namespaces"]):
            linux["namespaces"].append({"type": "user"})
        words = ("containerID", "hostID", "size")
        linux["uidMappings"] = [dict(zip(words, m)) for m in (uids or [(0, os.geteuid(), 1)])]
        linux["gidMappings"] = [dict(zip(words, m)) for m in (gids or [(0, os.getegid(), 1)])]

    # Shorthands for what cases change most.

    @property
    def process(self) -> dict:
        return self.config["process"]

    @property
    def linux(self) -> dict:
        return self.config["linux"]

    def args(self, *words: str) -> "Bundle":
        self.process["args"] = [str(w) for w in words]
        return self

    def shell(self, script: str) -> "Bundle":
        return self.args("/bin/sh", "-c", script)

    def grant(self, *capabilities: str) -> "Bundle":
        """Adds capabilities to the sets of the program, all but ambient and inheritable."""
        for part in ("bounding", "permitted", "effective"):
            have = self.process["capabilities"].setdefault(part, [])
            have += [c for c in capabilities if c not in have]
        return self

    def mount(self, destination: str, **properties) -> "Bundle":
        self.config["mounts"].append(
            {
                "destination": destination,
                **{
                    key: str(v) if isinstance(v, pathlib.Path) else v
                    for key, v in properties.items()
                },
            }
        )
        return self

    def bind(self, source, destination: str, *options: str) -> "Bundle":
        return self.mount(destination, type="bind", source=source, options=["rbind", *options])

    def unmount(self, destination: str) -> "Bundle":
        """Takes a mount of the template away, with those below it."""
        self.config["mounts"] = [
            m
            for m in self.config["mounts"]
            if not (
                m["destination"] == destination or m["destination"].startswith(destination + "/")
            )
        ]
        return self

    def namespace(self, kind: str, path: str | None = None) -> "Bundle":
        self.without_namespace(kind)
        self.linux["namespaces"].append({"type": kind, **({"path": str(path)} if path else {})})
        return self

    def without_namespace(self, kind: str) -> "Bundle":
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind]
        return self

    def save(self) -> pathlib.Path:
        (self.path / "config.json").write_text(json.dumps(self.config, indent=1))
        return self.path
