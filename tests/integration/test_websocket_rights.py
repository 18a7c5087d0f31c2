"""What users see on their websockets, who shares an upstream subscription, and how it ends."""

import json

import pytest
from websockets.exceptions import InvalidStatus

from harness.client import Client, basic, bearer, event
from harness.https import request
from harness.metrics import fetch, wait_for_metric
from harness.websocket import Websocket

UPSTREAM = "carillon_wsfacade_upstream_subscriptions"
POLICY, TRY_AGAIN = 1008, 1013


def next_key(websocket):
    return websocket.next()["Key"]


def test_users_see_what_their_claims_cover(client, facade, user, kind):
    claims = {"a": [(kind, "*", "a")], "save": [(kind, "save", "*")], "none": [("x", "*", "*")]}
    websockets = {n: Websocket(facade, bearer(user((kind, "*", "end"), *c).token))
                  for n, c in claims.items()}
    for websocket in websockets.values():
        websocket.register("*.*.*")
    client.publish(event(kind, "create", "a"), event(kind, "save", "b"), event(kind, "save", "a"),
                   event(kind, "create", "end"))
    seen = {"a": ["a", "a"], "save": ["b", "a"], "none": []}
    for name, websocket in websockets.items():
        assert [next_key(websocket) for _ in seen[name] + ["end"]] == seen[name] + ["end"], name
        websocket.close()


@pytest.mark.parametrize("end", ["revoke", "delete", "password", "expiry"])
@pytest.mark.core
def test_a_websocket_is_closed_when_its_user_is_no_longer_good(client, facade, user, kind, end):
    one = user(("*", "*", "*"))
    token = client.token(one.name, ttl_seconds=1) if end == "expiry" else one.token
    websocket = Websocket(facade, bearer(token)).register(f"{kind}.*.*")
    if end == "revoke":
        client.revoke(one.name)
    elif end == "delete":
        client.delete_user(one.name)
    elif end == "password":
        client.set_password(one.name, "another password")
    if end != "expiry":
        client.publish(event(kind, key="secret"))
    code, reason = websocket.closed(passing=False)
    assert code == POLICY
    assert "token" in reason or "user" in reason
    websocket.close()


def test_a_changed_role_is_in_force_on_open_websockets(client, facade, user, kind):
    one = user((kind, "*", "a"), (kind, "*", "end"))
    with Websocket(facade, bearer(one.token)) as websocket:
        websocket.register(f"{kind}.*.*").register("*.*.b")
        client.publish(event(kind, key="a"), event(kind, key="b"))
        assert next_key(websocket) == "a"
        client.put_role(one.role, (kind, "*", "b"), (kind, "*", "end"))
        client.publish(event(kind, key="a"))
        # What is committed while the facade moves its subscriptions may be passed over.
        wait_for_metric(facade, UPSTREAM, lambda v: v == 2)
        websocket.register(f"{kind}.*.c")
        client.publish(event(kind, key="a"), event(kind, key="b"), event(kind, key="end"))
        assert [next_key(websocket) for _ in range(2)] == ["b", "end"]


@pytest.mark.core
def test_equal_filters_of_equal_scope_share_one_upstream_subscription(
        client, start_facade, facade_token, user, kind):
    facade = start_facade(client.broker, facade_token)
    # Those of other tests are gone.
    wait_for_metric(client.broker, "carillon_broker_subscriptions", lambda v: v == 0)
    one, other = user((kind, "*", "*")), user((kind, "*", "*"))
    narrow = user((kind, "*", "a"))
    websockets = [Websocket(facade, bearer(u.token))
                  for u in (one, one, other, other, narrow, narrow)]
    for websocket in websockets:
        websocket.register(f"{kind}.*.*").register(f"  {kind}.*.a,b")
        websocket.register(f"{kind}.*.b, a")
    # Two filters, two scopes.
    wait_for_metric(facade, UPSTREAM, lambda v: v == 4)
    assert client.status().subscription_count == 4
    client.publish(event(kind, key="a"), event(kind, key="b"), event(kind, key="a"))
    for websocket in websockets[:4]:
        assert [next_key(websocket) for _ in range(3)] == ["a", "b", "a"]
    for websocket in websockets[4:]:
        assert [next_key(websocket) for _ in range(2)] == ["a", "a"]

    for websocket in websockets[1:]:
        websocket.command(f"deregister {kind}.*.a,b")
    wait_for_metric(facade, UPSTREAM, lambda v: v == 3)
    for websocket in websockets:
        websocket.close()
    wait_for_metric(facade, UPSTREAM, lambda v: v == 0)
    wait_for_metric(client.broker, "carillon_broker_subscriptions", lambda v: v == 0)


def test_a_hundred_websockets_with_one_filter_are_one_subscription(
        client, start_facade, facade_token, kind):
    facade = start_facade(client.broker, facade_token)
    websockets = [Websocket(facade).register(f"{kind}.*.*") for _ in range(100)]
    assert fetch(facade).get(UPSTREAM) == 1
    assert fetch(facade).get("carillon_wsfacade_registrations") == 100
    received = fetch(facade).get("carillon_wsfacade_events_received_total")
    client.publish(*(event(kind, key=str(i)) for i in range(10)))
    for websocket in websockets:
        assert [next_key(websocket) for _ in range(10)] == [str(i) for i in range(10)]
    assert fetch(facade).get("carillon_wsfacade_events_received_total") == received + 10
    assert fetch(facade).get("carillon_wsfacade_deliveries_total") == 1000
    for websocket in websockets:
        websocket.close()


