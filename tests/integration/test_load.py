"""Everything that is published arrives, everywhere, once and in order: at full speed, and with the
broker killed in between. CARILLON_TEST_EVENTS says how many events are published; with -s the
tests tell how fast it went."""

import json
import os
import subprocess
import time

import pytest

from harness.cli import Cli
from harness.client import Client
from harness.load_reader import LoadReader
from harness.metrics import wait_for_metric
from harness.waiting import DEADLINE, wait_until

EVENTS = int(os.environ.get("CARILLON_TEST_EVENTS", "50000"))
PATIENCE = 5 * DEADLINE + EVENTS / 5000
READERS, WEBSOCKETS_EACH = 2, 5


def cpu_seconds(program):
    fields = open(f"/proc/{program.process.pid}/stat", encoding="ascii").read().rsplit(")")[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def finish(process):
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out + errors
    return json.loads(out)


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "kill -9"])
def test_all_events_reach_a_watch_and_ten_websockets(start_broker, start_facade, killed):
    broker = start_broker()
    client = Client(broker)
    facade = start_facade(broker, client.user_with("facade", ("sessions", "open", "*")))
    cli = Cli(broker)
    readers = [LoadReader(facade, WEBSOCKETS_EACH, EVENTS) for _ in range(READERS)]
    watch = cli.start("bench", "watch", "--count", EVENTS, "--json")
    wait_for_metric(broker, "carillon_broker_streams", lambda value: value == 2)
    begin = time.monotonic()
    publish = cli.start("bench", "publish", "--count", EVENTS, "--streams", 4, "--batch", 256,
                        "--size", 500, "--retry", "60s", "--json")
    cpu_before_kill = 0
    if killed:
        wait_until(lambda: client.status().event_count > EVENTS // 4, "events are published")
        cpu_before_kill = cpu_seconds(broker.program)
        broker.kill()
        assert publish.poll() is None, "the broker was killed too late"
        broker.start()
    try:
        published = finish(publish)
        watched = finish(watch)
        received = [r for reader in readers for r in reader.result(PATIENCE)]
    finally:
        for reader in readers:
            reader.close()
    seconds = time.monotonic() - begin
    print(f"\n{EVENTS} events: published {published}\nwatched {watched}\nall at {len(received)} "
          f"websockets after {seconds:.1f} s; CPU seconds: broker "
          f"{cpu_before_kill + cpu_seconds(broker.program):.2f}, facade "
          f"{cpu_seconds(facade.program):.2f}")
    assert [(r.events, r.misplaced, r.closed) for r in received] == \
        READERS * WEBSOCKETS_EACH * [(EVENTS, 0, False)]
    assert client.status().event_count == EVENTS
    client.close()
