"""The end of a websocket by RFC 6455, section 7."""

import json
import struct

import pytest

from clients.frames import CLOSE, PING, close, frame
from clients.raw import RawWebsocket
from harness.client import event
from harness.metrics import fetch, wait_for_metric
from harness.waiting import DEADLINE


@pytest.fixture
def websocket(facade):
    one = RawWebsocket(facade)
    yield one
    one.close()


def check_ends(websocket, code):
    assert websocket.next_close()[0] == code
    assert websocket.at_end()


GOOD_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
              3000, 3999, 4000, 4999]
BAD_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


@pytest.mark.parametrize("code", GOOD_CODES)
def test_a_close_is_answered_with_its_code(websocket, code):
    websocket.send(close(code, b"good bye"))
    check_ends(websocket, code)


@pytest.mark.parametrize("code", BAD_CODES)
def test_a_code_that_must_not_be_sent_is_a_protocol_error(websocket, code):
    websocket.send(close(code))
    check_ends(websocket, 1002)


def test_a_close_without_a_code_is_answered_without_one(websocket):
    websocket.send(frame(b"", CLOSE))
    check_ends(websocket, None)


def test_half_a_code_is_a_protocol_error(websocket):
    websocket.send(frame(b"\x03", CLOSE))
    check_ends(websocket, 1002)


@pytest.mark.parametrize("reason, code", [
    (b"x" * 123, 1000), ("ü€🔔".encode(), 1000), (b"\xff", 1007), (b"\xce\xba\xe1\xbd", 1007),
    (b"\xed\xa0\x80", 1007)])
def test_a_reason_must_be_utf8(websocket, reason, code):
    websocket.send(close(1000, reason))
    check_ends(websocket, code)


def test_nothing_is_answered_behind_a_close(websocket):
    websocket.send(close(), frame(b"x", PING), frame("register a.b.c"), close(4000))
    check_ends(websocket, 1000)


def test_no_event_comes_behind_the_answer_to_a_close(facade, client, kind):
    for _ in range(10):
        websocket = RawWebsocket(facade)
        websocket.send(frame(f"register {kind}.*.*"))
        assert json.loads(websocket.next_text())["Action"] == "register"
        sending = client.publish_stream().send(*(event(kind, key=str(i)) for i in range(200)))
        websocket.send(close())
        opcode, payload = websocket.next()
        while opcode != CLOSE:
            opcode, payload = websocket.next()
        assert payload == struct.pack(">H", 1000)
        assert websocket.at_end()
        websocket.close()
        sending.half_close()


def test_a_client_that_just_goes_away_leaves_nothing_behind(facade):
    name = "carillon_wsfacade_registrations"
    before = fetch(facade).get(name)
    websockets = [RawWebsocket(facade) for _ in range(5)]
    for websocket in websockets:
        websocket.send(frame("register gone.*.*"))
        websocket.next_text()
    assert fetch(facade).get(name) == before + 5
    for websocket in websockets:
        websocket.socket.close()
    wait_for_metric(facade, name, lambda value: value == before)


def test_the_servers_end_is_announced_with_1001(start_facade, broker, facade_token):
    facade = start_facade(broker, facade_token)
    websocket = RawWebsocket(facade)
    websocket.send(frame("register a.b.c"))
    websocket.next_text()
    facade.program.process.terminate()
    code, reason = websocket.next_close()
    assert code == 1001 and reason
    websocket.send(close(1001))
    assert websocket.at_end()
    websocket.close()
    assert facade.program.process.wait(DEADLINE) == 0
