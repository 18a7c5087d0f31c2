"""Python's websocket-client, which has no extensions."""

import struct

import websocket
from websocket import ABNF

from clients.adapters.session import Refused, Session
from harness.waiting import DEADLINE


class WebsocketClient(Session):
    def __init__(self, facade, query, headers, origin):
        try:
            self._socket = websocket.create_connection(
                facade.ws_url + query, timeout=DEADLINE, origin=origin,
                header=[f"{name}: {value}" for name, value in headers.items()],
                sslopt={"ca_certs": str(facade.certificate.cert)})
        except websocket.WebSocketBadStatusException as refused:
            raise Refused(refused.status_code, refused.resp_headers, refused.resp_body) from None

    def send(self, text):
        self._socket.send(text)

    def send_binary(self, data):
        self._socket.send_binary(data)

    def send_fragments(self, parts):
        for i, part in enumerate(parts):
            opcode = ABNF.OPCODE_TEXT if i == 0 else ABNF.OPCODE_CONT
            last = int(i == len(parts) - 1)
            self._socket.send_frame(ABNF.create_frame(part.encode(), opcode, last))

    def ping(self, payload):
        self._socket.ping(payload)
        opcode, frame = self._socket.recv_data_frame(control_frame=True)
        assert (opcode, frame.data) == (ABNF.OPCODE_PONG, payload.encode())

    def next_text(self):
        text = self._socket.recv()
        assert isinstance(text, str) and text, repr(text)
        return text

    def close(self):
        self._socket.send_close(websocket.STATUS_NORMAL)
        opcode, frame = self._socket.recv_data_frame()
        assert opcode == ABNF.OPCODE_CLOSE
        self._socket.shutdown()
        return struct.unpack(">H", frame.data[:2])[0]

    def drop(self):
        self._socket.shutdown()
