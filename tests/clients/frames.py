"""Frames of RFC 6455 as bytes: right ones and wrong ones."""

import os
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(payload=b"", opcode=TEXT, fin=True, reserved=0, masked=True, length_bytes=None,
          claims=None):
    """A client's frame. `length_bytes` (0, 2, 8) is the size of the extended length, the shortest
    if not given; `claims` a payload size other than the true one."""
    if isinstance(payload, str):
        payload = payload.encode()
    size = len(payload) if claims is None else claims
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    short = {0: size, 2: 126, 8: 127}[length_bytes]
    head = bytes([fin << 7 | reserved << 4 | opcode, masked << 7 | short])
    head += {0: b"", 2: struct.pack(">H", size & 0xFFFF), 8: struct.pack(">Q", size)}[length_bytes]
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def close(code=1000, reason=b""):
    return frame(struct.pack(">H", code) + reason, CLOSE)


class ServerFrames:
    """Reads a server's frames with `receive(size)`, which gives b"" at the end."""

    def __init__(self, receive, data=b""):
        self._receive = receive
        self._data = data

    def _take(self, size):
        while len(self._data) < size:
            piece = self._receive(65536)
            if not piece:
                raise EOFError(f"the connection ended; unread: {self._data!r}")
            self._data += piece
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def next(self):
        """Opcode and payload of the next frame, which must be whole, plain and unmasked."""
        first, second = self._take(2)
        assert first & 0xF0 == 0x80, f"first byte {first:#x}"
        assert second & 0x80 == 0, "masked"
        size = second
        if size == 126:
            size = struct.unpack(">H", self._take(2))[0]
            assert size > 125, "not the shortest length"
        elif size == 127:
            size = struct.unpack(">Q", self._take(8))[0]
            assert size > 65535, "not the shortest length"
        return first & 0x0F, self._take(size)

    def next_text(self):
        opcode, payload = self.next()
        assert opcode == TEXT, (opcode, payload)
        return payload.decode()

    def next_close(self):
        """The code (None: none was given) and the reason of a close frame, the next one."""
        opcode, payload = self.next()
        assert opcode == CLOSE, (opcode, payload)
        if not payload:
            return None, ""
        return struct.unpack(">H", payload[:2])[0], payload[2:].decode()

    def at_end(self):
        """Whether the connection ended here, without another byte."""
        return not self._data and not self._receive(1)
