"""Terminals: the socket that receives a container's, and one of our own to run the runtime in."""

import array
import errno
import fcntl
import os
import pathlib
import select
import signal
import socket
import struct
import termios
import time


class Terminal:
    """The master side of a pty."""

    def __init__(self, fd: int):
        self.fd = fd
        self.text = ""

    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        packed = fcntl.ioctl(self.fd, termios.TIOCGWINSZ, b"\0" * 8)
        return struct.unpack("HHHH", packed)[:2]

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def _read_some(self, seconds: float) -> bool:
        """False at the end of the terminal, which a pty tells by EIO."""
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            return True
        try:
            block = os.read(self.fd, 4096)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.text += block.decode(errors="replace")
        return bool(block)

    def read_what_is_there(self) -> None:
        before = None
        while before != len(self.text):
            before = len(self.text)
            self._read_some(0)

    def read_until(self, wanted: str, seconds: float = 5) -> bool:
        deadline = time.monotonic() + seconds
        while wanted not in self.text:
            if time.monotonic() > deadline or not self._read_some(deadline - time.monotonic()):
                return wanted in self.text
        return True

    def read_to_end(self, seconds: float = 5) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._read_some(deadline - time.monotonic()):
            pass
        return self.text

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class ConsoleSocket:
    """The engine's side of --console-socket."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._terminals: list[Terminal] = []

    def receive(self, seconds: float = 5) -> Terminal:
        fds = self.receive_descriptors(seconds)
        if len(fds) != 1:
            raise AssertionError(f"{len(fds)} descriptors came through the console socket")
        terminal = Terminal(fds[0])
        self._terminals.append(terminal)
        return terminal

    def receive_descriptors(self, seconds: float = 5) -> list[int]:
        self._listener.settimeout(seconds)
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(seconds)
            space = socket.CMSG_SPACE(16 * array.array("i").itemsize)
            _, ancillary, _, _ = connection.recvmsg(4096, space)
        fds = array.array("i")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
        return list(fds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for terminal in self._terminals:
            terminal.close()
        self._listener.close()


class TerminalProcess:
    """A program that leads a session on a pty of its own, as under a person's shell prompt."""

    def __init__(self, command: list[str], *, rows: int = 24, columns: int = 80, env=None):
        master, slave = os.openpty()
        self.terminal = Terminal(master)
        self.terminal.resize(rows, columns)
        self.slave_name = os.ttyname(slave)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                for number in (0, 1, 2):
                    os.dup2(slave, number)
                os.closerange(3, 256)
                os.execvpe(command[0], command, env or os.environ)
            finally:
                os._exit(127)
        self._slave = slave
        self.status: int | None = None

    def attributes(self) -> list:
        return termios.tcgetattr(self._slave)

    def pending_input(self) -> str:
        """What is in the input queue of the terminal, unread."""
        mode = termios.tcgetattr(self._slave)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 0, 0
        termios.tcsetattr(self._slave, termios.TCSANOW, mode)
        return os.read(self._slave, 4096).decode(errors="replace")

    def close_slave(self) -> None:
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1

    def wait(self, seconds: float = 10) -> int | None:
        """Exit status, 128+n after a signal; None when it still runs. Output is read meanwhile."""
        deadline = time.monotonic() + seconds
        while self.status is None and time.monotonic() < deadline:
            self.terminal._read_some(0.005)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code
                self.terminal.read_what_is_there()  # written between the last look and its end
        return self.status

    def wait_stopped(self, seconds: float = 5) -> bool:
        """Whether it was stopped by job control."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.terminal._read_some(0.005)
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                return True
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                return False
        return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGCONT)
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        self.terminal.close()
        self.close_slave()
