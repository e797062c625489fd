"""websocket.py PROXY|- URL-HOST: upgrades, sends three messages, prints what comes back."""

import base64
import os
import socket
import sys

proxy, host = sys.argv[1], sys.argv[2]
if proxy == "-":
    connection = socket.create_connection((host, 80), timeout=10)
    target = "/ws"
else:
    connection = socket.create_connection(("localhost", 3128), timeout=10)
    target = f"http://{host}/ws"
key = base64.b64encode(os.urandom(16)).decode()
connection.sendall(
    (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()
)
stream = connection.makefile("rb")
status = stream.readline().decode().strip()
print(status)
if " 101 " not in status:
    sys.exit(1)
while stream.readline().strip():
    pass
for text in (b"one", b"two", b"three"):
    mask = os.urandom(4)
    masked = bytes(c ^ mask[i % 4] for i, c in enumerate(text))
    connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
    head = stream.read(2)
    print(stream.read(head[1]).decode())
