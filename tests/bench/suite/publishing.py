"""How fast events are made durable, and how soon that is told."""

import csv
import json
import subprocess

from suite.figures import Figure, at_least, at_most, value_at_least
from suite.load import medians, run_load
from suite.machine import cpu_seconds
from suite.servers import Carillon, Nats, Redis

STREAMS = 4
EVENT_BYTES = 500


def publish_to_carillon(context, server, count, batch):
    before = cpu_seconds(server.pids()["broker"])
    report = json.loads(server.cli(
        "bench", "publish", "--streams", STREAMS, "--size", EVENT_BYTES, "--batch", batch,
        "--count", count, "--json"))
    cpu = cpu_seconds(server.pids()["broker"]) - before
    return {"events_per_second": report["events_per_second"], "cpu_us": cpu / count * 1e6,
            "latency_ms": report["latency_ms"]}


def publish_to_jetstream(context, server, count):
    report = run_load(context, "carillon-bench-jetstream", "publish",
                      "--address", f"127.0.0.1:{server.client_port}", "--streams", STREAMS,
                      "--count", count, "--event-size", EVENT_BYTES, *server.server_flags())
    return {"events_per_second": report["events"] / report["seconds"],
            "cpu_us": report["cpu_seconds"]["nats-server"] / report["events"] * 1e6}


def publish_to_redis(server, count):
    before = cpu_seconds(server.pids()["redis"])
    done = subprocess.run(
        ["redis-benchmark", "-p", str(server.port), "-c", str(STREAMS), "-P", "64", "--csv",
         "-n", str(count), "XADD", "bench", "*", "event", "x" * EVENT_BYTES],
        capture_output=True, text=True, check=True)
    cpu = cpu_seconds(server.pids()["redis"]) - before
    rows = list(csv.reader(done.stdout.splitlines()))
    return {"events_per_second": float(rows[-1][1]), "cpu_us": cpu / count * 1e6}


def publish(context):
    """durable publishing, 500 B events, 4 streams; JetStream without fsync, Redis with"""
    part = "publish"
    count = 200_000 if context.quick else 1_000_000
    runs = {"carillon": [], "carillon, batches of 256": [], "jetstream": [], "redis": []}
    for _ in range(context.runs):
        # A log of its own for each run: none is to pay for what another one left.
        with Carillon(context, facade=False) as server:
            publish_to_carillon(context, server, count // 10, 64)
            runs["carillon"].append(publish_to_carillon(context, server, count, 64))
            runs["carillon, batches of 256"].append(
                publish_to_carillon(context, server, count, 256))
        with Nats(context) as server:
            publish_to_jetstream(context, server, count // 10)
            runs["jetstream"].append(publish_to_jetstream(context, server, count // 2))
        with Redis(context) as server:
            publish_to_redis(server, count // 10)
            runs["redis"].append(publish_to_redis(server, count // 4))
    context.keep(part, runs)
    middle = {name: medians(results) for name, results in runs.items()}
    ours = middle["carillon"]
    rate, cpu = "events_per_second", "cpu_us"
    return [
        Figure(part, "durable events", "1/s", ours[rate], goal=value_at_least(250_000),
               note="batches of 64"),
        Figure(part, "durable events", "1/s", ours[rate], "JetStream, no fsync",
               middle["jetstream"][rate], at_least(2.5)),
        Figure(part, "durable events", "1/s", ours[rate], "Redis streams, fsync",
               middle["redis"][rate]),
        Figure(part, "durable events", "1/s", middle["carillon, batches of 256"][rate],
               note="batches of 256"),
        Figure(part, "CPU per million events", "s", ours[cpu], "JetStream, no fsync",
               middle["jetstream"][cpu]),
        Figure(part, "CPU per million events", "s", ours[cpu], "Redis streams, fsync",
               middle["redis"][cpu]),
        Figure(part, "from sending to acknowledgement, p50", "ms", ours["latency_ms"]["p50"]),
        Figure(part, "from sending to acknowledgement, p99", "ms", ours["latency_ms"]["p99"]),
    ]


def publish_ack(context):
    """acknowledgement of one event at a time, beside one flush of the same disk"""
    part = "publish-ack"
    runs = {"ack": [], "refused": [], "flush": []}
    with Carillon(context, facade=False) as server:
        for _ in range(context.runs):
            runs["flush"].append(run_load(
                context, "carillon-bench-load", "flush", "--file", context.folder / "page",
                "--seconds", context.seconds)["latency_us"])
            for name, flags in (("ack", []), ("refused", ["--refused"])):
                runs[name].append(run_load(
                    context, "carillon-bench-load", "publish-ack", *server.grpc_flags(), *flags,
                    "--warm-up", context.warm_up, "--seconds", context.seconds)["latency_us"])
    context.keep(part, runs)
    ack, refused, flush = (medians(runs[name]) for name in ("ack", "refused", "flush"))
    return [
        *(Figure(part, f"acknowledgement {name}", "µs", ack[key], "one flush", flush[key],
                 at_most(1.5) if key == "p50" else None)
          for key, name in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"))),
        Figure(part, "answer to an event that is refused, p50", "µs", refused["p50"],
               note="all but the disk"),
    ]
