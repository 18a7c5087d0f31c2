"""The facade's limits: who exceeds one is told which, and the others feel nothing."""

import json

import pytest

from harness.client import event
from harness.https import connect, request
from harness.metrics import fetch, wait_for_metric
from harness.raw_websocket import (CONTINUATION, PING, PONG, TEXT, RawWebsocket, read_to_end,
                                   tcp_socket, tls_socket)
from harness.waiting import wait_until
from harness.websocket import Websocket

TOO_BIG, POLICY, PROTOCOL_ERROR, INVALID_DATA = 1009, 1008, 1002, 1007


@pytest.fixture
def limited(start_facade, broker, facade_token, client, kind):
    """Starts a facade with these limits and a websocket that must not feel anything."""
    bystanders = []

    def start(*flags):
        facade = start_facade(broker, facade_token, *flags)
        bystanders.append(Websocket(facade).register(f"{kind}.*.*"))
        return facade

    yield start
    client.publish(event(kind, key="all is well"))
    for bystander in bystanders:
        assert bystander.next()["Key"] == "all is well"
        bystander.close()


def closed_by(facade, reason):
    return fetch(facade).get("carillon_wsfacade_websockets_closed_total", reason=reason)


def test_a_message_that_is_too_large(limited):
    facade = limited("--message-bytes-max", "1KiB")
    fits = RawWebsocket(facade).send("x" * 1024)
    assert b'"Action":"error"' in fits.next_frame()[1]
    for send in (lambda w: w.send("x" * 1025),
                 lambda w: w.send("x" * 1000, fin=False).send("x" * 25, CONTINUATION)):
        one = RawWebsocket(facade)
        send(one)
        code, reason = one.closed()
        assert code == TOO_BIG
        assert "message-bytes-max" in reason
        one.drop()
    fits.drop()


def test_messages_may_have_64_kib_by_default(facade):
    with Websocket(facade) as websocket:
        text = "register " + ",".join(["x" * 127] * 500) + ".*.*"
        websocket.register((text + " " * (65_536 - len(text)))[9:])
    with Websocket(facade) as websocket:
        websocket.send("x" * 65_537)
        assert websocket.closed()[0] == TOO_BIG


def test_a_header_that_is_too_large(limited):
    facade = limited("--header-bytes-max", "2KiB")
    assert request(facade, "GET", "/api/v3/info", headers=[("X-Fits", "x" * 1000)]).status == 200
    answer = request(facade, "GET", "/api/v3/info", headers=[("X-Large", "x" * 3000)])
    assert answer.status == 431
    assert "header-bytes-max" in answer.json["Messages"][0]


def test_a_body_that_is_too_large(limited):
    facade = limited("--body-bytes-max", "1KiB")
    answer = request(facade, "POST", "/api/v3/events", "x" * 1025)
    assert answer.status == 413
    assert "body-bytes-max" in answer.json["Messages"][0]
    sock = tls_socket(facade)
    sock.sendall(b"POST /api/v3/events HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n"
                 b"Authorization: Bearer token\r\n\r\n800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n")
    assert read_to_end(sock).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("begun", ["nothing", "half a TLS handshake", "no request",
                                   "half a header"])
def test_a_handshake_that_takes_too_long(limited, begun):
    facade = limited("--handshake-timeout", "300ms")
    if begun in ("nothing", "half a TLS handshake"):
        sock = tcp_socket(facade)
        if begun != "nothing":
            sock.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert read_to_end(sock) == b""
        return
    sock = tls_socket(facade)
    if begun == "half a header":
        sock.sendall(b"GET /api/v3/ws HTTP/1.1\r\nHost: ")
        answer = read_to_end(sock)
        assert b" 408 " in answer
        assert b"within handshake-timeout" in answer
    else:
        assert read_to_end(sock) == b""


def test_a_body_that_takes_too_long(limited):
    facade = limited("--http-idle-timeout", "300ms")
    sock = tls_socket(facade)
    sock.sendall(b"POST /api/v3/events HTTP/1.1\r\nHost: l\r\nContent-Length: 10\r\n"
                 b"Authorization: Bearer token\r\n\r\n{")
    answer = read_to_end(sock)
    assert b" 408 " in answer
    assert b"within http-idle-timeout" in answer
    idle = connect(facade)
    assert request(facade, "GET", "/nothing", connection=idle).status == 404
    assert read_to_end(idle.sock) == b""


def test_a_silent_client_is_asked_and_closed_if_it_does_not_answer(limited):
    facade = limited("--ping-interval", "200ms", "--pong-timeout", "300ms")
    silent, answers = RawWebsocket(facade), RawWebsocket(facade)
    for _ in range(4):
        opcode, payload = answers.next_frame()
        assert opcode == PING
        answers.send(payload, PONG)
    assert silent.next_frame()[0] == PING
    code, reason = silent.closed()
    assert code == POLICY
    assert "pong-timeout" in reason
    silent.drop()
    wait_until(lambda: closed_by(facade, "ping_timeout") == 1, "it is counted")
    answers.drop()


def test_too_many_connections(limited):
    facade = limited("--connections-max", "3")
    second, third = RawWebsocket(facade), RawWebsocket(facade)
    with pytest.raises((OSError, EOFError)):
        RawWebsocket(facade)
    assert "connections-max" in facade.program.wait_for_line("connection refused.*").group()
    assert fetch(facade).get("carillon_wsfacade_connections_refused_total") >= 1
    third.drop()
    wait_for_metric(facade, "carillon_wsfacade_connections", lambda v: v == 2)
    RawWebsocket(facade).drop()
    second.drop()


