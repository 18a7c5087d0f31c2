"""HTTP/1.1 on the wire, byte by byte: what careless, old and hostile clients send."""

import json
import re
import select
import socket
import ssl
import time
import warnings

import pytest

from clients.raw import HANDSHAKE
from clients.frames import ServerFrames, frame
from harness.client import basic
from harness.metrics import fetch
from harness.programs import ACCOUNT_TEXT
from harness.raw_websocket import read_to_end, tcp_socket, tls_socket
from harness.waiting import DEADLINE

AUTHORIZATION = f"Authorization: {basic(ACCOUNT_TEXT)}\r\n"
HOST = "Host: localhost\r\n"
EVENT = '{"Type":"httptest","Action":"create","Key":"k","Object":{}}'


def get(path="/api/v3/info", *headers, version="1.1", method="GET"):
    lines = "".join(f"{h}\r\n" for h in headers)
    return f"{method} {path} HTTP/{version}\r\n{HOST}{AUTHORIZATION}{lines}\r\n"


def post(body=EVENT, *headers):
    return get("/api/v3/events", f"Content-Length: {len(body)}", *headers, method="POST") + body


class Http:
    """A connection over TLS, and the answers that come on it."""

    def __init__(self, facade):
        self.socket = tls_socket(facade, receive_buffer=64 << 10)
        self._data = b""

    def send(self, text):
        self.socket.sendall(text.encode("latin-1") if isinstance(text, str) else text)
        return self

    def _read_until(self, condition):
        while not condition(self._data):
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError(f"the connection ended; unread: {self._data!r}")
            self._data += piece

    def answer(self, has_body=True):
        """Status, headers and body of the next answer."""
        self._read_until(lambda data: b"\r\n\r\n" in data)
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        version, status, _ = status_line.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        size = int(headers.get("content-length", 0)) if has_body else 0
        self._read_until(lambda data: len(data) >= size)
        body, self._data = self._data[:size], self._data[size:]
        return int(status), headers, body.decode()

    def check_error(self, status, type, says=""):
        found, headers, body = self.answer()
        assert found == status, body
        error = json.loads(body)
        assert (error["Type"], error["Code"]) == (type, status)
        assert error["Messages"][0]
        assert says in error["Messages"][0]
        return headers

    def check_ended(self):
        assert self._data + read_to_end(self.socket) == b""

    def rest(self):
        return self._data


@pytest.fixture
def connect_to():
    """Opens connections to a facade."""
    opened = []

    def connect(to):
        opened.append(Http(to))
        return opened[-1]

    yield connect
    for one in opened:
        one.socket.close()


@pytest.fixture
def http(connect_to, facade):
    return connect_to(facade)


def test_requests_on_one_connection_may_be_sent_without_waiting_and_are_answered_in_order(http):
    http.send(get() + get("/nothing") + post() + get(method="HEAD") + post("{") + get())
    assert [http.answer()[0] for _ in range(3)] == [200, 404, 204]
    assert http.answer(has_body=False)[0] == 200
    assert [http.answer()[0] for _ in range(2)] == [400, 200]


def test_a_request_may_come_byte_by_byte(http):
    for byte in post() + get():
        http.send(byte)
    assert [http.answer()[0] for _ in range(2)] == [204, 200]


def test_an_upgrade_may_follow_other_requests_and_frames_may_follow_it_at_once(http):
    http.send((get() + HANDSHAKE + "\r\n").encode() + frame("register a.b.c"))
    assert http.answer()[0] == 200
    assert http.answer()[0] == 101
    frames = ServerFrames(http.socket.recv, http.rest())
    assert json.loads(frames.next_text())["Key"] == "a.b.c"


def test_head_is_answered_as_get_but_without_a_body(http):
    http.send(get())
    status, headers, body = http.answer()
    http.send(get(method="HEAD"))
    head_status, head_headers, _ = http.answer(has_body=False)
    assert (head_status, head_headers) == (status, headers) and body
    http.send(get())
    assert http.answer()[2] == body


def test_options_tells_methods_without_credentials(http):
    for path, allowed in (("info", "GET, HEAD, OPTIONS"), ("events", "POST, OPTIONS"),
                          ("ws", "GET, OPTIONS"), ("users/x/token", "GET, OPTIONS")):
        http.send(f"OPTIONS /api/v3/{path} HTTP/1.1\r\n{HOST}\r\n")
        status, headers, _ = http.answer()
        assert (status, headers["allow"]) == (204, allowed)
    http.send(f"OPTIONS /nothing HTTP/1.1\r\n{HOST}\r\n").check_error(404, "NOT_FOUND")


def test_a_wrong_method_gets_405_and_the_connection_lives_on(http):
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "BREW"):
        http.send(get(method=method))
        assert "GET" in http.check_error(405, "METHOD_NOT_ALLOWED")["allow"]
    http.send(get())
    assert http.answer()[0] == 200


