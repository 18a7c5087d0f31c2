"""How cost grows, as pictures."""

from suite import websocket
from suite.load import medians
from suite.servers import Carillon, Nats

COLOURS = {"carillon": "#0b6e4f", "nats-server": "#c44536"}
LABELS = {"carillon": "Carillon", "nats-server": "nats-server 2.9"}


def sweep(context, kinds, key, values, rounds=lambda _: None, **load):
    """Medians for each value of one parameter of the load, by server."""
    points = {}
    for kind in kinds:
        with kind(context) as server:
            points[kind.name] = [
                (value, medians([websocket.measure(context, server, rounds=rounds(value),
                                                   **{**load, key: value})
                                 for _ in range(context.runs)]))
                for value in values]
    return points


def picture(context, name, title, x_label, panels, points, x_of=lambda x: x):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    from matplotlib.ticker import EngFormatter

    figure, axes = pyplot.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.4),
                                   layout="constrained", squeeze=False)
    for axis, (key, label) in zip(axes[0], panels):
        for server, series in points.items():
            axis.plot([x_of(x) for x, _ in series], [found[key] for _, found in series],
                      marker="o", markersize=4, color=COLOURS[server], label=LABELS[server])
        ticks = [x_of(x) for x, _ in next(iter(points.values()))]
        axis.set_xscale("symlog" if 0 in ticks else "log")
        axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axis.minorticks_off()
        axis.set_ylim(bottom=0)
        axis.set_xlabel(x_label)
        axis.set_ylabel(label)
        axis.yaxis.set_major_formatter(EngFormatter(sep=""))
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].legend(frameon=False)
    figure.suptitle(title, fontsize=11)
    context.out.mkdir(parents=True, exist_ok=True)
    # Without the date, so that equal figures make equal files.
    figure.savefig(context.out / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)


CPU = ("cpu_us", "server CPU, µs a delivery")
RATE = ("deliveries_per_second", "deliveries a second")
P99 = ("p99_ms", "latency p99, ms")


def draw(context):
    """pictures of how cost grows with connections, filters, event size and rate"""
    both = (Carillon, Nats)
    short = context.quick

    connections = sweep(context, both, "connections",
                        [10, 100] if short else [1, 3, 10, 30, 100, 300, 1000, 3000],
                        rounds=lambda count: min(max(10_000 // count, 200), 2000))
    picture(context, "connections", "wss fan-out of 500 B events, flat out", "connections",
            [CPU, RATE], connections)

    sizes = sweep(context, both, "event_size",
                  [400, 4000] if short else [350, 1000, 3000, 10_000, 30_000],
                  rounds=lambda _: 50, connections=100)
    picture(context, "event-size", "wss fan-out to 100 connections, flat out", "bytes an event",
            [CPU, RATE], sizes)

    rates = sweep(context, both, "rate",
                  [50, 500] if short else [10, 30, 100, 300, 1000, 3000], connections=100)
    picture(context, "rate", "wss fan-out to 100 connections at a steady rate",
            "events a second on each connection", [CPU, P99], rates)

    filters = sweep(context, (Carillon,), "registrations",
                    [1, 11] if short else [1, 2, 11, 101, 1001, 3001], connections=100)
    picture(context, "filters", "wss fan-out to 100 connections beside filters that do not match",
            "filters that do not match", [CPU, RATE], filters,
            x_of=lambda registrations: 100 * (registrations - 1))

    context.keep("pictures", {"connections": connections, "event-size": sizes, "rate": rates,
                              "filters": filters})
    return []
