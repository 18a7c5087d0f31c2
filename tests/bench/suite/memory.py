"""What an idle websocket costs in memory."""

from suite.figures import Figure, at_most, value_at_most
from suite.load import Load, median
from suite.machine import memory_bytes, settled_memory
from suite.servers import Carillon, Nats

# What OpenSSL 3.0 holds for an idle TLS 1.3 session whose buffers are released.
OPENSSL_KB = 14.5
REGISTRATIONS = 5


def hold(context, server, connections, distinct):
    return Load(
        context, "carillon-bench-load", "fanout", "--hold", "--dialect", server.dialect,
        "--address", f"127.0.0.1:{server.port}", *(["--tls"] if server.tls else []),
        *server.load_flags(), "--connections", connections,
        "--registrations", REGISTRATIONS, *(["--distinct"] if distinct else []))


def per_connection(context, kind, tls, distinct=False):
    """KB of each process for one more idle connection."""
    connections = 1000 if context.quick else 4000
    with kind(context, tls=tls) as server:
        pids = server.pids()
        # The first connections bring in code and grow tables.
        with hold(context, server, 200, distinct) as first:
            first.wait_for("live")
            settled_memory(pids.values())
            before = {name: memory_bytes(pid) for name, pid in pids.items()}
            with hold(context, server, connections, distinct) as load:
                load.wait_for("live")
                settled_memory(pids.values())
                after = {name: memory_bytes(pid) for name, pid in pids.items()}
                load.finish()
            first.finish()
    return {name: (after[name] - before[name]) / connections / 1000 for name in pids}


def idle_connections(context):
    """memory of an idle websocket with 5 registrations, wss and ws"""
    part = "memory"
    figures = []
    runs = max(1, context.runs // 2)
    goals = {True: value_at_most(OPENSSL_KB + 2.5), False: value_at_most(3)}
    for tls, scheme in ((True, "wss"), (False, "ws")):
        ours = [per_connection(context, Carillon, tls) for _ in range(runs)]
        distinct = [per_connection(context, Carillon, tls, distinct=True) for _ in range(runs)]
        peer = [per_connection(context, Nats, tls) for _ in range(runs)]
        peer_distinct = [per_connection(context, Nats, tls, distinct=True) for _ in range(runs)]
        context.keep(f"{part}-{scheme}", {"carillon": ours, "carillon, distinct": distinct,
                                          "nats-server": peer,
                                          "nats-server, distinct": peer_distinct})
        ours_kb = median([sum(run.values()) for run in ours])
        peer_kb = median([sum(run.values()) for run in peer])
        figures += [
            Figure(part, f"idle {scheme} connection", "KB", ours_kb, "nats-server", peer_kb,
                   at_most(0.5)),
            Figure(part, f"idle {scheme} connection", "KB", ours_kb, goal=goals[tls],
                   note=f"OpenSSL {OPENSSL_KB}" if tls else ""),
            Figure(part, f"idle {scheme} connection, facade", "KB",
                   median([run["facade"] for run in ours])),
            Figure(part, f"idle {scheme} connection, broker", "KB",
                   median([run["broker"] for run in ours])),
            Figure(part, f"idle {scheme} connection, no filter shared", "KB",
                   median([sum(run.values()) for run in distinct]), "nats-server",
                   median([sum(run.values()) for run in peer_distinct])),
        ]
    return figures
