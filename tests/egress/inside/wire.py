"""wire.py [--half-close] [--wait S] HOST PORT [DATA…]: connects, sends each DATA (with \\x escapes), reads.

Each DATA but the first is sent once something has come back. Prints {"received", "error", "seconds"}:
`error` is the errno's name, or "" at an orderly end, or "timeout".
"""

import argparse
import errno
import json
import socket
import time

parser = argparse.ArgumentParser()
parser.add_argument("--half-close", action="store_true")
parser.add_argument("--wait", type=float, default=8)
parser.add_argument("host")
parser.add_argument("port", type=int)
parser.add_argument("data", nargs="*")
options = parser.parse_args()


def plain(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


received, error, started = b"", "", time.monotonic()
try:
    connection = socket.create_connection((options.host, options.port), timeout=options.wait)
    for i, data in enumerate(options.data):
        if i > 0:
            received += connection.recv(65536)
        connection.sendall(plain(data))
    if options.half_close:
        connection.shutdown(socket.SHUT_WR)
    while block := connection.recv(65536):
        received += block
except socket.timeout:
    error = "timeout"
except socket.gaierror as failure:
    error = failure.strerror
except OSError as failure:
    error = errno.errorcode.get(failure.errno, str(failure))
print(
    json.dumps(
        {
            "received": received.decode("latin-1"),
            "error": error,
            "seconds": time.monotonic() - started,
        }
    )
)
