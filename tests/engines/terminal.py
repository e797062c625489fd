"""A command at the slave side of a pseudo-terminal, as a person at a keyboard sees it."""

import fcntl
import os
import select
import struct
import subprocess
import termios
import time

SECONDS = 30


class Terminal:
    def __init__(self, command, environment=None, rows=24, columns=80):
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._seen = ""
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**(os.environ if environment is None else environment), "TERM": "dumb"},
            preexec_fn=self._take_terminal,
        )
        os.close(slave)

    @staticmethod
    def _take_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def send(self, keys):
        os.write(self._master, keys.encode())

    def _read(self, enough):
        """Reads until `enough(seen)` or the end of the terminal."""
        limit = time.monotonic() + SECONDS
        while not enough(self._seen):
            ready, _, _ = select.select([self._master], [], [], max(0, limit - time.monotonic()))
            assert ready, f"nothing more in {SECONDS} s; seen: {self._seen!r}"
            try:
                data = os.read(self._master, 4096)
            except OSError:  # EIO: the last slave is closed
                return
            if not data:
                return
            self._seen += data.decode(errors="replace")

    def read_until(self, text):
        self._read(lambda seen: text in seen)
        assert text in self._seen, f"never printed {text!r}; seen: {self._seen!r}"

    def read_to_end(self):
        self._read(lambda _seen: False)
        return self._seen

    def status(self):
        return self._process.wait(timeout=SECONDS)
