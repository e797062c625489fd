"""A root filesystem that is nothing but a static busybox, as a folder or as a tar.

    image.make_tar("/tmp/x/busybox.tar")     # for `podman import`
    python3 image.py /tmp/bundle/rootfs      # for a bundle

No registry and no network: the binary is the one of Debian's package busybox-static.
"""

import io
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


def busybox():
    path = shutil.which("busybox")
    if path is None:
        raise FileNotFoundError("busybox: not found (apt-get install busybox-static)")
    with open(path, "rb") as program:
        if b"/ld-linux" in program.read():
            raise ValueError(f"{path}: is dynamically linked (apt-get install busybox-static)")
    return path


def applets(program):
    names = subprocess.run([program, "--list"], check=True, capture_output=True, text=True, timeout=10)
    return [name for name in names.stdout.split() if name != "busybox"]


def _entry(name, kind, mode, size=0, link=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, size, link
    return entry


def make_tar(path):
    program = busybox()
    with tarfile.open(path, "w") as tar:
        for folder in FOLDERS:
            mode = 0o1777 if folder == "tmp" else 0o755
            tar.addfile(_entry(folder, tarfile.DIRTYPE, mode))
        with open(program, "rb") as data:
            size = os.fstat(data.fileno()).st_size
            tar.addfile(_entry("bin/busybox", tarfile.REGTYPE, 0o755, size), data)
        for name in applets(program):
            tar.addfile(_entry(f"bin/{name}", tarfile.SYMTYPE, 0o777, link="busybox"))
        for name, text in FILES.items():
            data = text.encode()
            tar.addfile(_entry(name, tarfile.REGTYPE, 0o644, len(data)), io.BytesIO(data))


def make_folder(path):
    """The same tree unpacked; everything belongs to the caller."""
    os.makedirs(path, exist_ok=True)
    tar_path = os.path.join(path, ".image.tar")
    make_tar(tar_path)
    with tarfile.open(tar_path) as tar:
        tar.extractall(path)
    os.unlink(tar_path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    make_folder(sys.argv[1])
