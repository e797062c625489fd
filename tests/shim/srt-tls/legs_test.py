"""srt-tls with real sockets and a real OpenSSL on the other side of them."""

import contextlib
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from containers.certificates import Authority  # noqa: E402  (the path above finds it)
from terminator import CUT, DIAL, ENDED, FAILED, READY, SERVE, UNTRUSTED, Terminator, tcp_pair  # noqa: E402

NAME = "api.example.test"



def read_all(plain: socket.socket) -> bytes:
    found = bytearray()
    while piece := plain.recv(65536):
        found += piece
    return bytes(found)


def say_goodbye(connection: ssl.SSLSocket) -> None:
    """close_notify, and what the other side says to it, if it is still there."""
    with contextlib.suppress(OSError):
        connection.unwrap()


class Server(threading.Thread):
    """One TLS connection served by `serve`; what went wrong is kept."""

    def __init__(self, certificate, key, serve, **context):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        for name, value in context.items():
            setattr(self.context, name, value)
        self.serve, self.sni, self.error, self.protocol = serve, None, None, None
        self.context.sni_callback = self._note
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.start()

    def _note(self, _socket, name, _context):
        self.sni = name

    def run(self):
        raw, _ = self.listener.accept()
        raw.settimeout(10)
        try:
            with self.context.wrap_socket(raw, server_side=True) as connection:
                self.protocol = connection.selected_alpn_protocol()
                self.serve(connection)
                say_goodbye(connection)
        except OSError as error:
            self.error = error
        finally:
            raw.close()
            self.listener.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listener.getsockname())


