"""RFC 6455 on the wire, byte by byte: frames, fragments, control frames, UTF-8, sizes.

The groups are those of the well-known Autobahn test suite. Where that has an echo, this takes the
answer to a command, which holds the text that was sent.
"""

import itertools
import json
import struct

import pytest

from clients.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from clients.raw import RawWebsocket

PROTOCOL_ERROR, INVALID_DATA, TOO_BIG = 1002, 1007, 1009
MESSAGE_MAX = 64 << 10
REGISTER = frame("register a.b.c")


@pytest.fixture
def websocket(facade):
    one = RawWebsocket(facade)
    yield one
    one.close()


def next_event(websocket):
    return json.loads(websocket.next_text())


def check_alive(websocket, text="a.b.c"):
    """The next frame is the answer to a register."""
    answer = next_event(websocket)
    assert (answer["Action"], answer["Key"]) == ("register", text), answer


def check_fails(websocket, code):
    """The next frame closes with this code and a reason, and the connection ends."""
    closed_with, reason = websocket.next_close()
    assert (closed_with, bool(reason)) == (code, True)
    assert websocket.at_end()


def register_of(size):
    """A register command of so many bytes; a filter itself has at most 64 KiB when encoded."""
    return ("register a.b." + "k" * min(size - len("register a.b."), 60_000)).ljust(size)


# --- 1: sizes ---


@pytest.mark.parametrize("size", [14, 125, 126, 127, 128, 1000, 65535, MESSAGE_MAX])
@pytest.mark.parametrize("piece", ["whole", "slowly"])
def test_a_text_of_any_size_is_taken_in_whatever_pieces_it_comes(websocket, size, piece):
    text = register_of(size)
    if piece == "whole":
        websocket.send(frame(text))
    else:
        data = frame(text)
        websocket.send_slowly(data[:300]).send(data[300:])
    check_alive(websocket, text.removeprefix("register ").rstrip())


def test_an_empty_message_is_a_message(websocket):
    websocket.send(frame(""), frame(b"", BINARY), REGISTER)
    assert [next_event(websocket)["Action"] for _ in range(2)] == ["error", "error"]
    check_alive(websocket)


def test_many_frames_in_one_write_are_all_answered(websocket):
    websocket.send(*(frame(f"register a.b.{i}") for i in range(100)))
    for i in range(100):
        check_alive(websocket, f"a.b.{i}")


@pytest.mark.parametrize("size, length_bytes", [(14, 2), (125, 2), (14, 8), (126, 8), (65535, 8)])
def test_a_length_that_is_not_in_its_shortest_form_is_a_protocol_error(
        websocket, size, length_bytes):
    websocket.send(frame(register_of(size), length_bytes=length_bytes))
    check_fails(websocket, PROTOCOL_ERROR)


def test_a_length_with_its_highest_bit_set_is_a_protocol_error(websocket):
    websocket.send(frame(b"", length_bytes=8, claims=1 << 63))
    check_fails(websocket, PROTOCOL_ERROR)


@pytest.mark.parametrize("claims", [MESSAGE_MAX + 1, 1 << 31, (1 << 63) - 1])
def test_a_message_that_announces_more_than_is_allowed_is_refused_before_it_comes(
        websocket, claims):
    websocket.send(frame(b"", claims=claims))
    check_fails(websocket, TOO_BIG)


def test_fragments_that_are_more_than_is_allowed_together_are_refused(websocket):
    part = b"x" * 30_000
    websocket.send(frame(part, fin=False), frame(part, CONTINUATION, fin=False),
                   frame(part, CONTINUATION, fin=False))
    check_fails(websocket, TOO_BIG)


def test_fragments_that_are_just_as_much_as_is_allowed_are_taken(websocket):
    text = "x" * MESSAGE_MAX
    websocket.send(frame(text[:65535], fin=False), frame(text[65535:], CONTINUATION), REGISTER)
    assert next_event(websocket)["Action"] == "error"
    check_alive(websocket)


