"""What code inside sees and reaches of the host's processes."""

import glob
import os
import signal
import subprocess

from containers.host import call
from suite import suite

_MS_REC, _MS_PRIVATE, _MS_SHARED, _MNT_DETACH = 0x4000, 1 << 18, 1 << 20, 2


@suite.case()
def proc_shows_only_processes_inside(place):
    outcome = place.sh(
        "echo $$; ls /proc | grep '^[0-9]' | tr '\\n' ' '; readlink /proc/self; tr '\\0' ' ' < /proc/1/cmdline"
    )
    place.check(outcome.ok, outcome)
    lines = outcome.out.split("\n")
    pids = [word for word in lines[1].split() if word.isdigit()]
    place.check(len(pids) <= 8 and max(map(int, pids)) < 100, f"processes: {pids}")
    mine = {int(entry) for entry in os.listdir("/proc") if entry.isdigit()}
    place.check(len(mine) > 8 or len(pids) < len(mine), "nothing to hide")


@suite.case()
def no_other_mount_shows_outside_processes(place):
    """The host's procfs lies below ours: nothing may uncover it."""
    outcome = place.sh(
        f"ls -d /proc/{os.getppid()} /proc/*/root/proc/{os.getppid()} /proc/1/root/proc/{os.getppid()} 2>/dev/null; "
        "cat /proc/mounts | wc -l; true"
    )
    place.check(f"/proc/{os.getppid()}" not in outcome.out, outcome)


@suite.case(rootless=False)
def what_the_host_mounts_later_is_not_inside(place):
    """Where the host's tree is shared, as systemd makes it, a mount comes with its own options: writable."""
    for name in ("late", "secret"):
        (place.notes / name).mkdir()
    call("mount", "none", "/", None, _MS_REC | _MS_SHARED, None)
    place.settings(write=["."], deny_read=[str(place.notes / "secret")])
    script = f"echo ready; read line; cd '{place.notes}'; echo x > late/made; ls late secret"
    process = place.started_and_ready(script, stdin=subprocess.PIPE)
    for name in ("late", "secret"):
        call("mount", "tmpfs", str(place.notes / name), "tmpfs", 0, "mode=777")
        (place.notes / name / "seen").write_text("x")
    out, _ = process.communicate(b"go\n", timeout=20)
    place.check(not (place.notes / "late/made").exists(), f"written: {out!r}")
    place.check(b"late:" in out and b"seen" not in out, f"seen: {out!r}")
    call("mount", "none", "/", None, _MS_REC | _MS_PRIVATE, None)
    for name in ("late", "secret"):
        call("umount2", str(place.notes / name), _MNT_DETACH)


@suite.case(rootless=False)
def no_second_procfs_shows_outside_processes(place):
    """One for a chroot, say."""
    second = place.notes / "jail/proc"
    second.mkdir(parents=True)
    call("mount", "proc", str(second), "proc", 0, None)
    try:
        for rules in ({}, {"write": ["."]}, {"write": ["/"]}, {"disabled": True}):
            place.settings(**rules)
            outcome = place.sh(
                f"ls '{second}'; cat '{second}/{os.getpid()}/cmdline'; : >>'{second}/sys/vm/swappiness' && echo written"
            )
            place.equal(outcome.out, "", f"{rules}: {outcome}")
    finally:
        call("umount2", str(second), _MNT_DETACH)


@suite.case(rootless=False)
def what_sets_the_kernel_is_written_only_by_name(place):
    """Where all may be written: sysfs, control groups; wherever they are mounted."""
    second = place.notes / "sys"
    second.mkdir()
    call("mount", "sysfs", str(second), "sysfs", 0, None)
    files = ["/sys/kernel/mm/transparent_hugepage/enabled", f"{second}/kernel/mm/transparent_hugepage/enabled"]
    files += glob.glob("/sys/fs/cgroup/*/cgroup.procs")[:2]
    files = [file for file in files if os.path.exists(file)]
    script = "for f in " + " ".join(f"'{file}'" for file in files) + "; do (: >>$f) 2>/dev/null && echo $f; done; true"
    try:
        place.settings(write=["/"])
        place.equal(place.says(script), "", "can be opened for writing")
        place.settings(write=["/", str(second)])
        place.equal(place.says(script), files[1], "is named")
    finally:
        call("umount2", str(second), _MNT_DETACH)


