"""Websockets that read more slowly than events come: each gets everything at its own pace, one that
reads nothing is closed, and the others feel nothing of either."""

import json
import threading
import time

import pytest

from harness.client import Client, basic, bearer, event
from harness.metrics import fetch, wait_for_metric
from harness.programs import ACCOUNT_TEXT
from harness.raw_websocket import PING, PONG, TEXT, RawWebsocket, tcp_socket
from harness.waiting import DEADLINE, wait_until
from harness.websocket import Websocket

COUNT = 50_000
# 50,000 of them are more than sockets hold.
OBJECT = b'"' + b"x" * 300 + b'"'
LIMIT = 128 * 1024


@pytest.fixture
def start(start_broker, start_facade):
    """Starts a broker and a facade with small outboxes and these flags; both, and a client."""
    clients = []

    def begin(*flags, broker_flags=()):
        broker = start_broker("--progress-interval", "100ms", *broker_flags)
        client = Client(broker)
        clients.append(client)
        facade = start_facade(broker, client.user_with("facade", ("sessions", "open", "*")),
                              "--outbox-bytes-max", str(LIMIT), *flags)
        return broker, facade, client

    yield begin
    for client in clients:
        client.close()


def publish(client, begin, end, kinds="t"):
    """Events with the keys begin to end - 1, of these types in turn."""
    events = [event(kinds[i % len(kinds)], key=str(i), object=OBJECT) for i in range(begin, end)]
    client.publish_all(events)


def keys(begin, end):
    return [str(i) for i in range(begin, end)]


def slow_websocket(facade, authorization=basic(ACCOUNT_TEXT)):
    """One whose socket holds little, and that does not ask why it has read no answer yet."""
    plain = tcp_socket(facade, receive_buffer=65_536)
    plain.settimeout(None)
    return Websocket(facade, authorization, sock=plain, ping_interval=None)


def take_keys(websocket, count):
    return [websocket.next()["Key"] for _ in range(count)]


def lagging(facade, condition):
    return wait_for_metric(facade, "carillon_wsfacade_websockets_lagging", condition)


class Reader(threading.Thread):
    """Reads so many events as fast as it can."""

    def __init__(self, websocket, count):
        super().__init__(daemon=True)
        self.websocket = websocket
        self.count = count
        self.keys = []
        self.start()

    def run(self):
        self.keys = take_keys(self.websocket, self.count)

    def result(self):
        self.join(3 * DEADLINE)
        return self.keys


@pytest.mark.core
def test_a_slow_one_gets_everything_a_fast_one_too_and_one_that_reads_nothing_is_closed(start):
    _, facade, client = start("--stall-timeout", "1s", "--close-timeout", "1m")
    fast = Websocket(facade).register("t.*.*")
    slow = slow_websocket(facade).register("t.*.*")
    never = RawWebsocket(facade, receive_buffer=4096).send("register t.*.*")
    assert b'"Action":"register"' in never.next_frame()[1]
    reader = Reader(fast, COUNT)
    publish(client, 0, COUNT)
    # The one that reads nothing may be closed by now; else it takes an outbox with it. The slow one
    # is within its own.
    lagging(facade, lambda v: v >= 1)
    assert fetch(facade).get("carillon_wsfacade_outbox_bytes") < 3 * LIMIT

    received = []
    while len(received) < COUNT:
        received += take_keys(slow, 1000)
        time.sleep(0.02)
    assert received == keys(0, COUNT)
    assert reader.result() == keys(0, COUNT)

    wait_for_metric(facade, "carillon_wsfacade_registrations", lambda v: v == 2)
    code, reason = never.closed()
    assert code == 1008
    assert "outbox-bytes-max" in reason and "stall-timeout" in reason
    never.drop()
    wait_for_metric(facade, "carillon_wsfacade_websockets_closed_total", lambda v: v == 1,
                    reason="outbox")
    lagging(facade, lambda v: v == 0)
    assert fetch(facade).get("carillon_wsfacade_replays_started_total") >= 1
    facade.program.wait_for_line("websocket has fallen behind.*principal=rocketskates")
    facade.program.wait_for_line("websocket has caught up.*principal=rocketskates")

    publish(client, COUNT, COUNT + 10)
    assert take_keys(slow, 10) == take_keys(fast, 10) == keys(COUNT, COUNT + 10)
    fast.close()
    slow.close()


def test_a_slow_one_gets_everything_across_a_crash_of_the_broker(start):
    broker, facade, client = start()
    slow = slow_websocket(facade).register("t.*.*")
    fast = Websocket(facade).register("t.*.*")
    reader = Reader(fast, 2 * COUNT)
    publish(client, 0, 80_000)
    lagging(facade, lambda v: v >= 1)
    broker.kill()
    received = take_keys(slow, 100)
    broker.start()
    received += take_keys(slow, 10_000)
    # In the middle of a replay, of which much more is to come than the connection holds.
    broker.kill()
    wait_for_metric(facade, "carillon_wsfacade_broker_connected", lambda v: v == 0)
    broker.start()
    publish(client, 80_000, 2 * COUNT)
    while len(received) < 2 * COUNT:
        received += take_keys(slow, min(1000, 2 * COUNT - len(received)))
        time.sleep(0.01)
    assert received == keys(0, 2 * COUNT)
    assert reader.result() == keys(0, 2 * COUNT)
    facade.program.wait_for_line("a replay for a websocket broke")
    lagging(facade, lambda v: v == 0)
    publish(client, 2 * COUNT, 2 * COUNT + 1)
    assert take_keys(slow, 1) == take_keys(fast, 1) == [str(2 * COUNT)]
    slow.close()
    fast.close()


