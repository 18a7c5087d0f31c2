"""The text protocol of websockets."""

import json
import re
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from harness.client import basic, bearer, event
from harness.programs import ACCOUNT_TEXT
from harness.raw_websocket import RawWebsocket
from harness.sample_events import THE_TWO, sample_events
from harness.websocket import Websocket

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z"


@pytest.fixture
def websocket(facade):
    with Websocket(facade) as one:
        yield one


def keys(frames):
    return [json.loads(f)["Key"] for f in frames]


# --- Connecting ---


@pytest.mark.parametrize("name", ["token", "Token", "TOKEN"])
def test_credentials_may_be_in_the_query(facade, superuser, name):
    token = superuser.token("rocketskates")
    for value in (token, ACCOUNT_TEXT, quote(ACCOUNT_TEXT, safe="")):
        with Websocket(facade, authorization=None, query=f"?{name}={value}") as websocket:
            websocket.register("*.*.*")


def test_the_header_goes_before_the_query(facade):
    with Websocket(facade, query="?token=nonsense") as websocket:
        websocket.register("*.*.*")
    with pytest.raises(InvalidStatus) as refused:
        Websocket(facade, authorization="Bearer nonsense", query=f"?token={ACCOUNT_TEXT}")
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("authorization, query", [
    (None, ""), ("Bearer nonsense", ""), (basic("rocketskates:wrong-password"), ""),
    (basic("nobody:r0cketsk8ts"), ""), (None, "?token=nonsense"), (None, "?token=a:b"),
    (None, "?token="), ("Digest x", "")])
def test_bad_credentials_get_401_before_the_upgrade(facade, authorization, query):
    with pytest.raises(InvalidStatus) as refused:
        Websocket(facade, authorization=authorization, query=query)
    response = refused.value.response
    assert response.status_code == 401
    assert "Basic" in response.headers["WWW-Authenticate"]
    assert "Bearer" in response.headers["WWW-Authenticate"]
    error = json.loads(response.body)
    assert (error["Type"], error["Code"], error["Model"]) == ("UNAUTHENTICATED", 401, "")
    assert error["Messages"]


@pytest.mark.parametrize("origin", ["https://example.org", "chrome-extension://abcdef", "null"])
def test_pages_of_any_origin_may_connect(facade, origin):
    with Websocket(facade, origin=origin) as websocket:
        websocket.register("*.*.*")


def test_origins_can_be_limited(start_facade, broker, facade_token):
    facade = start_facade(broker, facade_token, "--allowed-origin", "https://example.org")
    with Websocket(facade, origin="https://example.org"), Websocket(facade):
        pass
    with pytest.raises(InvalidStatus) as refused:
        Websocket(facade, origin="https://evil.example")
    assert refused.value.response.status_code == 403


# --- Commands ---


def test_every_command_is_answered_by_one_event(websocket):
    commands = {
        "register machines.*.*": ("register", "machines.*.*"),
        "  register a.b,c.d e.f \n": ("register", "a.b,c.d e.f"),
        "register machines.*.* ": ("register", "machines.*.*"),
        "deregister machines.*.*": ("deregister", "machines.*.*"),
        "deregister never.was.registered": ("deregister", "never.was.registered"),
    }
    for command, (action, key) in commands.items():
        websocket.send(command)
        text = websocket.next_text()
        assert re.fullmatch(
            rf'{{"Time":"{TIME}","Type":"websocket","Action":"{action}","Key":"{re.escape(key)}",'
            r'"Object":null}', text), text


BAD_COMMANDS = ["", "register", "register ", "register a", "register a.b", "regster a.b.c",
                "deregister a.b", r"register \9.*.*", "Register *.*.*", "x" * 5000, "{}"]


@pytest.mark.parametrize("command", BAD_COMMANDS)
def test_a_bad_command_gets_an_error_event_and_the_connection_lives_on(websocket, command):
    answer = websocket.command(command)
    assert (answer["Type"], answer["Action"]) == ("websocket", "error")
    assert command.startswith(answer["Key"]) and len(answer["Key"]) <= 1024
    assert answer["Object"]["Error"]
    websocket.register("a.b.c")


def test_a_binary_message_gets_an_error_event(websocket):
    websocket.send(b"register *.*.*")
    assert websocket.next()["Action"] == "error"
    websocket.register("a.b.c")


def test_commands_are_answered_in_their_order(websocket):
    sent = []
    for i in range(300):
        word = ("register", "deregister", "nonsense")[i % 3]
        websocket.send(f"{word} t{i}.*.*")
        sent.append((word if word != "nonsense" else "error",
                     f"t{i}.*.*" if word != "nonsense" else f"{word} t{i}.*.*"))
    answers = [websocket.next() for _ in sent]
    assert [(a["Action"], a["Key"]) for a in answers] == sent


# --- Events ---


