"""A certificate that tests trust."""

import ssl
import subprocess
from pathlib import Path


class Certificate:
    """A self-signed certificate for localhost; its file is also the authority to trust."""

    def __init__(self, folder):
        self.cert = Path(folder) / "cert.pem"
        self.key = Path(folder) / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.key, "-out", self.cert],
            check=True,
            capture_output=True,
        )

    def issue(self, name):
        """A client certificate with this common name, signed by this one; its file and its key's."""
        cert, key, request = (self.cert.with_name(f"{name}.{kind}") for kind in
                              ("pem", "key", "csr"))
        for command in (
                ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", f"/CN={name}", "-keyout", key, "-out", request],
                ["openssl", "x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                 "-CAcreateserial", "-days", "2", "-out", cert]):
            subprocess.run(command, check=True, capture_output=True)
        return cert, key

    def client_context(self):
        return ssl.create_default_context(cafile=str(self.cert))
