"""Runs curl, on whose command line all is said that goes over the wire."""

import json
import os
import select
import subprocess
from dataclasses import dataclass

from harness.client import basic
from harness.programs import ACCOUNT_TEXT
from harness.waiting import DEADLINE


@dataclass
class Answer:
    status: int
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text)


def _command(facade, path, *options):
    return ["curl", "--silent", "--show-error", "--globoff", "--include", "--http1.1",
            "--cacert", str(facade.certificate.cert), "--max-time", str(DEADLINE), *options,
            facade.url + path]


def parse(data):
    """The last answer in what curl printed; interim ones (1xx) before it are passed over."""
    while True:
        head, _, rest = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        status = int(status_line.split()[1])
        if status >= 200 or status == 101:
            headers = dict(line.split(": ", 1) for line in lines)
            return Answer(status, {k.lower(): v for k, v in headers.items()}, rest.decode())
        data = rest


def curl(facade, path, *options, authorization=basic(ACCOUNT_TEXT)):
    """One request and its answer."""
    if authorization:
        options = ("--header", f"Authorization: {authorization}", *options)
    done = subprocess.run(_command(facade, path, *options), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return parse(done.stdout)


class CurlUpgrade:
    """An upgrade by hand; `frames` are sent behind the request, and what comes is read as bytes.

    curl reads nothing while it may have to send more, so that all that is sent is known before.
    """

    def __init__(self, facade, key, frames, query="", options=()):
        self._process = subprocess.Popen(
            _command(facade, "/api/v3/ws" + query, "--no-buffer", "--request", "GET",
                     "--header", "Connection: Upgrade", "--header", "Upgrade: websocket",
                     "--header", "Sec-WebSocket-Version: 13",
                     "--header", f"Sec-WebSocket-Key: {key}",
                     # What --data would add.
                     "--header", "Content-Type:", "--header", "Content-Length:",
                     "--data-binary", "@-", *options),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._process.stdin.write(frames)
        self._process.stdin.close()

    def receive(self, size):
        ready, _, _ = select.select([self._process.stdout], [], [], DEADLINE)
        assert ready, "nothing came"
        return os.read(self._process.stdout.fileno(), size)

    def head(self):
        """The answer's head, and the bytes behind it that were read with it."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.receive(65536)
            assert piece, f"curl ended after {data!r}"
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        return parse(head + b"\r\n\r\n"), rest

    def exit_code(self):
        return self._process.wait(DEADLINE)

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
