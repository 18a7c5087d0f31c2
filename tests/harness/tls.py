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

    def client_context(self):
        return ssl.create_default_context(cafile=str(self.cert))
