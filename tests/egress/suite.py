"""The one Suite that the modules here add their cases to, and the world that they look out at."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from containers.suite import Suite  # noqa: E402  (the path above finds it)

suite = Suite("egress")
