"""How clients say who they are, before the upgrade."""

from urllib.parse import quote

import pytest

from clients.adapters.session import Refused
from harness.client import basic, bearer, event
from harness.programs import ACCOUNT_TEXT


def works(websocket):
    websocket.register("a.b.c")
    return True


def refused(connect, **how):
    """The answer of a connection attempt that must fail."""
    with pytest.raises(Refused) as caught:
        connect(**how)
    return caught.value


def check_401(answer):
    assert answer.status == 401
    assert "Bearer " in answer.headers["www-authenticate"]
    assert "Basic " in answer.headers["www-authenticate"]


@pytest.fixture(scope="module")
def token(superuser):
    return superuser.token("rocketskates")


@pytest.fixture(scope="module")
def difficult_user(superuser):
    """A user whose password has all that a URL gives a meaning to."""
    name, password = "größe @home", "a:b/c?d&e=f#g+h%20 i\u20ac"
    superuser.create_user(name, "superuser", password=password)
    return f"{name}:{password}"


def test_a_password_in_the_header_is_let_in(connect):
    assert works(connect(authorization=basic(ACCOUNT_TEXT)))


def test_a_granted_token_in_the_header_is_let_in(connect, token):
    assert works(connect(authorization=bearer(token)))


@pytest.mark.parametrize("name", ["token", "Token", "TOKEN", "tOkEn"])
def test_the_name_of_the_query_parameter_may_have_any_case(connect, name, token):
    assert works(connect(f"?{name}={ACCOUNT_TEXT}", authorization=None))
    assert works(connect(f"?{name}={token}", authorization=None))


def test_the_query_may_be_encoded_and_have_other_parameters(connect, token):
    everything = "".join(f"%{byte:02x}" for byte in ACCOUNT_TEXT.encode())
    for query in (quote(ACCOUNT_TEXT, safe=""), everything, quote(token, safe="")):
        assert works(connect(f"?x=1&token={query}&y=a%3Ab&z", authorization=None))


def test_a_password_may_hold_any_character(connect, difficult_user):
    assert works(connect(authorization=basic(difficult_user)))
    assert works(connect("?token=" + quote(difficult_user, safe=""), authorization=None))


def test_the_header_goes_before_the_query(connect, token):
    assert works(connect("?token=nonsense", authorization=bearer(token)))
    check_401(refused(connect, query=f"?token={token}", authorization="Bearer nonsense"))
    check_401(refused(connect, query=f"?token={token}", authorization="Basic nonsense"))


@pytest.mark.parametrize("query, authorization", [
    ("", None), ("?token=", None), ("?token=nonsense", None), ("?token=rocketskates:wrong", None),
    ("?tokens=" + ACCOUNT_TEXT, None), ("?token", None),
    ("", "Bearer"), ("", "Bearer nonsense"),
    ("", "Basic %%%"), ("", "Digest username=rocketskates"),
    ("", ACCOUNT_TEXT)])
def test_without_good_credentials_there_is_401_and_no_upgrade(connect, query, authorization):
    answer = refused(connect, query=query, authorization=authorization)
    check_401(answer)
    assert answer.json == {"Model": "", "Key": "", "Type": "UNAUTHENTICATED",
                           "Messages": answer.json["Messages"], "Code": 401}
    assert answer.json["Messages"][0]


def test_a_changed_token_is_refused(connect, token):
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]
    check_401(refused(connect, authorization=bearer(changed)))


def test_no_credential_is_logged(connect, start_facade, broker, facade_token, token):
    facade = start_facade(broker, facade_token, "--log-level", "debug")
    for secret in (token, ACCOUNT_TEXT):
        websocket = connect(f"?token={secret}", authorization=None, to=facade)
        assert works(websocket)
        assert websocket.close() == 1000
    refused(connect, query="?Token=wrong-token", authorization=None, to=facade)
    refused(connect, authorization=bearer("wrong-token"), to=facade)
    facade.stop()
    log = facade.program.log_text()
    assert log.count("websocket closed") == 2 and log.count("websocket refused") == 2
    for secret in (token, "r0cketsk8ts", basic(ACCOUNT_TEXT)[6:], "wrong-token", facade_token):
        assert secret not in log


def test_a_token_that_was_revoked_is_refused_and_its_websocket_is_ended(connect, client, user):
    one = user(("*", "*", "*"))
    assert works(websocket := connect(authorization=bearer(one.token)))
    client.revoke(one.name)
    check_401(refused(connect, authorization=bearer(one.token)))
    with pytest.raises(Exception):
        websocket.next_text()


@pytest.mark.parametrize("origin", ["chrome-extension://omalebghpgejjiaoknljcfmglgbpocdp",
                                    "moz-extension://7f0a", "null", "https://example.org",
                                    "http://localhost:3000"])
def test_pages_and_extensions_of_any_origin_are_let_in(connect, origin):
    assert works(connect(origin=origin))


def test_an_offered_compression_is_declined(connect, client, kind):
    websocket = connect()
    assert not websocket.extensions
    websocket.register(f"{kind}.*.*")
    client.publish(event(kind, object=b'"' + b"x" * 10_000 + b'"'))
    assert len(websocket.next()["Object"]) == 10_000


def test_a_close_is_answered_with_its_code(connect):
    websocket = connect()
    websocket.register("a.b.c")
    assert websocket.close() == 1000