def test_no_token_and_no_password_is_in_a_log_line_a_metric_or_an_error(
        client, start_facade, facade_token, user, kind):
    facade = start_facade(client.broker, facade_token, "--log-level", "trace")
    one = user(("*", "*", "*"))
    client.set_password(one.name, "s3cret-password")
    token = client.token(one.name)
    secrets = [token, token.rpartition(".")[2], "s3cret", facade_token, "nonsense-token"]
    told = ""
    for query in (f"?token={token}", f"?token={one.name}:s3cret-password"):
        websocket = Websocket(facade, authorization=None, query=query).register("*.*.*")
        told += json.dumps(websocket.command("nonsense"))
        websocket.close()
    for wrong in ("nonsense-token", f"{token}x", f"{one.name}:s3cret-passwort"):
        query = f"?token={wrong}"
        with pytest.raises(InvalidStatus) as refused:
            Websocket(facade, authorization=None, query=query)
        told += refused.value.response.body.decode()
        told += request(facade, "GET", f"/nothing{query}", authorization=None).text
        told += request(facade, "POST", f"/api/v3/events{query}", "{", authorization=None).text
    told += request(facade, "GET", "/api/v3/info", authorization="Bearer nonsense-token").text
    for path in (f"/{token}", f"/api/v3/ws%3Ftoken={token}", f"/api/v3/users/{token}/token"):
        told += request(facade, "GET", path, authorization=None).text
    told += request(facade, "GET", f"/api/v3/info?token={token}%zz", authorization=None).text
    websocket = Websocket(facade, bearer(token)).register("*.*.*")
    client.revoke(one.name)
    code, reason = websocket.closed()
    told += reason + fetch(facade).text
    facade.stop()
    told += facade.program.log_text()
    assert "websocket refused" in told and "websocket open" in told
    for secret in secrets:
        assert secret not in told, secret
    assert basic(f"{one.name}:s3cret-password").split()[1] not in told


def test_a_facade_whose_right_to_open_sessions_is_withdrawn_serves_nobody_any_more(
        client, start_facade, user, kind):
    gate, one = user(("sessions", "open", "*")), user((kind, "*", "*"))
    facade = start_facade(client.broker, gate.token)
    websocket = Websocket(facade, bearer(one.token)).register(f"{kind}.*.*")
    client.publish(event(kind, key="before"))
    assert next_key(websocket) == "before"
    client.put_role(gate.role, ("sessions", "open", "somebody-else"))
    client.publish(event(kind, key="after"))
    code, reason = websocket.closed(passing=False)
    assert code == POLICY and "sessions" in reason


def test_a_session_that_may_not_be_held_any_more_spoils_nobody_elses_filter(
        client, start_facade, user, kind):
    first, second = user((kind, "*", "*")), user((kind, "*", "*"))
    gate = user(("sessions", "open", f"{first.name},{second.name}"))
    facade = start_facade(client.broker, gate.token)
    held, stays = Websocket(facade, bearer(first.token)), Websocket(facade, bearer(second.token))
    client.put_role(gate.role, ("sessions", "open", second.name))
    stays.register(f"{kind}.*.*")
    client.publish(event(kind, key="seen"))
    assert next_key(stays) == "seen"
    stays.close()
    held.close()


def test_a_facade_without_the_right_to_open_sessions_says_so(client, start_facade, user):
    facade = start_facade(client.broker, user(("a", "b", "c")).token)
    with pytest.raises(InvalidStatus) as refused:
        Websocket(facade)
    assert refused.value.response.status_code == 403
    line = facade.program.wait_for_line("own account lacks a right").string
    assert " WARN " in line and "sessions" in line and "open" in line


def test_a_facade_whose_own_token_is_no_longer_good_goes_on_with_a_new_one(
        client, start_facade, user, kind):
    mine = user(("sessions", "open", "*"))
    facade = start_facade(client.broker, mine.token)
    websocket = Websocket(facade).register(f"{kind}.*.*")
    client.revoke(mine.name)
    wait_for_metric(facade, "carillon_wsfacade_broker_connected", lambda v: v == 0)
    (facade.folder / "facade.token").write_text(client.token(mine.name))
    client.publish(event(kind, key="meanwhile"))
    assert next_key(websocket) == "meanwhile"
    websocket.close()


def test_beyond_the_brokers_limit_of_sessions_the_oldest_websocket_is_told_to_come_again(
        start_broker, start_facade):
    broker = start_broker("--sessions-max", "2")
    client = Client(broker)
    facade = start_facade(broker, client.user_with("facade", ("sessions", "open", "*")))
    websockets = [Websocket(facade).register("t.*.*") for _ in range(3)]
    code, reason = websockets[0].closed(passing=False)
    assert code == TRY_AGAIN and "the broker holds as many sessions as it may" in reason
    wait_for_metric(facade, "carillon_wsfacade_websockets_closed_total", lambda v: v == 1,
                    reason="session_evicted")
    client.publish(event("t", key="a"))
    assert [next_key(websocket) for websocket in websockets[1:]] == ["a", "a"]
    for websocket in websockets:
        websocket.close()
    client.close()
