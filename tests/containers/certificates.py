"""Certificates that a test needs, made by the openssl program: an authority, and what it signs, good and bad."""

import pathlib
import subprocess


def openssl(*words, text: str = "") -> None:
    done = subprocess.run(
        ["openssl", *map(str, words)], input=text.encode(), capture_output=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"openssl {words}: {done.stderr.decode()}")


class Authority:
    def __init__(self, folder: pathlib.Path, name: str = "test authority"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.crt"
        self.key = folder / "ca.key"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self.key, "-out", self.certificate, "-days", "30", "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def sign(self, names: str, *, label: str, days: int = 30) -> tuple[pathlib.Path, pathlib.Path]:
        """A server's certificate and key; `names` as "DNS:a,IP:1.2.3.4". Below zero days it has expired."""
        certificate, key = self.folder / f"{label}.crt", self.folder / f"{label}.key"
        request, extensions = self.folder / f"{label}.csr", self.folder / f"{label}.ext"
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={label}",
        )  # fmt: skip
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-set_serial", "7", "-days", str(days), "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate, key
