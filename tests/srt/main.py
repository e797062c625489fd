#!/usr/bin/env python3
"""The `srt` command, as a person uses it and as code inside attacks it: each promise of docs/srt.md.

    tests/srt/main.py --srt build/release/bin/srt --user NAME [--only 'a_denied*']

Root runs each case twice: as itself and as NAME.
"""

import suite as _first  # noqa: F401  (sets the path that the others import from)

import boundaries  # noqa: F401
import control  # noqa: F401
import destinations  # noqa: F401
import documents  # noqa: F401
import ends  # noqa: F401
import environment  # noqa: F401
import files  # noqa: F401
import library  # noqa: F401
import masked  # noqa: F401
import protection  # noqa: F401
import proxies  # noqa: F401
import replaced  # noqa: F401
import repositories  # noqa: F401
import settings  # noqa: F401
import sockets  # noqa: F401
import spellings  # noqa: F401
import swapped  # noqa: F401
import syscalls  # noqa: F401
import tampering  # noqa: F401
import terminals  # noqa: F401
import tls  # noqa: F401
import tls_limits  # noqa: F401
import tls_trust  # noqa: F401
import together  # noqa: F401
import tools  # noqa: F401
from suite import suite

if __name__ == "__main__":
    suite.main()
