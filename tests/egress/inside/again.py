"""again.py HOST PORT SNI OTHER: a second ClientHello, for a server that asks for one, with OTHER in the place of SNI.

Both names have the same length. Prints "server" if the server goes on with the handshake, else what came instead.
"""

import socket
import ssl
import sys

host, port, name, other = sys.argv[1:5]
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
context = ssl.create_default_context(cafile="/etc/ca.pem")
client = context.wrap_bio(incoming, outgoing, server_hostname=name)


def say() -> bytes:
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


connection = socket.create_connection((host, int(port)), timeout=10)
try:
    connection.sendall(say())
    incoming.write(connection.recv(4096))
    second = say()
    assert name.encode() in second, "the server did not ask again"
    connection.sendall(second.replace(name.encode(), other.encode()))
    answer = connection.recv(4096)
    print("server" if answer[:1] == b"\x16" else answer)
except OSError as error:
    print(error)
