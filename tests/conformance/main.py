#!/usr/bin/env python3
"""What config.json says, as a process inside sees it.

    tests/conformance/main.py --runtime build/release/bin/srt-runtime \
        --helpers build/release/bin/contained --user NAME [--only 'mount *']
"""

import suite as _first  # noqa: F401  (sets the path that the others import from)

import binds  # noqa: F401
import execs  # noqa: F401
import files  # noqa: F401
import mounts  # noqa: F401
import namespaces  # noqa: F401
import process  # noqa: F401
import resources  # noqa: F401
import syscalls  # noqa: F401
from suite import suite

if __name__ == "__main__":
    suite.main()
