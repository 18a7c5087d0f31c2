"""The https requests beside the websocket, with curl."""

import json

import pytest

from clients.adapters.websockets_sync import WebsocketsSync
from clients.curl import curl
from harness.client import Client, basic, bearer, event
from harness.programs import ACCOUNT_TEXT

EVENT = {"Type": "machines", "Action": "create", "Key": "m1", "Object": {"n": 1}}


def body(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return ("--header", "Content-Type: application/json", "--data-binary", text)


def check_error(answer, status, type):
    """The answer is an error of this kind; its message."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json"
    messages = answer.json["Messages"]
    assert answer.text == ('{"Model":"","Key":"","Type":' + json.dumps(type) + ',"Messages":'
                           + json.dumps(messages, ensure_ascii=False) + f',"Code":{status}}}')
    assert messages and all(messages)
    return messages[0]


def watching(facade, kind):
    headers = {"Authorization": basic(ACCOUNT_TEXT)}
    return WebsocketsSync(facade, "", headers, None).register(f"{kind}.*.*")


# --- POST /api/v3/events ---


def test_a_posted_event_comes_out_of_a_websocket_as_it_went_in(facade, kind):
    text = (f'{{"Time":"2017-12-21T23:26:43.412554192Z","Type":"{kind}","Action":"save",'
            '"Key":"a.b c","Principal":"rocketskates","Object":{ "n" : 1.10, "n":1e400 },'
            '"Original":[ "\\u00e9é" ]}')
    with_time = watching(facade, kind)
    answer = curl(facade, "/api/v3/events", *body(text))
    assert (answer.status, answer.text) == (204, "")
    assert with_time.next_text() == text
    with_time.drop()


def test_a_posted_event_without_a_time_gets_the_present_one(facade, kind):
    websocket = watching(facade, kind)
    assert curl(facade, "/api/v3/events", *body(EVENT | {"Type": kind})).status == 204
    came = websocket.next()
    assert came["Time"] > "2020" and came["Principal"] == "rocketskates"
    websocket.drop()


@pytest.mark.parametrize("text", ["nonsense", "[]", "{}", "{", "7", "null", '""',
                                  '{"Type":"t","Action":["a"],"Key":"k"}',
                                  '{"Type":"","Action":"a","Key":"k"}', '{"Action":"a"}',
                                  '{"Type":"t","Action":"a","Key":"k"}{}',
                                  '{"Type":"t","Action":"a","Time":"2017-13-01T00:00:00Z"}'])
def test_what_is_no_event_gets_400(facade, text):
    check_error(curl(facade, "/api/v3/events", *body(text)), 400, "BAD_REQUEST")


@pytest.mark.parametrize("change", [{"Type": "x" * 129}, {"Action": "a\u0000b"},
                                    {"Key": "k" * 1025}])
def test_an_event_with_a_bad_field_gets_422_that_names_the_field(facade, change):
    answer = curl(facade, "/api/v3/events", *body(EVENT | change))
    assert list(change)[0].lower() in check_error(answer, 422, "INVALID")


def test_an_object_that_is_not_json_gets_422_that_names_it(facade):
    text = json.dumps(EVENT).replace('{"n": 1}', '{"n": 01}')
    assert "object" in check_error(curl(facade, "/api/v3/events", *body(text)), 422, "INVALID")


def test_posting_needs_the_claim_for_this_type(facade, user, kind):
    one = user(("events", "post", kind))
    allowed = body(EVENT | {"Type": kind})
    assert curl(facade, "/api/v3/events", *allowed, authorization=bearer(one.token)).status == 204
    other = curl(facade, "/api/v3/events", *body(EVENT), authorization=bearer(one.token))
    check_error(other, 403, "FORBIDDEN")
    reader = user(("*", "get", "*"), ("events", "get", "*"))
    check_error(curl(facade, "/api/v3/events", *allowed, authorization=bearer(reader.token)),
                403, "FORBIDDEN")


def test_posting_in_another_name_needs_a_claim_of_its_own(facade, user, kind):
    one = user(("events", "post", "*"))
    named = body(EVENT | {"Type": kind, "Principal": "someone-else"})
    check_error(curl(facade, "/api/v3/events", *named, authorization=bearer(one.token)),
                403, "FORBIDDEN")
    assert curl(facade, "/api/v3/events", *named).status == 204


# --- GET /api/v3/users/NAME/token ---


def granted(facade, path, authorization=basic(ACCOUNT_TEXT)):
    answer = curl(facade, path, authorization=authorization)
    assert answer.status == 200, answer
    assert list(answer.json) == ["Token", "Info"]
    return answer.json["Token"]


def sees(facade, client, token, *events):
    """Keys of those events that a websocket with this token is shown; the last must be."""
    websocket = WebsocketsSync(facade, f"?Token={token}", {}, None).register("*.*.*")
    client.publish(*events)
    keys = []
    while not keys or keys[-1] != events[-1].key:
        keys.append(websocket.next()["Key"])
    websocket.drop()
    return keys


def test_a_token_is_granted_for_the_password(facade, client, kind):
    answer = curl(facade, "/api/v3/users/rocketskates/token", "--user", ACCOUNT_TEXT,
                  authorization=None)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json["Info"]["api_port"] == facade.port
    assert sees(facade, client, answer.json["Token"], event(kind, key="k")) == ["k"]


def test_a_token_is_narrowed_by_scope_action_and_specific(facade, client, kind):
    token = granted(facade, "/api/v3/users/rocketskates/token"
                            f"?ttl=600&scope={kind}&action=save&specific=a,b%20c")
    events = [event(kind, "save", "x"), event(kind, "create", "a"), event("other", "save", "a"),
              event(kind, "save", "a"), event(kind, "save", "b c")]
    assert sees(facade, client, token, *events) == ["a", "b c"]
    # And may do nothing else.
    check_error(curl(facade, "/api/v3/events", *body(EVENT), authorization=bearer(token)),
                403, "FORBIDDEN")


def test_a_token_is_narrowed_by_roles(facade, client, kind):
    for key in ("a", "b", "c"):
        client.put_role(f"{kind}-{key}", (kind, "*", key))
    client.create_user(kind, *(f"{kind}-{key}" for key in "abc"), password="pass word")
    token = granted(facade, f"/api/v3/users/{kind}/token?roles={kind}-a,%20{kind}-c",
                    basic(f"{kind}:pass word"))
    assert sees(facade, client, token, *(event(kind, key=key) for key in "abc")) == ["a", "c"]
    # A token that was made from it is no wider.
    again = granted(facade, f"/api/v3/users/{kind}/token", bearer(token))
    assert sees(facade, client, again, *(event(kind, key=key) for key in "abc")) == ["a", "c"]


def test_a_token_lives_as_long_as_was_asked(facade, client):
    token = granted(facade, "/api/v3/users/rocketskates/token?ttl=1")
    websocket = WebsocketsSync(facade, f"?token={token}", {}, None).register("a.b.c")
    with pytest.raises(Exception):  # it is closed when the token ends
        websocket.next_text()
    answer = curl(facade, "/api/v3/info", authorization=bearer(token))
    check_error(answer, 401, "UNAUTHENTICATED")


def test_a_name_is_percent_decoded(facade, client, kind):
    client.create_user(f"{kind} ü/x", "superuser")
    token = granted(facade, f"/api/v3/users/{kind}%20%C3%BC%2Fx/token")
    named = Client(client.broker, bearer(token))
    assert named.status().principal == f"{kind} ü/x"
    named.close()


@pytest.mark.parametrize("path, status, type", [
    ("rocketskates/token?ttl=0", 400, "INVALID"), ("rocketskates/token?ttl=-5", 400, "INVALID"),
    ("rocketskates/token?ttl=soon", 400, "INVALID"),
    ("rocketskates/token?ttl=1.5", 400, "INVALID"),
    ("rocketskates/token?ttl=99999999999999999999", 400, "INVALID"),
    ("rocketskates/token?roles=no-such-role", 400, "INVALID"),
    ("nobody/token", 404, "NOT_FOUND"), ("rocketskates/tokens", 404, "NOT_FOUND"),
    ("rocketskates", 404, "NOT_FOUND"), ("/token", 404, "NOT_FOUND"),
    ("%zz/token", 400, "BAD_REQUEST"), ("%ff/token", 400, "BAD_REQUEST"),
    ("rocketskates/token?scope=%80", 400, "BAD_REQUEST")])
def test_a_faulty_request_for_a_token_is_refused(facade, path, status, type):
    check_error(curl(facade, "/api/v3/users/" + path), status, type)


def test_a_token_for_somebody_else_needs_a_claim(facade, user):
    one, other = user(("*", "get", "*")), user(("*", "get", "*"))
    path = f"/api/v3/users/{other.name}/token"
    check_error(curl(facade, path, authorization=bearer(one.token)), 403, "FORBIDDEN")
    granter = user(("users", "token", other.name), ("*", "get", "*"))
    assert granted(facade, path, bearer(granter.token))


# --- GET /api/v3/info, and what is the same everywhere ---


def test_info_tells_about_the_server(facade, client):
    info = curl(facade, "/api/v3/info").json
    assert (info["api_port"], info["id"]) == (facade.port, client.status().log_id)
    assert info["version"] and isinstance(info["features"], list)
    head = curl(facade, "/api/v3/info", "--head")
    assert (head.status, head.text) == (200, "") and int(head.headers["content-length"]) > 50


@pytest.mark.parametrize("path, options", [
    ("/api/v3/info", ()), ("/api/v3/events", body(EVENT)),
    ("/api/v3/users/rocketskates/token", ())])
def test_every_path_needs_credentials(facade, path, options):
    for authorization in (None, "Bearer nonsense", "Basic bm9uc2Vuc2U="):
        answer = curl(facade, path, *options, authorization=authorization)
        check_error(answer, 401, "UNAUTHENTICATED")
        assert "Basic realm=" in answer.headers["www-authenticate"]
        assert "nonsense" not in answer.text


def test_credentials_may_be_in_the_query_everywhere(facade, kind):
    assert curl(facade, f"/api/v3/info?token={ACCOUNT_TEXT}", authorization=None).status == 200
    assert curl(facade, f"/api/v3/events?TOKEN={ACCOUNT_TEXT}", *body(EVENT | {"Type": kind}),
                authorization=None).status == 204


def test_an_unknown_path_gets_404_and_a_wrong_method_405(facade):
    for path in ("/", "/api/v3", "/api/v3/ws/x", "/api/v2/ws", "/favicon.ico"):
        check_error(curl(facade, path), 404, "NOT_FOUND")
    for path, method, allowed in (("events", "GET", "POST"), ("events", "PUT", "POST"),
                                  ("info", "POST", "GET"), ("ws", "DELETE", "GET"),
                                  ("users/x/token", "PATCH", "GET"), ("info", "TRACE", "GET"),
                                  ("info", "NONSENSE", "GET")):
        answer = curl(facade, f"/api/v3/{path}", "--request", method)
        check_error(answer, 405, "METHOD_NOT_ALLOWED")
        assert allowed in answer.headers["allow"].split(", ")
