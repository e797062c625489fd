#!/usr/bin/env python3
"""Attacks on a runtime, each named after the CVE of its class, each with a witness on the host.

    tests/security/main.py --runtime build/release/bin/srt-runtime \
        --helpers build/release/bin/contained --user NAME [--long] [--only 'cve_2019*']

Every attack may end in two ways: the runtime refuses the bundle, or it runs and nothing of the host
was reached. The witnesses are a folder of host files, the mount table, the control groups, the
processes left, and the hash of the runtime's own binaries.
"""

import suite as _first  # noqa: F401  (sets the path that the others import from)

import binary  # noqa: F401
import boundaries  # noqa: F401
import descriptors  # noqa: F401
import devices  # noqa: F401
import file_rules  # noqa: F401
import lifetime  # noqa: F401
import names  # noqa: F401
import procfs  # noqa: F401
import races  # noqa: F401
import symlinks  # noqa: F401
from suite import suite

if __name__ == "__main__":
    suite.main()
