"""The one Suite that the modules here add their cases to, and its command line."""

import argparse
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from containers.suite import Suite  # noqa: E402  (the path above finds it)

from workplace import Workplace  # noqa: E402


def _arguments(name: str):
    parser = argparse.ArgumentParser(description=f"the {name} suite")
    parser.add_argument(
        "--srt", required=True, help="the program to test; its siblings stand by it"
    )
    parser.add_argument(
        "--user",
        default=os.environ.get("SRT_TEST_USER", ""),
        help="ordinary user for the rootless half (or $SRT_TEST_USER)",
    )
    parser.add_argument("--rootless-only", action="store_true")
    parser.add_argument("--long", action="store_true", help="longer races, more rounds")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="case names")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a failed case")
    options = parser.parse_args()
    options.srt = os.path.abspath(shutil.which(options.srt) or options.srt)
    return options


def _stage(options, folder: pathlib.Path) -> None:
    """Copies where an ordinary user can reach them; an installed program finds its own by path."""
    program = pathlib.Path(options.srt)
    if not (program.parent / "srt-init").exists():
        return
    for sibling in [program, *program.parent.glob("srt-*")]:
        if sibling.is_file():
            shutil.copy(sibling, folder / sibling.name)
    options.srt = str(folder / program.name)


suite = Suite("srt", arguments=_arguments, scene=Workplace, stage=_stage)
