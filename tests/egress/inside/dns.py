"""dns.py NAME TYPE [udp|tcp] [SERVER]: one question; NAME may hold \\x escapes, and dots part labels.

Prints {"code", "answers", "said", "seconds"}; `said` is the text of an extended error (RFC 8914).
"""

import json
import socket
import struct
import sys
import time

name, kind = sys.argv[1], int(sys.argv[2])
way = sys.argv[3] if len(sys.argv) > 3 else "udp"
server = sys.argv[4] if len(sys.argv) > 4 else "192.0.2.53"

labels = name.encode("latin-1").decode("unicode_escape").encode("latin-1").rstrip(b".").split(b".")
question = b"".join(bytes([len(part)]) + part for part in labels if part) + b"\0"
question += struct.pack("!HH", kind, 1)
option = b"\0\0\x29\x10\0\0\0\0\0\0\0"
query = struct.pack("!HHHHHH", 0x1234, 0x0100, 1, 0, 0, 1) + question + option

started = time.monotonic()
family = socket.AF_INET6 if ":" in server else socket.AF_INET
try:
    if way == "udp":
        connection = socket.socket(family, socket.SOCK_DGRAM)
        connection.settimeout(4)
        connection.connect((server, 53))  # an answer from another address would not be ours
        connection.send(query)
        answer = connection.recv(4096)
    else:
        connection = socket.create_connection((server, 53), timeout=4)
        connection.sendall(struct.pack("!H", len(query)) + query)
        stream = connection.makefile("rb")
        (size,) = struct.unpack("!H", stream.read(2))
        answer = stream.read(size)
except OSError as error:
    print(json.dumps({"code": -1, "answers": [], "said": str(error)}))
    sys.exit(0)
seconds = time.monotonic() - started


def skip_name(at: int) -> int:
    while answer[at]:
        if answer[at] & 0xC0:
            return at + 2
        at += 1 + answer[at]
    return at + 1


_, flags, questions, answers, authorities, additional = struct.unpack("!HHHHHH", answer[:12])
at = 12
for _ in range(questions):
    at = skip_name(at) + 4
found, said = [], ""
for _ in range(answers + authorities + additional):
    at = skip_name(at)
    of, _, _, size = struct.unpack("!HHIH", answer[at : at + 10])
    data = answer[at + 10 : at + 10 + size]
    at += 10 + size
    if of in (1, 28):
        found.append(socket.inet_ntop(socket.AF_INET if of == 1 else socket.AF_INET6, data))
    elif of == 41:
        while len(data) >= 4:
            code, length = struct.unpack("!HH", data[:4])
            if code == 15:
                said = data[6 : 4 + length].decode("utf-8", "replace")
            data = data[4 + length :]
    else:
        found.append(f"type {of}")
print(json.dumps({"code": flags & 15, "answers": found, "said": said, "seconds": seconds}))
