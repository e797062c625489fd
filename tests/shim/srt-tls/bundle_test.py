"""srt-tls: the authority that it signs with, and the bundle that it writes."""

import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from containers.certificates import Authority  # noqa: E402  (the path above finds it)
from terminator import SERVE, Terminator, tcp_pair  # noqa: E402

NAME = "api.example.test"


class Bundle(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="srt-tls-")
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def start(self, *arguments, **keywords) -> Terminator:
        program = Terminator(self.path, *arguments, **keywords)
        self.addCleanup(program.close)
        return program

    def test_only_certificates_get_into_the_bundle(self):
        one = Authority(self.path / "one")
        mixed = self.path / "mixed.pem"
        mixed.write_text(
            "# a secret remark\n" + one.key.read_text() + one.certificate.read_text()
            + "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"
        )  # fmt: skip
        program = self.start(roots=[mixed])
        self.assertEqual(program.said, "R")
        text = program.bundle.read_text()
        self.assertEqual(text.count("BEGIN CERTIFICATE"), 2)
        self.assertEqual(text.count("BEGIN"), 2)
        for word in ("remark", "PRIVATE", "nonsense"):
            self.assertNotIn(word, text)

    def test_an_authority_of_the_settings_signs(self):
        its = Authority(self.path / "its")
        program = self.start(authority=(its.certificate, its.key))
        self.assertEqual(program.said, "R")
        ours, theirs = tcp_pair()
        _number, plain = program.ask(SERVE, theirs, NAME)
        self.addCleanup(plain.close)
        context = ssl.create_default_context(cafile=its.certificate)
        client = context.wrap_socket(ours, server_hostname=NAME)
        issuer = dict(pair[0] for pair in client.getpeercert()["issuer"])
        self.assertEqual(issuer["commonName"], "test authority")
        left = ssl.cert_time_to_seconds(client.getpeercert()["notAfter"]) - time.time()
        self.assertLess(left, 8 * 86400)
        client.close()

    def test_an_rsa_authority_signs_too(self):
        crt, key = self.path / "rsa.crt", self.path / "rsa.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", crt, "-subj", "/CN=r"],
            check=True, capture_output=True,
        )  # fmt: skip
        self.assertEqual(self.start(authority=(crt, key)).said, "R")

    def test_an_authority_that_is_none_is_told(self):
        its, other = Authority(self.path / "its"), Authority(self.path / "other")
        leaf = its.sign("DNS:a.test", label="leaf")
        locked = self.path / "locked.key"
        subprocess.run(
            ["openssl", "pkey", "-in", its.key, "-aes128", "-passout", "pass:x", "-out", locked], check=True
        )
        text = self.path / "text"
        text.write_text("no pem")
        for authority, word in {
            (its.certificate, other.key): "is not the key",
            leaf: "no certificate of an authority",
            (text, its.key): "caCertPath",
            (its.certificate, text): "caKeyPath",
            (its.certificate, locked): "password",
        }.items():
            with self.subTest(word):
                said = self.start(authority=authority).said
                self.assertEqual(said[0], "F")
                self.assertIn(word, said)
                self.assertNotIn("\n", said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, warnings="ignore")
