"""What someone may do and see, and that a withdrawn right is gone at once."""

import grpc
import pytest

from harness.client import Client, ErrorDetails, bearer, event, make_filter, refused


def keys(events):
    return [e.key for e in events]


def test_publishing_needs_the_claim_for_the_type(user, kind):
    one = user(("events", "post", f"{kind},other")).client
    good, bad = one.publish(event(kind), event(f"{kind}x"))
    assert good.position
    error = ErrorDetails(bad.error)
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING")
    assert dict(error.info.metadata) == {"scope": "events", "action": "post",
                                         "specific": f"{kind}x"}


def test_the_principal_of_an_event_is_the_publisher(client, user, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    one = user(("events", "post", "*"))
    one.client.publish(event(kind), event(kind, principal=one.name))
    assert [e.principal for e in watch.take_events(2)] == [one.name, one.name]
    watch.cancel()


def test_publishing_in_anothers_name_needs_its_own_claim(client, user, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    plain = user(("events", "post", "*")).client
    (refusal,) = plain.publish(event(kind, principal="fred"))
    error = ErrorDetails(refusal.error)
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING")
    assert error.info.metadata["action"] == "post-as"
    agent = user(("events", "post", "*"), ("events", "post-as", "fred")).client
    good, bad = agent.publish(event(kind, principal="fred"), event(kind, principal="ann"))
    assert good.position
    assert ErrorDetails(bad.error).info.metadata["specific"] == "ann"
    assert [e.principal for e in watch.take_events(1)] == ["fred"]
    watch.cancel()


@pytest.mark.core
def test_an_event_is_seen_only_by_those_with_a_claim_that_covers_it(client, user, kind):
    claims = {
        "everything": [("*", "*", "*")],
        "by type": [(kind, "*", "*")],
        "by action": [(kind, "save,delete", "*")],
        "by key": [("*", "*", "m1,m2")],
        "by two claims": [(kind, "create", "m1"), (kind, "save", "m3")],
        "nothing": [("other", "*", "*"), ("events", "post", "*")],
    }
    seen = {
        "everything": ["m1", "m2", "m3", "m1"], "by type": ["m1", "m2", "m3", "m1"],
        "by action": ["m2", "m3", "m1"], "by key": ["m1", "m2", "m1"],
        "by two claims": ["m1", "m3"], "nothing": [],
    }
    watches = {n: user(*c).client.watch(make_filter(type=kind)).begun()
               for n, c in claims.items()}
    last = client.publish(event(kind, "create", "m1"), event(kind, "save", "m2"),
                          event(kind, "save", "m3"), event(kind, "delete", "m1"))[-1]
    for name, watch in watches.items():
        events = watch.take_until(last.position)
        assert keys(events) == seen[name], name
        watch.cancel()


@pytest.mark.core
def test_a_role_that_loses_a_claim_stops_delivery_on_open_streams_at_once(client, user, kind):
    one = user((kind, "*", "*"))
    watch = one.client.watch(make_filter(type=kind)).begun()
    stream = one.client.subscribe().add((1, make_filter(type=kind))).start().begun()
    client.publish(event(kind, key="before"))
    assert keys(watch.take_events(1)) == ["before"]
    client.put_role(one.role, ("nothing-of-it", "*", "*"))
    last = client.publish(event(kind, key="after"))[-1]
    assert keys(watch.take_until(last.position)) == []
    assert keys(stream.take_until(last.position)) == ["before"]

    client.put_role(one.role, (kind, "*", "m1"))
    last = client.publish(event(kind, key="hidden"), event(kind, key="m1"))[-1]
    assert keys(watch.take_until(last.position)) == ["m1"]
    assert keys(stream.take_until(last.position)) == ["m1"]
    watch.cancel()
    stream.cancel()


def test_a_user_who_gets_other_roles_sees_by_them_from_then_on(client, user, kind):
    one = user((kind, "*", "a"))
    client.put_role(f"{kind}-other", (kind, "*", "b"))
    watch = one.client.watch(make_filter(type=kind)).begun()
    client.set_roles(one.name, f"{kind}-other")
    last = client.publish(event(kind, key="a"), event(kind, key="b"), event(kind, key="c"))[-1]
    assert keys(watch.take_until(last.position)) == ["b"]
    client.set_roles(one.name, f"{kind}-other", one.role)
    last = client.publish(event(kind, key="a"), event(kind, key="b"), event(kind, key="c"))[-1]
    assert keys(watch.take_until(last.position)) == ["a", "b"]
    watch.cancel()


@pytest.mark.parametrize("end", ["revoke", "delete", "password"])
def test_streams_end_when_the_user_is_no_longer_good(client, user, kind, end):
    one = user(("*", "*", "*"))
    watch = one.client.watch(make_filter(type=kind)).begun()
    stream = one.client.subscribe().add((1, make_filter(type=kind))).start().begun()
    publishing = one.client.publish_stream().send(event(kind, key="before"))
    assert publishing.next().results[0].position
    watch.take_events(1)
    stream.take_events(1)

    reason = "USER_REMOVED" if end == "delete" else "TOKEN_REVOKED"
    {"revoke": client.revoke, "delete": client.delete_user,
     "password": lambda name: client.set_password(name, "another password")}[end](one.name)
    client.publish(event(kind, key="secret"))
    for open_stream in (watch, stream):
        with refused(grpc.StatusCode.UNAUTHENTICATED, reason):
            while response := open_stream.next():
                assert response.WhichOneof("response") == "progress", response
    with refused(grpc.StatusCode.UNAUTHENTICATED, reason):
        publishing.send(event(kind, key="too late")).next()


def test_a_publish_stream_that_is_silent_ends_with_its_user(client, user):
    one = user(("*", "*", "*"))
    silent = one.client.publish_stream().send(event())
    assert silent.next().results[0].position
    client.revoke(one.name)
    with refused(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_REVOKED"):
        silent.next()


def test_a_stream_ends_when_its_token_expires(client, user, kind):
    one = user(("*", "*", "*"))
    short = Client(client.broker, bearer(client.token(one.name, ttl_seconds=1)))
    watch = short.watch(make_filter(type=kind)).begun()
    with refused(grpc.StatusCode.UNAUTHENTICATED, "SESSION_EXPIRED"):
        while watch.next():
            pass
    short.close()


@pytest.mark.parametrize("narrowing, seen", [
    ({"claim": ("{kind}", "", "a")}, ["a"]),
    ({"claim": ("other", "*", "*")}, []),
    ({"roles": ["role-of-{name}"]}, ["a", "b"]),
    ({"roles": ["{kind}-second"]}, ["c"]),
    ({"roles": ["{kind}-second"], "claim": ("*", "*", "a,c")}, ["c"]),
    ({}, ["a", "b", "c"]),
])
def test_a_token_may_be_narrowed(client, user, kind, narrowing, seen):
    one = user((kind, "*", "a,b"))
    client.put_role(f"{kind}-second", (kind, "*", "c"))
    client.set_roles(one.name, one.role, f"{kind}-second")

    def fill(text):
        return text.format(kind=kind, name=one.name)

    token = client.token(one.name, roles=map(fill, narrowing.get("roles", ())),
                         claim=tuple(map(fill, narrowing["claim"])) if "claim" in narrowing
                         else None)
    narrow = Client(client.broker, bearer(token))
    watch = narrow.watch(make_filter(type=kind)).begun()
    last = client.publish(*(event(kind, key=k) for k in "abcd"))[-1]
    assert keys(watch.take_until(last.position)) == seen
    narrow.close()


def test_a_token_is_never_wider_than_the_token_it_was_made_with(client, user, kind):
    one = user((kind, "*", "*"))
    narrow = Client(client.broker, bearer(client.token(one.name, claim=(kind, "save", "*"))))
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        narrow.token(one.name, claim=(kind, "delete", "*"))
    assert caught.details.field == "claim"
    again = Client(client.broker, bearer(narrow.token(one.name, ttl_seconds=100_000)))
    watch = again.watch(make_filter(type=kind)).begun()
    last = client.publish(event(kind, "delete", "a"), event(kind, "save", "b"))[-1]
    assert keys(watch.take_until(last.position)) == ["b"]
    narrow.close()
    again.close()
