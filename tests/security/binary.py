"""The runtime's own executables, seen from inside (CVE-2019-5736, CVE-2016-9962)."""

import hashlib
import os
import pathlib
import shutil

from containers.runtime import Runtime
from containers.scene import Scene
from suite import suite


class OwnCopy:
    """The runtime and the programs beside it, copied: an attack that succeeds must not cost the
    machine its runtime. unchanged() compares hashes with those before."""

    def __init__(self, scene: Scene):
        source = pathlib.Path(scene.runtime.binary)
        self._folder = scene.work / "programs"
        self._folder.mkdir()
        self._folder.chmod(0o755)
        for program in [source, *source.parent.glob("srt-*")]:
            if program.is_file():
                shutil.copy(program, self._folder / program.name)
        scene.runtime = Runtime(str(self._folder / source.name), scene.runtime.state_folder)
        self._scene = scene
        self._before = self._hashes()

    def _hashes(self) -> dict[str, str]:
        return {
            p.name: f"{p.stat().st_ino} {hashlib.sha256(p.read_bytes()).hexdigest()}"
            for p in self._folder.iterdir()
        }

    def unchanged(self) -> None:
        self._scene.equal(self._hashes(), self._before, "the runtime's programs")


@suite.case()
def cve_2019_5736_the_program_is_proc_self_exe(scene):
    programs = OwnCopy(scene)
    for path in ("/proc/self/exe", "/link", "/proc/1/exe", "/proc/thread-self/exe"):
        bundle = scene.bundle()
        (bundle.rootfs / "link").symlink_to("/proc/self/exe")
        scene.runtime.run(bundle.args(path, "--version"), scene.new_id())
        programs.unchanged()


@suite.case()
def cve_2019_5736_the_programs_interpreter_is_proc_self_exe(scene):
    programs = OwnCopy(scene)
    bundle = scene.bundle()
    script = bundle.rootfs / "bin/script"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    scene.runtime.run(bundle.args("/bin/script"), scene.new_id())
    programs.unchanged()
    name = scene.sleeping(bundle)
    for program in ("/bin/script", "/proc/self/exe"):
        scene.runtime.exec(name, program)
    programs.unchanged()


@suite.case()
def cve_2019_5736_the_executable_of_an_exec_is_overwritten(scene):
    programs = OwnCopy(scene)
    bundle = scene.bundle().grant("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE")
    script = bundle.rootfs / "bin/script"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    name = scene.started(bundle.args(bundle.add_helper("overwrite_exe")))
    scene.wait_for_output(bundle, "ready")
    for round_number in range(60 if scene.long else 15):
        scene.runtime.exec(name, ("/bin/true", "/bin/script", "/proc/self/exe")[round_number % 3])
    programs.unchanged()
    scene.check("OVERWROTE" not in scene.output(bundle), f"written: {scene.output(bundle)}")


@suite.case()
def cve_2019_5736_the_executable_of_a_start_is_overwritten(scene):
    """The init of a second container in the attacker's pid namespace, before it is a program."""
    programs = OwnCopy(scene)
    bundle = scene.bundle().grant("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE")
    attacker = scene.started(bundle.args(bundle.add_helper("overwrite_exe")))
    scene.wait_for_output(bundle, "ready")
    pid = scene.runtime.pid(attacker)
    for _ in range(20 if scene.long else 6):
        victim = scene.bundle().namespace("pid", f"/proc/{pid}/ns/pid")
        if scene.rootless:
            victim.namespace("user", f"/proc/{pid}/ns/user")
            victim.linux.pop("uidMappings"), victim.linux.pop("gidMappings")
        outcome = scene.runtime.run(victim.args("/bin/true"), scene.new_id())
        if not outcome.ok and scene.rootless:
            scene.skip(f"two rootless containers do not share a pid namespace here: {outcome}")
        scene.check(outcome.ok, str(outcome))
    programs.unchanged()
    scene.check("OVERWROTE" not in scene.output(bundle), f"written: {scene.output(bundle)}")


