"""Sessions that a facade opens for its users."""

import grpc
import pytest

from harness.client import Client, ErrorDetails, basic, bearer, event, make_filter, refused
from harness.contract import session_pb


@pytest.fixture
def facade_client(user):
    return user(("sessions", "open", "*")).client


def resume(client, *ids):
    request = session_pb.ResumeSessionsRequest(session_ids=ids)
    return list(client.call(client.sessions.ResumeSessions, request).results)


def close(client, *ids):
    client.call(client.sessions.CloseSessions, session_pb.CloseSessionsRequest(session_ids=ids))


def test_opening_sessions_needs_the_claim_for_the_user(user):
    one, other = user(("*", "*", "*")), user(("*", "*", "*"))
    plain = user(("*", "*", "nothing")).client
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING"):
        plain.open_session(bearer(one.token))
    limited = user(("sessions", "open", one.name)).client
    assert limited.open_session(bearer(one.token)).principal == one.name
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING"):
        limited.open_session(bearer(other.token))


def test_wrong_credentials_of_the_user_are_told_from_those_of_the_facade(facade_client):
    for wrong in ("Bearer nonsense", basic("nobody:nonsense"), ""):
        with refused(grpc.StatusCode.UNAUTHENTICATED) as caught:
            facade_client.open_session(wrong)
        assert caught.details.info.metadata["credentials"] == "user"


def test_equal_rights_are_one_scope_and_others_another(client, facade_client, user, kind):
    client.put_role(kind, ("a", "b", "c"), ("d", "*", "*"))
    client.put_role(f"{kind}-too", ("d", "*", "*"), ("a", "b", "c"))
    names = [f"{kind}-{i}" for i in range(3)]
    client.create_user(names[0], kind)
    client.create_user(names[1], f"{kind}-too")
    client.create_user(names[2], kind)
    first, second, third = (facade_client.open_session(bearer(client.token(n))) for n in names)
    assert first.session_id != second.session_id != third.session_id
    assert first.scope == second.scope == third.scope
    narrowed = facade_client.open_session(bearer(client.token(names[0], claim=("a", "*", "*"))))
    assert narrowed.scope != first.scope
    other = facade_client.open_session(bearer(user(("a", "b", "*")).token))
    assert other.scope not in (first.scope, narrowed.scope)


def test_a_session_of_a_token_tells_its_end_and_one_of_a_password_has_none(
        client, facade_client, user):
    one = user(("*", "*", "*"))
    client.set_password(one.name, "correct horse battery")
    token = client.token(one.name, ttl_seconds=600)
    assert facade_client.open_session(bearer(token)).expire_time.seconds > 0
    session = facade_client.open_session(basic(f"{one.name}:correct horse battery"))
    assert not session.HasField("expire_time")


def test_subscriptions_of_sessions_see_what_their_users_may_see(client, facade_client, user, kind):
    a, b = user((kind, "*", "a")), user((kind, "*", "b"))
    sessions = [facade_client.open_session(bearer(u.token)).session_id for u in (a, b)]
    stream = facade_client.subscribe()
    stream.add((1, make_filter(type=kind), sessions[0]), (2, make_filter(type=kind), sessions[1]),
               (3, make_filter(type=kind)))
    stream.start()
    assert len(stream.next_of("added").subscription_ids) == 3
    stream.begun()
    client.publish(*(event(kind, key=k) for k in "abc"))
    assert [(e.key, ids) for e, ids in stream.take_matches(2)] == [("a", {1}), ("b", {2})]
    stream.cancel()


