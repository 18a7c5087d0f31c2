"""Reads a metrics page, in the text format of Prometheus, strictly."""

import re
import urllib.request

from harness.waiting import DEADLINE, wait_until

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABELS = r'\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\}'
_SAMPLE = re.compile(rf"^({_NAME})({_LABELS})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
_SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count"),
             "summary": ("", "_sum", "_count")}


class Page:
    """The samples of a page by name and labels; raises ValueError for what is not in the format."""

    def __init__(self, text):
        self.text = text
        self.kinds = {}
        self.helps = {}
        self.samples = {}
        if not text.endswith("\n"):
            raise ValueError("the last line is not ended")
        for line in text.splitlines():
            self._take(line)

    def _take(self, line):
        if line.startswith("# HELP "):
            _, _, name, help = line.split(" ", 3)
            if name in self.helps:
                raise ValueError(f"two HELP lines of {name}")
            self.helps[name] = help
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if name in self.kinds:
                raise ValueError(f"two TYPE lines of {name}")
            self.kinds[name] = kind
        elif line and not line.startswith("#"):
            self._take_sample(line)

    def _take_sample(self, line):
        match = _SAMPLE.match(line)
        if not match:
            raise ValueError(f"not a sample: {line}")
        name, labels, value = match.groups()
        if not self._family(name):
            raise ValueError(f"a sample without a TYPE line before it: {line}")
        key = (name, tuple(sorted(_LABEL.findall(labels or ""))))
        if key in self.samples:
            raise ValueError(f"twice: {line}")
        self.samples[key] = float(value)

    def _family(self, name):
        return next((family for family, kind in self.kinds.items()
                     if name in (family + suffix for suffix in _SUFFIXES[kind])), None)

    def get(self, name, **labels):
        """The value of a sample; 0 if it is not there."""
        return self.samples.get((name, tuple(sorted(labels.items()))), 0)


def fetch(program):
    """The metrics page of a Broker or a Facade."""
    url = f"http://127.0.0.1:{program.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
        return Page(answer.read().decode())


def wait_for_metric(program, name, condition, **labels):
    """Waits until the sample's value meets the condition; the value."""
    def look():
        value = fetch(program).get(name, **labels)
        return (value,) if condition(value) else None

    return wait_until(look, f"{name}{labels or ''} of {program.program.name}")[0]
