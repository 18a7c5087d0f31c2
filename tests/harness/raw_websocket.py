"""A websocket client that does just what it is told: it reads and answers nothing by itself."""

import base64
import os
import socket
import struct

from harness.client import basic
from harness.programs import ACCOUNT_TEXT
from harness.waiting import DEADLINE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def tls_socket(facade, receive_buffer=None):
    """A socket to the facade after the TLS handshake."""
    plain = tcp_socket(facade, receive_buffer)
    return facade.certificate.client_context().wrap_socket(plain, server_hostname="localhost")


def tcp_socket(facade, receive_buffer=None):
    plain = socket.socket()
    plain.settimeout(DEADLINE)
    if receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    plain.connect(("127.0.0.1", facade.port))
    return plain


def read_to_end(sock):
    """What comes until the peer ends the connection."""
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except (ConnectionError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise AssertionError("the connection is not ended") from None
    return data


class RawWebsocket:
    def __init__(self, facade, authorization=basic(ACCOUNT_TEXT), receive_buffer=None):
        self.socket = tls_socket(facade, receive_buffer)
        self.socket.sendall((
            "GET /api/v3/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Authorization: {authorization}\r\n\r\n").encode())
        self._data = b""
        while b"\r\n\r\n" not in self._data:
            self._fill()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def _fill(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError("the connection ended")
        self._data += piece

    @staticmethod
    def frame(payload, opcode=TEXT, fin=True):
        if isinstance(payload, str):
            payload = payload.encode()
        size = len(payload)
        head = bytes([opcode | (0x80 if fin else 0)])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += b"\xfe" + struct.pack(">H", size)
        else:
            head += b"\xff" + struct.pack(">Q", size)
        return head + b"\0\0\0\0" + payload

    def send(self, payload, opcode=TEXT, fin=True):
        self.socket.sendall(self.frame(payload, opcode, fin))
        return self

    def next_frame(self):
        """Opcode and payload."""
        while True:
            if len(self._data) >= 2:
                length, begin = self._data[1], 2
                if length == 126 and len(self._data) >= 4:
                    length, begin = struct.unpack(">H", self._data[2:4])[0], 4
                elif length == 127 and len(self._data) >= 10:
                    length, begin = struct.unpack(">Q", self._data[2:10])[0], 10
                if (length < 126 or begin > 2) and len(self._data) >= begin + length:
                    opcode = self._data[0] & 0x0F
                    payload = self._data[begin:begin + length]
                    self._data = self._data[begin + length:]
                    return opcode, payload
            self._fill()

    def closed(self):
        """Code and reason of the close frame, passing over what comes before it."""
        while True:
            opcode, payload = self.next_frame()
            if opcode == CLOSE:
                return struct.unpack(">H", payload[:2])[0], payload[2:].decode()

    def drop(self):
        """Ends the connection without a word."""
        self.socket.close()
