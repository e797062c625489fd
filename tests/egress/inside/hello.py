"""hello.py connect|socks|transparent HOST PORT SNI RECORD-SIZE: a ClientHello a byte at a time.

RECORD-SIZE splits the handshake message into records of that many bytes; 0 leaves it whole. Prints
"server" if a TLS server answers, "denied" if an alert 49 comes, else what came.
"""

import socket
import ssl
import struct
import sys
import time

way, host, port, name, size = sys.argv[1:6]
port, size = int(port), int(size)
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
context = ssl.create_default_context()
client = context.wrap_bio(incoming, outgoing, server_hostname=name)
try:
    client.do_handshake()
except ssl.SSLWantReadError:
    pass
hello = outgoing.read()
if size:
    body, hello = hello[5:], b""
    for at in range(0, len(body), size):
        piece = body[at : at + size]
        hello += b"\x16\x03\x01" + struct.pack("!H", len(piece)) + piece
if way == "transparent":
    connection = socket.create_connection((host, port), timeout=10)
elif way == "connect":
    connection = socket.create_connection(("localhost", 3128), timeout=10)
    connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    assert b" 200 " in connection.recv(4096)
else:
    connection = socket.create_connection(("localhost", 1080), timeout=10)
    connection.sendall(b"\5\1\0")
    connection.recv(2)
    connection.sendall(b"\5\1\0\3" + bytes([len(host)]) + host.encode() + struct.pack("!H", port))
    assert connection.recv(100)[1] == 0
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
try:
    for i in range(len(hello)):
        connection.send(hello[i : i + 1])
        if i % 50 == 0:
            time.sleep(0.001)
    answer = connection.recv(7)
except OSError as error:
    answer = str(error).encode()
if answer[:1] == b"\x16":
    print("server")
elif answer == b"\x15\x03\x03\x00\x02\x02\x31":
    print("denied")
else:
    print(answer)
