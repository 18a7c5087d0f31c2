"""Many websockets that come back at once, and many hours of the same load."""

import time
from functools import partial

from suite.figures import Figure, value_at_most
from suite.load import Load, medians
from suite.machine import cpu_seconds, memory_bytes
from suite.servers import Carillon, Nats


def reconnect(context, server, connections, restart):
    """Kills the websocket server and starts it again; what it takes until all are back."""
    with Load(context, "carillon-bench-load", "fanout", "--storm", "--dialect", server.dialect,
              "--address", f"127.0.0.1:{server.port}", "--tls", *server.load_flags(),
              "--connections", connections, "--registrations", 5,
              "--server", f"broker={server.processes[0].pid}") as load:
        load.wait_for("live")
        pid = restart(load)
        report = load.wait_for("end")
        cpu = cpu_seconds(pid)
        load.finish()
    return {"seconds": report["seconds"], "failed_attempts": report["failed_attempts"],
            "server_cpu_seconds": cpu,
            "broker_cpu_seconds": report["cpu_seconds"]["broker"],
            "load_cpu_seconds": report["cpu_seconds"]["load"]}


def restart_facade(server, load):
    server.processes.pop().kill()
    load.wait_for("closed")
    return server.start_facade().pid


def restart_nats(server, load):
    server.processes.pop().kill()
    load.wait_for("closed")
    # On the same ports.
    return server.run("nats-server", "nats-server", "-c", server.folder / "nats.conf",
                      port=server.client_port).pid


def storm(context):
    """10,000 browsers that reconnect at once after a restart of the facade"""
    part = "storm"
    connections = 2000 if context.quick else 10_000
    runs = {"carillon": [], "nats-server": []}
    for _ in range(context.runs):
        with Carillon(context) as server:
            runs["carillon"].append(
                reconnect(context, server, connections, partial(restart_facade, server)))
        with Nats(context) as server:
            runs["nats-server"].append(
                reconnect(context, server, connections, partial(restart_nats, server)))
    context.keep(part, runs)
    ours, peer = (medians(results) for results in runs.values())
    name = f"{connections:,} wss connections"
    return [
        Figure(part, f"{name}: until all are registered", "s", ours["seconds"], "nats-server",
               peer["seconds"]),
        Figure(part, f"{name}: CPU of the server they connect to", "s",
               ours["server_cpu_seconds"], "nats-server", peer["server_cpu_seconds"]),
        Figure(part, f"{name}: attempts that failed", "", ours["failed_attempts"], "nats-server",
               peer["failed_attempts"]),
        Figure(part, f"{name}: CPU of the broker", "s", ours["broker_cpu_seconds"]),
        Figure(part, f"{name}: CPU of the load itself", "s", ours["load_cpu_seconds"]),
    ]


def slope(samples):
    """Bytes a second, by least squares over (seconds, bytes)."""
    n = len(samples)
    mean_x = sum(x for x, _ in samples) / n
    mean_y = sum(y for _, y in samples) / n
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0


def soak(context):
    """memory under paced load for a long time (--minutes), extrapolated to 24 hours"""
    part = "soak"
    samples = {"broker": [], "facade": []}
    seconds = context.minutes * 60
    # A log that is full after minutes, so that trimming is part of it.
    with Carillon(context, broker_flags=("--log-bytes-max", "64MiB")) as server, Load(
            context, "carillon-bench-load", "fanout", "--dialect", "carillon", "--tls",
            "--address", f"127.0.0.1:{server.port}", *server.load_flags(),
            "--connections", 100, "--rate", 500, "--registrations", 5,
            "--seconds", seconds, "--warm-up", 5) as load:
        load.wait_for("live")
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            time.sleep(min(5, seconds / 20))
            for name, pid in server.pids().items():
                samples[name].append((time.monotonic() - begin, anonymous_bytes(pid)))
        report = load.wait_for("end")
    context.keep(part, {"samples": samples, "report": report})
    figures = [Figure(part, "events lost in all", "", report["lost"], goal=value_at_most(0))]
    for name, points in samples.items():
        # The first third fills caches and pools.
        later = points[len(points) // 3:]
        now = later[-1][1]
        day = slope(later) * 86_400
        figures += [
            Figure(part, f"{name}: memory at the end", "MB", now / 1e6),
            # Within what the allocator's moods make of a run.
            Figure(part, f"{name}: growth in 24 h by extrapolation", "MB", day / 1e6,
                   goal=value_at_most(10))]
    return figures


def anonymous_bytes(pid):
    """Memory that is not the log's file, whose pages come and go with the page cache."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024
    return memory_bytes(pid)