def test_too_many_registrations(limited):
    facade = limited("--registrations-max", "3")
    with Websocket(facade) as one:
        one.register("a.*.*").register("b.*.*").register("c.*.*").register("a.*.*")
        answer = one.command("register d.*.*")
        assert answer["Action"] == "error"
        assert "registrations-max" in answer["Object"]["Error"]
        code, reason = one.closed()
    assert code == POLICY
    assert "registrations-max, 3" in reason
    wait_until(lambda: closed_by(facade, "registrations") == 1, "it is counted")


def test_registrations_that_were_deregistered_do_not_count(limited):
    facade = limited("--registrations-max", "3")
    with Websocket(facade) as one:
        one.register("a.*.*").register("b.*.*").register("c.*.*")
        assert one.command("deregister a.*.*")["Action"] == "deregister"
        one.register("d.*.*")


def test_registrations_that_hold_too_many_bytes(limited):
    facade = limited("--registration-bytes-max", "1KiB")
    with Websocket(facade) as one:
        one.register("*.*." + "x" * 700)
        answer = one.command("register *.*." + "y" * 700)
        assert "registration-bytes-max" in answer["Object"]["Error"]
        code, reason = one.closed()
    assert code == POLICY
    assert "registration-bytes-max" in reason


def test_10000_registrations_are_allowed_by_default(client, facade, kind):
    with Websocket(facade) as one:
        for i in range(10_000):
            one.send(f"register {kind}.*.{i}")
        assert all(one.next()["Action"] == "register" for _ in range(10_000))
        client.publish(event(kind, key="9999"), event(kind, key="10000"), event(kind, key="0"))
        assert [one.next()["Key"] for _ in range(2)] == ["9999", "0"]
        assert "registrations-max" in one.command("register x.*.*")["Object"]["Error"]
        assert one.closed()[0] == POLICY


def test_too_many_commands_a_second(limited):
    facade = limited("--commands-per-second", "5", "--commands-burst", "10")
    one = RawWebsocket(facade)
    for i in range(30):
        one.send(f"register a.*.{i}")
    code, reason = one.closed()
    assert code == POLICY
    assert "commands-per-second" in reason
    one.drop()
    wait_until(lambda: closed_by(facade, "command_rate") == 1, "it is counted")


@pytest.mark.core
def test_a_client_that_does_not_read(limited, client, kind):
    facade = limited("--outbox-bytes-max", "64KiB", "--stall-timeout", "500ms")
    slow = RawWebsocket(facade, receive_buffer=4096).send(f"register {kind}slow.*.*")
    assert b'"Action":"register"' in slow.next_frame()[1]
    with Websocket(facade) as reads:
        reads.register(f"{kind}slow.*.*")
        count = 0
        while closed_by(facade, "outbox") + slow_is_closing(facade) == 0:
            assert count < 2000, "it is never closed"
            client.publish(event(f"{kind}slow", key=str(count), object=b'"%030000d"' % 0))
            assert reads.next()["Key"] == str(count)
            count += 1
    code, reason = slow.closed()
    assert code == POLICY
    assert "outbox-bytes-max" in reason and "stall-timeout" in reason
    slow.drop()
    wait_until(lambda: closed_by(facade, "outbox") == 1, "it is counted")


def slow_is_closing(facade):
    return fetch(facade).get("carillon_wsfacade_registrations") < 3


def test_a_client_that_does_not_even_read_the_end_is_cut_off(limited, client, kind):
    facade = limited("--outbox-bytes-max", "64KiB", "--stall-timeout", "500ms",
                     "--close-timeout", "100ms")
    slow = RawWebsocket(facade, receive_buffer=4096).send(f"register {kind}slow.*.*")
    slow.next_frame()
    client.publish_all([event(f"{kind}slow", object=b'"%0100000d"' % 0)] * 200, batch=10)
    wait_until(lambda: closed_by(facade, "outbox") == 1, "it is gone")
    slow.drop()


@pytest.mark.parametrize("frame, code", [
    (b"\x81\x03abc", PROTOCOL_ERROR), (b"\xf1\x80\0\0\0\0", PROTOCOL_ERROR),
    (b"\x83\x80\0\0\0\0", PROTOCOL_ERROR), (b"\x80\x80\0\0\0\0", PROTOCOL_ERROR),
    (b"\x09\x80\0\0\0\0", PROTOCOL_ERROR), (b"\x89\xfe\0\x7e\0\0\0\0", PROTOCOL_ERROR),
    (b"\x81\x81\0\0\0\0\xff", INVALID_DATA)],
    ids=["unmasked", "reserved bits", "opcode", "continuation of nothing", "fragmented ping",
         "large ping", "UTF-8"])
def test_broken_frames(limited, frame, code):
    one = RawWebsocket(limited())
    one.socket.sendall(frame)
    closed, reason = one.closed()
    assert closed == code
    assert reason
    assert read_to_end(one.socket) == b""


def test_messages_may_come_in_pieces_with_pings_between(limited):
    one = RawWebsocket(limited())
    one.send("regis", TEXT, fin=False).send(b"hello", PING).send("ter a.b", CONTINUATION, fin=False)
    one.send(".c", CONTINUATION)
    assert one.next_frame() == (PONG, b"hello")
    assert json.loads(one.next_frame()[1])["Key"] == "a.b.c"
    one.drop()


def test_a_client_that_closes_gets_its_code_back(limited):
    one = RawWebsocket(limited()).send(b"\x03\xe8bye", 8)
    assert one.closed()[0] == 1000
    assert read_to_end(one.socket) == b""
