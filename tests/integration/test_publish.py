"""Publishing: what is taken, what is refused, and how the publisher is told."""

import threading
import time

import grpc
import pytest

from harness.client import Client, ErrorDetails, bearer, event, make_filter, refused
from harness.contract import event_pb, events_pb
from harness.metrics import fetch, wait_for_metric

MIB = 1 << 20


def json_text(size):
    """A JSON string that takes so many bytes."""
    return b'"' + b"x" * (size - 2) + b'"'


def nested(depth):
    return b"[" * depth + b"]" * depth


# Field, its largest value that is taken and why one more is not.
SIZES = {
    "type": ("t" * 128, "t" * 129, "has 129 bytes; at most 128"),
    "action": ("a" * 128, "a" * 129, "has 129 bytes; at most 128"),
    "key": ("ü" * 512, "ü" * 512 + "x", "has 1025 bytes; at most 1024"),
    "principal": ("p" * 256, "p" * 257, "has 257 bytes; at most 256"),
    "event_id": ("i" * 128, "i" * 129, "has 129 bytes; at most 128"),
    "object": (json_text(MIB), json_text(MIB + 1), "has 1048577 bytes; at most 1048576"),
    "original": (nested(1000), nested(1001), "deep"),
}

BAD_JSON = {
    "unclosed": b'{"a": 1',
    "trailing text": b'{"a": 1} x',
    "two values": b"1 2",
    "trailing comma": b"[1,]",
    "single quotes": b"{'a': 1}",
    "leading zero": b"01",
    "NaN": b"NaN",
    "comment": b"[1] // one",
    "control character in a string": b'"a\nb"',
    "white space alone": b"  ",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-8": b'"\xff"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "surrogate in UTF-8": b'"\xed\xa0\x80"',
    "bad escape": b'"\\x41"',
}