# --- 2: pings and pongs ---


@pytest.mark.parametrize("payload", [b"", b"hi", b"\x00\xff\xfe", b"x" * 125])
@pytest.mark.parametrize("slowly", [False, True])
def test_a_ping_is_answered_with_a_pong_of_the_same_payload(websocket, payload, slowly):
    (websocket.send_slowly if slowly else websocket.send)(frame(payload, PING))
    assert websocket.next() == (PONG, payload)


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
@pytest.mark.parametrize("size", [126, 65536])
def test_a_control_frame_of_more_than_125_bytes_is_a_protocol_error(websocket, opcode, size):
    websocket.send(frame(b"\x03\xe8" + b"x" * (size - 2), opcode))
    check_fails(websocket, PROTOCOL_ERROR)


def test_pongs_that_nobody_asked_for_are_ignored(websocket):
    websocket.send(frame(b"", PONG), frame(b"what", PONG), frame(b"hi", PING))
    assert websocket.next() == (PONG, b"hi")


def test_each_of_many_pings_gets_its_pong_in_order(websocket):
    websocket.send(*(frame(str(i).encode(), PING) for i in range(50)))
    assert [websocket.next() for _ in range(50)] == [(PONG, str(i).encode()) for i in range(50)]


# --- 3 and 4: reserved bits and opcodes ---


@pytest.mark.parametrize("reserved", range(1, 8))
@pytest.mark.parametrize("opcode, payload", [(TEXT, b"register x.y.z"), (BINARY, b"x"),
                                             (PING, b"x"), (CLOSE, b"\x03\xe8")])
def test_a_reserved_bit_is_a_protocol_error_and_what_came_before_is_answered(
        websocket, reserved, opcode, payload):
    websocket.send(frame("deregister a.b.c"), frame(payload, opcode, reserved=reserved), REGISTER)
    assert next_event(websocket)["Action"] == "deregister"
    check_fails(websocket, PROTOCOL_ERROR)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_an_unknown_opcode_is_a_protocol_error(websocket, opcode, payload):
    websocket.send(frame(payload, opcode), REGISTER)
    check_fails(websocket, PROTOCOL_ERROR)


@pytest.mark.parametrize("opcode, payload", [(TEXT, b"register a.b.c"), (PING, b""), (CLOSE, b"")])
def test_a_frame_that_is_not_masked_is_a_protocol_error(websocket, opcode, payload):
    websocket.send(frame(payload, opcode, masked=False))
    check_fails(websocket, PROTOCOL_ERROR)


# --- 5: fragments ---


def fragments(text, *cuts, first=TEXT):
    """`text` in fragments, cut at these places."""
    data = text.encode() if isinstance(text, str) else text
    ends = [*cuts, len(data)]
    return [frame(data[begin:end], first if i == 0 else CONTINUATION, fin=i == len(cuts))
            for i, (begin, end) in enumerate(zip([0, *cuts], ends))]


@pytest.mark.parametrize("cuts", [(1,), (8,), (0,), (14,), (0, 0, 0), (1, 2, 3, 4, 5, 6),
                                  tuple(range(14))])
@pytest.mark.parametrize("slowly", [False, True])
def test_fragments_make_a_message(websocket, cuts, slowly):
    data = b"".join(fragments("register a.b.c", *cuts))
    (websocket.send_slowly if slowly else websocket.send)(data)
    check_alive(websocket)


def test_control_frames_may_come_between_fragments(websocket):
    first, second, third = fragments("register a.b.c", 3, 9)
    websocket.send(first, frame(b"1", PING), second, frame(b"", PONG), frame(b"2", PING), third)
    assert websocket.next() == (PONG, b"1")
    assert websocket.next() == (PONG, b"2")
    check_alive(websocket)


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_control_frame_must_not_be_fragmented(websocket, opcode):
    websocket.send(frame(b"", opcode, fin=False), frame(b"", CONTINUATION))
    check_fails(websocket, PROTOCOL_ERROR)