@pytest.mark.core
def test_a_change_of_a_session_is_told_in_the_stream_and_in_force_from_there(
        client, facade_client, user, kind):
    one = user((kind, "*", "a"))
    session = facade_client.open_session(bearer(one.token))
    stream = facade_client.subscribe().add((1, make_filter(type=kind), session.session_id))
    stream.start().begun()
    client.publish(event(kind, key="a"))
    stream.take_matches(1)

    client.put_role(one.role, (kind, "*", "b"))
    change = stream.next_of("session_change")
    assert change.session_id == session.session_id
    assert change.scope not in ("", session.scope)
    stream.add((2, make_filter(type=kind), session.session_id))
    stream.next_of("added")
    client.publish(event(kind, key="b"))
    assert [(e.key, ids) for e, ids in stream.take_matches(1)] == [("b", {2})]

    client.revoke(one.name)
    change = stream.next_of("session_change")
    assert (change.session_id, change.scope) == (session.session_id, "")
    assert ErrorDetails(change.error).reason == "TOKEN_REVOKED"
    stream.add((3, make_filter(type=kind), session.session_id))
    closed = stream.next_of("closed")
    assert list(closed.subscription_ids) == [3]
    assert ErrorDetails(closed.error).code == grpc.StatusCode.UNAUTHENTICATED
    stream.cancel()


def test_a_subscription_that_is_meant_for_another_scope_is_refused(facade_client, user, kind):
    session = facade_client.open_session(bearer(user((kind, "*", "*")).token))
    stream = facade_client.subscribe()
    stream.add((1, make_filter(), session.session_id, session.scope),
               (2, make_filter(), session.session_id, session.scope + "x"))
    closed = stream.next_of("closed")
    assert list(closed.subscription_ids) == [2]
    assert (ErrorDetails(closed.error).code.name, ErrorDetails(closed.error).reason) == \
        ("ABORTED", "SCOPE_CHANGED")
    assert list(stream.next_of("added").subscription_ids) == [1]
    stream.cancel()


def test_a_closed_session_is_over_and_unknown_ones_are_passed_over(facade_client, user, kind):
    session = facade_client.open_session(bearer(user(("*", "*", "*")).token))
    stream = facade_client.subscribe().add((1, make_filter(), session.session_id)).start()
    stream.next_of("added")
    close(facade_client, "unknown", session.session_id)
    assert stream.next_of("session_change").error.code != 0
    stream.cancel()


def test_a_session_is_good_for_its_opener_alone(facade_client, user):
    session = facade_client.open_session(bearer(user(("*", "*", "*")).token))
    thief = user(("*", "*", "*")).client
    stream = thief.subscribe().add((1, make_filter(), session.session_id))
    assert list(stream.next_of("closed").subscription_ids) == [1]
    stream.cancel()
    (result,) = resume(thief, session.session_id)
    assert ErrorDetails(result.error).code == grpc.StatusCode.UNAUTHENTICATED
    close(thief, session.session_id)
    (result,) = resume(facade_client, session.session_id)
    assert result.session == session


@pytest.mark.core
def test_after_a_restart_sessions_are_brought_back_unless_their_users_are_no_longer_good(
        start_broker):
    broker = start_broker()
    client = Client(broker)
    facade = Client(broker, bearer(client.user_with("facade", ("sessions", "open", "*"))))
    tokens = {n: client.user_with(n, ("*", "*", n)) for n in ("good", "revoked", "deleted")}
    opened = {n: facade.open_session(bearer(t)) for n, t in tokens.items()}
    client.revoke("revoked")
    client.delete_user("deleted")
    client.close()
    facade.close()
    broker.restart()
    facade = Client(broker, facade.metadata[0][1])
    stream = facade.subscribe().add((1, make_filter(), opened["good"].session_id))
    assert ErrorDetails(stream.next_of("closed").error).reason == "SESSION_UNKNOWN"
    stream.cancel()
    good, revoked, deleted, nonsense = resume(
        facade, *(s.session_id for s in opened.values()), "nonsense")
    assert good.session.principal == "good"
    assert good.session.session_id == opened["good"].session_id
    assert ErrorDetails(revoked.error).reason == "TOKEN_REVOKED"
    assert ErrorDetails(deleted.error).reason == "USER_REMOVED"
    assert ErrorDetails(nonsense.error).code == grpc.StatusCode.UNAUTHENTICATED
    facade.close()
