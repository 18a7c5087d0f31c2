"""Go's gorilla/websocket, which the published client of Digital Rebar uses."""

import json
import shutil
import subprocess
from pathlib import Path

from clients.adapters.child import Child

SOURCE = Path(__file__).resolve().parents[1] / "go"


class GoGorilla(Child):
    program = None

    @classmethod
    def build(cls, folder):
        cls.program = folder / "gorilla_client"
        subprocess.run([shutil.which("go"), "build", "-o", cls.program, "."], cwd=SOURCE,
                       check=True)
        return cls

    def __init__(self, facade, query, headers, origin):
        options = {"url": facade.ws_url + query, "ca": str(facade.certificate.cert),
                   "headers": headers | ({"Origin": origin} if origin else {})}
        super().__init__([str(self.program), json.dumps(options)])
