"""Fan-out to websockets: what a delivery costs and how long it takes."""

from contextlib import ExitStack

from suite.figures import Figure, at_least, at_most, value_at_most
from suite.load import medians, run_load
from suite.servers import Carillon, Mosquitto, Nats


def measure(context, server, connections, rate=0, event_size=500, registrations=1, seconds=None,
            rounds=None):
    """One run of the load against a server; per delivery."""
    report = run_load(
        context, "carillon-bench-load", "fanout", "--dialect", server.dialect,
        "--address", f"127.0.0.1:{server.port}", *(["--tls"] if server.tls else []),
        *server.load_flags(), *server.server_flags(),
        "--connections", connections, "--rate", rate, "--event-size", event_size,
        "--registrations", registrations, "--distinct",
        "--round", rounds or context.round,
        "--seconds", seconds or context.seconds, "--warm-up", context.warm_up)
    servers = {k: v for k, v in report["cpu_seconds"].items() if k != "load"}
    deliveries = max(report["deliveries"], 1)
    return {
        "cpu_us": sum(servers.values()) / deliveries * 1e6,
        "cpu_us_by_process": {k: v / deliveries * 1e6 for k, v in servers.items()},
        "load_cpu_us": report["cpu_seconds"]["load"] / deliveries * 1e6,
        "deliveries_per_second": report["deliveries"] / report["seconds"],
        "events_per_second": report["events"] / report["seconds"],
        "lost": report["lost"],
        "disorder": report["disorder"],
        **{f"{k}_ms": v / 1000 for k, v in report.get("latency_us", {}).items()},
    }


def compare(context, part, peers, tls, goals, **load):
    """Ours and each peer's medians; runs take turns, so that what disturbs them hits all."""
    names = {"cpu_us": ("CPU per million deliveries", "s"),
             "deliveries_per_second": ("deliveries", "1/s"),
             "p50_ms": ("latency p50", "ms"), "p99_ms": ("latency p99", "ms"),
             "p999_ms": ("latency p99.9", "ms")}
    with ExitStack() as stack:
        servers = [stack.enter_context(kind(context, tls=tls)) for kind in (Carillon, *peers)]
        runs = {server.name: [] for server in servers}
        for _ in range(context.runs):
            for server in servers:
                runs[server.name].append(measure(context, server, **load))
    context.keep(part, runs)
    middle = {name: medians(results) for name, results in runs.items()}
    ours = middle["carillon"]
    figures = []
    for peer in peers:
        for key, (name, unit) in names.items():
            figures.append(Figure(part, name, unit, ours[key], peer.name, middle[peer.name][key],
                                  goals.get(key) if peer is peers[0] else None))
    for process, cpu in ours["cpu_us_by_process"].items():
        figures.append(Figure(part, f"CPU of the {process} alone", "s", cpu))
    for name, results in runs.items():
        for fault in ("lost", "disorder"):
            # Of all runs: the median would be silent about one of them.
            count = sum(result[fault] for result in results)
            if count:
                figures.append(Figure(part, f"{fault}: {name}", "", count))
    return figures


def wss_burst(context):
    """wss, 100 connections, 500 B events, as fast as they are received"""
    return compare(context, "wss-burst", [Nats, Mosquitto], True,
                   {"cpu_us": at_most(0.5), "deliveries_per_second": at_least(1.3)},
                   connections=100)


def wss_paced_100(context):
    """wss, 100 connections × 500 events/s"""
    return compare(context, "wss-paced-100", [Nats, Mosquitto], True,
                   {"cpu_us": at_most(0.8), "p99_ms": at_most(0.5)}, connections=100, rate=500)


def wss_paced_1000(context):
    """wss, 1,000 connections × 50 events/s"""
    return compare(context, "wss-paced-1000", [Nats, Mosquitto], True,
                   {"cpu_us": at_most(0.5), "p99_ms": at_most(0.5)}, connections=1000, rate=50)


def ws_burst_1000(context):
    """ws without TLS, 1,000 connections, as fast as they are received"""
    return compare(context, "ws-burst-1000", [Nats, Mosquitto], False,
                   {"cpu_us": at_most(0.9), "deliveries_per_second": at_least(1.1)},
                   connections=1000)


def quiet_latency(context):
    """wss, 10 connections × 20 events/s: from publishing to the browser on a quiet system"""
    # At the pace of the events: a disk, and a processor that has gone to sleep, answer later then.
    flush = run_load(context, "carillon-bench-load", "flush", "--file", context.folder / "page",
                     "--rate", 20, "--seconds", max(context.seconds, 5))
    flush_ms = flush["latency_us"]["p50"] / 1000
    return compare(context, "quiet", [Nats], True,
                   {"p50_ms": value_at_most(1 + flush_ms), "p99_ms": value_at_most(5)},
                   connections=10, rate=20, seconds=max(context.seconds, 5)) + [
        Figure("quiet", "one flush of this disk at that pace, p50", "ms", flush_ms)]


def filters(context):
    """what 100,000 filters that do not match add to a delivery"""
    part = "filters"
    per_connection = 100 if context.quick else 1000
    runs = {"none": [], "many": []}
    with Carillon(context) as server:
        for _ in range(context.runs):
            runs["none"].append(measure(context, server, connections=100))
            runs["many"].append(
                measure(context, server, connections=100, registrations=1 + per_connection))
    context.keep(part, runs)
    without, with_filters = medians(runs["none"]), medians(runs["many"])
    return [Figure(part, f"CPU per million deliveries, {100 * per_connection:,} more filters", "s",
                   with_filters["cpu_us"], "without", without["cpu_us"], at_most(1.05))]