@suite.case()
def kernel_settings_are_read_only(place):
    script = (
        "for f in /proc/sys/kernel/hostname /proc/sys/vm/swappiness /proc/sys/kernel/core_pattern /proc/sysrq-trigger"
        " /proc/sys/net/ipv4/ip_forward /proc/irq/default_smp_affinity; do [ -e $f ] && (: >> $f) 2>/dev/null && echo $f; done; true"
    )
    place.equal(place.says(script), "", "can be opened for writing")
    place.check(place.says("cat /proc/sys/kernel/ostype") == "Linux", "cannot be read")


@suite.case()
def nothing_else_in_proc_sets_the_kernel(place):
    """Files of the kernel's that ask for no more than root's id, which the command may have."""
    outcome = place.sh(
        "find /proc -path '/proc/[0-9]*' -prune -o -path '/proc/[a-z-]*self' -prune -o -type f -perm /222 -print 2>/dev/null"
        " | while read -r f; do (: 1<>$f) 2>/dev/null && echo $f; done; true",
        timeout=60,
    )
    # What else is there is masked by the null device, or asks for capabilities and wakes only its opener.
    known = {"/proc/keys", "/proc/timer_list", "/proc/latency_stats", "/proc/kcore"} | {f"/proc/pressure/{of}" for of in ("io", "cpu", "memory", "irq")}
    place.equal(sorted(set(outcome.out.split()) - known), [], str(outcome))


@suite.case()
def sysfs_and_cgroups_are_read_only(place):
    script = "find /sys -maxdepth 4 -writable -type d 2>/dev/null | head -3; mkdir /sys/fs/cgroup/srt-x 2>/dev/null && echo made; true"
    outcome = place.sh(script)
    place.check("made" not in outcome.out, outcome)
    if os.geteuid() == 0:
        for root, _, files in os.walk("/sys/fs/cgroup"):
            if "cgroup.procs" in files:
                inside = place.sh(f"(echo 0 > {root}/cgroup.procs) 2>/dev/null && echo moved; true")
                place.check("moved" not in inside.out, inside)
                return


@suite.case()
def outside_processes_cannot_be_signalled(place):
    victim = subprocess.Popen(["sleep", "1000"])
    try:
        outcome = place.sh(
            f"kill -9 {victim.pid}; kill -TERM -1; python3 -c 'import os; os.kill(-1, 15)'; true"
        )
        place.equal(victim.poll(), None, str(outcome))
    finally:
        victim.kill()
        victim.wait()


@suite.case()
def outside_processes_cannot_be_traced(place):
    victim = subprocess.Popen(["sleep", "1000"])
    try:
        outcome = place.python(
            "import ctypes,os\nlibc=ctypes.CDLL(None,use_errno=True)\n"
            f"print('attach', libc.ptrace(16,{victim.pid},0,0), 'seize', libc.ptrace(0x4206,{victim.pid},0,0))\n"
            f"for f in ('mem','environ','maps','root','cwd','fd'):\n"
            f"  p='/proc/{victim.pid}/'+f\n"
            "  try: os.stat(p); print('there', p)\n"
            "  except OSError: pass"
        )
        place.equal(outcome.out.strip(), "attach -1 seize -1", str(outcome))
    finally:
        victim.kill()
        victim.wait()


