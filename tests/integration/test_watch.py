"""Watching one filter: where a watch begins, and what it is told about its progress."""

import grpc
import pytest

from harness.client import Client, event, make_filter, refused
from harness.waiting import wait_until


def keys(events):
    return [e.key for e in events]


@pytest.fixture
def positions(client, kind):
    """Those of ten events with the keys 0 to 9."""
    return [r.position for r in client.publish(*(event(kind, key=str(i)) for i in range(10)))]


def test_a_watch_without_a_start_begins_with_the_next_event(client, kind, positions):
    watch = client.watch(make_filter(type=kind)).begun()
    client.publish(event(kind, key="new"))
    assert keys(watch.take_events(1)) == ["new"]
    watch.cancel()


def test_a_watch_from_the_earliest_gets_all_and_goes_on_with_what_is_committed(
        client, kind, positions):
    watch = client.watch(make_filter(type=kind), earliest=True)
    assert keys(watch.take_events(10)) == list("0123456789")
    client.publish(event(kind, key="new"))
    assert keys(watch.take_events(1)) == ["new"]
    watch.cancel()


@pytest.mark.parametrize("index", [0, 4, 9])
def test_a_watch_after_a_position_begins_with_the_event_behind_it(client, kind, positions, index):
    watch = client.watch(make_filter(type=kind), after=positions[index])
    client.publish(event(kind, key="new"))
    assert keys(watch.take_events(10 - index)) == [*map(str, range(index + 1, 10)), "new"]
    watch.cancel()


@pytest.mark.core
def test_a_watch_that_resumes_after_its_last_event_misses_and_repeats_nothing(client, kind):
    seen = []
    after = client.status().latest_position
    for round in range(5):
        client.publish(*(event(kind, key=f"{round}.{i}") for i in range(20)))
        watch = client.watch(make_filter(type=kind), after=after)
        taken = watch.take_events(20)
        watch.cancel()
        seen += keys(taken)
        after = taken[-1].position
    assert seen == [f"{round}.{i}" for round in range(5) for i in range(20)]


def test_the_first_response_tells_where_the_watch_begins(client, kind, positions):
    first = client.watch(make_filter(type=kind), after=positions[3]).next()
    assert first.progress.position == positions[3]
    now = client.watch(make_filter(type=kind)).next()
    assert now.progress.live
    assert now.progress.position == client.status().latest_position


def test_a_watch_is_told_when_it_has_caught_up(client, kind, positions):
    watch = client.watch(make_filter(type=kind), earliest=True)
    count = 0
    while True:
        response = watch.next()
        if response.WhichOneof("response") == "events":
            count += len(response.events.events)
        elif response.progress.live:
            break
    assert count == 10
    watch.cancel()


def test_a_watch_without_matches_is_told_how_far_it_has_come(client, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    (other,) = client.publish(event("something-else"))
    progress = watch.next().progress
    while progress.position != other.position:
        progress = watch.next().progress
    assert progress.live
    # What it was told is good to resume after.
    client.publish(event(kind, key="next"))
    resumed = client.watch(make_filter(type=kind), after=progress.position)
    assert keys(resumed.take_events(1)) == ["next"]
    watch.cancel()
    resumed.cancel()


@pytest.mark.parametrize("token", ["", "nonsense", "AAAAAAAAAAAAAAAA", "x" * 5000])
def test_what_is_not_a_position_of_this_log_is_refused(client, token):
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "POSITION_INVALID"):
        client.watch(after=token).next()


def test_a_position_of_another_log_is_refused(client, start_broker):
    other = Client(start_broker())
    (result,) = other.publish(event())
    other.close()
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "POSITION_INVALID"):
        client.watch(after=result.position).next()


def test_a_position_that_is_no_longer_kept_is_out_of_range_and_told_where_the_log_begins(
        start_broker):
    client = Client(start_broker("--log-bytes-max", "1MiB"))
    (oldest,) = client.publish(event(key="oldest"))
    positions = []
    for first in range(0, 2000, 20):  # Blocks of 20 events, which go whole.
        positions += [r.position for r in client.publish(
            *(event(key=str(i), object=b'"%01000d"' % i) for i in range(first, first + 20)))]
    wait_until(lambda: client.status().event_bytes < (1 << 20) + 22_000, "the log is trimmed")
    with refused(grpc.StatusCode.OUT_OF_RANGE, "POSITION_TRIMMED") as caught:
        client.watch(after=oldest.position).next()

    earliest = caught.details.info.metadata["earliest"]
    index = positions.index(earliest)
    watch = client.watch(after=earliest)
    assert keys(watch.take_events(2000 - index - 1)) == [str(i) for i in range(index + 1, 2000)]
    watch.cancel()
    status = client.status()
    assert status.earliest_position == earliest
    assert status.event_count == 2000 - index - 1
    client.close()


def test_old_events_go_when_their_time_is_over(start_broker):
    client = Client(start_broker("--log-age-max", "1s"))
    client.publish(event(key="old"))
    wait_until(lambda: client.status().event_count == 0, "the old event is gone")
    (new,) = client.publish(event(key="new"))
    assert client.status().latest_position == new.position
    client.close()


def test_more_streams_than_allowed_are_refused_and_the_others_feel_nothing(start_broker):
    client = Client(start_broker("--streams-max", "2"))
    first, second = client.watch().begun(), client.subscribe().start()
    second.next()
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "STREAMS_MAX") as caught:
        client.watch().next()
    assert caught.details.retry.retry_delay.ToMilliseconds() > 0
    client.publish(event())
    first.take_events(1)
    first.cancel()
    wait_until(lambda: client.status().stream_count == 1, "the stream is gone")
    client.watch().begun()
    client.close()
