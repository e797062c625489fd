"""The library: the example of docs/examples/sandbox against an installed prefix."""

import os
import pathlib
import shutil
import subprocess

from suite import suite

_SOURCES = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/examples/sandbox"


def _prefix(place) -> pathlib.Path:
    prefix = pathlib.Path(place.program).parent.parent
    if not list(prefix.glob("lib*/cmake/srt/srt-config.cmake")) + list(
        prefix.glob("lib/*/cmake/srt/srt-config.cmake")
    ):
        place.skip("--srt is not that of an installed prefix")
    return prefix


def _built(place) -> pathlib.Path:
    prefix = _prefix(place)
    sources = _SOURCES if _SOURCES.exists() else prefix / "share/doc/srt-runtime/examples/sandbox"
    if not sources.exists():
        place.skip("docs/examples/sandbox is not beside the tests")
    place.needs("cmake", "g++")
    here = place.project / "example"
    shutil.copytree(sources, here)
    for words in (
        ["-S", here, "-B", here / "build", f"-DCMAKE_PREFIX_PATH={prefix}"],
        ["--build", here / "build"],
    ):
        done = subprocess.run(
            ["cmake", *words],
            env=place.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        place.check(done.returncode == 0, done.stdout[-800:] + done.stderr[-800:])
    found = [
        path for path in (here / "build").iterdir() if os.access(path, os.X_OK) and path.is_file()
    ]
    place.equal(len(found), 1, f"programs: {found}")
    return found[0]


def _call(place, program, *words):
    # A prefix that was chosen at installation is not the one that was compiled in: PATH has the program.
    path = f"{pathlib.Path(place.program).parent}:" + place.environment()["PATH"]
    return subprocess.run(
        [program, *words],
        cwd=place.project,
        env=place.environment({"PATH": path}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@suite.case()
def the_example_builds_and_runs(place):
    program = _built(place)
    done = _call(
        place,
        program,
        "a.test",
        "--",
        "bash",
        "-c",
        "echo inside $SANDBOX_RUNTIME; touch made; touch ~/made; exit 5",
    )
    place.equal((done.returncode, done.stdout), (5, "inside 1\n"), done.stderr)
    place.check((place.project / "made").exists() and not (place.home / "made").exists(), "writes")
    done = _call(place, program, "a.test", "--", "curl", "-s", "-m", "5", "http://b.test/")
    place.check(
        "blocked: " in done.stdout and "b.test" in done.stdout, f"{done.stdout!r} {done.stderr!r}"
    )
    done = _call(place, program, "https://bad/", "--", "true")
    place.check(done.returncode == 125 and done.stderr, f"{done.returncode} {done.stderr!r}")