FILTERS = {
    "*.*.*": ["m1", "a.b", "x y", "p,q", "s*t", "ab"],
    "*.save.*": ["a.b", "p,q"],
    "*.*.a.b": ["a.b"],
    r"*.*.p\2q": ["p,q"],
    r"*.*.s\3t": ["s*t"],
    r"*.*.a\1b": ["a.b"],
    "*.*.x y": ["x y"],
    "*.*.m1,ab": ["m1", "ab"],
    "*.create,delete.m1, x y ,ab": ["m1", "x y", "ab"],
    "*.*.a*": ["a.b", "ab"],
    "*.*.zzz": [],
}


@pytest.mark.parametrize("filter", FILTERS)
def test_a_filter_selects(client, websocket, kind, filter):
    websocket.register(filter.replace("*", kind, 1)).register("end.*.*")
    client.publish(*(event(kind, action, key) for key, action in [
        ("m1", "create"), ("a.b", "save"), ("x y", "delete"), ("p,q", "save"), ("s*t", "update"),
        ("ab", "create")]), event("other", key="m1"), event("end", key=kind))
    seen = []
    while (frame := websocket.next())["Type"] != "end":
        seen.append(frame["Key"])
    assert seen == FILTERS[filter]


def test_an_event_that_matches_several_filters_comes_once(client, websocket, kind):
    websocket.register(f"{kind}.*.*").register(f"{kind}.create.*").register(f"*.*.{kind}")
    websocket.register(f"{kind}.*.*")
    client.publish(event(kind, key=kind), event(kind, key="end"))
    assert keys(websocket.take(2)) == [kind, "end"]


def test_a_deregister_removes_only_its_own_filter(client, websocket, kind):
    websocket.register(f"{kind}.*.a").register(f"{kind}.*.b")
    assert websocket.command(f"deregister {kind}.*.a")["Action"] == "deregister"
    client.publish(event(kind, key="a"), event(kind, key="b"))
    assert keys(websocket.take(1)) == ["b"]
    websocket.register(f"{kind}.*.a")
    client.publish(event(kind, key="a"))
    assert keys(websocket.take(1)) == ["a"]


@pytest.mark.core
def test_every_event_that_is_committed_after_the_acknowledgement_comes(client, facade, kind):
    for round in range(20):
        with Websocket(facade) as websocket:
            websocket.register(f"{kind}.*.{round}")
            client.publish(event(kind, key=str(round)))
            assert keys(websocket.take(1)) == [str(round)]


@pytest.mark.core
def test_the_two_well_known_events_come_byte_for_byte_with_the_publisher_as_principal(
        client, websocket):
    websocket.register("profiles.*.*")
    client.publish(*(to_event(e) for e in THE_TWO))
    assert websocket.take(2) == [e.frame("rocketskates") for e in THE_TWO]


def test_varied_events_come_byte_for_byte(client, websocket):
    events = sample_events(1000)
    websocket.register("*.*.*")
    client.publish_all([to_event(e) for e in events], batch=100)
    assert websocket.take(1000) == [e.frame("rocketskates") for e in events]


def to_event(sample):
    seconds, nanos = sample.seconds_and_nanos()
    made = event(sample.type, sample.action, sample.key, object=(sample.object or "").encode(),
                 original=(sample.original or "").encode())
    made.time.seconds, made.time.nanos = seconds, nanos
    return made


def test_websockets_that_come_and_go_do_not_disturb_the_others(client, facade, kind):
    with Websocket(facade) as stays:
        stays.register(f"{kind}.*.*")
        for i in range(20):
            goes = Websocket(facade, authorization=bearer(client.token("rocketskates")))
            goes.register(f"{kind}.*.*").register(f"{kind}.*.{i}")
            client.publish(event(kind, key=str(i)))
            assert keys(goes.take(1)) == [str(i)]
            goes.close()
        assert keys(stays.take(20)) == [str(i) for i in range(20)]


def commands(count):
    """So many registers, for one write."""
    return b"".join(RawWebsocket.frame(f"register a.*.{i}") for i in range(count))


def test_what_comes_behind_a_register_too_many_is_not_read(broker, start_facade, facade_token):
    facade = start_facade(broker, facade_token, "--registrations-max", "3", "--commands-per-second",
                          "1000000", "--commands-burst", "1000000")
    for count in range(3001, 3010):
        one = RawWebsocket(facade)
        # Its end is within a frame, at another place each time.
        one.socket.sendall(commands(count)[:-(count % 10)])
        code, reason = one.closed()
        assert (code, "registrations-max, 3" in reason) == (1008, True), reason
        one.drop()


def test_commands_before_one_too_many_a_second_are_answered(broker, start_facade, facade_token):
    facade = start_facade(broker, facade_token, "--commands-per-second", "5", "--commands-burst",
                          "10")
    one = RawWebsocket(facade)
    # Error answers wait for nobody.
    one.socket.sendall(b"".join(RawWebsocket.frame(f"nonsense {i}") for i in range(15)))
    for i in range(10):
        assert json.loads(one.next_frame()[1])["Key"] == f"nonsense {i}"
    code, reason = one.closed()
    assert (code, "commands-per-second" in reason) == (1008, True), reason
    one.drop()
