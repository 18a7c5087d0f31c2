"""What was acknowledged is there, whatever happens to the broker."""

import json
import subprocess
import threading

import grpc
import pytest

from harness.client import Client, event, make_filter
from harness.programs import ACCOUNT_TEXT, BIN, clean_environment
from harness.waiting import DEADLINE, wait_until
from harness.websocket import Websocket

STREAMS, BATCHES, BATCH = 3, 150, 20
TOTAL = STREAMS * BATCHES * BATCH


class Publisher:
    """Publishes its batches on a stream, and again what is not acknowledged when that breaks."""

    def __init__(self, broker, name):
        self.client = Client(broker)
        self.batches = [[event("t", key=f"{name}.{b}.{i}", event_id=f"{name}.{b}.{i}")
                         for i in range(BATCH)] for b in range(BATCHES)]
        self.positions = {}
        self.failures = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        done = 0
        while done < BATCHES:
            stream = self.client.publish_stream()
            try:
                for batch in self.batches[done:]:
                    stream.send(*batch)
                stream.half_close()
                while answer := stream.next():
                    for sent, result in zip(self.batches[done], answer.results):
                        assert result.position, result.error
                        self.positions[sent.key] = result.position
                    done += 1
            except grpc.RpcError:
                self.failures += 1

    def join(self):
        self.thread.join(5 * DEADLINE)
        assert not self.thread.is_alive(), "the publisher is stuck"
        self.client.close()


class Follower:
    """Watches, and resumes after the last event when the stream breaks."""

    def __init__(self, broker, after=None):
        self.client = Client(broker)
        self.events = []
        self.after = after
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while len(self.events) < TOTAL:
            watch = self.client.watch(make_filter(type="t"), after=self.after,
                                      earliest=self.after is None)
            try:
                while len(self.events) < TOTAL:
                    response = watch.next()
                    if response.WhichOneof("response") == "events":
                        self.events.extend(response.events.events)
                        self.after = self.events[-1].position
            except grpc.RpcError:
                pass

    def join(self):
        self.thread.join(5 * DEADLINE)
        assert not self.thread.is_alive(), f"only {len(self.events)} of {TOTAL} events came"
        self.client.close()


@pytest.mark.core
def test_after_kill_9_every_acknowledged_event_is_there_once_and_all_readers_go_on_by_themselves(
        start_broker, start_facade, tmp_path):
    broker = start_broker()
    client = Client(broker)
    facade = start_facade(broker, client.user_with("facade", ("sessions", "open", "*")))
    first = client.publish(event("t", key="first"))[0].position
    client.close()
    websocket = Websocket(facade).register("t.*.*")
    follower = Follower(broker, after=first)
    shown = tmp_path / "shown.jsonl"
    with open(shown, "w", encoding="utf-8") as output:
        cli = subprocess.Popen(
            [BIN / "carillon", "--broker", broker.address, "--ca", broker.certificate.cert,
             "--user", ACCOUNT_TEXT, "watch", "t.*.*", "--json", "--from-start", "--count",
             str(1 + TOTAL)],
            stdout=output, stderr=subprocess.PIPE, text=True, env=clean_environment())
    # A broker that it has never reached would be a reason for it to give up.
    wait_until(lambda: shown.stat().st_size > 0, "the watch shows the first event")
    publishers = [Publisher(broker, str(i)) for i in range(STREAMS)]

    def acknowledged():
        return sum(len(p.positions) for p in publishers)

    for part in (1, 2):
        wait_until(lambda: acknowledged() > part * TOTAL // 4, "events are acknowledged",
                   5 * DEADLINE)
        broker.kill()
        before = {k: v for p in publishers for k, v in p.positions.items()}
        broker.start()
        check = Client(broker)
        watch = check.watch(make_filter(type="t"), earliest=True)
        stored = watch.take_until(check.status().latest_position)
        assert before.items() <= {e.key: e.position for e in stored}.items()
        assert len({e.key for e in stored}) == len(stored)
        check.close()
    for publisher in publishers:
        publisher.join()
    follower.join()
    assert any(p.failures for p in publishers), "nobody was interrupted"

    log = [e.key for e in follower.events]
    assert len(set(log)) == len(log) == TOTAL
    assert {e.key: e.position for e in follower.events} == \
        {k: v for p in publishers for k, v in p.positions.items()}
    for i in range(STREAMS):
        assert [k for k in log if k.startswith(f"{i}.")] == \
            [f"{i}.{b}.{n}" for b in range(BATCHES) for n in range(BATCH)]
    assert [json.loads(f)["Key"] for f in websocket.take(TOTAL)] == log
    _, errors = cli.communicate(timeout=5 * DEADLINE)
    assert cli.returncode == 0, errors
    lines = shown.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["Key"] for line in lines] == ["first", *log]
    websocket.close()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_events_positions_and_event_ids_survive_a_restart(start_broker, end):
    broker = start_broker()
    client = Client(broker)
    results = client.publish(*(event(key=str(i), event_id=str(i), object=b'{"n": %d}' % i)
                               for i in range(100)))
    before = client.status()
    client.close()
    getattr(broker, end)()
    broker.start()
    client = Client(broker)
    after = client.status()
    assert (after.log_id, after.event_count) == (before.log_id, 100)
    assert (after.earliest_position, after.latest_position, after.event_bytes) == \
        (before.earliest_position, before.latest_position, before.event_bytes)
    events = client.watch(after=results[49].position).take_events(50)
    assert [(e.key, e.object) for e in events] == \
        [(str(i), b'{"n": %d}' % i) for i in range(50, 100)]
    again = client.publish(*(event(key=str(i), event_id=str(i)) for i in range(100)))
    assert all(r.duplicate for r in again)
    assert [r.position for r in again] == [r.position for r in results]
    client.close()


def test_a_broker_that_drains_answers_what_it_has_taken_and_tells_streams_to_come_back(
        start_broker):
    broker = start_broker()
    client = Client(broker)
    watch = client.watch().begun()
    stream = client.publish_stream()
    for i in range(100):
        stream.send(event(key=str(i)))
    answers = [stream.next() for _ in range(10)]
    broker.stop()
    with pytest.raises(grpc.RpcError) as error:
        while answer := stream.next():
            answers.append(answer)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    with pytest.raises(grpc.RpcError) as error:
        while watch.next():
            pass
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    broker.start()
    stored = client.watch(earliest=True).take_until(client.status().latest_position)
    assert [e.key for e in stored[:len(answers)]] == [str(i) for i in range(len(answers))]
    assert [e.position for e in stored[:len(answers)]] == [a.results[0].position for a in answers]
    client.close()