def test_http_1_0_is_answered_and_the_connection_ended(http):
    http.send(f"GET /api/v3/info HTTP/1.0\r\n{AUTHORIZATION}\r\n")
    assert http.answer()[0] == 200
    http.check_ended()


def test_http_1_0_cannot_be_upgraded(http):
    http.send(HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0") + "\r\n")
    http.check_error(400, "BAD_REQUEST")


def test_a_client_that_has_ended_its_side_still_gets_its_answers(http):
    http.send(get() + get("/nothing") + post())
    socket.socket.shutdown(http.socket, socket.SHUT_WR)
    assert [http.answer()[0] for _ in range(3)] == [200, 404, 204]
    http.check_ended()


def test_a_client_can_have_the_connection_ended(http):
    http.send(get("/api/v3/info", "Connection: close") + get())
    status, headers, _ = http.answer()
    assert (status, headers["connection"]) == (200, "close")
    http.check_ended()


@pytest.mark.parametrize("text", [
    "nonsense\r\n\r\n", "GET /api/v3/info\r\n\r\n", "\x00\x01\x02\r\n\r\n",
    f"GET /api/v3/info HTTP/9.9\r\n{HOST}\r\n", f"GET  /api/v3/info  HTTP/1.1\r\n{HOST}\r\n",
    f"GET /api/v3/info HTTP/1.1\r\n{HOST}no colon\r\n\r\n",
    f"GET /api/v3/info HTTP/1.1\r\n{HOST}A : b\r\n\r\n",
    "GET /api/v3/info HTTP/1.1\r\n\r\n", f"GET /api/v3/info HTTP/1.1\r\n{HOST}{HOST}\r\n",
    f"POST /api/v3/events HTTP/1.1\r\n{HOST}Content-Length: x\r\n\r\n",
    f"POST /api/v3/events HTTP/1.1\r\n{HOST}Content-Length: -1\r\n\r\n",
    f"POST /api/v3/events HTTP/1.1\r\n{HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    f"POST /api/v3/events HTTP/1.1\r\n{HOST}Content-Length: 5\r\n"
    "Transfer-Encoding: chunked\r\n\r\n",
    f"POST /api/v3/events HTTP/1.1\r\n{HOST}{AUTHORIZATION}Transfer-Encoding: chunked\r\n\r\n"
    "xyz\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_what_is_not_http_gets_400_and_the_connection_is_ended(http, text):
    http.send(text).check_error(400, "BAD_REQUEST")
    http.check_ended()


@pytest.mark.parametrize("fields, says", [
    ("Content-Length: x", "Content-Length"),
    ("Content-Length: 5\r\nContent-Length: 6", "Content-Length"),
    ("Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding"), ("A : b", "field")])
def test_the_answer_to_what_is_not_http_says_what_is_wrong(http, fields, says):
    http.send(f"POST /api/v3/events HTTP/1.1\r\n{HOST}{fields}\r\n\r\n")
    http.check_error(400, "BAD_REQUEST", says)


@pytest.mark.parametrize("target", ["api/v3/info", "*", "/api/v3/info?x=%zz", "/%", "/%f"])
def test_a_bad_target_gets_400_and_the_connection_lives_on(http, target):
    http.send(get(target)).check_error(400, "BAD_REQUEST")
    http.send(get())
    assert http.answer()[0] == 200


def test_a_header_of_more_than_16_kib_gets_431(http):
    http.send(get("/api/v3/info", "X-Long: " + "x" * (15 << 10)))
    assert http.answer()[0] == 200
    http.send(get("/api/v3/info", "X-Long: " + "x" * (16 << 10)))
    http.check_error(431, "HEADER_TOO_LARGE", "header-bytes-max, 16384 bytes")
    http.check_ended()


def test_a_target_of_more_than_16_kib_gets_431(http):
    http.send(get("/" + "x" * 20_000)).check_error(431, "HEADER_TOO_LARGE")


def test_a_header_without_end_is_cut_off(http):
    http.send("GET /api/v3/info HTTP/1.1\r\n")
    for _ in range(100):
        http.send("X-Field: " + "x" * 1000 + "\r\n")
    http.check_error(431, "HEADER_TOO_LARGE")
    http.check_ended()


def chunked(*chunks):
    body = "".join(f"{len(c):x}\r\n{c}\r\n" for c in chunks)
    return get("/api/v3/events", "Transfer-Encoding: chunked", method="POST") + body + "0\r\n\r\n"


def test_a_body_may_come_in_chunks(http):
    http.send(chunked(EVENT[:10], EVENT[10:11], EVENT[11:]) + chunked("{") + get())
    assert [http.answer()[0] for _ in range(3)] == [204, 400, 200]


@pytest.fixture
def small_bodies(start_facade, broker, facade_token, connect_to):
    return connect_to(start_facade(broker, facade_token, "--body-bytes-max", "2KiB"))


def test_a_body_of_more_than_is_allowed_gets_413_before_it_comes(small_bodies):
    small_bodies.send(post(EVENT.ljust(2048)))
    assert small_bodies.answer()[0] == 204
    small_bodies.send(post(EVENT.ljust(2049))[:-2000])
    small_bodies.check_error(413, "BODY_TOO_LARGE", "body-bytes-max, 2048 bytes")
    small_bodies.check_ended()


def test_chunks_of_more_than_is_allowed_get_413(small_bodies):
    small_bodies.send(chunked(*["x" * 500] * 6)).check_error(413, "BODY_TOO_LARGE")
    small_bodies.check_ended()


def test_a_client_that_asks_is_told_to_send_the_body(http):
    request = post(EVENT, "Expect: 100-continue")
    http.send(request[:-len(EVENT)])
    assert http.answer()[0] == 100
    http.send(EVENT)
    assert http.answer()[0] == 204


def test_a_client_that_asks_to_send_too_much_is_told_not_to(small_bodies):
    request = post("x" * 5000, "Expect: 100-continue")
    small_bodies.send(request[:-5000]).check_error(413, "BODY_TOO_LARGE")
    small_bodies.check_ended()


def test_a_client_that_does_not_read_its_answers_is_not_given_more(http, facade):
    http.socket.settimeout(1)
    with pytest.raises(TimeoutError):  # the facade no longer reads
        for _ in range(400):
            http.send(f"GET / HTTP/1.1\r\n{HOST}\r\n" * 1000)
    assert fetch(facade).get("carillon_wsfacade_outbox_bytes") < 1 << 20
    http.socket.settimeout(DEADLINE)
    for _ in range(10_000):
        assert http.answer()[0] == 404


@pytest.fixture
def impatient(start_facade, broker, facade_token):
    return start_facade(broker, facade_token, "--handshake-timeout", "200ms",
                        "--http-idle-timeout", "400ms")


def test_a_client_that_sends_its_header_slowly_gets_408(impatient, connect_to):
    http = connect_to(impatient)
    # What comes bit by bit does not buy more time.
    http.send("GET /api/v3/info HTTP/1.1\r\n")
    end = time.monotonic() + DEADLINE
    while not select.select([http.socket], [], [], 0.02)[0]:
        http.send("X-Field: x\r\n")
        assert time.monotonic() < end, "it goes on for ever"
    http.check_error(408, "TIMEOUT")
    http.check_ended()


def test_a_client_that_does_not_send_its_body_gets_408(impatient, connect_to):
    http = connect_to(impatient)
    http.send(post()[:-5]).check_error(408, "TIMEOUT")
    http.check_ended()


def test_a_client_that_says_nothing_is_cut_off(impatient, connect_to):
    without_tls = tcp_socket(impatient)
    assert read_to_end(without_tls) == b""
    without_tls.close()
    connect_to(impatient).check_ended()
    between = connect_to(impatient)
    between.send(get())
    assert between.answer()[0] == 200
    between.check_ended()


def test_plain_http_on_the_tls_port_gets_no_answer_and_does_no_harm(facade, http):
    plain = tcp_socket(facade)
    plain.sendall((HANDSHAKE + "\r\n").encode())
    # At most a TLS alert (RFC 8446, section 5.1: content type 21).
    assert re.fullmatch(rb"(\x15\x03.*)?", read_to_end(plain), re.DOTALL)
    http.send(get())
    assert http.answer()[0] == 200


def test_no_older_tls_than_1_2_is_spoken(facade):
    old = facade.certificate.client_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with tcp_socket(facade) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(plain, server_hostname="localhost")
    good = facade.certificate.client_context()
    good.maximum_version = ssl.TLSVersion.TLSv1_2
    with good.wrap_socket(tcp_socket(facade), server_hostname="localhost") as spoken:
        assert spoken.version() == "TLSv1.2"


# --- The handshake ---


@pytest.mark.parametrize("old, new, status", [
    ("Upgrade: websocket", "Upgrade: WebSocket", 101),
    ("Connection: Upgrade", "Connection: keep-alive, uPgRaDe", 101),
    ("Host:", "Sec-WebSocket-Protocol: a, b\r\nHost:", 101),
    ("Host:", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nHost:", 101),
    ("Upgrade: websocket", "Upgrade: h2c", 426),
    ("Upgrade: websocket\r\n", "", 426),
    ("Connection: Upgrade\r\n", "", 426),
    ("Version: 13", "Version: 8", 426),
    ("Version: 13", "Version: 14", 426),
    ("Sec-WebSocket-Version: 13\r\n", "", 426),
    ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400),
    ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400),
    ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ!!", 400),
    ("GET", "POST", 405)])
def test_a_handshake_is_answered(http, old, new, status):
    assert old in HANDSHAKE
    http.send(HANDSHAKE.replace(old, new) + "\r\n")
    found, headers, _ = http.answer()
    assert found == status
    if status == 101:
        assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert "sec-websocket-extensions" not in headers
        assert "sec-websocket-protocol" not in headers
    elif status == 426:
        assert headers["sec-websocket-version"] == "13"
    if status != 101:  # a request like any other
        http.send(get())
        assert http.answer()[0] == 200
