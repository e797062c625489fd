#!/usr/bin/env python3
"""The life of a container, as engines and people drive it: verbs, signals, terminals, hooks, and
the runtime killed at any moment of it.

    tests/lifecycle/main.py --runtime build/release/bin/srt-runtime \
        --helpers build/release/bin/contained --user NAME [--long] [--only 'hook*']
"""

import suite as _first  # noqa: F401  (sets the path that the others import from)

import create  # noqa: F401
import errors  # noqa: F401
import events  # noqa: F401
import execution  # noqa: F401
import hooks  # noqa: F401
import interrupted  # noqa: F401
import kill  # noqa: F401
import parentage  # noqa: F401
import pause  # noqa: F401
import run  # noqa: F401
import state  # noqa: F401
import terminals  # noqa: F401
import together  # noqa: F401
import update  # noqa: F401
from suite import suite

if __name__ == "__main__":
    suite.main()