@suite.case()
def our_own_first_process_tells_nothing(place):
    """It holds descriptors of the outside."""
    outcome = place.sh(
        "ls -l /proc/1/fd 2>/dev/null; cat /proc/1/environ 2>/dev/null; ls /proc/1/cwd/. >/dev/null 2>&1; true",
        env={"SECRET_OF_SRT": "x"},
    )
    for line in outcome.out.splitlines():
        place.check(
            "socket:" not in line and "pipe:" not in line or "->" not in line,
            f"a descriptor of pid 1: {line}",
        )


@suite.case()
def debuggers_work_inside(place):
    outcome = place.python(
        "import ctypes,os,time\npid=os.fork()\nif not pid: time.sleep(100)\n"
        "print(ctypes.CDLL(None).ptrace(16,pid,0,0)); os.kill(pid,9)"
    )
    place.equal(outcome.out.strip(), "0", str(outcome))


@suite.case()
def there_is_no_capability(place):
    outcome = place.sh("grep -E '^(Cap|NoNewPrivs)' /proc/self/status")
    values = dict(line.split(":\t") for line in outcome.out.strip().splitlines())
    place.equal(values.pop("NoNewPrivs"), "1", "NoNewPrivs")
    place.equal(set(values.values()), {"0" * 16}, str(values))


@suite.case()
def the_user_is_the_caller(place):
    place.equal(place.says("id -u; id -g").split(), [str(os.geteuid()), str(os.getegid())], "ids")
    place.settings(write=["."])
    place.says("touch made")
    place.equal((place.project / "made").stat().st_uid, os.geteuid(), "owner of a file")


@suite.case()
def privileges_cannot_be_gained(place):
    """A set-user-id program is a program like any other."""
    outcome = place.sh(
        "su -c id nobody </dev/null; sudo -n id; mount -t tmpfs x /mnt; chroot / id; true"
    )
    if os.geteuid() != 0:
        place.check("uid=0" not in outcome.out, outcome)
    place.check("tmpfs" not in outcome.out, outcome)


@suite.case()
def inherited_descriptors_are_closed(place):
    secret = os.open(place.notes, os.O_RDONLY | os.O_DIRECTORY)
    file = os.open(place.home, os.O_RDONLY)
    high = 200
    os.dup2(secret, high)
    outcome = place.srt(
        "--",
        "/usr/bin/python3",
        "-c",
        "import os\nfor n in range(3,1024):\n  try: os.fstat(n); print(n, os.readlink(f'/proc/self/fd/{n}'))\n  except OSError: pass",
        pass_fds=[secret, file, high],
    )
    for fd in (secret, file, high):
        os.close(fd)
    place.check(outcome.ok, outcome)
    place.equal(outcome.out, "", "descriptors above 2")


