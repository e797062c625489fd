"""fetch.py: reads lines "FAMILY URL" and prints "=== N" and the body, or why there is none."""

import socket
import sys
import urllib.request

_look_up = socket.getaddrinfo
for number, line in enumerate(sys.stdin):
    family, url = line.split()
    wanted = socket.AF_INET6 if family == "6" else socket.AF_INET
    socket.getaddrinfo = lambda host, port, family=0, *more, wanted=wanted: _look_up(
        host, port, wanted, *more
    )
    print(f"=== {number}")
    try:
        print(urllib.request.urlopen(url, timeout=20).read().decode())
    except OSError as error:
        print(error)
