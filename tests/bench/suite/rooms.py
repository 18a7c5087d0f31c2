"""The benchmarks of single rooms, by Google Benchmark."""

import json
import os
import subprocess

from suite.figures import Figure, value_at_most


def run_benchmark(context, program, filter_):
    """Medians by name: real time in ns, and counters."""
    repetitions = ["--benchmark_min_time=0.1"] if context.quick else [
        f"--benchmark_repetitions={context.runs}", "--benchmark_report_aggregates_only=true"]
    done = subprocess.run(
        [context.bin / "bench" / program, f"--benchmark_filter={filter_}",
         "--benchmark_format=json", *repetitions],
        capture_output=True, text=True, check=True,
        # Where the log's benchmarks make their files: on the disk of the other measurements.
        env={**os.environ, "TMPDIR": str(context.folder)})
    scale = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    found = {}
    for row in json.loads(done.stdout)["benchmarks"]:
        if row.get("aggregate_name", "median") == "median":
            row["real_ns"] = row["real_time"] * scale[row["time_unit"]]
            found[row["run_name"]] = row
    return found


def match(context):
    """finding an event's filters among 1,000,000, with filters that come and go"""
    part = "match"
    found = run_benchmark(context, "match_bench", "1000000")
    context.keep(part, found)
    one = found["BM_MatchOne/filters:1000000"]
    figures = [
        Figure(part, "match of a selective event", "µs", one["real_ns"] / 1000,
               goal=value_at_most(1)),
        Figure(part, "allocations of a match", "", one["allocations_per_event"],
               goal=value_at_most(0)),
        Figure(part, "memory of a filter in the index", "B", one["index_bytes_per_filter"]),
    ]
    for name, text in (("BM_MatchNone/filters:1000000", "match of an event that nobody wants"),
                       ("BM_MatchWithChurn/filters:1000000",
                        "match with a filter added and removed each time"),
                       ("BM_AddRemove/filters:1000000", "a filter added and removed")):
        figures.append(Figure(part, text, "µs", found[name]["real_ns"] / 1000))
    return figures


def rooms(context):
    """single rooms: check and encode, log, JSON frame, outbox"""
    part = "rooms"
    details = {program: run_benchmark(context, program, pattern) for program, pattern in (
        ("ingest_bench", "bytes:500/"), ("frame_bench", "."),
        ("log_bench", "^(Append|Replay)/256"))}
    context.keep(part, details)
    figures = []
    for found in details.values():
        for name, row in found.items():
            if "items_per_second" in row:
                figures.append(Figure(part, name, "ns an item", 1e9 / row["items_per_second"]))
    return figures
