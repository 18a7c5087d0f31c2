"""What all websocket clients can do, in one form."""

import json
from abc import ABC, abstractmethod


class Refused(Exception):
    """The server answered a handshake with another status than 101."""

    def __init__(self, status, headers, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.headers = {name.lower(): value for name, value in dict(headers).items()}
        self.body = body.decode() if isinstance(body, bytes) else body

    @property
    def json(self):
        return json.loads(self.body)


class Session(ABC):
    """An open websocket. What it waits for has a deadline of harness.waiting.DEADLINE."""

    # Extensions that were agreed on, as text.
    extensions = ""

    @abstractmethod
    def send(self, text):
        """Sends a text message."""

    @abstractmethod
    def send_binary(self, data):
        """Sends a binary message."""

    @abstractmethod
    def send_fragments(self, parts):
        """Sends a text message in fragments."""

    @abstractmethod
    def ping(self, payload):
        """Sends a ping and returns once the pong with its payload has come. No message may come."""

    @abstractmethod
    def next_text(self):
        """The next text message."""

    @abstractmethod
    def close(self):
        """Closes with 1000; the code with which the server answered."""

    @abstractmethod
    def drop(self):
        """Ends it in whatever state it is."""

    def next(self):
        return json.loads(self.next_text())

    def take(self, count):
        return [self.next_text() for _ in range(count)]

    def command(self, text):
        """Sends a command and returns its acknowledgement, the next message."""
        self.send(text)
        return self.next()

    def register(self, filter_text):
        answer = self.command(f"register {filter_text}")
        assert (answer["Action"], answer["Key"]) == ("register", filter_text), answer
        return self