@suite.case()
def ipc_is_its_own(place):
    script = (
        "import ctypes,sys\nlibc=ctypes.CDLL(None,use_errno=True)\nlibc.shmget.argtypes=[ctypes.c_int,ctypes.c_size_t,ctypes.c_int]\n"
        "print(libc.shmget(0x5157, 4096, int(sys.argv[1],8)))"
    )
    host = subprocess.run(
        ["/usr/bin/python3", "-c", script, "1600"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    try:
        place.check(int(host.stdout) >= 0, "the host's segment")
        outcome = place.srt("--", "/usr/bin/python3", "-c", script, "600")
        place.equal(outcome.out.strip(), "-1", "the host's shared memory inside")
    finally:
        subprocess.run(["ipcrm", "-m", host.stdout.strip()], check=False, timeout=10)


@suite.case()
def the_session_keyring_is_new(place):
    """Read by the kernel's own list, since keyctl is refused."""
    outcome = place.sh("cat /proc/keys 2>/dev/null | grep -c '_ses' ; true")
    own = open("/proc/keys", encoding="utf-8").read() if os.path.exists("/proc/keys") else ""
    sessions = {line.split()[0] for line in own.splitlines() if "_ses" in line}
    inside = place.sh("cat /proc/keys; true").out
    for key in sessions:
        place.check(key not in inside, f"session keyring {key} is inside: {outcome}")


@suite.case()
def dev_holds_what_programs_need_and_nothing_of_ours(place):
    outcome = place.sh("ls -A /dev; touch /dev/file 2>&1; stat -f -c %T /proc")
    usual = "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero console"
    *listed, refusal, procfs = outcome.out.splitlines()
    place.check({"null", "urandom", "shm", "pts", "tty"} <= set(listed), outcome)
    place.equal(sorted(set(listed) - set(usual.split())), [], "besides")
    place.check("Read-only file system" in refusal and procfs == "proc", outcome)


@suite.case()
def a_fork_bomb_has_an_end(place):
    if os.geteuid() != 0:
        place.skip("an ordinary user has no control groups here")
    place.settings({"resources": {"pids": 50}})
    outcome = place.sh("for i in $(seq 80); do sleep 5 & done 2>&1 | tail -1; true", timeout=20)
    place.check("fork" in outcome.out + outcome.err, outcome)


@suite.case()
def memory_backed_folders_are_bounded(place):
    outcome = place.sh('df -k --output=size /dev/shm "$TMPDIR" | tail -n +2')
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024
    for size in outcome.out.split():
        place.check(0 < int(size) <= total // 2, f"{size} KiB of {total}")


@suite.case()
def a_stopped_sandbox_can_still_be_killed(place):
    process = place.started_and_ready("echo ready; kill -STOP $$; sleep 1000")
    process.send_signal(signal.SIGKILL)
    process.wait(5)
    place.check(place.all_ended(), "it still runs")


@suite.case()
def srt_inside_srt_says_why_or_works(place):
    """Nested user namespaces are refused by default: a clear error, never a laxer sandbox."""
    place.settings(write=["."])
    outcome = place.sh(f"'{place.program}' -c 'echo inner; touch /tmp/srt-nested'; echo status=$?")
    if "inner" in outcome.out:
        place.check("status=" in outcome.out and not os.path.exists("/tmp/srt-nested"), outcome)
    else:
        place.check("status=125" in outcome.out and "srt:" in outcome.err, outcome)
        place.check(
            "sandbox" in outcome.err or "namespace" in outcome.err, f"not clear: {outcome.err!r}"
        )


@suite.case()
def the_hosts_devices_stay_as_they_are(place):
    """bwrap shows the host's own nodes: `chmod 600 /dev/null` by root inside was for everybody."""
    nodes = ("/dev/full", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/null")

    def state():
        return [(s.st_mode, s.st_uid, s.st_gid, s.st_mtime == 1) for s in map(os.stat, nodes)]

    before = state()
    inside = f"""
import os
for path in {nodes!r} + ("/proc/keys", "/proc/timer_list"):
    fd = os.open(path, os.O_PATH)
    for name, change in (("mode", lambda: os.chmod(path, 0o600)), ("held", lambda: os.chmod(f"/proc/self/fd/{{fd}}", 0o600)),
                         ("owner", lambda: os.chown(path, os.getuid(), os.getgid())), ("time", lambda: os.utime(path, (1, 1))),
                         ("acl", lambda: os.setxattr(path, "system.posix_acl_access", b"\\2\\0\\0\\0"))):
        try: change()
        except FileNotFoundError: pass
        except OSError: continue
        else: print(path, name)
for path in ("/dev/null", "/dev/zero"):
    with open(path, "w") as file: file.write("x")
    print(os.access(path, os.W_OK))
"""
    place.settings(write=["."])
    try:
        outcome = place.python(inside)
        place.check(outcome.ok and outcome.out == "True\nTrue\n", outcome)
        place.equal(state(), before, "the host's devices")
    finally:
        if os.geteuid() == 0:
            for node, (mode, *_) in zip(nodes, before):
                os.chmod(node, mode & 0o7777)
