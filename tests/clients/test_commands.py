"""register and deregister: each command is answered by one event."""

import json
import re

import pytest

from harness.client import event

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z"


@pytest.fixture
def websocket(connect):
    return connect()


def check_answer(text, action, key, object="null"):
    """`text` is one whole event of type websocket, to the byte except for its time."""
    key = re.escape(json.dumps(key, ensure_ascii=False))
    assert re.fullmatch(rf'{{"Time":"{TIME}","Type":"websocket","Action":"{action}","Key":{key},'
                        rf'"Object":{object}}}', text), text


def check_error(text, key):
    error = r'{"Error":"[^"].*"}'
    check_answer(text, "error", key, error)


def test_each_command_is_answered_with_its_filter_as_it_was_sent(websocket):
    for text in ["*.*.*", "profiles.*.*", "a,b.c,d.e,f", "a , b.c.d", "t.a.key with spaces",
                 "t.a.x.y.z", r"t\1u.a\2b.k\3", "größe.a.機械 🔔", 't.a."quoted"', "pre*.x*.y*",
                 "websocket.*.*", "register.deregister.register"]:
        for action in ("register", "deregister"):
            websocket.send(f"{action} {text}")
            check_answer(websocket.next_text(), action, text)


def test_white_space_around_a_command_is_ignored(websocket):
    for text in ["  register a.b.c", "register a.b.c  ", "\tregister a.b.c\r\n",
                 "\nregister a.b.c\t"]:
        websocket.send(text)
        check_answer(websocket.next_text(), "register", "a.b.c")


def test_a_repeated_and_an_unneeded_command_are_answered_too(websocket):
    for text in ["register a.b.c", "register a.b.c", "deregister a.b.c", "deregister a.b.c",
                 "deregister never.was.there", "register a.b.c"]:
        websocket.send(text)
        check_answer(websocket.next_text(), *text.split())


BAD = ["", " ", "register", "register ", "register  ", "deregister", "registera.b.c",
       "register a", "register a.b", "deregister a.b", "register ..", "register a..c",
       "register a.b.", "register .b.c", "register a,,b.c.d", r"register a.b.\4",
       "register a.b.c\\", "register a*b.c.d", "register **.b.c", "Register a.b.c",
       "REGISTER a.b.c", "unregister a.b.c", "*.*.*", "{}", "register\ta.b.c", "héllo"]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_command_gets_an_error_and_the_connection_lives_on(websocket, text):
    websocket.send(text)
    check_error(websocket.next_text(), text)
    websocket.register("a.b.c")


def test_of_a_huge_bad_command_only_the_beginning_comes_back(websocket):
    text = "nonsense " + "ü" * 20_000
    answer = websocket.command(text)
    assert answer["Action"] == "error" and answer["Object"]["Error"]
    assert text.startswith(answer["Key"]) and 100 < len(answer["Key"].encode()) <= 1024
    assert len(answer["Object"]["Error"].encode()) <= 1024
    websocket.register("a.b.c")


def test_a_binary_message_gets_an_error_and_the_connection_lives_on(websocket):
    for data in (b"register a.b.c", b"\xff\x00", b""):
        websocket.send_binary(data)
        check_error(websocket.next_text(), "")
    websocket.register("a.b.c")


def test_a_command_may_come_in_fragments(websocket):
    websocket.send_fragments(["reg", "ister frag", "", "ments.*.", "é" * 50])
    check_answer(websocket.next_text(), "register", "fragments.*." + "é" * 50)


def test_a_ping_is_answered_with_its_payload(websocket):
    for payload in ("ping", "x" * 125):
        websocket.ping(payload)
    websocket.register("a.b.c")


def test_a_filter_may_have_thousands_of_items(websocket, client, kind):
    items = ",".join(f"{kind}-{i}" for i in range(3000))
    websocket.register(f"{items}.*.*")
    client.publish(event(f"{kind}-3000"), event(f"{kind}-2999", key="last"))
    assert websocket.next()["Key"] == "last"


def test_many_commands_are_answered_in_their_order(websocket, kind):
    sent = []
    for i in range(200):
        action = ("register", "deregister", "error")[i % 3]
        sent.append((action, f"{kind}-{i // 2}.*.*" if action != "error" else f"error {i}"))
        websocket.send(f"{action} {sent[-1][1]}" if action != "error" else sent[-1][1])
    answers = [json.loads(text) for text in websocket.take(200)]
    assert [(a["Action"], a["Key"]) for a in answers] == sent
