"""Namespaces, ids, capabilities, seccomp, sysctl: as seen from inside."""

import os
import sys

from suite import ROOT, USER, Skip, case, contains, equal, table

# The host's programs with everything they link, read-only in a busybox container: with python any
# system call can be made, and no compiler is needed.
HOST_PROGRAMS = ("-v", "/usr:/usr:ro", "-v", "/lib:/lib:ro", "-v", "/lib64:/lib64:ro")
ADDR_NO_RANDOMIZE = 0x0040000
PERSONALITY = (
    "import ctypes, errno; libc = ctypes.CDLL(None, use_errno=True);"
    f"print(libc.personality({ADDR_NO_RANDOMIZE}), errno.errorcode.get(ctypes.get_errno()))"
)

NO_NEW_PRIVILEGES = ("--security-opt", "no-new-privileges")
UNCONFINED = ("--security-opt", "seccomp=unconfined")

CAP_CHOWN, CAP_KILL, CAP_SYS_ADMIN, CAP_NET_ADMIN = 0, 5, 21, 12


def status_of(podman, *options):
    rows = podman.run("cat", "/proc/self/status", options=options).ok().split("\n")
    return {name: value.strip() for name, _, value in (row.partition(":") for row in rows)}


def capabilities(status, which="CapEff"):
    return int(status[which], 16)


def namespaces(container):
    names = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    script = f"for n in {' '.join(names)}; do readlink /proc/self/ns/$n; done"
    return dict(zip(names, container.exec("sh", "-c", script).ok().split("\n")))


def own_namespace(name):
    return os.readlink(f"/proc/self/ns/{name}")


@case("the program is pid 1 and sees only its own processes")
def pid_namespace(podman):
    equal(podman.shell("echo $$; ls /proc | grep -E '^[0-9]+$' | wc -l").ok().split()[0], "1")


@case("--pid host: the suite's own process is visible")
def pid_host(podman):
    done = podman.shell(f"cat /proc/{os.getpid()}/comm; readlink /proc/self/ns/pid", options=("--pid", "host"))
    name, namespace = done.ok().split("\n")
    with open("/proc/self/comm", encoding="ascii") as comm:
        equal(name, comm.read().strip(), "comm")
    equal(namespace, own_namespace("pid"), "pid namespace")


@case("--pid host: stop and kill end the program")
def pid_host_kill(podman):
    with podman.container("sleep", "600", options=("--pid", "host")) as c:
        podman("kill", c.id).ok()
        equal(c.wait(), 137, "exit code")


@case("two containers share pid, network and ipc namespaces")
def shared_namespaces(podman):
    with podman.container("sh", "-c", "echo $$; sleep 4242") as first:
        join = [f"container:{first.id}"] * 3
        options = ("--pid", join[0], "--network", join[1], "--ipc", join[2])
        with podman.container("sleep", "600", options=options) as second:
            a, b = namespaces(first), namespaces(second)
            for name in ("pid", "net", "ipc"):
                equal(b[name], a[name], f"{name} namespace")
            for name in ("mnt", "uts"):
                assert b[name] != a[name], f"{name} namespace is shared too"
            contains(second.exec("ps", "-o", "args").ok(), "sleep 4242")


@case("two containers that share a network reach each other on loopback")
def shared_loopback(podman):
    serve = "echo ready; nc -l -p 8080 -e echo hello"
    with podman.container("sh", "-c", serve) as first:
        first.await_log("ready")
        connect = "for i in $(seq 100); do nc 127.0.0.1 8080 </dev/null && exit 0; sleep 0.05; done 2>/dev/null; exit 1"
        done = podman.shell(connect, options=("--network", f"container:{first.id}"))
        equal(done.ok(), "hello")


@table("--{0} host: the host's namespace", [("network", "net"), ("ipc", "ipc"), ("uts", "uts")])
def host_namespace(podman, option, name):
    if option == "ipc" and not podman.root and not os.path.exists("/dev/mqueue"):
        raise Skip("podman binds the host's /dev/mqueue, and there is none")
    found = podman.run("readlink", f"/proc/self/ns/{name}", options=(f"--{option}", "host")).ok()
    equal(found, own_namespace(name))


