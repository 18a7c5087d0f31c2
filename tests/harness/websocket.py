"""A websocket client of the facade for the integration tests."""

import json

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from harness.client import basic
from harness.programs import ACCOUNT_TEXT
from harness.waiting import DEADLINE


class Websocket:
    """An open websocket; messages are text."""

    def __init__(self, facade, authorization=basic(ACCOUNT_TEXT), query="", **options):
        headers = {"Authorization": authorization} if authorization else {}
        self._connecting = connect(
            facade.ws_url + query,
            ssl=facade.certificate.client_context(),
            additional_headers=headers,
            compression=None,
            max_size=None,
            open_timeout=DEADLINE,
            **options,
        )
        self.connection = self._connecting.__enter__()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._connecting.__exit__(None, None, None)

    def send(self, text):
        self.connection.send(text)

    def next_text(self, deadline=DEADLINE):
        return self.connection.recv(timeout=deadline)

    def next(self, deadline=DEADLINE):
        return json.loads(self.next_text(deadline))

    def command(self, text):
        """Sends a command and returns its acknowledgement, the next message."""
        self.send(text)
        return self.next()

    def register(self, filter_text):
        answer = self.command(f"register {filter_text}")
        assert answer["Action"] == "register", answer
        return self

    def closed(self, deadline=DEADLINE, passing=True):
        """Code and reason of the server's close frame, `passing` over messages before it or not."""
        try:
            while True:
                text = self.connection.recv(timeout=deadline)
                assert passing, f"before the end came {text}"
        except ConnectionClosed as ended:
            assert ended.rcvd is not None, "the connection ended without a close frame"
            return ended.rcvd.code, ended.rcvd.reason

    def take(self, count):
        return [self.next_text() for _ in range(count)]


