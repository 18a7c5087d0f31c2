"""The upgrade and the frames by hand, with curl."""

import base64
import json
import os

import pytest

from clients import frames
from clients.curl import CurlUpgrade
from harness.client import basic, event
from harness.programs import ACCOUNT_TEXT
from harness.sample_events import THE_TWO

# The example of RFC 6455, section 1.3.
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = ("--user", ACCOUNT_TEXT)


@pytest.fixture
def upgrade(facade):
    """Starts curl with frames to send; the answer's head, the frames that come, and curl."""
    started = []

    def start(sent, query="", options=GOOD, key=KEY):
        started.append(CurlUpgrade(facade, key, sent, query, options))
        head, rest = started[-1].head()
        return head, frames.ServerFrames(started[-1].receive, rest), started[-1]

    yield start
    for one in started:
        one.kill()


def test_the_answer_to_an_upgrade_holds_just_what_it_must(upgrade):
    head, _, _ = upgrade(frames.frame("register a.b.c"),
                         options=(*GOOD, "--header", "Sec-WebSocket-Extensions: permessage-deflate",
                                  "--header", "Sec-WebSocket-Protocol: chat, superchat"))
    assert head.status == 101
    assert head.headers == {"upgrade": "websocket", "connection": "Upgrade",
                            "sec-websocket-accept": ACCEPT}


def test_a_whole_conversation_goes_through_curl(upgrade, client):
    _, came, _ = upgrade(frames.frame("register profiles.*.*") + frames.frame(b"hi", frames.PING))
    # The broker confirms a register: the pong need not wait for it.
    first, second = sorted([came.next(), came.next()])
    assert first[0] == frames.TEXT and json.loads(first[1])["Key"] == "profiles.*.*"
    assert second == (frames.PONG, b"hi")
    for sample in THE_TWO:
        client.publish(event(sample.type, sample.action, sample.key, object=sample.object.encode()))
        text = came.next_text()
        assert json.loads(text)["Principal"] == "rocketskates"
        assert text.endswith(f'"Object":{sample.object}}}')


def test_a_close_is_answered_behind_the_commands_and_the_server_ends_the_connection(upgrade):
    commands = frames.frame("deregister a.b.c") + frames.frame("nonsense")
    _, came, curl = upgrade(commands + frames.close(1001, b"bye"))
    assert json.loads(came.next_text())["Action"] == "deregister"
    assert json.loads(came.next_text())["Action"] == "error"
    assert came.next_close() == (1001, "")
    assert came.at_end()
    assert curl.exit_code() == 0


@pytest.mark.parametrize("query, options", [
    (f"?token={ACCOUNT_TEXT}", ()), ("?Token=rocketskates%3Ar0cketsk8ts", ()),
    ("", ("--header", f"authorization: {basic(ACCOUNT_TEXT)}")),
    ("", ("--header", basic(ACCOUNT_TEXT).replace("Basic", "Authorization: bAsIc"))),
    ("?token=no:thing", GOOD)])
def test_credentials_may_be_in_header_or_query(upgrade, query, options):
    head, came, _ = upgrade(frames.frame("register a.b.c"), query, options)
    assert head.status == 101
    assert json.loads(came.next_text())["Action"] == "register"


@pytest.mark.parametrize("query, options", [
    ("", ()), ("?token=a:b", ()), ("?token=nonsense", ()), ("", ("--user", "rocketskates:")),
    (f"?token={ACCOUNT_TEXT}", ("--user", "nobody:nothing"))])
def test_without_good_credentials_there_is_401_before_the_upgrade(upgrade, query, options):
    head, _, _ = upgrade(b"", query, options)
    assert head.status == 401
    assert head.headers["www-authenticate"]
    assert head.headers["content-type"] == "application/json"


def test_an_authorization_header_of_a_wrong_form_is_refused_whatever_the_query_says(upgrade):
    head, _, _ = upgrade(b"", f"?token={ACCOUNT_TEXT}", ("--header", "Authorization: nonsense"))
    assert head.status == 401


def test_every_key_of_sixteen_bytes_is_taken_and_no_other(upgrade):
    for size, status in ((16, 101), (15, 400), (17, 400), (0, 400)):
        key = base64.b64encode(os.urandom(size)).decode()
        # With an empty value curl would not send the header: it stands for a missing one.
        head, _, _ = upgrade(frames.frame("register a.b.c") if status == 101 else b"", key=key)
        assert head.status == status, size
