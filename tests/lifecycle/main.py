#!/usr/bin/env python3
"""The life of a container, as engines and people drive it: verbs, signals, terminals, hooks, and
the runtime killed at any moment of it.

    tests/lifecycle/main.py --runtime build/release/bin/srt-runtime \
        --helpers build/release/bin/contained --user NAME [--long] [--only 'hook*']
"""

import suite as _first  # noqa: F401  (sets the path that the others import from)

import errors  # noqa: F401
import hooks  # noqa: F401
import interrupted  # noqa: F401
import parentage  # noqa: F401
import terminals  # noqa: F401
import together  # noqa: F401
import verbs  # noqa: F401
from suite import suite

if __name__ == "__main__":
    suite.main()
