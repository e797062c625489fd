#!/usr/bin/env python3
"""Containers under an egress policy: what real clients inside reach, what they do not, and who sees it.

    tests/egress/main.py --runtime build/release/bin/srt-runtime \
        --helpers build/release/bin/contained --user NAME [--only 'dns*']

Needs root: it makes a network of its own (world.py), in which the rootless half runs, too.
"""

import os
import sys

import suite as _first  # noqa: F401  (sets the path that the others import from)
from containers.scene import Scene
from world import World

import addresses  # noqa: F401
import clients  # noqa: F401
import content  # noqa: F401
import denials  # noqa: F401
import engines  # noqa: F401
import levels  # noqa: F401
import monitor  # noqa: F401
import names  # noqa: F401
import policies  # noqa: F401
import sockets  # noqa: F401
import traffic  # noqa: F401
import updates  # noqa: F401
from suite import suite

if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skip          everything: making the network of the tests needs root")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    with World() as world:
        Scene.world = world
        suite.main()
