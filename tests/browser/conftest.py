"""Headless Chromium before the real servers."""

import functools
import http.server
import threading
from pathlib import Path

import pytest

from browser.chromium import Chromium, EventsPage
# The programs, and users of them, are made as for the integration tests.
from integration.conftest import (  # noqa: F401
    broker, certificate, client, facade, facade_token, kind, start_broker, start_facade, superuser,
    user)

PAGES = Path(__file__).parent / "pages"


class _Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        if self.path.endswith("?sandboxed"):
            self.send_header("Content-Security-Policy", "sandbox allow-scripts allow-forms")
        super().end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def web_server():
    """Serves the pages; its URL, which is another origin than the facade's."""
    handler = functools.partial(_Handler, directory=PAGES)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory, certificate, facade):  # which it leaves before that ends
    one = Chromium(tmp_path_factory.mktemp("chromium"), certificate, PAGES / "extension")
    yield one
    one.close()


@pytest.fixture
def open_page(chromium, web_server):
    """Opens the page that shows events, as a web server sends it if no other URL is given."""
    opened = []

    def open(url=f"{web_server}/events.html", page_type=EventsPage):
        opened.append(page_type(chromium, url))
        return opened[-1]

    yield open
    for page in opened:
        page.close()


@pytest.fixture
def page(open_page):
    return open_page()
