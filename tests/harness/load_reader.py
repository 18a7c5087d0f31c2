"""Reads what `carillon bench publish` sends from websockets, in a process of its own."""

import multiprocessing
import re
import selectors
import ssl
from dataclasses import dataclass, field

from harness.raw_websocket import RawWebsocket
from harness.waiting import DEADLINE

# What names an event of the load: the publishing stream, and its number on that.
EVENT = re.compile(rb'"stream":(\d+),"number":(\d+)')
READ_BYTES = 1 << 20


@dataclass
class Received:
    """What one websocket received."""
    events: int = 0
    # Events that were not the next of their stream: lost, repeated or out of order.
    misplaced: int = 0
    closed: bool = False
    next_number: dict = field(default_factory=dict)

    def take(self, stream, number):
        self.misplaced += number != self.next_number.get(stream, 0)
        self.next_number[stream] = number + 1
        self.events += 1


class LoadReader:
    """`websockets` websockets, each of which is to receive `count` events."""

    def __init__(self, facade, websockets, count):
        self._pipe, end = multiprocessing.Pipe()
        self._process = multiprocessing.Process(
            target=_read, args=(facade, websockets, count, end))
        self._process.start()
        assert self._pipe.poll(4 * DEADLINE), "the websockets do not open"
        assert self._pipe.recv() == "registered"

    def result(self, deadline):
        """A Received for each websocket."""
        assert self._pipe.poll(deadline), "the websockets do not receive everything"
        received = self._pipe.recv()
        self._process.join()
        return received

    def close(self):
        self._process.kill()
        self._process.join()


def _read(facade, websockets, count, end):
    selector = selectors.DefaultSelector()
    all_received = []
    for _ in range(websockets):
        websocket = RawWebsocket(facade).send("register bench.*.*")
        _, answer = websocket.next_frame()
        assert b'"Action":"register"' in answer, answer
        connection = websocket.socket
        connection.setblocking(False)
        all_received.append(Received())
        selector.register(connection, selectors.EVENT_READ, [all_received[-1], b""])
    end.send("registered")
    while any(r.events < count and not r.closed for r in all_received):
        for key, _ in selector.select():
            received, rest = key.data
            try:
                data = key.fileobj.recv(READ_BYTES)
                while key.fileobj.pending():
                    data += key.fileobj.recv(READ_BYTES)
            except (ssl.SSLWantReadError, BlockingIOError):
                continue
            if not data:
                received.closed = True
                selector.unregister(key.fileobj)
                continue
            data = rest + data
            taken = 0
            for match in EVENT.finditer(data):
                # The last digits may still be to come.
                if match.end() == len(data):
                    break
                taken = match.end()
                received.take(int(match[1]), int(match[2]))
            key.data[1] = data[taken:]
    end.send(all_received)
