"""families.py: which doors stand open beside the network: {"name": "open" or the errno's name}."""

import ctypes
import errno
import json
import socket

libc = ctypes.CDLL(None, use_errno=True)
seen = {}


def attempt(name, action):
    try:
        action()
        seen[name] = "open"
    except OSError as error:
        seen[name] = errno.errorcode.get(error.errno, str(error))


def system_call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")


for name, family, kind in (
    ("inet", socket.AF_INET, socket.SOCK_STREAM),
    ("unix", socket.AF_UNIX, socket.SOCK_STREAM),
    ("vsock", 40, socket.SOCK_STREAM),
    ("vsock-datagram", 40, socket.SOCK_DGRAM),
    ("bluetooth", 31, socket.SOCK_RAW),
    ("tipc", 30, socket.SOCK_STREAM),
    ("alg", 38, socket.SOCK_SEQPACKET),
    ("qipcrtr", 42, socket.SOCK_DGRAM),
    ("rds", 21, socket.SOCK_SEQPACKET),
    ("smc", 43, socket.SOCK_STREAM),
    ("nfc", 39, socket.SOCK_RAW),
    ("can", 29, socket.SOCK_RAW),
    ("x25", 9, socket.SOCK_SEQPACKET),
    ("ax25", 3, socket.SOCK_DGRAM),
    ("appletalk", 5, socket.SOCK_DGRAM),
):
    attempt(name, lambda f=family, k=kind: socket.socket(f, k).close())
attempt("io_uring", lambda: system_call(425, 1, ctypes.create_string_buffer(256)))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close())
print(json.dumps(seen))
