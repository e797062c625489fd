"""Volumes, tmpfs, read-only roots, devices, masks."""

import os

from engine import IMAGE
from suite import ROOT, case, contains, equal, table


def folder(podman, name):
    path = f"{podman.work}/{name}"
    os.makedirs(path, exist_ok=True)
    return path


@case("a volume: what the container writes is on the host, and the other way round")
def volume(podman):
    path = folder(podman, "volume")
    with open(f"{path}/from-host", "w", encoding="ascii") as file:
        file.write("host\n")
    done = podman.shell("cat /v/from-host; echo inside >/v/from-inside", options=("-v", f"{path}:/v"))
    equal(done.ok(), "host")
    with open(f"{path}/from-inside", encoding="ascii") as file:
        equal(file.read(), "inside\n")


@case("a volume with :ro cannot be written, nor remounted")
def volume_ro(podman):
    path = folder(podman, "volume-ro")
    done = podman.shell("echo x >/v/f; mount -o remount,rw /v", options=("-v", f"{path}:/v:ro"))
    assert done.status != 0
    contains(done.err, "Read-only file system")
    equal(os.listdir(path), [], "files")


@case("a file as a volume, onto a file that the image does not have")
def volume_file(podman):
    path = f"{podman.work}/one-file"
    with open(path, "w", encoding="ascii") as file:
        file.write("one\n")
    equal(podman.run("cat", "/opt/a/b/file", options=("-v", f"{path}:/opt/a/b/file:ro")).ok(), "one")


@case("a named volume outlives its container")
def named_volume(podman):
    podman.shell("echo kept >/v/f", options=("-v", "keep:/v")).ok()
    equal(podman.run("cat", "/v/f", options=("-v", "keep:/v")).ok(), "kept")
    podman("volume", "rm", "keep").ok()


@case("a volume below a symlink of the image stays inside the container")
def volume_symlink(podman):
    path = folder(podman, "volume-link")
    with podman.container("sleep", "600", options=("-v", f"{path}:/var/v")) as c:
        contains(c.exec("cat", "/proc/self/mountinfo").ok(), " /var/v ")


@case("--mount type=image: an overlay whose layers are longer than fsconfig(2) takes")
def image_mount(podman):
    options = ("--mount", f"type=image,source={IMAGE},destination=/image")
    done = podman.shell("ls /image/bin/busybox; touch /image/new", options=options)
    equal(done.out.strip(), "/image/bin/busybox")
    contains(done.err, "Read-only file system")


@case("--read-only: the root refuses writes, /tmp and /run take them")
def read_only(podman):
    done = podman.shell("touch /tmp/a /run/b && touch /etc/c", options=("--read-only",))
    assert done.status != 0
    contains(done.err, "/etc/c: Read-only file system")


@case("--tmpfs with size and mode")
def tmpfs(podman):
    script = "grep ' /scratch ' /proc/mounts; stat -c %a /scratch; dd if=/dev/zero of=/scratch/f bs=2M count=1"
    done = podman.shell(script, options=("--tmpfs", "/scratch:size=1m,mode=1700,noexec"))
    contains(done.err, "No space left on device")
    contains(done.out, "\n1700\n")
    for word in ("tmpfs", "noexec", "size=1024k"):
        contains(done.out, word)


@case("--shm-size")
def shm_size(podman):
    equal(podman.shell("df -k /dev/shm | awk 'END{print $2}'", options=("--shm-size", "8m")).ok(), "8192")


@table(
    "{0} is a device with number {1} that works",
    [
        ("/dev/null", "1:3", "echo x >/dev/null"),
        ("/dev/zero", "1:5", "test $(head -c 4 /dev/zero | wc -c) = 4"),
        ("/dev/full", "1:7", "! echo x 2>&- >/dev/full"),
        ("/dev/random", "1:8", "test $(head -c 4 /dev/random | wc -c) = 4"),
        ("/dev/urandom", "1:9", "test $(head -c 4 /dev/urandom | wc -c) = 4"),
        ("/dev/tty", "5:0", "true"),
    ],
)
def default_device(podman, path, number, works):
    equal(podman.shell(f"stat -c %t:%T {path} && {works}").ok(), number)


@case("/dev/ptmx, /dev/fd, /dev/stdin, /dev/stdout and /dev/stderr are there")
def device_links(podman):
    done = podman.shell("cd /dev; for f in ptmx fd stdin stdout stderr shm mqueue pts; do test -e $f || echo $f; done")
    equal(done.ok(), "", "missing")