def test_commands_of_one_that_has_fallen_behind_are_in_force_when_they_are_answered(start):
    _, facade, client = start("--io-threads", "1")
    fast = Websocket(facade).register("*.*.*")
    slow = slow_websocket(facade).register("a.*.*").register("b.*.*")
    reader = Reader(fast, 45_000)
    publish(client, 0, 45_000, kinds="abc")
    assert len(reader.result()) == 45_000
    lagging(facade, lambda v: v == 1)

    slow.send("register c.*.*")
    slow.send("deregister b.*.*")
    slow.send("deregister a.*.17")
    reader = Reader(fast, 15_000)
    received = []
    while len([e for e in received if e["Type"] == "websocket"]) < 3:
        received.append(slow.next())
    answered = len(received)
    assert [e["Key"] for e in received if e["Type"] == "websocket"] == [
        "c.*.*", "b.*.*", "a.*.17"]
    publish(client, 45_000, 60_000, kinds="abc")
    while not (received[-1]["Type"] == "c" and received[-1]["Key"] == "59999"):
        received.append(slow.next())

    def came(kind, part):
        return [int(e["Key"]) for e in part if e["Type"] == kind]

    assert answered < 15_000, "it was not behind when it was answered"
    assert came("a", received) == list(range(0, 60_000, 3))
    assert came("b", received[answered:]) == []
    assert came("b", received) == list(range(1, 45_000, 3))[:len(came("b", received))]
    assert came("c", received) == list(range(45_002, 60_000, 3)), "nothing from before it asked"
    events = [int(e["Key"]) for e in received if e["Type"] != "websocket"]
    assert events == sorted(events)
    assert len(reader.result()) == 15_000
    fast.close()
    slow.close()


@pytest.mark.core
def test_rights_that_change_while_one_is_behind_hold_from_there_on(start):
    _, facade, client = start()
    token = client.user_with("reader", ("a", "*", "*"), ("b", "*", "*"))
    slow = slow_websocket(facade, bearer(token)).register("*.*.*")
    publish(client, 0, COUNT, kinds="ab")
    lagging(facade, lambda v: v == 1)
    received = [slow.next() for _ in range(2000)]
    client.put_role("role-of-reader", ("a", "*", "*"), ("c", "*", "*"))
    publish(client, COUNT, COUNT + 3000, kinds="abc")
    last = max(i for i in range(COUNT, COUNT + 3000) if i % 3 != 1)
    while received[-1]["Key"] != str(last):
        received.append(slow.next())
    came = {kind: [int(e["Key"]) for e in received if e["Type"] == kind] for kind in "abc"}
    first = range(COUNT, COUNT + 3000)
    assert came["a"] == [*range(0, COUNT, 2), *(i for i in first if i % 3 == 0)]
    assert came["b"] == list(range(1, COUNT, 2))[:len(came["b"])]
    assert came["c"] == [i for i in first if i % 3 == 2]
    lagging(facade, lambda v: v == 0)

    publish(client, COUNT, 2 * COUNT, kinds="a")
    lagging(facade, lambda v: v == 1)
    client.revoke("reader")
    code, reason = slow.closed()
    assert code == 1008
    assert "ended" in reason
    lagging(facade, lambda v: v == 0)


def test_one_that_reads_slowly_is_not_taken_for_one_that_is_gone(start):
    _, facade, client = start("--ping-interval", "100ms", "--pong-timeout", "500ms",
                              "--stall-timeout", "500ms")
    slow = RawWebsocket(facade, receive_buffer=65_536).send("register t.*.*")
    publish(client, 0, 20_000)
    lagging(facade, lambda v: v == 1)
    received = []
    pings = 0
    while len(received) < 20_000:
        opcode, payload = slow.next_frame()
        if opcode == PING:
            pings += 1
            slow.send(payload, PONG)
            continue
        assert opcode == TEXT, payload
        if b'"Type":"websocket"' not in payload:
            received.append(json.loads(payload)["Key"])
            if len(received) % 100 == 0:
                time.sleep(0.02)
    assert received == keys(0, 20_000)
    assert pings > 0
    slow.drop()


def test_only_so_many_are_caught_up_at_a_time_and_all_of_them_in_the_end(start):
    _, facade, client = start("--replays-max", "1", "--stall-timeout", "1h")
    stops = slow_websocket(facade).register("t.*.*")
    publish(client, 0, COUNT)
    lagging(facade, lambda v: v == 1)
    # It stops reading in the middle of its turn, and keeps nobody from theirs.
    received = take_keys(stops, 10_000)
    others = [slow_websocket(facade).register("t.*.*") for _ in range(3)]
    publish(client, COUNT, 2 * COUNT)
    lagging(facade, lambda v: v == 4)
    readers = [Reader(one, COUNT) for one in others]
    for reader in readers:
        assert reader.result() == keys(COUNT, 2 * COUNT)
    lagging(facade, lambda v: v == 1)
    assert received + take_keys(stops, 2 * COUNT - len(received)) == keys(0, 2 * COUNT)
    lagging(facade, lambda v: v == 0)
    for one in (stops, *others):
        one.close()


def test_one_that_retention_overtakes_is_told_that_events_were_lost(start):
    _, facade, client = start("--stall-timeout", "1h", broker_flags=("--log-bytes-max", "4MiB"))
    slow = RawWebsocket(facade, receive_buffer=4096).send("register t.*.*")
    slow.next_frame()
    publish(client, 0, 60_000)
    wait_until(lambda: client.status().event_bytes < 8 << 20, "the log is trimmed")
    code, reason = slow.closed()
    assert code == 1013
    assert "events were lost" in reason
    wait_for_metric(facade, "carillon_wsfacade_websockets_closed_total", lambda v: v == 1,
                    reason="events_lost")
    slow.drop()