@suite.case()
def cve_2016_9962_an_exec_is_looked_into_without_cap_sys_ptrace(scene):
    """Before its execve a joining process must be closed even to the same uid."""
    findings = _peek(scene, scene.bundle())
    scene.check(not findings, f"seen from inside: {findings}")


@suite.case()
def cve_2016_9962_an_exec_is_looked_into_with_cap_sys_ptrace(scene):
    """With the capability the memory may be open; nothing of the host may be within reach."""
    findings = _peek(scene, scene.bundle().grant("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"))
    leaks = [line for line in findings if line.startswith("LEAK")]
    scene.check(not leaks, f"seen from inside: {leaks}")


def _peek(scene: Scene, bundle) -> list[str]:
    name = scene.started(bundle.args(bundle.add_helper("peek_at_joiners")))
    scene.wait_for_output(bundle, "ready")
    for _ in range(200 if scene.long else 25):
        outcome = scene.runtime.exec(name, "/bin/true")
        scene.check(outcome.ok, str(outcome))
    return [line for line in scene.output(bundle).splitlines() if line != "ready"]


@suite.case()
def cve_2016_9962_an_init_is_looked_into_by_a_neighbour(scene):
    """A container in the pid namespace of another: its init holds more than an exec does. (A
    neighbour with CAP_SYS_PTRACE in the same user namespace is trusted by whoever shared the two.)
    """
    bundle = scene.bundle()
    attacker = scene.started(bundle.args(bundle.add_helper("peek_at_joiners"), "neighbour"))
    scene.wait_for_output(bundle, "ready")
    pid = scene.runtime.pid(attacker)
    for _ in range(60 if scene.long else 8):
        victim = scene.bundle().namespace("pid", f"/proc/{pid}/ns/pid")
        if scene.rootless:
            victim.namespace("user", f"/proc/{pid}/ns/user")
            victim.linux.pop("uidMappings"), victim.linux.pop("gidMappings")
        outcome = scene.runtime.run(victim.args("/bin/true"), scene.new_id())
        if not outcome.ok and scene.rootless:
            scene.skip(f"two rootless containers do not share a pid namespace here: {outcome}")
        scene.check(outcome.ok, str(outcome))
    findings = [line for line in scene.output(bundle).splitlines() if line != "ready"]
    scene.check(not findings, f"seen from inside: {findings}")


@suite.case()
def exec_into_a_container_that_swaps_its_binaries(scene):
    """/bin/sh is a shell, a link to /proc/self/exe, and a script that names it, in turns."""
    programs = OwnCopy(scene)
    bundle = scene.bundle().grant("CAP_DAC_OVERRIDE")
    script = bundle.rootfs / "bin/script"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    (bundle.rootfs / "bin/a").symlink_to("/proc/self/exe")
    (bundle.rootfs / "bin/b").symlink_to("script")
    (bundle.rootfs / "bin/c").symlink_to(scene.canary / "secret")
    (bundle.rootfs / "bin/tool").symlink_to("busybox")
    bundle.shell(
        "echo ready; while :; do for x in a b c busybox; do "
        "ln -s $x /bin/new; mv /bin/new /bin/tool; done; done"
    )
    name = scene.started(bundle)
    scene.wait_for_output(bundle, "ready")
    for _ in range(100 if scene.long else 20):
        outcome = scene.runtime.exec(name, "/bin/tool", "cat", str(scene.canary / "secret"))
        scene.check("host secret" not in outcome.out, "the host's file was read")
    programs.unchanged()
    scene.host_unchanged()


@suite.case()
def exec_sees_no_executable_of_the_host(scene):
    """/proc/self/exe of what is exec'd is the container's file, never the runtime."""
    name = scene.sleeping()
    outcome = scene.runtime.exec(name, "/bin/busybox", "readlink", "/proc/self/exe", "/proc/1/exe")
    scene.equal(
        outcome.out.split(),
        ["/bin/busybox", "/bin/busybox"][: len(outcome.out.split())],
        "executables seen inside",
    )
    scene.check(os.path.basename(scene.runtime.binary) not in outcome.out, outcome.out)