@case("--network none has loopback, up, and nothing else")
def network_none(podman):
    script = "ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1/8; ping -c1 -W2 127.0.0.1 >&2"
    equal(podman.shell(script, options=("--cap-add", "NET_RAW")).ok(), "lo\n1")


@case("--hostname")
def hostname(podman):
    equal(podman.run("hostname", options=("--hostname", "a-name")).ok(), "a-name")


@table(
    "--user {0}: ids {1}",
    [
        ("1234:2345", "1234 2345 2345"),
        ("77", "77 0 0"),
        ("guest", "1234 2345 2345 3456"),
        ("0:88", "0 88 88"),
    ],
)
def user(podman, who, ids):
    script = "echo $(id -u) $(id -g) $(id -G)"
    equal(podman.shell(script, options=("--user", who)).ok(), ids)


@case("--group-add")
def group_add(podman):
    groups = podman.run("id", "-G", options=("--group-add", "4321")).ok().split()
    contains(groups, "4321")


@case("--uidmap and --gidmap: an id inside is on the host what the map says", ROOT)
def uidmap(podman):
    # One range: podman's overlay storage cannot idmap two of them.
    options = ("--uidmap", "0:100000:1000", "--gidmap", "0:200000:1000")
    equal(podman.run("cat", "/proc/self/uid_map", options=options).ok().split(), ["0", "100000", "1000"])
    with podman.container("sleep", "600", options=(*options, "--user", "12:13")) as c:
        info = os.stat(f"/proc/{c.pid()}")
        equal((info.st_uid, info.st_gid), (100012, 200013), "ids on the host")


@case("--userns container: two containers share podman's own, in which they are already")
def user_namespace_of_another(podman):
    with podman.container("sleep", "600") as c:
        found = podman.run("readlink", "/proc/self/ns/user", options=("--userns", f"container:{c.id}")).ok()
        equal(found, namespaces(c)["user"])


@case("--userns keep-id: the caller's own id inside", USER)
def keep_id(podman):
    equal(podman.run("id", "-u", options=("--userns", "keep-id")).ok(), str(os.getuid()))


@case("default capabilities: exactly podman's, in the sets where podman puts them")
def default_capabilities(podman):
    status = status_of(podman)
    names = {  # CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND SYS_CHROOT SETFCAP
        0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31,
    }  # fmt: skip
    permitted = capabilities(status, "CapPrm")
    equal({bit for bit in names if not permitted >> bit & 1}, set(), "missing")
    equal(permitted >> CAP_SYS_ADMIN & 1, 0, "CAP_SYS_ADMIN")
    equal(status["CapEff"], status["CapPrm"], "CapEff")
    equal(status["CapBnd"], status["CapPrm"], "CapBnd")
    equal((capabilities(status, "CapInh"), capabilities(status, "CapAmb")), (0, 0), "CapInh, CapAmb")


@case("--cap-drop ALL: none in any set")
def cap_drop_all(podman):
    status = status_of(podman, "--cap-drop", "ALL")
    for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        equal(capabilities(status, which), 0, which)


@case("--cap-drop ALL --cap-add CHOWN: that one, and what it forbids is forbidden")
def cap_add(podman):
    options = ("--cap-drop", "ALL", "--cap-add", "CHOWN")
    equal(capabilities(status_of(podman, *options)), 1 << CAP_CHOWN, "CapEff")
    podman.shell("chown 5:5 /etc/passwd", options=options).ok()
    assert podman.shell("chown 5:5 /etc/passwd", options=("--cap-drop", "ALL")).status != 0


@case("a user other than root gets an added capability as ambient")
def cap_add_user(podman):
    status = status_of(podman, "--user", "1234", "--cap-drop", "ALL", "--cap-add", "CHOWN")
    equal(capabilities(status, "CapAmb"), 1 << CAP_CHOWN, "CapAmb")
    equal(capabilities(status), 1 << CAP_CHOWN, "CapEff")


@table(
    "no_new_privs is {0} {1}",
    [("0", "by default", ()), ("1", "with no-new-privileges", NO_NEW_PRIVILEGES)],
)
def no_new_privileges(podman, value, _how, options):
    equal(status_of(podman, *options)["NoNewPrivs"], value)


