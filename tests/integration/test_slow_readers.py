"""Streams that are not read: memory is bounded, nothing is lost, and the others feel nothing."""

import pytest

from harness.client import Client, bearer, event, make_filter
from harness.metrics import fetch, wait_for_metric
from harness.waiting import wait_until

OBJECT = b'"' + b"x" * 1000 + b'"'
COUNT = 20_000  # 20 MB: much more than gRPC and the outbox hold.


def publish(client, kind, begin=0, count=COUNT):
    return client.publish_all([event(kind, key=str(i), object=OBJECT)
                               for i in range(begin, begin + count)])


@pytest.mark.core
def test_a_watch_that_is_not_read_catches_up_from_the_log_and_gets_everything_once_and_in_order(
        start_broker):
    broker = start_broker("--outbox-bytes-max", "256KiB")
    client, slow_client = Client(broker), Client(broker)
    slow = slow_client.watch(make_filter(type="t"), earliest=True, reading=False)
    quick = client.watch(make_filter(type="t"), earliest=True).begun()
    publish(client, "t")
    assert [e.key for e in quick.take_events(COUNT)] == [str(i) for i in range(COUNT)]
    wait_for_metric(broker, "carillon_broker_streams_catching_up", lambda v: v == 1)
    page = fetch(broker)
    assert page.get("carillon_broker_outbox_overflows_total") >= 1
    assert page.get("carillon_broker_outbox_bytes") <= 2 * 256 * 1024

    slow.read()
    assert [e.key for e in slow.take_events(COUNT)] == [str(i) for i in range(COUNT)]
    wait_for_metric(broker, "carillon_broker_streams_catching_up", lambda v: v == 0)
    client.publish(event("t", key="live"))
    assert [e.key for e in slow.take_events(1)] == ["live"]
    client.close()
    slow_client.close()


def test_a_subscribe_stream_that_is_not_read_gets_everything_once_with_its_matches(start_broker):
    broker = start_broker("--outbox-bytes-max", "256KiB")
    client, slow_client = Client(broker), Client(broker)
    slow = slow_client.subscribe(reading=False)
    slow.add((1, make_filter(type="t")), (2, make_filter(type="t", key="7"))).start(earliest=True)
    wait_until(lambda: client.status().subscription_count == 2, "the subscriptions are there")
    publish(client, "t")
    wait_for_metric(broker, "carillon_broker_streams_catching_up", lambda v: v == 1)
    slow.read()
    slow.next_of("added")
    pairs = slow.take_matches(COUNT)
    assert [e.key for e, _ in pairs] == [str(i) for i in range(COUNT)]
    assert [e.key for e, ids in pairs if ids == {1, 2}] == ["7"]
    assert all(ids >= {1} for _, ids in pairs)
    client.close()
    slow_client.close()


@pytest.mark.core
def test_a_reader_that_retention_overtakes_is_told_of_the_gap(start_broker):
    broker = start_broker("--outbox-bytes-max", "256KiB", "--log-bytes-max", "4MiB")
    client, slow_client = Client(broker), Client(broker)
    slow = slow_client.watch(earliest=True, reading=False)
    wait_until(lambda: client.status().stream_count == 1, "the watch is there")
    positions = publish(client, "t", count=2 * COUNT)
    wait_until(lambda: client.status().event_bytes < 8 << 20, "the log is trimmed")
    slow.read()

    events, missing = [], []
    while not events or events[-1].position != positions[-1]:
        response = slow.next()
        found = response.WhichOneof("response")
        if found == "events":
            events.extend(response.events.events)
        elif found == "gap":
            gap = response.gap
            begin, end = positions.index(gap.after) + 1, positions.index(gap.until) + 1
            assert gap.event_count == end - begin > 0
            assert gap.reason == gap.REASON_RETENTION
            assert len(events) + len(missing) == begin, "the gap does not follow the events"
            missing += positions[begin:end]
    assert missing
    gone = set(missing)
    assert [e.position for e in events] == [p for p in positions if p not in gone]
    assert fetch(broker).get("carillon_broker_gaps_total") >= 1
    client.close()
    slow_client.close()


@pytest.mark.core
def test_a_stream_that_is_not_read_holds_up_a_shutdown_for_the_drain_timeout_and_no_longer(
        start_broker):
    broker = start_broker("--drain-timeout", "500ms")
    client, slow_client = Client(broker), Client(broker)
    slow = slow_client.watch(earliest=True, reading=False)
    wait_until(lambda: client.status().stream_count == 1, "the watch is there")
    publish(client, "t")
    assert broker.program.terminate() == 0
    slow.cancel()


def test_a_stream_that_is_not_read_is_cut_off_when_its_token_is_revoked(start_broker):
    broker = start_broker("--progress-interval", "100ms")
    client = Client(broker)
    slow_client = Client(broker, bearer(client.user_with("slow", ("*", "*", "*"))))
    slow = slow_client.watch(earliest=True, reading=False)
    wait_until(lambda: client.status().stream_count == 1, "the watch is there")
    publish(client, "t")
    client.revoke("slow")
    wait_until(lambda: client.status().stream_count == 0, "the stream is gone")
    slow.cancel()


@pytest.mark.parametrize("bounded", [False, True], ids=["live", "with an end"])
def test_a_stream_that_is_not_read_at_all_is_ended(start_broker, bounded):
    broker = start_broker("--stall-timeout", "500ms", "--progress-interval", "100ms")
    client, slow_client = Client(broker), Client(broker)
    publish(client, "t")
    until = client.status().latest_position if bounded else ""
    slow = slow_client.subscribe(reading=False)
    slow.add((1, make_filter(type="t"))).start(earliest=True, until=until)
    wait_for_metric(broker, "carillon_broker_streams", lambda v: v == 1)
    wait_for_metric(broker, "carillon_broker_outbox_bytes", lambda v: v > 0)
    wait_for_metric(broker, "carillon_broker_streams", lambda v: v == 0)
    assert fetch(broker).get("carillon_broker_outbox_bytes") == 0
    client.close()
    slow_client.close()