@case("--device: the host's device under another name, with its number")
def device(podman):
    script = "stat -c %t:%T /dev/another; head -c 3 /dev/another | wc -c"
    equal(podman.shell(script, options=("--device", "/dev/zero:/dev/another")).ok(), "1:5\n3")


@case("a device that was not given cannot be opened, even when the container makes its node", ROOT)
def device_refused(podman):
    script = "mknod /tmp/d c 10 237 && exec 3</tmp/d"
    done = podman.shell(script, options=("--cap-add", "MKNOD"))
    assert done.status != 0
    contains(done.err, "Operation not permitted")


@case("masked paths are empty, read-only paths refuse writes")
def masked(podman):
    script = (
        "cat /proc/kcore /proc/timer_list 2>&- | wc -c; ls /proc/acpi /proc/scsi /sys/firmware 2>&- | grep -v : | wc -w;"
        "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger; do (echo x >$f) 2>&- && echo $f; done; true"
    )
    equal(podman.shell(script).ok().split(), ["0", "0"], "sizes, then what could be written")


@case("/sys is read-only")
def sys_read_only(podman):
    row = podman.shell("grep ' /sys ' /proc/mounts").ok().split("\n")[-1]
    assert "ro" in row.split()[3].split(","), row


@case("/etc/hosts, /etc/hostname and /etc/resolv.conf are podman's")
def podman_files(podman):
    script = "cat /etc/hostname; echo; grep -c localhost /etc/hosts"
    equal(podman.shell(script, options=("--hostname", "named")).ok().split()[0], "named")


@case("a volume's propagation: shared, slave and private are in mountinfo", ROOT)
def propagation(podman):
    path = folder(podman, "propagation")
    podman.execute(["mount", "--bind", path, path]).ok()
    try:
        podman.execute(["mount", "--make-shared", path]).ok()
        for kind, mark in (("rshared", "shared:"), ("rslave", "master:"), ("rprivate", None)):
            info = podman.run("cat", "/proc/self/mountinfo", options=("-v", f"{path}:/v:{kind}")).ok()
            fields = next(row for row in info.split("\n") if " /v " in row).split(" - ")[0].split()[6:]
            found = fields[0] if fields else None
            assert (found or "").startswith(mark or "") and bool(found) == bool(mark), (kind, fields)
    finally:
        podman.execute(["umount", path]).ok()


@case("commit, diff and cp see what the container wrote")
def copy(podman):
    with podman.container("sh", "-c", "echo new >/var/new; echo ready; sleep 600") as c:
        c.await_log("ready")
        contains(podman("diff", c.id).ok(), "A /var/new")
        podman("cp", f"{c.id}:/var/new", f"{podman.work}/copied").ok()
        with open(f"{podman.work}/copied", encoding="ascii") as file:
            equal(file.read(), "new\n")


@case("filesystem rules by annotations: volumes, exec, a user of the image")
def rules(podman):
    path = folder(podman, "rules")
    os.chmod(path, 0o777)
    os.makedirs(f"{path}/secret", exist_ok=True)
    with open(f"{path}/secret/key", "w", encoding="ascii") as file:
        file.write("key\n")
    options = ("-v", f"{path}:/v")
    for name, value in (("allowWrite", "/v /tmp"), ("denyRead", "/v/secret"), ("denyWrite", "/v/*.lock")):
        options += ("--annotation", f"dev.srt.filesystem.{name}={value}")
    script = "for f in /v/f /tmp/f /dev/shm/f /etc/f /root/f /v/.bashrc /v/secret/f /v/x.lock; do (echo x >$f) 2>&- && echo $f; done; cat /v/secret/key"
    written = ["/v/f", "/tmp/f", "/dev/shm/f"]
    done = podman.shell(script, options=options)
    equal(done.out.split(), written)
    assert done.status != 0, done.err
    with podman.container("sleep", "600", options=options) as c:
        equal(c.exec("sh", "-c", script).out.split(), written, "exec")
        equal(c.exec("sh", "-c", "echo mine >/v/other && stat -c %u /v/other", options=("--user", "1234:1234")).ok(), "1234")
        assert c.exec("true", options=("--privileged",)).status != 0, "a privileged exec undoes mounts"
    equal(sorted(os.listdir(path)), ["f", "other", "secret"], "what was made in the volume")


@case("filesystem rules do not go with a privileged container")
def rules_privileged(podman):
    done = podman.run("true", options=("--privileged", "--annotation", "dev.srt.filesystem.denyRead=/etc"))
    assert done.status != 0
    contains(done.err, "CAP_SYS_ADMIN")