@table(
    "a setuid program gives user 1234 the id {0} {1}",
    [("0", "by default", ()), ("1234", "with no-new-privileges", NO_NEW_PRIVILEGES)],
)
def setuid(podman, uid, _how, options):
    # The host's id(1): busybox gives up a setuid bit by itself.
    script = "cp /usr/bin/id /var/id && chmod 4755 /var/id && exec /bin/su guest -c '/var/id -u'"
    equal(podman.shell(script, options=(*HOST_PROGRAMS, *options)).ok(), uid)


@case("podman's seccomp profile is active: mode 2")
def seccomp_mode(podman):
    equal(status_of(podman)["Seccomp"], "2")


@case("seccomp=unconfined: mode 0")
def seccomp_unconfined(podman):
    equal(status_of(podman, *UNCONFINED)["Seccomp"], "0")


@table(
    "personality(ADDR_NO_RANDOMIZE) gives {1} with the {0} profile",
    [("default", "-1 ENOSYS", ()), ("unconfined", "0 None", UNCONFINED)],
)
def seccomp_blocks(podman, _which, wanted, options):
    python = os.path.realpath("/usr/bin/python3")
    if not python.startswith("/usr/") or sys.maxsize < 1 << 32:
        raise Skip("the host's python3 is not below /usr")
    done = podman.run(python, "-c", PERSONALITY, options=(*HOST_PROGRAMS, *options))
    equal(done.ok(), wanted)


@case("a seccomp profile of one's own: mkdir gives the errno it names")
def seccomp_profile(podman):
    path = f"{podman.work}/seccomp.json"
    with open(path, "w", encoding="ascii") as file:
        file.write(
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"],'
            ' "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
        )
    done = podman.run("mkdir", "/tmp/d", options=("--security-opt", f"seccomp={path}"))
    contains(done.err, "No space left on device")


@table(
    "--sysctl {0}={2}",
    [
        ("net.ipv4.ip_unprivileged_port_start", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "81"),
        ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", "1"),
        ("kernel.msgmax", "/proc/sys/kernel/msgmax", "4096"),
    ],
)
def sysctl(podman, name, path, value):
    with open(path, encoding="ascii") as file:
        before = file.read()
    equal(podman.run("cat", path, options=("--sysctl", f"{name}={value}")).ok(), value)
    with open(path, encoding="ascii") as file:
        equal(file.read(), before, "on the host")


@case("--privileged: every capability of the caller, no seccomp, /proc/sys writable, the host's devices")
def privileged(podman):
    status = status_of(podman, "--privileged")
    wanted = (1 << CAP_SYS_ADMIN) | (1 << CAP_NET_ADMIN) | (1 << CAP_CHOWN) | (1 << CAP_KILL)
    equal(capabilities(status) & wanted, wanted, "CapEff")
    equal(status["Seccomp"], "0", "Seccomp")
    script = "f=/proc/sys/net/ipv4/ip_forward; echo 1 >$f; cat $f; test -e /dev/kmsg && echo device"
    equal(podman.shell(script, options=("--privileged",)).ok(), "1\ndevice")


@case("--privileged can mount")
def privileged_mount(podman):
    script = "mount -t tmpfs none /tmp && grep -c ' /tmp tmpfs' /proc/mounts"
    equal(podman.shell(script, options=("--privileged",)).ok(), "1")


@case("without --privileged, mount is refused")
def no_mount(podman):
    assert podman.shell("mount -t tmpfs none /tmp").status != 0


@case("--ulimit lowers a limit")
def ulimit(podman):
    # Both: podman raises the one that is not given, which needs CAP_SYS_RESOURCE.
    options = ("--ulimit", "nofile=100:200", "--ulimit", "nproc=4000:4000")
    script = "ulimit -n; ulimit -Hn"
    equal(podman.shell(script, options=options).ok(), "100\n200")


@case("--oom-score-adj")
def oom_score(podman):
    equal(podman.run("cat", "/proc/self/oom_score_adj", options=("--oom-score-adj", "321")).ok(), "321")


@case("--umask")
def umask(podman):
    equal(podman.shell("umask", options=("--umask", "0077")).ok(), "0077")


@case("the environment of the caller does not leak in")
def clean_environment(podman):
    names = {row.split("=")[0] for row in podman.run("env").ok().split("\n")}
    equal(names - {"PATH", "HOME", "HOSTNAME", "TERM", "container", "SUITE", "PWD", "SHLVL"}, set())
