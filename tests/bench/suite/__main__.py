"""The command line of tests/bench/run."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from suite import grpc_streams, memory, pictures, publishing, rooms, storms, websocket
from suite.figures import table
from suite.machine import description, raise_descriptor_limit

ROOT = Path(__file__).resolve().parents[3]

PARTS = {
    "wss-burst": websocket.wss_burst,
    "wss-paced-100": websocket.wss_paced_100,
    "wss-paced-1000": websocket.wss_paced_1000,
    "ws-burst-1000": websocket.ws_burst_1000,
    "memory": memory.idle_connections,
    "publish": publishing.publish,
    "publish-ack": publishing.publish_ack,
    "grpc-fanout": grpc_streams.fanout,
    "replay": grpc_streams.replay,
    "match": rooms.match,
    "rooms": rooms.rooms,
    "quiet": websocket.quiet_latency,
    "filters": websocket.filters,
    "storm": storms.storm,
    "soak": storms.soak,
    "pictures": pictures.draw,
}
# Take long, and are not part of a run without arguments.
ON_REQUEST = {"soak", "pictures"}


class Certificate:
    """One for all servers."""

    def __init__(self, folder):
        self.cert = folder / "cert.pem"
        self.key = folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.key, "-out", self.cert], check=True, capture_output=True)


class Context:
    """What a part needs to know of this run."""

    def __init__(self, options):
        self.bin = options.bin.resolve()
        self.folder = options.data.resolve()
        self.out = options.out.resolve()
        self.quick = options.quick
        self.runs = options.runs or (1 if options.quick else 5)
        self.seconds = options.seconds or (2 if options.quick else 5)
        self.warm_up = 0.5 if options.quick else 1
        self.minutes = options.minutes or (1 if options.quick else 30)
        self.round = options.round
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.certificate = Certificate(self.folder)
        self.details = {}

    def keep(self, part, details):
        """For the JSON: what the figures were made of."""
        self.details[part] = details


def parse_arguments(arguments):
    parts = "\n".join(f"  {name:15} {part.__doc__}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="tests/bench/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures Carillon beside its peers and prints a table.",
        epilog=f"parts:\n{parts}\n\nwithout any: all but {' and '.join(sorted(ON_REQUEST))}")
    parser.add_argument("part", nargs="*", metavar="part", help="what to measure; see below")
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    parser.add_argument("--runs", type=int, help="runs, of which the median counts (default 5)")
    parser.add_argument("--seconds", type=float, help="length of a run (default 5)")
    parser.add_argument("--minutes", type=float, help="length of the soak (default 30)")
    parser.add_argument("--round", type=int, default=200,
                        help="events published together in a burst (default 200)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/pictures",
                        help="folder of the pictures (default build/bench/pictures)")
    parser.add_argument("--data", type=Path, default=ROOT / "build/bench/data",
                        help="folder of the servers' files, emptied first")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin",
                        help="folder of the programs")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.part if name not in PARTS]
    if unknown:
        parser.error(f"no part is called {', '.join(unknown)}; --help lists them")
    return options


def main(arguments):
    options = parse_arguments(arguments)
    raise_descriptor_limit()
    context = Context(options)
    machine = description()
    figures, failed = [], {}
    for name in options.part or [name for name in PARTS if name not in ON_REQUEST]:
        print(f"bench: {name}: {PARTS[name].__doc__}", file=sys.stderr, flush=True)
        begin = time.monotonic()
        try:
            figures += PARTS[name](context)
        except Exception as error:  # One part that fails takes no other with it.
            failed[name] = str(error)
            print(f"bench: {name} failed: {error}", file=sys.stderr)
        print(f"bench: {name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(
            {"machine": machine, "quick": options.quick, "runs": context.runs,
             "figures": [figure.as_json() for figure in figures],
             "details": context.details, "failed": failed}, indent=1) + "\n")
    print(table(figures))
    print("\nOn {cpu}, {cores} cores shared with the load, {memory_gb} GB, Linux {kernel}, {time}; "
          "load average before: {load_before}".format(**machine))
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
