"""Filesystem rules of a bundle: they hold in a tree that its author made against them."""

import json
import os
import pathlib
import select
import shutil
import signal
import stat
import subprocess
import threading

from containers import host as host_module
from suite import suite

_MS_BIND, _MS_SHARED, _MNT_DETACH = 0x1000, 1 << 20, 2


def _rules(bundle, **lists):
    """srt.json beside config.json."""
    filesystem = {"denyRead": [], "allowWrite": [], "denyWrite": [], **lists}
    (bundle.path / "srt.json").write_text(json.dumps({"filesystem": filesystem}))
    (bundle.path / "srt.json").chmod(0o644)
    return bundle


def _tree(bundle):
    """/work may be written, /home/u has a secret; ids as podman gives them."""
    for name in ("work/sub", "work/kept", "home/u/secret", "home/u/open"):
        (bundle.rootfs / name).mkdir(parents=True)
    for name in ("work/f", "work/kept/f", "home/u/f", "home/u/secret/key", "home/u/open/f"):
        (bundle.rootfs / name).write_text(f"{name}\n")
    bundle.grant("CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID")
    return bundle


def _shell(scene, bundle, script):
    """What each line of `script` ended with: `name:status`."""
    outcome = scene.runtime.run(bundle.shell(script), scene.new_id())
    scene.check(outcome.ok, str(outcome))
    return outcome


def _tried(scene, bundle, **commands):
    """The exit status of each command, run as root of the container."""
    script = "".join(
        f"( {command} ) >/dev/null 2>&1; echo {name}:$?\n" for name, command in commands.items()
    )
    lines = _shell(scene, bundle, script).out.split()
    return {name: int(status) for name, status in (line.split(":") for line in lines)}


def _all_refused(scene, tried):
    allowed = [name for name, status in tried.items() if status == 0]
    scene.check(not allowed, f"not refused: {', '.join(allowed)}")


def _none_refused(scene, tried):
    refused = [f"{name} ({status})" for name, status in tried.items() if status != 0]
    scene.check(not refused, f"refused: {', '.join(refused)}")


@suite.case()
def file_rules_nothing_is_written_but_what_they_allow(scene):
    bundle = _rules(_tree(scene.bundle()), allowWrite=["/work"], denyWrite=["/work/kept"])
    _none_refused(
        scene,
        _tried(
            scene,
            bundle,
            inside="echo x >/work/new && echo x >>/work/f && mkdir /work/d && mv /work/d /work/e",
            null="echo x >/dev/null",
            shm="echo x >/dev/shm/x",
            read="cat /home/u/f",
        ),
    )
    scene.equal((bundle.rootfs / "work/new").read_text(), "x\n", "/work/new")
    _all_refused(
        scene,
        _tried(
            scene,
            bundle,
            etc="echo x >/etc/passwd",
            new="touch /new",
            tmp="touch /tmp/new",
            kept="echo x >/work/kept/f",
            kept_new="touch /work/kept/new",
            moved="mv /work/kept /work/other",
            home="mkdir /home/u/d",
            removed="rm /home/u/f",
            root_home="touch /root/.bashrc",
            remount="mount -o remount,rw /",
            unmounted="umount /work/kept",
        ),
    )
    scene.equal((bundle.rootfs / "work/kept/f").read_text(), "work/kept/f\n", "/work/kept/f")


@suite.case()
def file_rules_hide_from_root_of_the_container(scene):
    bundle = _rules(
        _tree(scene.bundle()),
        denyRead=["/home", "/etc/passwd"],
        allowRead=["/home/u/open"],
        allowWrite=["/work"],
    )
    _none_refused(scene, _tried(scene, bundle, opened="cat /home/u/open/f", list="ls /home/u"))
    tried = _tried(
        scene,
        bundle,
        file="cat /home/u/f",
        key="cat /home/u/secret/key",
        passwd="cat /etc/passwd",
        made="touch /home/u/new",
        opened_written="touch /home/u/open/new",
        over="mv /work/f /home/u/open/f",
        dots="cat /work/../home/u/f",
        proc="cat /proc/self/root/home/u/f",
        covered="umount /home",
    )
    _all_refused(scene, tried)


