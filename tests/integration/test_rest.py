"""The https requests beside the websocket."""

import json

import pytest

from harness.client import Client, bearer, event, make_filter
from harness.https import connect, request
from harness.websocket import Websocket

EVENT = {"Type": "machines", "Action": "create", "Key": "m1", "Object": {"n": 1}}


def check_error(answer, status, type):
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    error = answer.json
    assert list(error) == ["Model", "Key", "Type", "Messages", "Code"]
    assert (error["Type"], error["Code"], error["Model"], error["Key"]) == (type, status, "", "")
    assert error["Messages"] and all(error["Messages"])
    return error["Messages"][0]


@pytest.mark.core
def test_an_event_that_is_posted_comes_out_of_a_websocket_verbatim(facade, kind):
    with Websocket(facade) as websocket:
        websocket.register(f"{kind}.*.*")
        text = (f'{{"Time":"2017-12-21T23:26:43.412554192Z","Type":"{kind}","Action":"save",'
                '"Key":"k","Principal":"rocketskates","Object":{ "n" : 1.10, "n":1e400},'
                '"Original":[ ]}')
        answer = request(facade, "POST", "/api/v3/events", text)
        assert (answer.status, answer.text) == (204, "")
        assert websocket.next_text() == text


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "{", '"text"', "null",
                                  '{"Type":1,"Action":"a","Key":"k"}',
                                  '{"Type":"t","Action":"a","Time":"yesterday"}',
                                  '{"Type":"t","Action":"a","Key":"k"} x'])
def test_what_is_no_event_gets_400(facade, body):
    check_error(request(facade, "POST", "/api/v3/events", body), 400, "BAD_REQUEST")


@pytest.mark.parametrize("change", [{"Type": "x" * 129}, {"Action": "a\x00b"}, {"Key": "a\nb"}])
def test_an_event_that_the_broker_refuses_gets_422_with_the_field(facade, change):
    message = check_error(request(facade, "POST", "/api/v3/events", EVENT | change), 422, "INVALID")
    assert list(change)[0].lower() in message


def test_publishing_without_the_claim_gets_403(facade, user):
    one = user(("events", "post", "profiles"))
    answer = request(facade, "POST", "/api/v3/events", EVENT, authorization=bearer(one.token))
    check_error(answer, 403, "FORBIDDEN")
    good = EVENT | {"Type": "profiles"}
    assert request(facade, "POST", "/api/v3/events", good,
                   authorization=bearer(one.token)).status == 204


@pytest.mark.parametrize("method, path", [("POST", "/api/v3/events"), ("GET", "/api/v3/info"),
                                          ("GET", "/api/v3/users/rocketskates/token"),
                                          ("GET", "/api/v3/ws")])
def test_every_path_needs_credentials(facade, method, path):
    for authorization in (None, "Bearer nonsense"):
        answer = request(facade, method, path, body=EVENT if method == "POST" else None,
                         authorization=authorization,
                         headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"),
                                  ("Sec-WebSocket-Version", "13"),
                                  ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")])
        check_error(answer, 401, "UNAUTHENTICATED")
        assert "Basic" in answer.headers["WWW-Authenticate"]


def test_info_tells_about_the_server(facade, client):
    info = request(facade, "GET", "/api/v3/info").json
    assert info["api_port"] == facade.port
    assert info["id"] == client.status().log_id
    assert info["version"] and "websocket" in info["features"]
    head = request(facade, "HEAD", "/api/v3/info")
    assert (head.status, head.text) == (200, "")


def test_a_token_is_granted_and_narrowed(facade, client, user, kind):
    one = user((kind, "*", "*"))
    path = f"/api/v3/users/{one.name}/token?ttl=600&scope={kind}&action=save&specific=a,b"
    granted = request(facade, "GET", path, authorization=bearer(one.token)).json
    assert granted["Info"]["api_port"] == facade.port
    narrow = Client(client.broker, bearer(granted["Token"]))
    assert narrow.status().principal == one.name
    watch = narrow.watch(make_filter(type=kind)).begun()
    last = client.publish(event(kind, "save", "a"), event(kind, "create", "a"),
                          event(kind, "save", "c"), event(kind, "save", "b"))[-1]
    assert [e.key for e in watch.take_until(last.position)] == ["a", "b"]
    narrow.close()


def test_faulty_requests_for_a_token_are_refused(facade, user):
    one, other = user(("a", "b", "c")), user(("a", "b", "c"))
    path = "/api/v3/users/{}/token"
    check_error(request(facade, "GET", path.format(one.name) + "?ttl=0"), 400, "INVALID")
    check_error(request(facade, "GET", path.format(one.name) + "?ttl=soon"), 400, "INVALID")
    check_error(request(facade, "GET", path.format(one.name) + "?roles=superuser"), 400, "INVALID")
    check_error(request(facade, "GET", path.format("nobody")), 404, "NOT_FOUND")
    check_error(request(facade, "GET", path.format(other.name),
                        authorization=bearer(one.token)), 403, "FORBIDDEN")


def test_unknown_paths_and_methods_are_told_what_there_is(facade):
    assert "/api/v3/ws" in check_error(request(facade, "GET", "/api/v3/nothing"), 404, "NOT_FOUND")
    for method, path in (("PUT", "/api/v3/events"), ("POST", "/api/v3/ws"),
                         ("DELETE", "/api/v3/info")):
        answer = request(facade, method, path)
        check_error(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["Allow"]


def test_a_websocket_path_without_an_upgrade_tells_what_is_needed(facade):
    answer = request(facade, "GET", "/api/v3/ws")
    check_error(answer, 426, "UPGRADE_REQUIRED")
    assert (answer.headers["Upgrade"], answer.headers["Connection"]) == ("websocket", "Upgrade")
    answer = request(facade, "GET", "/api/v3/ws", headers=[
        ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")])
    check_error(answer, 426, "UPGRADE_REQUIRED")
    assert answer.headers["Sec-WebSocket-Version"] == "13"


def test_a_browsers_preflight_request_needs_no_credentials(facade):
    answer = request(facade, "OPTIONS", "/api/v3/events", authorization=None,
                     headers=[("Origin", "https://example.org"),
                              ("Access-Control-Request-Method", "POST")])
    assert answer.status == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://example.org")


def test_a_connection_serves_many_requests(facade, kind):
    connection = connect(facade)
    connection.connect()
    first = connection.sock
    for i in range(10):
        answer = request(facade, "POST", "/api/v3/events", EVENT | {"Type": kind, "Key": str(i)},
                         connection=connection)
        assert answer.status == 204
        assert request(facade, "GET", "/nothing", connection=connection).status == 404
    assert connection.sock is first
    connection.close()


def test_a_posted_event_with_an_event_id_goes_in_once(facade, client, kind):
    body = json.dumps(EVENT | {"Type": kind, "EventId": kind})
    watch = client.watch(make_filter(type=kind)).begun()
    for _ in range(2):
        assert request(facade, "POST", "/api/v3/events", body).status == 204
    last = client.publish(event(kind, key="last"))[-1]
    assert [e.key for e in watch.take_until(last.position)] == ["m1", "last"]
    watch.cancel()
