"""The command line: measuring."""

import json
import re

import pytest

from harness.cli import Cli
from harness.client import Client
from harness.waiting import wait_until


@pytest.mark.core
def test_bench_publish_and_watch_agree_on_a_whole_run(start_broker):
    broker = start_broker()
    cli = Cli(broker)
    client = Client(broker)
    watch = cli.start("bench", "watch", "--count", "20000", "--streams", "2", "--json")
    wait_until(lambda: client.status().stream_count == 2, "the watches are there")
    out, _ = cli.run("bench", "publish", "--count", "20000", "--streams", "3", "--batch", "64",
                     "--size", "500", "--json")
    published = json.loads(out)
    assert (published["events"], published["refused"]) == (20_000, 0)
    assert published["event_bytes"] == 500 * 20_000
    assert published["events_per_second"] > 0
    assert published["cpu_user_seconds"] + published["cpu_system_seconds"] > 0
    percentiles = [published["latency_ms"][p] for p in ("p50", "p90", "p99", "p99.9", "max")]
    assert percentiles == sorted(percentiles) and percentiles[0] > 0

    out, errors = watch.communicate(timeout=60)
    assert watch.returncode == 0, errors
    received = json.loads(out)
    assert (received["events"], received["lost"], received["repeated"]) == (40_000, 0, 0)
    assert client.status().event_count == 20_000
    assert client.status().event_bytes >= 500 * 20_000
    client.close()


def test_bench_prints_for_people(broker):
    out, _ = Cli(broker).run("bench", "publish", "--count", "100")
    assert re.search(r"published 100 events .* events/s", out)
    assert "CPU" in out and "p99" in out


def test_bench_keeps_a_rate(broker):
    out, _ = Cli(broker).run("bench", "publish", "--count", "500", "--rate", "1000",
                             "--batch", "10", "--json")
    assert 0.4 <= json.loads(out)["seconds"] <= 5


def test_bench_watch_sees_what_is_missing(start_broker):
    broker = start_broker("--log-bytes-max", "1MiB")
    cli = Cli(broker)
    cli.run("bench", "publish", "--count", "20000")
    client = Client(broker)
    wait_until(lambda: client.status().event_count < 20_000, "the log is trimmed")
    out, _ = cli.run("bench", "watch", "--count", "20000", "--from-start", "--idle", "500ms",
                     "--json", code=1)
    report = json.loads(out)
    assert report["lost"] == 20_000 - report["events"] > 0
    client.close()


@pytest.mark.parametrize("arguments", [["publish", "--streams", "0"],
                                       ["publish", "--batch", "10001"],
                                       ["publish", "--count", "x"],
                                       ["watch", "--count", "1", "--idle", "soon"],
                                       ["watch", "--count", "1", "--filter", "a.b"]])
def test_a_bench_that_makes_no_sense_is_told(broker, arguments):
    out, errors = Cli(broker).run("bench", *arguments, code=2)
    assert out == "" and errors
