"""Names that are paths in disguise: container ids, state folders."""

import os
import pathlib
import subprocess

from containers.scene import Scene
from suite import suite

BAD_IDS = [
    "../x",
    "..",
    ".",
    "a/b",
    "/etc",
    "../../etc/x",
    "x/../../y",
    "",
    "a b",
    "a\nb",
    "a;b",
    "x" * 1025,
    "ünïcode",
    "a\tb",
    "%2e%2e",
    "a\\b",
]


@suite.case()
def an_id_cannot_be_a_path(scene):
    bundle = scene.bundle()
    scene.runtime.state_folder.mkdir(exist_ok=True)
    outside = scene.work / "x"
    outside.mkdir()
    (outside / "state.json").write_text("{}")
    for bad in BAD_IDS:
        created = scene.runtime.create(bundle, bad)
        scene.check(not created.ok, f"create took the id {bad!r}")
        scene.check(created.err, f"create of {bad!r} gave no reason")
        for verb in (
            ("delete", "--force", bad),
            ("delete", bad),
            ("state", bad),
            ("start", bad),
            ("kill", bad, "KILL"),
        ):
            outcome = scene.runtime.call(*verb)
            scene.check(not outcome.ok or verb[:2] == ("delete", "--force"), f"{verb!r} was taken")
        scene.check((outside / "state.json").exists(), f"{bad!r}: a folder outside was removed")
    scene.host_unchanged()
    left = [p.name for p in scene.runtime.state_folder.iterdir() if not p.name.startswith(".")]
    scene.check(not left, f"state left: {left}")


@suite.case()
def a_state_that_is_a_symlink_is_not_followed(scene):
    """delete --force of an id whose folder leads out must not empty the host's folder."""
    scene.runtime.state_folder.mkdir(exist_ok=True)
    (scene.runtime.state_folder / "linked").symlink_to(scene.canary)
    for verb in (("delete", "--force", "linked"), ("state", "linked"), ("kill", "linked", "KILL")):
        scene.runtime.call(*verb)
        scene.host_unchanged()
    scene.runtime.create(scene.bundle(), "linked")
    scene.host_unchanged()
    scene.runtime.delete("linked")
    scene.host_unchanged()


@suite.case(rootful=False)
def the_fallback_state_folder_belongs_to_the_caller(scene):
    """Without XDG_RUNTIME_DIR the state is where another user could have made a folder first."""
    if not scene.is_srt:
        scene.skip("the fallback's place is this runtime's own")
    fallback = _fallback_folder(scene)
    if fallback is None:
        scene.skip("it could not be found where the fallback is")
    victim = scene.work / "victim"
    victim.mkdir(mode=0o755)
    before = sorted(os.listdir(victim))
    kept = fallback.with_name(fallback.name + ".kept")
    if fallback.exists():
        fallback.rename(kept)
    try:
        fallback.symlink_to(victim)
        outcome = _without_runtime_dir(scene, "list")
        scene.check(sorted(os.listdir(victim)) == before, "files were made through the symlink")
        bundle = scene.bundle().args("/bin/true").save()
        outcome = _without_runtime_dir(scene, "run", "--bundle", bundle, scene.new_id())
        scene.check(outcome.returncode != 0, "a symlinked state folder was used")
        scene.check(sorted(os.listdir(victim)) == before, "files were made through the symlink")
        fallback.unlink()
        fallback.mkdir()
        fallback.chmod(0o777)
        outcome = _without_runtime_dir(scene, "run", "--bundle", bundle, scene.new_id())
        scene.check(outcome.returncode != 0, "a state folder that others may write to was used")
    finally:
        if fallback.is_symlink():
            fallback.unlink()
        elif fallback.exists():
            fallback.rmdir()
        if kept.exists():
            kept.rename(fallback)


def _without_runtime_dir(scene: Scene, *words) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"}
    return subprocess.run(
        [scene.runtime.binary, *map(str, words)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=30,
    )


def _fallback_folder(scene: Scene) -> pathlib.Path | None:
    """Found by looking: what a run without XDG_RUNTIME_DIR makes below /tmp."""

    def own() -> set:
        found = set()
        for entry in pathlib.Path("/tmp").iterdir():
            try:
                if entry.lstat().st_uid == os.geteuid() and "srt" in entry.name:
                    found.add(entry)
            except FileNotFoundError:
                pass
        return found

    _without_runtime_dir(scene, "list")
    name = scene.new_id()
    _without_runtime_dir(scene, "run", "--bundle", scene.bundle().args("/bin/true").save(), name)
    candidates = [p for p in own() if p.name.endswith(str(os.geteuid())) and "test" not in p.name]
    return candidates[0] if candidates else None
