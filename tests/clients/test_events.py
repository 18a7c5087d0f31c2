"""Events as they come out of websockets."""

import json

import pytest

from clients.samples import to_event
from harness.client import bearer, event
from harness.sample_events import THE_TWO, sample_events


def seen(websocket, client, *events):
    """Publishes `events` and then a last one; what came before that, as (type, action, key)."""
    client.publish(*events, event("end", "end", "end"))
    came = []
    while (one := websocket.next())["Type"] != "end":
        came.append((one["Type"], one["Action"], one["Key"]))
    return came


def triples(*events):
    return [(e.type, e.action, e.key) for e in events]


@pytest.fixture
def websocket(connect):
    """Sees the last event of seen(), and what a test registers for."""
    return connect().register("end.end.end")


def test_the_two_well_known_events_come_to_the_byte_with_the_publisher_as_principal(
        connect, client):
    websocket = connect().register("profiles.*.*")
    client.publish(*(to_event(e) for e in THE_TWO))
    for sample, text in zip(THE_TWO, websocket.take(2)):
        assert text == sample.frame("rocketskates")
        assert text.replace('"Principal":"rocketskates",', "") == (
            f'{{"Time":"{sample.time}","Type":"profiles","Action":"save","Key":"global",'
            f'"Object":{sample.object}}}')


def test_a_thousand_varied_events_come_to_the_byte_and_in_order(connect, client):
    samples = sample_events(1200, seed=7)
    websocket = connect().register("*.*.*")
    client.publish_all([to_event(e) for e in samples], batch=100)
    assert websocket.take(1200) == [e.frame("rocketskates") for e in samples]


MATCHES = [
    # filter (K: a type that only this test uses), the keys and actions it lets through
    ("K.*.*", "create m1, create a.b.c, save x y, delete p,q"),
    ("K.create.*", "create m1, create a.b.c"),
    ("K.create,delete.*", "create m1, create a.b.c, delete p,q"),
    ("K.save , delete .*", "save x y, delete p,q"),
    ("K.*.a.b.c", "create a.b.c"),
    (r"K.*.a\1b\1c", "create a.b.c"),
    ("K.*.x y", "save x y"),
    ("K.*.  x y  ,  z", "save x y"),
    (r"K.*.p\2q", "delete p,q"),
    ("K.*.p,q", ""),
    ("K.*.m*", "create m1"),
    ("K.*.m*,p*", "create m1, delete p,q"),
    (r"K.*.m\3", ""),
    ("K.cre*.a*", "create a.b.c"),
    ("other , K.*.m1", "create m1"),
    ("K.*.M1", ""),
    ("k*.*.nothing", ""),
]


@pytest.mark.parametrize("filter, expected", MATCHES)
def test_a_filter_lets_through(websocket, client, kind, filter, expected):
    websocket.register(filter.replace("K", kind))
    events = [event(kind, "create", "m1"), event(kind, "create", "a.b.c"),
              event(kind, "save", "x y"), event(kind, "delete", "p,q"), event(f"no-{kind}")]
    came = seen(websocket, client, *events)
    assert ", ".join(f"{action} {key}" for _, action, key in came) == expected
    assert all(type == kind for type, _, _ in came)


def test_escapes_stand_for_dot_comma_and_star_in_every_part(websocket, client, kind):
    good = event(f"{kind}.a,b*c", "x.y,z*", "k*.,")
    websocket.register(rf"{kind}\1a\2b\3c.x\1y\2z\3.k\3\1\2")
    near = [event(f"{kind}.a,b*cd", "x.y,z*", "k*.,"), event(f"{kind}.a,b*c", "x.y,z", "k*.,"),
            event(f"{kind}.a,b*c", "x.y,z*", "k*..")]
    assert seen(websocket, client, *near, good) == triples(good)


def test_an_event_that_matches_many_registers_comes_once(websocket, client, kind):
    for filter in ("K.*.*", "K.create.*", "*.create.m1", "K.*.m1", "K.*.m*", "K.*.*", "K*.*.*"):
        websocket.register(filter.replace("K", kind))
    events = [event(kind, "create", "m1"), event(kind, "save", "m2")]
    assert seen(websocket, client, *events) == triples(*events)


def test_a_deregister_removes_just_that_filter(websocket, client, kind):
    a, b = event(kind, key="a"), event(kind, key="b")
    websocket.register(f"{kind}.*.a").register(f"{kind}.*.b")
    assert seen(websocket, client, a, b) == triples(a, b)
    assert websocket.command(f"deregister {kind}.*.a")["Action"] == "deregister"
    assert seen(websocket, client, a, b) == triples(b)
    # It was another filter that covered less.
    assert websocket.command(f"deregister {kind}.*.*")["Action"] == "deregister"
    assert seen(websocket, client, a, b) == triples(b)
    websocket.register(f"{kind}.*.a")
    assert seen(websocket, client, a, b) == triples(a, b)


