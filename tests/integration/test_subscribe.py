"""Many subscriptions on one stream."""

import grpc
import pytest

from harness.client import Client, ErrorDetails, event, field, make_filter, refused
from harness.contract import events_pb
from harness.waiting import wait_until


@pytest.fixture
def stream(client):
    one = client.subscribe()
    yield one
    one.cancel()


def marks(pairs):
    return [(e.key, ids) for e, ids in pairs]


@pytest.mark.core
def test_an_event_comes_once_with_the_ids_of_all_subscriptions_that_it_matched(
        client, stream, kind):
    stream.add((1, make_filter(type=kind)),
               (2, make_filter(type=kind, action="save")),
               (1000, make_filter(type=kind, key=field("b", prefixes=["c"]))),
               (2**62, make_filter(type=field(kind, "another"), action="create", key="a")))
    assert set(stream.next_of("added").subscription_ids) == {1, 2, 1000, 2**62}
    stream.start().begun()
    client.publish(event(kind, "create", "a"), event(kind, "save", "cat"), event("none", key="b"),
                   event(kind, "delete", "b"), event(kind, "delete", "x"))
    assert marks(stream.take_matches(4)) == [
        ("a", {1, 2**62}), ("cat", {1, 2, 1000}), ("b", {1, 1000}), ("x", {1})]


def test_a_stream_may_begin_in_the_past(client, stream, kind):
    (first, second, _) = client.publish(*(event(kind, key=k) for k in "abc"))
    stream.add((1, make_filter(type=kind)), (2, make_filter(type=kind, key="b")))
    stream.start(after=first.position)
    stream.next_of("added")
    client.publish(event(kind, key="d"))
    assert marks(stream.take_matches(3)) == [("b", {1, 2}), ("c", {1}), ("d", {1})]


def test_before_the_start_nothing_is_delivered_and_nothing_is_lost(client, stream, kind):
    before = client.status().latest_position
    stream.add((1, make_filter(type=kind)))
    assert stream.next_of("added").position == ""
    client.publish(event(kind, key="early"))
    stream.start(after=before)
    assert stream.next().WhichOneof("response") == "progress"
    assert marks(stream.take_matches(1)) == [("early", {1})]


def test_a_subscription_that_is_added_later_sees_what_is_committed_after_the_answer(
        client, stream, kind):
    stream.add((1, make_filter(type=kind))).start().begun()
    client.publish(event(kind, key="before"))
    assert marks(stream.take_matches(1)) == [("before", {1})]
    stream.add((2, make_filter(type=kind)))
    added = stream.next_of("added")
    assert list(added.subscription_ids) == [2]
    assert added.position == client.status().latest_position
    client.publish(event(kind, key="after"))
    assert marks(stream.take_matches(1)) == [("after", {1, 2})]


def test_a_removed_subscription_is_named_by_no_event_any_more(client, stream, kind):
    stream.add((1, make_filter(type=kind)), (2, make_filter(type=kind))).start().begun()
    stream.remove(2, 77)
    assert set(stream.next_of("removed").subscription_ids) == {2, 77}
    client.publish(event(kind, key="a"))
    assert marks(stream.take_matches(1)) == [("a", {1})]
    stream.add((2, make_filter(type=kind, key="b")))
    stream.next_of("added")
    client.publish(event(kind, key="b"))
    assert marks(stream.take_matches(1)) == [("b", {1, 2})]


def test_faulty_subscriptions_are_refused_by_themselves(client, stream, kind):
    stream.add((5, make_filter(type=kind)))
    stream.next_of("added")
    stream.add((0, make_filter(type=kind)), (6, make_filter(type=field())),
               (5, make_filter(type=kind)), (7, make_filter(type=kind), "no-such-session"),
               (8, make_filter(type=kind)))
    answers = [stream.next() for _ in range(5)]
    closed = {a.closed.subscription_ids[0]: ErrorDetails(a.closed.error)
              for a in answers if a.WhichOneof("response") == "closed"}
    added = [list(a.added.subscription_ids) for a in answers
             if a.WhichOneof("response") == "added"]
    assert added == [[8]]
    assert {i: e.code.name for i, e in closed.items()} == {
        0: "INVALID_ARGUMENT", 6: "INVALID_ARGUMENT", 5: "ALREADY_EXISTS", 7: "UNAUTHENTICATED"}
    assert closed[0].field == "add.subscriptions[0].subscription_id"
    assert closed[6].field == "add.subscriptions[1].filter.type"
    stream.start().begun()
    client.publish(event(kind))
    assert marks(stream.take_matches(1)) == [("m1", {5, 8})]


def test_a_stream_holds_only_so_many_subscriptions(start_broker):
    client = Client(start_broker("--subscriptions-per-stream-max", "2"))
    stream = client.subscribe().add(*((i, make_filter(type="t")) for i in (1, 2, 3)))
    closed = stream.next_of("closed")
    assert list(closed.subscription_ids) == [3]
    error = ErrorDetails(closed.error)
    assert (error.code.name, error.reason) == ("RESOURCE_EXHAUSTED", "SUBSCRIPTIONS_MAX")
    assert list(stream.next_of("added").subscription_ids) == [1, 2]
    client.close()


@pytest.mark.parametrize("request_", [
    events_pb.SubscribeRequest(),
    events_pb.SubscribeRequest(add=events_pb.AddSubscriptions()),
    events_pb.SubscribeRequest(remove=events_pb.RemoveSubscriptions()),
    events_pb.SubscribeRequest(
        remove=events_pb.RemoveSubscriptions(subscription_ids=range(1, 10_002))),
], ids=["nothing", "no subscription", "no id", "too many ids"])
def test_a_request_out_of_its_bounds_ends_the_stream(stream, request_):
    stream.ask(request_)
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        stream.next()
    assert caught.details.field


def test_10000_subscriptions_go_in_one_request(client, stream, kind):
    stream.add(*((i, make_filter(type=kind, key=str(i))) for i in range(1, 10_001))).start()
    assert len(stream.next_of("added").subscription_ids) == 10_000
    stream.begun()
    client.publish(*(event(kind, key=str(i)) for i in (1, 777, 10_000, 10_001)))
    assert marks(stream.take_matches(3)) == [("1", {1}), ("777", {777}), ("10000", {10_000})]


def test_delivery_starts_once(client, stream):
    stream.start().start()
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_STARTED"):
        while stream.next():
            pass


def test_a_start_outside_of_the_log_ends_the_stream(stream, kind):
    stream.add((1, make_filter(type=kind))).start(after="nonsense")
    stream.next_of("added")
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "POSITION_INVALID"):
        stream.next()


def test_a_client_that_has_closed_its_side_still_gets_its_events(client, stream, kind):
    stream.add((1, make_filter(type=kind))).start()
    stream.half_close()
    stream.begun()
    client.publish(event(kind, key="still"))
    assert marks(stream.take_matches(1)) == [("still", {1})]


def test_a_stream_is_told_how_far_it_has_come(client, stream, kind):
    stream.add((1, make_filter(type=kind))).start().begun()
    (other,) = client.publish(event("something-else"))
    progress = stream.next().progress
    while progress.position != other.position:
        progress = stream.next().progress
    assert progress.live


def test_subscriptions_of_a_stream_that_ended_are_gone(client, kind):
    wait_until(lambda: client.status().subscription_count == 0, "those of other tests are gone")
    stream = client.subscribe().add((1, make_filter(type=kind)), (2, make_filter(type=kind)))
    stream.next_of("added")
    assert client.status().subscription_count == 2
    stream.cancel()
    wait_until(lambda: client.status().subscription_count == 0, "they are gone")