@pytest.mark.core
def test_one_bad_event_is_refused_with_index_field_and_reason_and_the_good_ones_go_in(client, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    results = client.publish(event(kind, key="0"), event(kind, key="1", object=b"{nonsense"),
                             event(kind, key="2"), event(kind, action=""), event(kind, key="4"))

    assert [bool(r.position) for r in results] == [True, False, True, False, True]
    errors = [ErrorDetails(results[i].error) for i in (1, 3)]
    assert [e.code for e in errors] == [grpc.StatusCode.INVALID_ARGUMENT] * 2
    assert [e.field for e in errors] == ["events[1].object", "events[3].action"]
    assert all(e.bad_request.field_violations[0].description for e in errors)
    assert "must not be empty" in errors[1].message
    assert [e.key for e in watch.take_events(3)] == ["0", "2", "4"]
    watch.cancel()


@pytest.mark.parametrize("field", SIZES)
def test_a_field_may_be_as_large_as_its_limit_and_no_larger(client, kind, field):
    largest, too_large, reason = SIZES[field]
    good, bad = client.publish(event(**{"type": kind, field: largest}),
                               event(**{"type": kind, field: too_large}))
    assert good.position and not good.HasField("error"), good.error.message
    error = ErrorDetails(bad.error)
    assert error.field == f"events[1].{field}"
    assert reason in error.message


def test_object_and_original_share_their_limit(client, kind):
    good, bad = client.publish(
        event(kind, object=json_text(MIB // 2), original=json_text(MIB // 2)),
        event(kind, object=json_text(MIB // 2), original=json_text(MIB // 2 + 1)))
    assert good.position
    assert "together with original" in ErrorDetails(bad.error).message


def test_the_limit_of_an_object_can_be_set(start_broker):
    client = Client(start_broker("--event-object-bytes-max", "2KiB"))
    good, bad = client.publish(event(object=json_text(2048)), event(object=json_text(2049)))
    assert good.position
    assert "at most 2048" in bad.error.message
    client.close()


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "tab\t", "\x7f", "\x1f"])
@pytest.mark.parametrize("field", ["type", "action", "key", "principal", "event_id"])
def test_texts_hold_no_control_characters(client, kind, field, text):
    (result,) = client.publish(event(**{"type": kind, field: text}))
    error = ErrorDetails(result.error)
    assert (error.field, error.code) == (f"events[0].{field}", grpc.StatusCode.INVALID_ARGUMENT)
    assert "control character" in error.message


@pytest.mark.parametrize("field", ["type", "action", "key", "principal", "event_id"])
def test_texts_are_utf_8(client, kind, field):
    good = events_pb.PublishRequest(events=[event(**{"type": kind, field: "@@@@"})])
    (result,) = client.publish_raw(good.SerializeToString().replace(b"@@@@", b"ok\xc3\x28"))
    error = ErrorDetails(result.error)
    assert error.field == f"events[0].{field}"
    assert "UTF-8" in error.message


@pytest.mark.parametrize("fault", BAD_JSON)
@pytest.mark.parametrize("field", ["object", "original"])
def test_what_is_not_json_is_refused(client, kind, field, fault):
    (result,) = client.publish(event(kind, **{field: BAD_JSON[fault]}))
    assert not result.position, "it was taken"
    assert ErrorDetails(result.error).field == f"events[0].{field}"


def test_json_is_kept_byte_for_byte_with_numbers_of_any_size(client, kind):
    texts = [b"1" * 400, b"-0", b"1e400", b"3.141592653589793238462643383279502884197",
             b' { "a" : 1 ,\r\n\t"a":1.0 } ', '"\u2028 ü 🔔 \\ud83d\\uDD14"'.encode(), b"null"]
    watch = client.watch(make_filter(type=kind)).begun()
    client.publish(*(event(kind, object=t, original=t) for t in texts))
    seen = watch.take_events(len(texts))
    assert [e.object for e in seen] == texts
    assert [e.original for e in seen] == texts
    watch.cancel()


@pytest.mark.parametrize("seconds, nanos, good", [
    (-62_135_596_800, 0, True), (-62_135_596_801, 0, False),
    (253_402_300_799, 999_999_999, True), (253_402_300_800, 0, False),
    (0, 1_000_000_000, False), (0, -1, False)])
def test_times_are_of_the_years_1_to_9999(client, kind, seconds, nanos, good):
    one = event(kind)
    one.time.seconds, one.time.nanos = seconds, nanos
    (result,) = client.publish(one)
    assert bool(result.position) == good
    assert good or ErrorDetails(result.error).field == "events[0].time"


def test_an_event_without_a_time_gets_the_brokers_and_one_with_a_time_keeps_it(client, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    dated = event(kind)
    dated.time.seconds, dated.time.nanos = 1_500_000_000, 123_456_789
    before = time.time_ns()
    client.publish(event(kind), dated)
    after = time.time_ns()
    now, kept = watch.take_events(2)
    assert before <= now.time.ToNanoseconds() <= after
    assert kept.time == dated.time
    watch.cancel()


def test_a_batch_holds_1_to_10000_events(client, kind):
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.publish()
    assert caught.details.field == "events"
    assert len({r.position for r in client.publish(*[event(kind)] * 10_000)}) == 10_000
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.publish(*[event(kind)] * 10_001)
    assert "holds 10001 events; at most 10000" in caught.message


def test_a_request_above_4_mib_is_refused(client, kind):
    objects = [json_text(MIB - 100)] * 4
    assert all(r.position for r in client.publish(*(event(kind, object=o) for o in objects)))
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED) as caught:
        client.publish(*(event(kind, object=o) for o in [*objects, json_text(500)]))
    assert "4194304" in caught.message


def test_a_request_that_is_not_protobuf_is_refused(client):
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED"):
        client.publish_raw(b"\x0a\xff\xff\xff\xff\x0f")


def test_an_event_id_makes_a_repeat_harmless(client, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    first, twice, other = client.publish(event(kind, event_id=f"{kind}-1"),
                                         event(kind, event_id=f"{kind}-1"),
                                         event(kind, event_id=f"{kind}-2", key="other"))
    (again,) = client.publish(event(kind, "update", event_id=f"{kind}-1"))
    client.publish(event(kind, key="last"))

    assert not first.duplicate and not other.duplicate
    assert twice.duplicate and again.duplicate
    assert first.position == twice.position == again.position
    assert [e.key for e in watch.take_events(3)] == ["m1", "other", "last"]
    watch.cancel()


def test_event_ids_of_different_publishers_are_different(client, user, kind):
    other = user(("events", "post", kind)).client
    (mine,) = client.publish(event(kind, event_id=kind))
    (theirs,) = other.publish(event(kind, event_id=kind))
    assert not theirs.duplicate
    assert theirs.position != mine.position


def test_positions_tell_the_order_of_the_log(client, kind):
    results = client.publish(*(event(kind, key=str(i)) for i in range(10)))
    watch = client.watch(make_filter(type=kind), after=results[4].position)
    assert [e.key for e in watch.take_events(5)] == ["5", "6", "7", "8", "9"]
    watch.cancel()


# --- PublishStream ---


@pytest.mark.core
def test_a_publish_stream_answers_each_batch_in_order_and_ends_well_after_the_half_close(
        client, kind):
    stream = client.publish_stream()
    for i in range(200):
        stream.send(*(event(kind, key=f"{i}.{j}") for j in range(i % 5)),
                    event(kind, key="bad", object=b"{"))
    stream.half_close()
    answers = [stream.next() for _ in range(200)]
    assert stream.next() is None

    for i, answer in enumerate(answers):
        *good, bad = answer.results
        assert len(good) == i % 5 and all(r.position for r in good)
        assert ErrorDetails(bad.error).field == f"events[{i % 5}].object"
    watch = client.watch(make_filter(type=kind), earliest=True)
    assert [e.key for e in watch.take_events(400)] == \
        [f"{i}.{j}" for i in range(200) for j in range(i % 5)]
    watch.cancel()


def test_requests_that_wait_on_one_stream_are_committed_together(start_broker):
    broker = start_broker()
    client = Client(broker)
    stream = client.publish_stream().send(event(key="first"))
    stream.next()
    before = fetch(broker).get("carillon_broker_commit_seconds_count")
    broker.program.pause()
    for i in range(400):
        stream.send(event(key=str(i)))
    # Until they are in the socket.
    time.sleep(0.5)
    broker.program.resume()
    answers = [stream.next() for _ in range(400)]
    assert all(answer.results[0].position for answer in answers)
    commits = fetch(broker).get("carillon_broker_commit_seconds_count") - before
    assert 0 < commits <= 40
    stream.cancel()
    client.close()


def test_lone_requests_are_committed_by_the_thread_that_reads_them(start_broker):
    broker = start_broker()
    client = Client(broker)
    stream = client.publish_stream()
    for i in range(50):
        stream.send(event(key=str(i))).next()
    client.publish(event(key="unary"))
    # Not all: a slow flush, or two at once, are the committer's.
    wait_for_metric(broker, "carillon_broker_commits_total", lambda v: v > 10, thread="reader")
    wait_for_metric(broker, "carillon_broker_commit_events_sum", lambda v: v == 51)
    stream.cancel()
    client.close()


def test_a_publish_stream_needs_no_half_close_to_be_answered(client, kind):
    stream = client.publish_stream().send(event(kind))
    (first,) = stream.next().results
    (second,) = stream.send(event(kind)).next().results
    assert first.position and second.position and first.position != second.position
    stream.cancel()


def test_a_publish_stream_ends_with_the_error_of_a_batch_that_cannot_be_taken(client, kind):
    stream = client.publish_stream().send(event(kind)).send()
    assert stream.next().results[0].position
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        stream.next()


def test_one_user_cannot_take_all_publish_streams(start_broker):
    client = Client(start_broker("--publish-streams-max", "8"))
    other = Client(client.broker, bearer(client.user_with("other", ("events", "post", "*"))))
    greedy = [client.publish_stream().send(event()) for _ in range(6)]
    for stream in greedy:
        assert stream.next().results[0].position
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "PUBLISH_STREAMS_MAX"):
        client.publish_stream().send(event()).next()
    assert other.publish_stream().send(event()).next().results[0].position
    other.close()
    client.close()


def test_refused_events_of_a_client_that_reads_no_answers_take_no_memory(start_broker):
    broker = start_broker()
    client = Client(broker)
    nobody = Client(broker, bearer(client.user_with("nobody")))
    faulty = events_pb.PublishStreamRequest(events=[event_pb.Event() for _ in range(10_000)])
    sent = threading.Semaphore(0)

    def requests():
        for _ in range(400):
            sent.release()
            yield faulty

    before = fetch(broker).get("process_resident_memory_bytes")
    call = nobody.call(nobody.events.PublishStream, requests())
    # It is read no further than its budget: the rest of 400 does not go out.
    while sent.acquire(timeout=1):
        pass
    assert fetch(broker).get("process_resident_memory_bytes") < before + (100 << 20)
    call.cancel()
    nobody.close()
    client.close()


def test_more_publish_streams_than_allowed_are_refused_and_told_when_to_come_back(start_broker):
    client = Client(start_broker("--publish-streams-max", "1"))
    first = client.publish_stream().send(event())
    first.next()
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "PUBLISH_STREAMS_MAX") as caught:
        client.publish_stream().send(event()).next()
    assert caught.details.retry.retry_delay.ToMilliseconds() > 0
    assert first.send(event()).next().results[0].position, "the first one was disturbed"
    first.half_close()
    assert first.next() is None
    client.close()