def test_one_deregister_undoes_a_repeated_register(websocket, client, kind):
    websocket.register(f"{kind}.*.*").register(f"{kind}.*.*")
    assert seen(websocket, client, event(kind)) == triples(event(kind))
    assert websocket.command(f"deregister {kind}.*.*")["Action"] == "deregister"
    assert seen(websocket, client, event(kind)) == []


def test_a_websocket_without_a_register_gets_nothing(connect, websocket, client, kind):
    silent = connect()
    websocket.register(f"{kind}.*.*")
    assert seen(websocket, client, event(kind)) == triples(event(kind))
    # The next thing it gets is the answer to its first command.
    silent.register(f"{kind}.*.*")


def test_each_websocket_gets_its_own_events(connect, client, kind):
    sockets = [connect().register("end.end.end").register(f"{kind}.*.{i}") for i in range(3)]
    client.publish(*(event(kind, key=str(i)) for i in range(3)), event("end", "end", "end"))
    for i, socket in enumerate(sockets):
        assert [json.loads(text)["Key"] for text in socket.take(2)] == [str(i), "end"]


def test_an_object_and_an_original_are_shown_only_if_they_are_there(websocket, client, kind):
    websocket.register(f"{kind}.*.*")
    client.publish(event(kind, key="none"), event(kind, key="both", object=b"[ 1.0 ]",
                                                  original=b"null"))
    none, both = websocket.take(2)
    assert none.endswith('"Key":"none","Principal":"rocketskates","Object":null}')
    assert both.endswith('"Object":[ 1.0 ],"Original":null}')


END = ("end", "end", "end")


def test_a_user_sees_only_what_their_claims_cover(connect, client, user, kind):
    one = user(END, (kind, "create", "*"), (f"{kind}x, {kind}y", "*", "a,b"))
    websocket = connect(authorization=bearer(one.token)).register("*.*.*")
    covered = [event(kind, "create", "any"), event(f"{kind}x", "save", "a"),
               event(f"{kind}y", "delete", "b")]
    hidden = [event(kind, "save", "any"), event(f"{kind}x", "save", "c"),
              event(f"{kind}z", "create", "a"), event("machines", "create", "a")]
    assert seen(websocket, client, *hidden, *covered, *hidden) == triples(*covered)


def test_what_a_user_may_do_is_the_union_of_their_roles(connect, client, kind):
    client.put_role(f"{kind}-creates", (kind, "create", "*"), END)
    client.put_role(f"{kind}-m1", (kind, "*", "m1"))
    client.create_user(kind, f"{kind}-creates", f"{kind}-m1", password="pass word")
    websocket = connect(f"?token={kind}:pass%20word", authorization=None).register("*.*.*")
    covered = [event(kind, "create", "m2"), event(kind, "save", "m1")]
    hidden = event(kind, "save", "m2")
    assert seen(websocket, client, hidden, *covered) == triples(*covered)
    # A token may narrow that to some of the roles, or by a claim, and not widen it.
    narrowed = connect(authorization=bearer(client.token(kind, roles=[f"{kind}-creates"])))
    narrowed.register("*.*.*")
    assert seen(narrowed, client, hidden, *covered) == triples(covered[0])
    by_claim = connect(authorization=bearer(client.token(kind, claim=("*", "create,end", "*"))))
    by_claim.register("*.*.*")
    # m1 is covered by a role that does not speak of actions, end.end.end by the other.
    more = event(kind, "create", "m1")
    assert seen(by_claim, client, hidden, *covered, more) == triples(covered[0], more)


def test_two_users_see_different_events_of_the_same_filter(connect, client, user, kind):
    sockets = {}
    for key in ("a", "b"):
        token = user(END, (kind, "*", key)).token
        sockets[key] = connect(authorization=bearer(token)).register("*.*.*")
    everything = connect().register("*.*.*")
    client.publish(event(kind, key="a"), event(kind, key="b"), event(*END))
    for key, socket in sockets.items():
        assert [json.loads(text)["Key"] for text in socket.take(2)] == [key, "end"]
    assert [json.loads(text)["Key"] for text in everything.take(3)] == ["a", "b", "end"]


def test_a_claim_that_is_withdrawn_hides_events_and_one_that_is_given_back_shows_them(
        connect, client, user, kind):
    one = user(END, (kind, "*", "*"))
    websocket = connect(authorization=bearer(one.token)).register("*.*.*")
    assert seen(websocket, client, event(kind)) == triples(event(kind))
    # Once a register is acknowledged all registrations are in force under the new claims.
    client.put_role(one.role, END)
    websocket.register("now.without.it")
    assert seen(websocket, client, event(kind)) == []
    client.put_role(one.role, END, (kind, "*", "*"))
    websocket.register("now.with.it")
    assert seen(websocket, client, event(kind)) == triples(event(kind))


def test_a_withdrawn_claim_hides_the_very_next_event(connect, client, user, kind):
    one = user(END, (kind, "*", "*"))
    websocket = connect(authorization=bearer(one.token)).register("*.*.*")
    client.put_role(one.role, END)
    client.publish(event(kind))
    websocket.register("end.*.*")
    assert seen(websocket, client) == []