class Legs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="srt-tls-")
        cls.path = pathlib.Path(cls.folder.name)
        cls.authority = Authority(cls.path / "authority")
        cls.good = cls.authority.sign(f"DNS:{NAME},IP:127.0.0.1", label="good")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.program = Terminator(self.path, roots=[self.authority.certificate])
        self.addCleanup(self.program.close)
        self.assertEqual(self.program.said, "R")

    def client(self, raw, name=NAME, *, protocols=("http/1.1",), least=None) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self.program.bundle)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        if least:
            context.minimum_version = least
        return context.wrap_socket(raw, server_hostname=name, suppress_ragged_eofs=False)

    def served(self, name=NAME, **more):
        """A client that has shaken hands, and the plaintext's socket."""
        ours, theirs = tcp_pair()
        number, plain = self.program.ask(SERVE, theirs, name)
        client = self.client(ours, name, **more)
        self.assertEqual(self.program.hear(), (number, READY, ""))
        self.addCleanup(client.close)
        self.addCleanup(plain.close)
        return client, plain

    # Serving

    def test_a_client_that_trusts_the_bundle_is_served(self):
        for name in (NAME, "127.0.0.1", "::1", "a" * 60 + ".example.test", "under_score.example.test"):
            with self.subTest(name):
                client, plain = self.served(name)
                client.sendall(b"question")
                self.assertEqual(plain.recv(100), b"question")
                plain.sendall(b"answer")
                self.assertEqual(client.recv(100), b"answer")
                self.assertEqual(client.selected_alpn_protocol(), "http/1.1")

    def test_bytes_that_were_read_before_come_first(self):
        ours, theirs = tcp_pair()
        connected = threading.Thread(target=lambda: self.answered.append(self.client(ours)), daemon=True)
        self.answered = []
        connected.start()
        hello = theirs.recv(100)  # part of it
        number, _plain = self.program.ask(SERVE, theirs, NAME, read=hello)
        self.assertEqual(self.program.hear(), (number, READY, ""))
        connected.join(10)
        self.assertTrue(self.answered)

    def test_a_client_without_http_1_is_refused(self):
        ours, theirs = tcp_pair()
        number, _plain = self.program.ask(SERVE, theirs, NAME)
        with self.assertRaises(ssl.SSLError):
            self.client(ours, protocols=("h2",))
        self.assertEqual(self.program.hear()[:2], (number, FAILED))

    def test_old_versions_are_refused(self):
        ours, theirs = tcp_pair()
        number, _plain = self.program.ask(SERVE, theirs, NAME)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(OSError):
            context.wrap_socket(ours, server_hostname=NAME)
        self.assertEqual(self.program.hear()[:2], (number, FAILED))

    def test_what_is_not_tls_is_refused(self):
        ours, theirs = tcp_pair()
        number, plain = self.program.ask(SERVE, theirs, NAME, read=b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(self.program.hear()[:2], (number, FAILED))
        self.assertEqual(plain.recv(10), b"")
        ours.close()

    def test_a_handshake_has_its_time(self):
        _ours, theirs = tcp_pair()
        began = time.monotonic()
        number, plain = self.program.ask(SERVE, theirs, NAME, patience=0.3)
        self.assertEqual(self.program.hear()[:2], (number, FAILED))
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(plain.recv(10), b"")

    def test_no_renegotiation_with_tls_1_2(self):
        ours, theirs = tcp_pair()
        number, plain = self.program.ask(SERVE, theirs, NAME)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = subprocess.Popen(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-tls1_2",
                 "-legacy_renegotiation", "-servername", NAME, "-CAfile", self.program.bundle],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            raw, _ = listener.accept()
        for one, other in ((raw, ours), (ours, raw)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()
        self.assertEqual(self.program.hear(), (number, READY, ""))
        client.stdin.write(b"R\n")
        client.stdin.flush()
        out = client.communicate(timeout=10)[0].decode()
        self.assertIn("Verify return code: 0", out)
        self.assertTrue("no renegotiation" in out or "handshake failure" in out, out[-600:])
        plain.close()

    # Ends

    def test_the_end_of_a_half_is_handed_on_and_the_other_goes_on(self):
        client, plain = self.served()
        plain.sendall(b"all of it")
        plain.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client), b"all of it")  # close_notify, or Python would raise
        say_goodbye(client)
        self.assertEqual(plain.recv(10), b"")
        self.assertEqual(self.program.hear()[1], ENDED)

    def test_the_clients_end_comes_first(self):
        client, plain = self.served()
        client.sendall(b"last words")
        threading.Thread(target=say_goodbye, args=(client,), daemon=True).start()
        self.assertEqual(read_all(plain), b"last words")
        plain.sendall(b"mine")
        plain.shutdown(socket.SHUT_WR)
        self.assertEqual(self.program.hear()[1], ENDED)

    def test_who_closes_without_an_end_breaks_off(self):
        """Half an answer must not look like the whole."""
        client, plain = self.served()
        plain.sendall(b"half of")
        self.assertEqual(client.recv(100), b"half of")
        plain.close()
        with self.assertRaises(OSError):
            client.recv(100)
        self.assertEqual(self.program.hear()[1], CUT)

    def test_a_slow_client_gets_all_of_an_answer_whose_sender_has_gone(self):
        ours, theirs = tcp_pair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        number, plain = self.program.ask(SERVE, theirs, NAME)
        client = self.client(ours)
        self.assertEqual(self.program.hear(), (number, READY, ""))
        data = os.urandom(150_000)
        plain.sendall(data)
        plain.shutdown(socket.SHUT_WR)
        # One more tunnel: when it stands, the end of the first one's half has been heard of.
        self.served()
        plain.close()
        self.assertEqual(read_all(client), data)  # close_notify, or Python would raise
        client.close()

    def test_the_program_ends_with_the_guard(self):
        client, plain = self.served()
        self.program.guard.close()
        self.assertEqual(self.program.process.wait(2), 0)
        self.assertEqual(plain.recv(10), b"")
        with contextlib.suppress(OSError):
            self.assertEqual(client.recv(10), b"")

    # Dialling

    def dialled(self, serve, name=NAME, certificate=None, **context):
        server = Server(*(certificate or self.good), serve, **context)
        number, plain = self.program.ask(DIAL, server.connect(), name)
        self.addCleanup(plain.close)
        return server, number, plain

    def test_a_good_server_is_reached(self):
        for name in (NAME, "127.0.0.1"):
            with self.subTest(name):
                server, number, plain = self.dialled(lambda it: it.sendall(it.recv(100).upper()), name)
                self.assertEqual(self.program.hear(), (number, READY, ""))
                plain.sendall(b"question")
                self.assertEqual(read_all(plain), b"QUESTION")
                plain.close()
                self.assertEqual(self.program.hear(), (number, ENDED, ""))
                self.assertEqual(server.sni, NAME if name == NAME else None)

    def test_only_http_1_is_offered(self):
        server = Server(*self.good, lambda it: it.recv(1))
        server.context.set_alpn_protocols(["h2", "http/1.1"])
        number, plain = self.program.ask(DIAL, server.connect(), NAME)
        self.assertEqual(self.program.hear(), (number, READY, ""))
        plain.close()
        server.join(10)
        self.assertEqual(server.protocol, "http/1.1")

    def test_bad_certificates_are_refused_with_the_reason(self):
        other = Authority(self.path / "other", "somebody else")
        cases = {
            "wrong name": (self.authority.sign("DNS:other.test", label="other"), "mismatch"),
            "only a common name": (self.authority.sign("IP:192.0.2.1", label=NAME), "mismatch"),
            "expired": (self.authority.sign(f"DNS:{NAME}", label="old", days=-1), "expired"),
            "unknown authority": (other.sign(f"DNS:{NAME}", label="theirs"), "issuer"),
            "self-signed": ((other.certificate, other.key), "self"),
            "part of a label": (self.authority.sign("DNS:a*.example.test", label="part"), "mismatch"),
        }
        for what, (certificate, reason) in cases.items():
            with self.subTest(what):
                heard = []
                server, number, plain = self.dialled(lambda it, heard=heard: heard.append(it.recv(10)), NAME, certificate)
                with contextlib.suppress(OSError):  # it may be over already
                    plain.sendall(b"secret")
                got = self.program.hear()
                self.assertEqual(got[:2], (number, UNTRUSTED))
                self.assertIn(reason, got[2])
                server.join(10)
                self.assertFalse(any(heard), "bytes went out")

    def test_a_wrong_address_is_refused(self):
        certificate = self.authority.sign("IP:192.0.2.7", label="address")
        _server, number, _plain = self.dialled(lambda it: None, "127.0.0.1", certificate)
        self.assertEqual(self.program.hear()[:2], (number, UNTRUSTED))

    def test_a_server_that_is_silent_or_gone(self):
        ours, theirs = tcp_pair()
        number, _plain = self.program.ask(DIAL, theirs, NAME, patience=0.3)
        self.assertEqual(self.program.hear()[:2], (number, FAILED))
        ours.close()
        ours, theirs = tcp_pair()
        ours.close()
        number, _plain = self.program.ask(DIAL, theirs, NAME)
        self.assertEqual(self.program.hear()[:2], (number, FAILED))

    def test_an_answer_that_is_cut_is_told_before_its_end_is_seen(self):
        def half(connection):
            connection.sendall(b"half of")
            raw = socket.socket(fileno=connection.detach())  # FIN, and no close_notify
            raw.close()

        _server, number, plain = self.dialled(half)
        self.assertEqual(self.program.hear(), (number, READY, ""))
        self.assertEqual(read_all(plain), b"half of")
        self.program.guard.settimeout(0)  # it must be there already
        self.assertEqual(self.program.hear()[:2], (number, CUT))

    # Many, and much

    def assert_memory(self, most: int):
        """In KiB. A sanitizer's own is no measure."""
        if not os.environ.get("SRT_SANITIZE"):
            self.assertLess(_memory(self.program.process.pid), most)

    def test_much_passes_both_ways_through_small_windows(self):
        client, plain = self.served()
        data = os.urandom(1 << 20) * 2

        def send(to):
            to.sendall(data)
            if to is plain:
                plain.shutdown(socket.SHUT_WR)

        for to in (client, plain):
            threading.Thread(target=send, args=(to,), daemon=True).start()
        got = bytearray()
        while len(got) < len(data):
            got += plain.recv(1000)
        self.assertEqual(got, data)
        self.assertEqual(read_all(client), data)

    def test_what_one_side_does_not_take_stays_with_the_other(self):
        client, plain = self.served()
        plain.setblocking(False)
        sent = 0
        before = _memory(self.program.process.pid)
        quiet = time.monotonic() + 1
        while time.monotonic() < quiet and sent < 64 << 20:
            try:
                sent += plain.send(bytes(65536))
                quiet = time.monotonic() + 1
            except BlockingIOError:
                time.sleep(0.01)
        self.assertLess(sent, 32 << 20, "somebody holds it all")
        self.assert_memory(before + 4096)
        client.close()

    def test_many_at_once_and_nothing_left(self):
        client, plain = self.served()
        before = len(os.listdir(f"/proc/{self.program.process.pid}/fd"))
        pairs = [self.served() for _ in range(100)]
        self.assert_memory(40 * 1024)  # for 100 connections
        for client, plain in pairs:
            client.close()
            plain.close()
        for _ in pairs:
            self.assertIn(self.program.hear()[1], (ENDED, CUT))
        end = time.monotonic() + 5  # they are closed once the report is sent
        while (left := len(os.listdir(f"/proc/{self.program.process.pid}/fd"))) > before:
            self.assertLess(time.monotonic(), end, f"{left} descriptors, not {before}")
            time.sleep(0.01)

    def test_a_request_that_is_none_does_no_harm(self):
        self.program.guard.send(b"x" * 40)
        one, other = tcp_pair()
        socket.send_fds(self.program.guard, [b"\x01"], [one.fileno(), other.fileno()])
        self.served()

    # Itself

    def test_it_can_open_and_connect_nothing(self):
        status = pathlib.Path(f"/proc/{self.program.process.pid}/status").read_text()
        self.assertRegex(status, r"Seccomp:\t2")
        self.assertRegex(status, r"NoNewPrivs:\t1")
        self.assertRegex(status, r"CapEff:\t0+\n")
        if os.geteuid() == 0:
            self.assertNotRegex(status, r"Uid:\t0")



def _copy(source: socket.socket, to: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def _memory(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv, warnings="ignore")
