"""A root filesystem that is nothing but a static busybox: as a tar, a folder, or a whole bundle.

    busybox.make_tar("/tmp/x/busybox.tar")                      # for `podman import`
    busybox.make_bundle("/tmp/b", "runc", ["echo", "hi"])        # for `runc run -b /tmp/b ID`

    python3 busybox.py /tmp/b runc echo hi                       # the same from a shell

No registry and no network: the binary is the one of Debian's package busybox-static.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile

FOLDERS = ("bin", "dev", "etc", "home", "lib", "lib64", "proc", "root", "run", "sys", "tmp", "usr", "var")
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nguest:x:1234:2345:guest:/home:/bin/sh\n",
    "etc/group": "root:x:0:\nguest:x:2345:\nextra:x:3456:guest\n",
    "etc/not-a-program": "no\n",
}


def program():
    path = shutil.which("busybox")
    if path is None:
        raise FileNotFoundError("busybox: not found (apt-get install busybox-static)")
    with open(path, "rb") as file:
        if b"/ld-linux" in file.read():
            raise ValueError(f"{path}: is dynamically linked (apt-get install busybox-static)")
    return path


def applets(busybox):
    names = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True, timeout=10)
    return [name for name in names.stdout.split() if name != "busybox"]


def _entry(name, kind, mode, size=0, link=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, size, link
    return entry


def make_tar(path):
    busybox = program()
    with tarfile.open(path, "w") as tar:
        for folder in FOLDERS:
            mode = 0o1777 if folder == "tmp" else 0o755
            tar.addfile(_entry(folder, tarfile.DIRTYPE, mode))
        with open(busybox, "rb") as data:
            size = os.fstat(data.fileno()).st_size
            tar.addfile(_entry("bin/busybox", tarfile.REGTYPE, 0o755, size), data)
        for name in applets(busybox):
            tar.addfile(_entry(f"bin/{name}", tarfile.SYMTYPE, 0o777, link="busybox"))
        for name, text in FILES.items():
            data = text.encode()
            tar.addfile(_entry(name, tarfile.REGTYPE, 0o644, len(data)), io.BytesIO(data))


def make_rootfs(path):
    """The same tree unpacked; everything belongs to the caller."""
    os.makedirs(path, exist_ok=True)
    tar_path = os.path.join(path, ".image.tar")
    make_tar(tar_path)
    with tarfile.open(tar_path) as tar:
        tar.extractall(path)
    os.unlink(tar_path)


def make_bundle(path, runtime, arguments):
    """A bundle with the runtime's own template for this user, and `arguments` as its program."""
    make_rootfs(os.path.join(path, "rootfs"))
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    subprocess.run([runtime, "spec", "--bundle", path, *rootless], check=True, cwd=path, timeout=10)
    config_path = os.path.join(path, "config.json")
    with open(config_path, encoding="utf-8") as file:
        config = json.load(file)
    config["process"].update(args=arguments, terminal=False)
    with open(config_path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(f"usage: {sys.argv[0]} FOLDER RUNTIME PROGRAM [ARGUMENT…]")
    make_bundle(sys.argv[1], sys.argv[2], sys.argv[3:])
