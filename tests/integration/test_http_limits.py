"""HTTP requests that are too large, unclear or not welcome: each is refused, early, and harms nobody."""

import socket

import pytest

from harness.client import basic
from harness.https import connect, request
from harness.metrics import wait_for_metric
from harness.programs import ACCOUNT_TEXT, Facade
from harness.raw_websocket import read_to_end, tls_socket
from harness.waiting import DEADLINE, wait_until

AUTHORIZATION = f"Authorization: {basic(ACCOUNT_TEXT)}\r\n"
EVENT = '{"Type":"httplimits","Action":"create","Key":"k","Object":{}}'
CHUNKED = "Transfer-Encoding: chunked\r\n"
GOING_AWAY = 1001


def post(fields, body="", path="/api/v3/events", version="1.1", method="POST"):
    return f"{method} {path} HTTP/{version}\r\nHost: localhost\r\n{fields}\r\n{body}"


def answer_to(facade, text):
    """Status, header and body of the one answer after which the connection is ended."""
    with tls_socket(facade) as sock:
        sock.sendall(text.encode())
        return last_answer(sock)


def last_answer(sock):
    data = read_to_end(sock).decode()
    assert data.count("HTTP/1.1 ") == 1, data
    head, _, body = data.partition("\r\n\r\n")
    return int(head.split(" ")[1]), head, body


@pytest.mark.parametrize("place", ["header", "trailer"])
@pytest.mark.parametrize("field", ["X: " + "a" * 66_000, "a" * 66_000 + ": x"],
                         ids=["value", "name"])
def test_a_field_of_more_than_64_kib_gets_431(start_facade, broker, facade_token, place, field):
    facade = start_facade(broker, facade_token, "--header-bytes-max", "1MiB")
    if place == "header":
        text = post(f"{AUTHORIZATION}{field}\r\n")
    else:
        text = post(AUTHORIZATION + CHUNKED, f"0\r\n{field}\r\n\r\n")
    assert answer_to(facade, text)[0] == 431
    assert request(facade, "GET", "/api/v3/info").status == 200


@pytest.mark.parametrize("begin", ["1;a=", "0\r\nX: ", "0\r\nX: y\r\nX: "],
                         ids=["before a chunk", "in a trailer", "in the next trailer"])
def test_what_stands_between_chunks_has_the_limit_of_a_header(facade, begin):
    status, _, body = answer_to(facade, post(AUTHORIZATION + CHUNKED, begin + "x" * 20_000))
    assert status == 431
    assert "header-bytes-max, 16384 bytes" in body


def test_a_header_that_comes_field_by_field_has_the_same_limit(start_facade, broker, facade_token):
    facade = start_facade(broker, facade_token, "--header-bytes-max", "2KiB")
    # A field is complete when the first character of the next line has come.
    pieces = ["GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX",
              *[f": {'x' * 500}\r\nX"] * 5, ": x\r\n\r\n"]
    sent = 0
    with tls_socket(facade) as sock:
        for piece in pieces:
            sock.sendall(piece.encode())
            sent += len(piece)
            wait_for_metric(facade, "carillon_wsfacade_received_bytes_total", lambda v: v >= sent)
        status, _, body = last_answer(sock)
    assert status == 431
    assert "header-bytes-max, 2048 bytes" in body


def test_the_limit_of_a_header_is_for_each_request(start_facade, broker, facade_token):
    facade = start_facade(broker, facade_token, "--header-bytes-max", "2KiB")
    connection = connect(facade)
    for _ in range(5):
        assert request(facade, "POST", "/api/v3/events", EVENT, headers=[("X", "x" * 1000)],
                       connection=connection).status == 204
    connection.close()


@pytest.mark.parametrize("fields", [
    "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked, gzip\r\n", "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: gzip\r\nContent-Length: 0\r\n"])
def test_a_body_of_an_unknown_coding_is_not_taken_for_the_next_request(facade, fields):
    behind = "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status, _, body = answer_to(facade, post(AUTHORIZATION + fields, behind))
    assert status == 400
    assert "Transfer-Encoding" in body


def test_http_1_0_has_no_chunks(facade):
    chunks = f"{len(EVENT):x}\r\n{EVENT}\r\n0\r\n\r\n"
    assert answer_to(facade, post(AUTHORIZATION + CHUNKED, chunks, version="1.0"))[0] == 400


