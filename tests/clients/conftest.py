"""Each test that takes `connect` runs with every websocket client there is."""

import shutil

import pytest

from clients.adapters.go_gorilla import GoGorilla
from clients.adapters.node_ws import NodeWs
from clients.adapters.websocket_client import WebsocketClient
from clients.adapters.websockets_asyncio import WebsocketsAsyncio
from clients.adapters.websockets_sync import WebsocketsSync
from harness.client import basic
from harness.programs import ACCOUNT_TEXT
# The programs, and users of them, are made as for the integration tests.
from integration.conftest import (  # noqa: F401
    broker, certificate, client, facade, facade_token, kind, start_broker, start_facade, superuser,
    user)

ADAPTERS = {
    "websocket-client": WebsocketClient,
    "websockets-sync": WebsocketsSync,
    "websockets-asyncio": WebsocketsAsyncio,
    "npm-ws": NodeWs,
    "go-gorilla": GoGorilla,
}


@pytest.fixture(scope="session")
def go_gorilla(tmp_path_factory):
    """The client in Go, built."""
    if shutil.which("go") is None:
        pytest.skip("there is no Go on this machine (no program named go)")
    return GoGorilla.build(tmp_path_factory.mktemp("go"))


@pytest.fixture(params=ADAPTERS)
def adapter(request):
    if request.param == "go-gorilla":
        request.getfixturevalue("go_gorilla")
    return ADAPTERS[request.param]


@pytest.fixture
def connect(adapter, facade):
    """Opens websockets with one client; raises Refused when the answer is not 101."""
    opened = []

    def open(query="", authorization=basic(ACCOUNT_TEXT), origin=None, to=facade):
        headers = {"Authorization": authorization} if authorization else {}
        opened.append(adapter(to, query, headers, origin))
        return opened[-1]

    yield open
    for one in opened:
        one.drop()
