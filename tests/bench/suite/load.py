"""Runs the load generator and reads what it says."""

import json
import statistics
import subprocess


class LoadFailed(Exception):
    pass


class Load:
    """A load generator that is running. A context: leaving it ends it."""

    def __init__(self, context, program, *arguments):
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", str(context.bin / program), *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()
        self._process.wait()

    def wait_for(self, stage):
        """What it says when it has come to a stage: "live", "closed", "end"."""
        for line in self._process.stdout:
            said = json.loads(line)
            if said["at"] == stage:
                return said
        raise LoadFailed(self._process.stderr.read().strip() or "the load generator ended")

    def finish(self):
        """Lets a load that holds its connections go."""
        self._process.stdin.close()
        self._process.wait(60)


def run_load(context, program, *arguments):
    with Load(context, program, *arguments) as load:
        return load.wait_for("end")


def median(values):
    return statistics.median(values)


def medians(results):
    """Of each number in dictionaries of the same shape."""
    merged = {}
    for key, value in results[0].items():
        column = [result[key] for result in results]
        if isinstance(value, dict):
            merged[key] = medians(column)
        elif isinstance(value, (int, float)):
            merged[key] = statistics.median(column)
    return merged