@suite.case(rootless=False)
def file_rules_open_no_device_that_the_control_group_refuses(scene):
    """Whoever opens for a caller stands outside of its control group, where every disk can be opened. A container
    may make nodes, and an image may bring some."""
    bundle = _rules(_tree(scene.bundle()), allowWrite=["/work"]).grant("CAP_MKNOD")
    bundle.config["linux"]["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    os.mknod(bundle.rootfs / "work/brought", stat.S_IFCHR | 0o666, os.makedev(1, 11))
    (bundle.rootfs / "work/link").symlink_to("brought")
    kmsg, null = "c 1 11", "c 1 3"
    tried = _tried(
        scene,
        bundle,
        brought="exec 7>>/work/brought",
        link="exec 7>>/work/link",
        both="exec 7<>/work/brought",
        read="exec 7</work/brought",
        made=f"mknod /work/kmsg {kmsg} && exec 7>>/work/kmsg",
        in_dev=f"mknod /dev/kmsg {kmsg} && exec 7>>/dev/kmsg",
        disk="mknod /work/loop b 7 0 && exec 7>>/work/loop",
    )
    _all_refused(scene, tried)
    _none_refused(
        scene,
        _tried(
            scene,
            bundle,
            null=f"mknod /work/null {null} && echo x >/work/null && exec 7<>/work/null",
            dev="echo x >/dev/null && exec 7<>/dev/zero",
        ),
    )
    bundle.config["linux"]["resources"]["devices"].append(
        {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"}
    )
    tried = _tried(scene, bundle, write="exec 7>>/work/brought", both="exec 7<>/work/brought")
    scene.equal((tried["write"] == 0, tried["both"] == 0), (True, False), "a device that may be written")


@suite.case(rootless=False)
def file_rules_leave_the_hosts_kernel_settings_alone(scene):
    """What /proc/sys/net is hangs on who opens it; a bundle may leave it writable."""
    bundle = _rules(_tree(scene.bundle()), allowWrite=["/work"])
    bundle.config["linux"]["readonlyPaths"] = []
    settings = {
        "net": ("/proc/sys/net/ipv4/ip_default_ttl", "77"),
        "ipc": ("/proc/sys/kernel/msgmni", "777"),
    }
    before = {path: pathlib.Path(path).read_text() for path, _ in settings.values()}
    try:
        outcome = _shell(
            scene,
            bundle,
            "".join(f"echo {value} >{path}; cat {path}\n" for path, value in settings.values()),
        )
        after = {path: pathlib.Path(path).read_text() for path in before}
    finally:
        for path, text in before.items():
            pathlib.Path(path).write_text(text)
    scene.equal(after, before, "the host's settings")
    scene.equal(outcome.out.split(), [value for _, value in settings.values()], "the container's")


@suite.case(rootless=False)
def file_rules_hold_for_what_the_host_mounts_later(scene):
    """A volume that is shared with the host brings its mounts, each with its own options."""
    volume = scene.work / "volume"
    for name in ("late", "secret"):
        (volume / name).mkdir(parents=True)
    host_module.call("mount", str(volume), str(volume), None, _MS_BIND, None)
    host_module.call("mount", "none", str(volume), None, _MS_SHARED, None)
    bundle = _rules(_tree(scene.bundle()), allowWrite=["/work"], denyRead=["/volume/secret"])
    name = scene.sleeping(bundle.bind(volume, "/volume", "rslave"))
    for folder in ("late", "secret"):
        host_module.call("mount", "tmpfs", str(volume / folder), "tmpfs", 0, "mode=777")
        (volume / folder / "seen").write_text("x")
    script = "echo x >/volume/late/made; ls /volume/late /volume/secret"
    outcome = scene.runtime.exec(name, "/bin/sh", "-c", script)
    scene.check(not (volume / "late/made").exists(), f"written: {outcome}")
    scene.check("/volume/late:" in outcome.out and "seen" not in outcome.out, f"seen: {outcome}")
    scene.delete_and_reap(name)
    host_module.call("umount2", str(volume), _MNT_DETACH)


@suite.case()
def file_rules_keep_core_files_away(scene):
    """The kernel writes one past every rule, or hands it to a program of the host's: not at a limit of 1, which stays."""
    bundle = _rules(_tree(scene.bundle()), allowWrite=["/work"]).grant("CAP_SYS_RESOURCE")
    script = "ulimit -c unlimited; ulimit -S -c 0; ulimit -c 0; grep 'core file' /proc/self/limits"
    name = scene.sleeping(bundle)
    inside = scene.runtime.exec(name, "/bin/sh", "-c", script)
    scene.delete_and_reap(name)
    for outcome in (inside, _shell(scene, bundle, script)):
        scene.equal(outcome.out.split()[4:6], ["1", "1"], str(outcome))


@suite.case()
def file_rules_lead_nowhere_by_links_of_the_rootfs(scene):
    """CVE-2021-30465, CVE-2019-14271: a path of a rootfs means that rootfs, wherever its links point."""
    for link in (str(scene.canary), "/proc/self/root" + str(scene.canary), "../" * 12 + str(scene.canary)[1:]):
        bundle = _tree(scene.bundle())
        (bundle.rootfs / "opened").symlink_to(link)
        (bundle.rootfs / "hidden").symlink_to("home/u/secret")
        _rules(bundle, denyRead=["/hidden"], allowWrite=["/opened", "/work"])
        tried = _tried(
            scene,
            bundle,
            written="touch /opened/new",
            below=f"touch {scene.canary}/new",
            through="cat /hidden/key",
            itself="cat /home/u/secret/key",
        )
        _all_refused(scene, tried)
        scene.host_unchanged()


@suite.case()
def file_rules_hold_in_volumes_and_widen_nothing(scene):
    volume, readonly = scene.work / "volume", scene.work / "readonly"
    for folder in (volume, readonly):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub/f").write_text("the host's\n")
    bundle = _tree(scene.bundle()).bind(volume, "/vol", "rw").bind(readonly, "/ro", "ro")
    _rules(bundle, denyRead=["/vol/sub"], allowWrite=["/vol", "/ro"])
    _none_refused(scene, _tried(scene, bundle, written="echo x >/vol/new"))
    _all_refused(
        scene,
        _tried(
            scene,
            bundle,
            hidden="cat /vol/sub/f",
            under="touch /vol/sub/new",
            removed="rm -r /vol/sub",
            readonly="touch /ro/new",
        ),
    )
    scene.equal((volume / "new").read_text(), "x\n", "the volume's new file")
    scene.equal(sorted(os.listdir(volume / "sub")), ["f"], "the hidden folder")
    scene.equal(sorted(os.listdir(readonly)), ["sub"], "the read-only volume")
    _rules(bundle, denyRead=["/vol/sub"])
    _all_refused(scene, _tried(scene, bundle, written="echo x >/vol/more"))


@suite.case(rootless=False)
def file_rules_show_nothing_in_a_volume_that_is_shared_with_the_host(scene):
    volume = scene.work / "volume"
    (volume / "secret").mkdir(parents=True)
    (volume / "secret/key").write_text("the host's\n")
    subprocess.run(["mount", "--bind", volume, volume], check=True)
    try:
        subprocess.run(["mount", "--make-shared", volume], check=True)
        bundle = _tree(scene.bundle()).bind(volume, "/vol", "rw", "rshared")
        bundle.linux["rootfsPropagation"] = "shared"
        _rules(bundle, denyRead=["/vol/secret"], allowWrite=["/vol"])
        _none_refused(scene, _tried(scene, bundle, written="touch /vol/new"))
        name = scene.sleeping(bundle)
        scene.equal(os.listdir(volume / "secret"), ["key"], "the host's folder")
        scene.check(scene.runtime.exec(name, "/bin/cat", "/vol/secret/key").status != 0, "read")
    finally:
        subprocess.run(["umount", "-l", volume], check=True)


@suite.case()
def file_rules_are_not_undone_by_a_nested_user_namespace(scene):
    """Without allowWrite there is no broker, and the container may make user namespaces."""
    bundle = _rules(_tree(scene.bundle()), denyRead=["/home/u/secret", "/etc/passwd"])
    program = bundle.add_helper("nested_user_namespace")
    outcome = scene.runtime.run(
        bundle.args(program, "/home/u/secret", "/etc/passwd"), scene.new_id()
    )
    if "refused" in outcome.out:
        scene.skip(f"the container may make no user namespace: {outcome.out.strip()}")
    scene.check("nested" in outcome.out, str(outcome))
    scene.check("ALLOWED" not in outcome.out, outcome.out)


@suite.case()
def file_rules_leave_a_program_its_own_descriptors(scene):
    bundle = _rules(_tree(scene.bundle()), allowWrite=["/work"])
    script = (
        "echo one >/dev/stdout; echo two >/proc/self/fd/1; exec 7>/work/seven; echo x >/dev/fd/7;"
        " cat /work/seven; cd /work && mkdir -p a/b && echo y >a/b/../c && mv a d && cat d/c;"
        " umask 077; echo z >private; stat -c %a private"
    )
    scene.equal(_shell(scene, bundle, script).out.split(), ["one", "two", "x", "y", "600"], "output")


@suite.case()
def file_rules_do_a_call_as_the_user_who_makes_it(scene):
    if scene.rootless:
        uids, gids = scene.subordinate_maps()
    bundle = _tree(scene.bundle())
    if scene.rootless:
        bundle.own_user_namespace(uids=uids, gids=gids)
    _rules(bundle, allowWrite=["/work"])
    (bundle.rootfs / "work").chmod(0o777)
    (bundle.rootfs / "work/sub").chmod(0o755)
    name = scene.sleeping(bundle)

    def status(command, *flags):
        return scene.runtime.exec(name, "/bin/sh", "-c", command, flags=flags)

    other = ("--user", "7:8")
    owner = status("umask 077; echo x >/work/mine && stat -c %u:%g /work/mine", *other)
    scene.equal(owner.out.strip(), "7:8", f"the owner of what another user makes: {owner}")
    _all_refused(
        scene,
        {
            command: status(command, *other).status
            for command in ("echo x >/work/f", "touch /work/sub/new")
        },
    )
    # Root of the container has CAP_DAC_OVERRIDE: so has the broker, for its calls.
    _none_refused(
        scene,
        {
            command: status(command).status
            for command in ("echo x >>/work/mine", "rm /work/mine")
        },
    )


@suite.case()
def file_rules_protect_names_there_or_not(scene):
    bundle = _tree(scene.bundle())
    (bundle.rootfs / "work/.zshrc").write_text("mine\n")
    (bundle.rootfs / "work/.git").mkdir()
    _rules(bundle, allowWrite=["/work"], denyWrite=["/work/**/*.key"])
    tried = _tried(
        scene,
        bundle,
        existing="echo x >/work/.zshrc",
        absent="echo x >/work/sub/.bashrc",
        moved="mv /work/f /work/.profile",
        linked="ln /work/f /work/.profile",
        hooks="mkdir /work/.git/hooks",
        removed="rm /work/.zshrc",
        pattern="echo x >/work/sub/new.key",
    )
    _all_refused(scene, tried)
    scene.equal((bundle.rootfs / "work/.zshrc").read_text(), "mine\n", "/work/.zshrc")
    scene.equal(sorted(os.listdir(bundle.rootfs / "work/sub")), [], "/work/sub")
    _none_refused(scene, _tried(scene, bundle, other="echo x >/work/sub/bashrc && rm /work/f"))


@suite.case()
def file_rules_hold_for_exec(scene):
    bundle = _rules(_tree(scene.bundle()), denyRead=["/home/u"], allowWrite=["/work"])
    name = scene.sleeping(bundle)

    def status(command, *flags):
        return scene.runtime.exec(name, "/bin/sh", "-c", command, flags=flags).status

    scene.equal(status("echo x >/work/new"), 0, "exec writes where it may")
    refused = ("echo x >/etc/new", "echo x >/work/.bashrc", "cat /home/u/f", "umount /home/u")
    _all_refused(scene, {command: status(command) for command in refused})
    scene.check(
        status("true", "--cap", "CAP_SYS_ADMIN") != 0, "exec got CAP_SYS_ADMIN, which undoes mounts"
    )
    many = [scene.runtime.exec(name, "/bin/touch", f"/work/{i}").status for i in range(5)]
    scene.equal(many, [0] * 5, "five exec, one after the other")
    record = json.loads((scene.runtime.state_folder / name / "state.json").read_text())
    broker = os.pidfd_open(record["handle"]["broker"])
    signal.pidfd_send_signal(broker, signal.SIGKILL)
    select.select([broker], [], [])  # it is gone, and its socket with it
    scene.check(status("true") != 0, "exec ran without the broker that its rules need")


@suite.case()
def file_rules_let_many_exec_write_at_once(scene):
    bundle = _rules(_tree(scene.bundle()), allowWrite=["/work"])
    name = scene.sleeping(bundle)
    others = set(host_module.children(os.getpid()))

    def mine():
        return set(host_module.children(os.getpid())) - others

    names = [f"e{i}" for i in range(100)]
    for file in names:
        script = (
            f"exec >/dev/null 2>&1; echo x >/work/{file}; echo x >/work/.bashrc; exec sleep 1000"
        )
        began = scene.runtime.exec(name, "/bin/sh", "-c", script, flags=("--detach",))
        scene.check(began.ok, str(began))

    def missing():
        return set(names) - set(os.listdir(bundle.rootfs / "work"))

    host_module.wait_until(lambda: not missing(), 10)
    scene.equal(missing(), set(), "files that were not written")
    scene.check(not (bundle.rootfs / "work/.bashrc").exists(), "one of them made a protected name")
    # They are this suite's children by now, and the container waits for them to be reaped.
    for pid in mine():
        os.kill(pid, signal.SIGKILL)

    def are_gone():
        host_module.reap_zombies()
        return not mine()

    scene.check(host_module.wait_until(are_gone, 10), "they end")


@suite.case()
def file_rules_that_could_not_be_held_are_refused(scene):
    def refused(bundle, *words, flags=()):
        outcome = scene.runtime.run(bundle.args("/bin/true"), scene.new_id(), *flags)
        scene.check(not outcome.ok, f"was run: {words}")
        for word in words:
            scene.check(word in outcome.err, f"{word!r} is not in: {outcome.err}")

    refused(
        _rules(scene.bundle().grant("CAP_SYS_ADMIN"), allowWrite=["/tmp"]),
        "/process/capabilities",
        "CAP_SYS_ADMIN",
    )
    bundle = _rules(scene.bundle(), allowWrite=["/tmp"])
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": str(scene.work / "agent.sock"),
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
    }
    refused(bundle, "listenerPath", "one seccomp listener")
    bundle = _rules(scene.bundle(), allowWrite=["/tmp"])
    bundle.config["root"]["path"] = "/"
    refused(bundle, "/root/path", "srt")
    refused(_rules(scene.bundle(), denyRead=["/"]), "denyRead")
    ceiling = scene.work / "ceiling.json"
    ceiling.write_text(
        '{"filesystem": {"denyRead": ["/etc"], "allowWrite": ["/tmp"], "denyWrite": []}}'
    )
    refused(
        _rules(scene.bundle(), allowWrite=["/var"]),
        "/var",
        "srt.json",
        "ceiling.json",
        flags=("--policy", str(ceiling)),
    )
    bundle = scene.bundle()
    outcome = scene.runtime.run(
        bundle.shell("touch /tmp/x && ! touch /var/x && ! cat /etc/passwd"),
        scene.new_id(),
        "--policy",
        str(ceiling),
    )
    scene.check(outcome.ok, f"under a ceiling alone: {outcome}")


@suite.case()
def file_rules_as_annotations(scene):
    bundle = _tree(scene.bundle())
    bundle.config["annotations"] = {
        "dev.srt.filesystem.allowWrite": "/work, /tmp",
        "dev.srt.filesystem.denyRead": "/home/u/secret",
    }
    _none_refused(scene, _tried(scene, bundle, work="touch /work/x", tmp="touch /tmp/x"))
    _all_refused(
        scene, _tried(scene, bundle, var="touch /var/x", secret="cat /home/u/secret/key")
    )


@suite.case()
def file_rules_home_and_working_directory(scene):
    bundle = _rules(_tree(scene.bundle()), denyRead=["~/secret"], allowWrite=["."])
    bundle.process["cwd"] = "/work"
    bundle.process["env"].append("HOME=/home/u")
    _none_refused(scene, _tried(scene, bundle, here="touch /work/x"))
    _all_refused(scene, _tried(scene, bundle, home="cat /home/u/secret/key", root="touch /x"))


@suite.case()
def file_rules_while_a_neighbour_swaps_folders_of_the_volume(scene):
    """A volume that others write to: either the rules hold, or there is no container."""
    volume = scene.work / "volume"
    for name in ("a/secret", "b/secret"):
        (volume / name).mkdir(parents=True)
        (volume / name / "key").write_text("the secret\n")
    (volume / "link").symlink_to(scene.canary)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for one, other in (("a", "t"), ("link", "a"), ("a", "link"), ("t", "a")):
                try:
                    os.rename(volume / one, volume / other)
                except OSError:
                    pass

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        held = 0
        for _ in range(40 if scene.long else 8):
            bundle = _tree(scene.bundle()).bind(volume, "/vol", "rw")
            _rules(bundle, denyRead=["/vol/b"], allowWrite=["/vol/a"])
            outcome = scene.runtime.run(
                bundle.shell("touch /vol/a/new; cat /vol/b/secret/key"), scene.new_id()
            )
            held += outcome.status == 1
            scene.check("the secret" not in outcome.out, f"read: {outcome}")
            scene.host_unchanged()
            shutil.rmtree(bundle.path, ignore_errors=True)
    finally:
        stop.set()
        swapper.join()
