"""Python's websockets with asyncio; it offers permessage-deflate."""

import asyncio
import threading

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from clients.adapters.session import Refused, Session
from harness.waiting import DEADLINE


class WebsocketsAsyncio(Session):
    def __init__(self, facade, query, headers, origin):
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        try:
            self._connection = self._run(self._open(facade, query, headers, origin))
        except InvalidStatus as refused:
            self._stop()
            response = refused.response
            raise Refused(response.status_code, response.headers.raw_items(),
                          response.body) from None
        self.extensions = self._connection.response.headers.get("Sec-WebSocket-Extensions", "")

    @staticmethod
    async def _open(facade, query, headers, origin):
        return await connect(
            facade.ws_url + query, ssl=facade.certificate.client_context(),
            additional_headers=headers, origin=origin, open_timeout=DEADLINE)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)

    def _stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)

    def send(self, text):
        self._run(self._connection.send(text))

    def send_binary(self, data):
        self._run(self._connection.send(data))

    def send_fragments(self, parts):
        self._run(self._connection.send(iter(parts)))

    def ping(self, payload):
        async def ping_and_wait():
            await (await self._connection.ping(payload))

        self._run(ping_and_wait())

    def next_text(self):
        text = self._run(self._connection.recv())
        assert isinstance(text, str)
        return text

    def close(self):
        self._run(self._connection.close())
        return self._connection.protocol.close_rcvd.code

    def drop(self):
        self._run(self._connection.close())
        self._stop()
