"""Delivery over gRPC: live to many streams, and from the log to one."""

from suite.figures import Figure, at_least, value_at_least
from suite.load import medians, run_load
from suite.servers import Carillon, Etcd, Nats

STREAMS = 50


def watch(context, server, process, *more):
    report = run_load(context, "carillon-bench-load", "watch", *server.grpc_flags(),
                      *server.server_flags(), "--seconds", context.seconds,
                      "--warm-up", context.warm_up, *more)
    cpu = report["cpu_seconds"][process]
    return {"per_core_second": report["deliveries"] / max(cpu, 0.01),
            "deliveries_per_second": report["deliveries"] / report["seconds"],
            "cpu_us": cpu / max(report["deliveries"], 1) * 1e6, "lost": report["lost"]}


def fanout(context):
    """gRPC delivery to 50 streams; etcd's watch with values of the same size"""
    part = "grpc-fanout"
    runs = {}
    with Carillon(context, facade=False) as ours, Etcd(context) as etcd:
        for _ in range(context.runs):
            for batch in (1, 100):
                load = ["--streams", STREAMS, "--round", 500, "--batch", batch]
                runs.setdefault(f"carillon, {batch}", []).append(
                    watch(context, ours, "broker", *load))
                runs.setdefault(f"etcd, {batch}", []).append(watch(context, etcd, "etcd", *load))
    context.keep(part, runs)
    middle = {name: medians(results) for name, results in runs.items()}
    figures = []
    for batch, how, goal in ((1, "one event a request", at_least(10)),
                             (100, "100 events a request", None)):
        ours, peer = middle[f"carillon, {batch}"], middle[f"etcd, {batch}"]
        figures += [
            Figure(part, f"deliveries per core-second of the server, {how}", "1/s",
                   ours["per_core_second"], "etcd watch", peer["per_core_second"], goal),
            Figure(part, f"deliveries, {how}", "1/s", ours["deliveries_per_second"],
                   "etcd watch", peer["deliveries_per_second"]),
        ]
    figures.append(Figure(part, "deliveries per core-second of the server", "1/s",
                          middle["carillon, 100"]["per_core_second"],
                          goal=value_at_least(1_500_000), note="100 events a request"))
    return figures


def replay(context):
    """replay of the log to one gRPC reader; JetStream's ordered consumer"""
    part = "replay"
    count = 200_000 if context.quick else 1_000_000
    peer_count = count // 2
    runs = {"carillon": [], "jetstream": []}
    with Carillon(context, facade=False) as ours, Nats(context) as nats:
        ours.cli("bench", "publish", "--streams", 4, "--size", 500, "--batch", 256,
                 "--count", count)
        address = ["--address", f"127.0.0.1:{nats.client_port}", "--count", peer_count]
        run_load(context, "carillon-bench-jetstream", "publish", *address)
        for _ in range(context.runs):
            runs["carillon"].append(watch(context, ours, "broker", "--streams", 1,
                                          "--replay", count))
            report = run_load(context, "carillon-bench-jetstream", "replay", *address,
                              *nats.server_flags())
            runs["jetstream"].append({
                "deliveries_per_second": report["events"] / report["seconds"],
                "cpu_us": report["cpu_seconds"]["nats-server"] / report["events"] * 1e6})
    context.keep(part, runs)
    ours, peer = medians(runs["carillon"]), medians(runs["jetstream"])
    rate = "deliveries_per_second"
    return [
        Figure(part, "replayed events", "1/s", ours[rate], goal=value_at_least(1_000_000)),
        Figure(part, "replayed events", "1/s", ours[rate], "JetStream", peer[rate]),
        Figure(part, "CPU per million events", "s", ours["cpu_us"], "JetStream", peer["cpu_us"]),
    ]