def test_trailers_are_not_believed(facade):
    def send(fields, trailer):
        chunks = f"{len(EVENT):x}\r\n{EVENT}\r\n0\r\n{trailer}\r\n"
        return answer_to(facade, post(CHUNKED + fields + "Connection: close\r\n", chunks))

    assert send("", AUTHORIZATION)[0] == 401
    status, head, _ = send(AUTHORIZATION, "Origin: https://example.org\r\n")
    assert status == 204
    assert "access-control" not in head.lower()


@pytest.fixture(scope="module")
def picky(tmp_path_factory, certificate, broker, facade_token):
    """A facade that lets pages of one origin alone use it."""
    one = Facade(tmp_path_factory.mktemp("picky"), certificate, broker, facade_token,
                 "--allowed-origin", "https://example.org")
    yield one
    one.close()


@pytest.mark.parametrize("method, path, fields, status", [
    ("POST", "/api/v3/nothing", AUTHORIZATION, 404), ("POST", "events", AUTHORIZATION, 400),
    ("PUT", "/api/v3/events", AUTHORIZATION, 405), ("POST", "/api/v3/ws", AUTHORIZATION, 405),
    ("POST", "/api/v3/events", AUTHORIZATION + "Origin: https://example.com\r\n", 403),
    ("POST", "/api/v3/events", "", 401), ("OPTIONS", "/api/v3/events", "", 204)])
@pytest.mark.parametrize("length", ["Content-Length: 4000000\r\n", CHUNKED],
                         ids=["length", "chunked"])
def test_what_no_body_can_mend_is_answered_before_the_body_comes(picky, method, path, fields,
                                                                  status, length):
    found, head, _ = answer_to(
        picky, post(f"{fields}{length}Expect: 100-continue\r\n", path=path, method=method))
    assert found == status
    assert "Connection: close" in head


def test_a_page_may_read_why_its_body_is_not_wanted(picky):
    _, head, _ = answer_to(picky, post("Origin: https://example.org\r\nContent-Length: 9\r\n"))
    assert "Access-Control-Allow-Origin: https://example.org" in head


def test_a_refusal_without_a_body_to_come_leaves_the_connection_open(facade):
    connection = connect(facade)
    for path, authorization, status in (("/nothing", basic(ACCOUNT_TEXT), 404),
                                        ("/api/v3/events", None, 401)):
        answer = request(facade, "POST", path, "", authorization, connection=connection)
        assert (answer.status, answer.headers["Connection"]) == (status, None)
    connection.close()


def test_the_refusal_of_a_head_request_has_no_body(facade):
    for text in ("HEAD /api/v3/info HTTP/1.1\r\n\r\n",
                 post("Content-Length: 5000000\r\n", method="HEAD"),
                 post("Content-Length: 5\r\n", method="HEAD", path="/nothing")):
        status, head, body = answer_to(facade, text)
        assert status in (400, 404, 413)
        assert "Content-Length: " in head
        assert body == ""


def test_an_upgrade_that_is_granted_while_the_facade_ends_is_closed_in_good_order(
        broker, start_facade, facade_token):
    facade = start_facade(broker, facade_token, "--drain-timeout", "3s", "--log-level", "debug")
    with tls_socket(facade) as sock:
        broker.program.pause()
        try:
            sock.sendall(post(
                f"{AUTHORIZATION}Connection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
                method="GET", path="/api/v3/ws").encode())
            facade.program.wait_for_line("request .*path=/api/v3/ws")
            facade.program.process.terminate()
            wait_until(lambda: not accepts(facade), "it drains")
        finally:
            broker.program.resume()
        head, _, frame = read_to_end(sock).partition(b"\r\n\r\n")
    assert b" 101 " in head
    assert frame[:1] == b"\x88", frame
    assert int.from_bytes(frame[2:4], "big") == GOING_AWAY
    assert facade.program.process.wait(DEADLINE) == 0
    assert "connections were cut" not in facade.program.log_text()


def accepts(facade):
    try:
        socket.create_connection(("127.0.0.1", facade.port)).close()
    except ConnectionRefusedError:
        return False
    return True
