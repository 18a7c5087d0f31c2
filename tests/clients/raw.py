"""A connection to the facade on which a test says every byte itself."""

from clients import frames
from harness.client import basic
from harness.programs import ACCOUNT_TEXT
from harness.raw_websocket import tls_socket

HANDSHAKE = (
    "GET /api/v3/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    f"Authorization: {basic(ACCOUNT_TEXT)}\r\n")


class RawWebsocket(frames.ServerFrames):
    """An open websocket; a client's frames are sent as bytes."""

    def __init__(self, facade):
        self.socket = tls_socket(facade)
        self.socket.sendall((HANDSHAKE + "\r\n").encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.socket.recv(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        super().__init__(self.socket.recv, rest)

    def send(self, *sent):
        self.socket.sendall(b"".join(sent))
        return self

    def send_slowly(self, data):
        """Each byte in a TLS record of its own."""
        for i in range(len(data)):
            self.socket.sendall(data[i:i + 1])
        return self

    def close(self):
        self.socket.close()
