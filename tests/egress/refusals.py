"""Kernels that lack something, made of this one: from here on this process, and all that it starts, is
refused the call. A seccomp filter, as the kernel knows it."""

import ctypes
import errno
import os
import platform
import struct

_CLONE_NEWUSER, _AF_NETLINK, _NETLINK_NETFILTER = 0x10000000, 16, 12
_NUMBERS = {"x86_64": {"socket": 41, "unshare": 272}, "aarch64": {"socket": 198, "unshare": 97}}
_LOAD, _EQUAL, _HAS, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER = 22, 38, 2


def without_nf_tables() -> None:
    """As a kernel without nfnetlink: the socket does not exist."""
    number = _NUMBERS[platform.machine()]["socket"]
    _install(
        (_LOAD, 0, 0, 0),
        (_EQUAL, 0, 5, number),
        (_LOAD, 0, 0, 16),  # the low half of the first argument
        (_EQUAL, 0, 3, _AF_NETLINK),
        (_LOAD, 0, 0, 32),  # of the third
        (_EQUAL, 0, 1, _NETLINK_NETFILTER),
        (_RETURN, 0, 0, _ERRNO | errno.EPROTONOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    )


def without_user_namespaces() -> None:
    number = _NUMBERS[platform.machine()]["unshare"]
    _install(
        (_LOAD, 0, 0, 0),
        (_EQUAL, 0, 3, number),
        (_LOAD, 0, 0, 16),
        (_HAS, 0, 1, _CLONE_NEWUSER),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    )


def _install(*program: tuple[int, int, int, int]) -> None:
    instructions = b"".join(struct.pack("=HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    described = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:  # root needs none, and containers that do not ask for it have none
        _checked(libc, libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc, libc.prctl(_PR_SET_SECCOMP, _FILTER, described, 0, 0))


def _checked(_, result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"seccomp: {os.strerror(error)}")
