"""srt-tls as srt starts it and the guard drives it: descriptors of fixed numbers, packets with two sockets each."""

import contextlib
import os
import pathlib
import socket
import struct
import subprocess

HOST_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
SERVE, DIAL = 1, 2
READY, FAILED, UNTRUSTED, ENDED, CUT = 1, 2, 3, 4, 5


class Terminator:
    """`roots` and `authority` (certificate, key) are paths; without one it makes its own."""

    def __init__(self, folder: pathlib.Path, roots=(), authority=None):
        self.bundle = folder / "bundle.pem"
        self.guard, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control, said = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.guard.settimeout(10)
        self.control.settimeout(20)
        more = folder / "more.pem"
        more.write_text("".join(pathlib.Path(path).read_text() for path in roots))
        with contextlib.ExitStack() as opened:
            files = [open(self.bundle, "wb", buffering=0), None, open(more, "rb")]
            files += [open(path, "rb") for path in authority] if authority else [None, None]
            for file in filter(None, files):
                opened.enter_context(file)
            self.process = _start([theirs, said, *files])
        theirs.close()
        said.close()
        self.said = self.control.recv(512).decode()
        self._next = 1

    def close(self) -> None:
        self.guard.close()
        self.control.close()
        try:
            self.process.wait(5)
        finally:
            self.process.kill()
            self.process.wait()

    def ask(self, task: int, tls: socket.socket, name: str, *, read=b"", patience=10.0):
        """Hands a connected socket over; returns the number, and the plaintext's socket."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.settimeout(10)
        number, self._next = self._next, self._next + 1
        packet = struct.pack("=QBIH", number, task, int(patience * 1000), len(name)) + name.encode() + read
        socket.send_fds(self.guard, [packet], [tls.fileno(), theirs.fileno()])
        theirs.close()
        tls.close()
        return number, ours

    def hear(self) -> tuple[int, int, str]:
        packet = self.guard.recv(2000)
        number, news = struct.unpack("=QB", packet[:9])
        return number, news, packet[9:].decode()


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    for each in (ours, theirs):
        each.settimeout(10)
    return ours, theirs


def _start(files) -> subprocess.Popen:
    """With 3, 4, 5 … being these; None leaves the number closed."""
    aside = [file and os.dup(file.fileno()) for file in files]
    high = [descriptor and _above(descriptor, 64) for descriptor in aside]

    def place():
        for number, descriptor in enumerate(high):
            if descriptor is None:
                with contextlib.suppress(OSError):
                    os.close(3 + number)
            else:
                os.dup2(descriptor, 3 + number)
        os.closerange(3 + len(high), 256)

    try:
        return subprocess.Popen(
            [os.environ["SRT_TLS"], "test"], preexec_fn=place, close_fds=False, env={}, cwd="/",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        for descriptor in filter(None, [*aside, *high]):
            os.close(descriptor)


def _above(descriptor: int, least: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)
