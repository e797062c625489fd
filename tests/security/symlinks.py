"""A rootfs whose folders are symlinks to the host: nothing may appear there (the class of
CVE-2021-30465, without the race)."""

import os
import shutil

from containers.scene import Scene
from suite import suite


def _links(scene: Scene, bundle, at: str) -> dict[str, str]:
    """Targets that lead to the canary from the rootfs' folder `at`, followed by a naive runtime."""
    climb = os.path.relpath(scene.canary, bundle.rootfs / os.path.dirname(at.strip("/")))
    return {
        "absolute": str(scene.canary),
        "relative": climb,
        "climbing above the root": "../" * 40 + str(scene.canary).lstrip("/"),
        "dangling": str(scene.canary / "absent"),
        "dangling relative": climb + "/absent2",
    }


def _with_link(scene: Scene, at: str, kind: str):
    bundle = scene.bundle()
    path = bundle.rootfs / at.strip("/")
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.symlink_to(_links(scene, bundle, at)[kind])
    return bundle


KINDS = ("absolute", "relative", "climbing above the root", "dangling", "dangling relative")


def _attempt(scene: Scene, at: str, change) -> None:
    """Runs a bundle for each kind of link: it is refused, or it runs and the host is as it was."""
    for kind in KINDS:
        bundle = _with_link(scene, at, kind)
        change(bundle)
        bundle.shell(f"cat {scene.canary}/secret /*/secret 2>/dev/null; cat /proc/mounts; true")
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.check(
            "host secret" not in outcome.out, f"{at} {kind}: the host's file was read inside"
        )
        scene.check(outcome.ok or outcome.err, f"{at} {kind}: refused without a reason")
        changes = scene.host.changes()
        scene.check(not changes, f"{at} {kind}: {'; '.join(changes)}")


@suite.case()
def cve_2021_30465_proc_is_a_symlink(scene):
    _attempt(scene, "/proc", lambda bundle: None)


@suite.case()
def cve_2021_30465_dev_is_a_symlink(scene):
    _attempt(scene, "/dev", lambda bundle: None)


@suite.case()
def cve_2021_30465_dev_is_a_symlink_and_no_mount_covers_it(scene):
    # Then the runtime's own device nodes and links would be made on the host.
    _attempt(scene, "/dev", lambda bundle: bundle.unmount("/dev"))


@suite.case()
def cve_2021_30465_sys_is_a_symlink(scene):
    _attempt(scene, "/sys", lambda bundle: None)


@suite.case()
def cve_2021_30465_etc_is_a_symlink_and_files_are_bound_into_it(scene):
    def bind_files(bundle):
        source = scene.work / "resolv.conf"
        source.write_text("nameserver 192.0.2.1\n")
        bundle.bind(source, "/etc/resolv.conf", "ro").bind(source, "/etc/folder/deep/hosts", "rw")

    _attempt(scene, "/etc", bind_files)


@suite.case()
def cve_2021_30465_a_destination_is_a_symlink(scene):
    _attempt(
        scene,
        "/mnt",
        lambda bundle: bundle.mount("/mnt", type="tmpfs", source="tmpfs", options=["size=64k"]),
    )


@suite.case()
def cve_2021_30465_a_destination_lies_below_a_symlink(scene):
    _attempt(
        scene,
        "/mnt",
        lambda bundle: bundle.mount(
            "/mnt/made/by/the/runtime", type="tmpfs", source="tmpfs", options=["size=64k"]
        ),
    )


@suite.case()
def cve_2021_30465_the_working_directory_is_a_symlink(scene):
    def work_there(bundle):
        bundle.process["cwd"] = "/mnt/made/for/cwd"  # runc makes it when it is missing

    _attempt(scene, "/mnt", work_there)


@suite.case(rootless=False)
def cve_2021_30465_a_device_is_made_below_a_symlink(scene):
    def with_device(bundle):
        bundle.linux["devices"] = [{"path": "/mnt/zero", "type": "c", "major": 1, "minor": 5}]

    _attempt(scene, "/mnt", with_device)


@suite.case()
def cve_2021_30465_tmpcopyup_from_a_symlink(scene):
    def copied(bundle):
        bundle.mount("/mnt", type="tmpfs", source="tmpfs", options=["tmpcopyup"])
        bundle.shell("ls /mnt; cat /mnt/secret")

    for kind in KINDS:
        bundle = _with_link(scene, "/mnt", kind)
        copied(bundle)
        outcome = scene.runtime.run(bundle, scene.new_id())
        scene.check(
            "secret" not in outcome.out, f"{kind}: host files were copied in: {outcome.out}"
        )
        scene.host_unchanged()


@suite.case()
def cve_2018_15664_root_path_is_a_symlink_and_stays_one(scene):
    """A symlinked root.path is allowed, but what is mounted must be in what it leads to."""
    bundle = scene.bundle()
    real = bundle.path / "elsewhere"
    bundle.rootfs.rename(real)
    bundle.rootfs.symlink_to("elsewhere")
    outcome = scene.runtime.run(bundle.shell("echo inside"), scene.new_id())
    scene.check("inside" in outcome.out or outcome.err, str(outcome))
    scene.check(bundle.rootfs.is_symlink(), "the symlink was replaced")
    scene.host_unchanged()


@suite.case()
def cve_2025_31133_masked_and_readonly_paths_behind_symlinks(scene):
    """A mask is put on what the path means inside, and never on the host's file of that name."""
    bundle = scene.bundle()
    (bundle.rootfs / "etc/target").write_text("to be hidden\n")
    (bundle.rootfs / "etc/link").symlink_to("target")
    (bundle.rootfs / "etc/out").symlink_to(scene.canary)
    bundle.linux["maskedPaths"] += ["/etc/link", "/etc/out/secret", "/etc/out/folder"]
    bundle.linux["readonlyPaths"] += ["/etc/out/null"]
    outcome = scene.runtime.run(bundle.shell("cat /etc/target; echo end"), scene.new_id())
    scene.check("to be hidden" not in outcome.out, "the mask on a symlink hides nothing")
    scene.check("end" in outcome.out or outcome.err, str(outcome))
    scene.equal((scene.canary / "secret").read_text(), "host secret\n", "host file")
    scene.host_unchanged()
