"""unittest over the broker's own tests: `suite.py [NAME…]`."""

import sys
import unittest

NAMES = ["names_test", "opens_test", "attributes_test", "git_test", "sockets_test", "races_test"]

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    wanted = sys.argv[1:] or NAMES
    tests = unittest.defaultTestLoader.loadTestsFromNames(wanted)
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    for test, reason in result.skipped:
        print(f"[skipped] {test}: {reason}")
    bad, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print(f"{result.testsRun - bad - skipped} passed, {bad} failed, 0 skipped")
    sys.exit(not result.wasSuccessful())