@pytest.mark.parametrize("fin", [True, False])
def test_a_continuation_of_nothing_is_a_protocol_error(websocket, fin):
    websocket.send(frame(b"x", CONTINUATION, fin=fin), REGISTER)
    check_fails(websocket, PROTOCOL_ERROR)


def test_a_continuation_after_the_last_fragment_is_a_protocol_error(websocket):
    websocket.send(*fragments("deregister a.b.c", 4), frame(b"x", CONTINUATION))
    assert next_event(websocket)["Action"] == "deregister"
    check_fails(websocket, PROTOCOL_ERROR)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_within_the_fragments_of_another_is_a_protocol_error(websocket, opcode):
    websocket.send(frame("register", fin=False), frame(b"register a.b.c", opcode))
    check_fails(websocket, PROTOCOL_ERROR)


def test_a_close_between_fragments_is_answered(websocket):
    websocket.send(frame("register", fin=False), frame(struct.pack(">H", 1000), CLOSE))
    assert websocket.next_close() == (1000, "")
    assert websocket.at_end()


def test_a_binary_message_in_fragments_is_one_message(websocket):
    websocket.send(*fragments(b"\xff\xfe\xfd", 1, 2, first=BINARY), REGISTER)
    assert next_event(websocket)["Action"] == "error"
    check_alive(websocket)


# --- 6: UTF-8 ---

GOOD_UTF8 = ["κόσμε", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\uffff",
             "\U00010000", "\U0010ffff", "🔔" * 10, "\ufeff"]
BAD_UTF8 = {
    "a continuation byte alone": b"\x80", "two of them": b"\x80\xbf",
    "a start without its end": b"\xc3", "three bytes cut": b"\xe2\x82",
    "four bytes cut": b"\xf0\x9f\x94", "a start within a character": b"\xe2\x82\x41",
    "a slash in two bytes": b"\xc0\xaf", "a slash in three": b"\xe0\x80\xaf",
    "a slash in four": b"\xf0\x80\x80\xaf", "the largest overlong": b"\xe0\x9f\xbf",
    "a high surrogate": b"\xed\xa0\x80", "a low surrogate": b"\xed\xbf\xbf",
    "above the last code point": b"\xf4\x90\x80\x80", "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80", "FE": b"\xfe", "FF": b"\xff",
}


@pytest.mark.parametrize("text", GOOD_UTF8, ids=ascii)
def test_utf8_is_taken_however_it_is_cut(websocket, text):
    command = f"register a.b.k{text}k"
    size = len(command.encode())
    websocket.send(frame(command))
    check_alive(websocket, f"a.b.k{text}k")
    websocket.send(*fragments(command, *range(size - 1, size)))
    check_alive(websocket, f"a.b.k{text}k")
    websocket.send(*fragments(command, *range(1, size)))
    check_alive(websocket, f"a.b.k{text}k")


@pytest.mark.parametrize("bad", BAD_UTF8)
def test_a_text_that_is_not_utf8_closes_with_1007(facade, bad):
    text = b"register a.b.\xce\xba" + BAD_UTF8[bad] + b"z"
    last = len(text) - 1
    for cuts in ((), (last,), (13, last), tuple(range(1, last))):
        websocket = RawWebsocket(facade)
        websocket.send(*fragments(text, *cuts))
        check_fails(websocket, INVALID_DATA)
        websocket.close()


def test_what_is_not_utf8_may_be_in_a_binary_message(websocket):
    for bad in BAD_UTF8.values():
        websocket.send(frame(bad, BINARY))
        assert next_event(websocket)["Action"] == "error"


def test_every_mask_is_taken_off(websocket):
    for first, second in itertools.product((0, 1, 0x80, 0xff), repeat=2):
        mask = bytes([first, second, first ^ 0x55, 7])
        text = b"register a.b.c"
        websocket.send(b"\x81", bytes([0x80 | len(text)]), mask,
                       bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
        check_alive(websocket)
