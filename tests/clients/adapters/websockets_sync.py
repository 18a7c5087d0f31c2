"""Python's websockets with threads; it offers permessage-deflate."""

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from clients.adapters.session import Refused, Session
from harness.waiting import DEADLINE


class WebsocketsSync(Session):
    def __init__(self, facade, query, headers, origin):
        try:
            self._connection = connect(
                facade.ws_url + query, ssl=facade.certificate.client_context(),
                additional_headers=headers, origin=origin, open_timeout=DEADLINE).__enter__()
        except InvalidStatus as refused:
            response = refused.response
            raise Refused(response.status_code, response.headers.raw_items(),
                          response.body) from None
        assert "permessage-deflate" in self._connection.request.headers["Sec-WebSocket-Extensions"]
        self.extensions = self._connection.response.headers.get("Sec-WebSocket-Extensions", "")

    def send(self, text):
        self._connection.send(text)

    def send_binary(self, data):
        self._connection.send(data)

    def send_fragments(self, parts):
        self._connection.send(iter(parts))

    def ping(self, payload):
        assert self._connection.ping(payload).wait(DEADLINE), "no pong came"

    def next_text(self):
        text = self._connection.recv(timeout=DEADLINE)
        assert isinstance(text, str)
        return text

    def close(self):
        self._connection.close()
        return self._connection.protocol.close_rcvd.code

    def drop(self):
        self._connection.close()
