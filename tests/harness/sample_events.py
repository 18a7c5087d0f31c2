"""Events of the shape that Digital Rebar Provision sends: two well-known ones, and any number of
varied ones, the same for the same seed.

    python3 tests/harness/sample_events.py [--count N] [--seed N]

prints them one a line, as `carillon publish --file` reads them.
"""

import argparse
import json
import random
import re
from dataclasses import dataclass
from datetime import datetime, timezone

_GLOBAL_HEAD = (
    '{"Validated":true,"Available":true,"Errors":[],"ReadOnly":false,"Meta":{"color":"blue",'
    '"icon":"world","title":"Digital Rebar Provision"},"Name":"global","Description":"Global '
    'profile attached automatically to all machines.","Params":{')
_GLOBAL_TAIL = (
    '"change-stage/map":{"centos-8-install":"packet-ssh-keys:Success","discover":'
    '"packet-discover:Success","packet-discover":"centos-8-install:Reboot","packet-ssh-keys":'
    '"complete-nowait:Success"},"kernel-console":"console=ttyS1,115200"}}')


@dataclass
class SampleEvent:
    """An event; `object` and `original` are JSON text, or None."""

    time: str
    type: str
    action: str
    key: str
    object: str | None = None
    original: str | None = None

    def frame(self, principal):
        """The text message that a websocket gets for it."""
        parts = [("Time", quote(self.time)), ("Type", quote(self.type)),
                 ("Action", quote(self.action)), ("Key", quote(self.key))]
        if principal:
            parts.append(("Principal", quote(principal)))
        parts.append(("Object", "null" if self.object is None else self.object))
        if self.original is not None:
            parts.append(("Original", self.original))
        return "{" + ",".join(f'"{name}":{text}' for name, text in parts) + "}"

    def line(self, principal=""):
        """The frame on one line."""
        return re.sub("[\r\n]", " ", self.frame(principal))

    def seconds_and_nanos(self):
        whole, _, fraction = self.time.rstrip("Z").partition(".")
        moment = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
        return int(moment.timestamp()), int(fraction.ljust(9, "0") or 0)


def quote(text):
    return json.dumps(text, ensure_ascii=False)


THE_TWO = [
    SampleEvent("2017-12-21T23:26:43.412554192Z", "profiles", "save", "global",
                _GLOBAL_HEAD + '"bar":"blatz",' + _GLOBAL_TAIL),
    SampleEvent("2017-12-21T23:27:15.218761478Z", "profiles", "save", "global",
                _GLOBAL_HEAD + _GLOBAL_TAIL),
]

_TYPES = ["profiles", "machines", "params", "jobs", "leases", "stages", "größen", "機械"]
_ACTIONS = ["create", "save", "update", "delete", "upload"]
_WORDS = ["blue", "world", "boot", "naïve", "日本語", "🔔", "a/b", "c:d", "x.y", "p,q", "st*r",
          "tab\there", "line\nend", 'quo"te', "back\\slash", "\u2028", "\x7f", "<&>", ""]
# Digits that a parser of doubles would lose.
_NUMBERS = ["0", "-0", "1", "-1", "1.0", "1.10", "1E2", "1e-7", "-0.0",
            "9007199254740993", "123456789012345678901234567890",
            "3.141592653589793238462643383279502884197", "1e400", "-1e-400"]
_SPACES = ["", "", "", " ", "  ", "\n", "\r\n\t", " \t "]


class _Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def time(self):
        seconds = self.random.randrange(0, 4_000_000_000)
        nanos = self.random.choice([0, 1, 999_999_999, 500_000_000, 120_000,
                                    self.random.randrange(10 ** 9)])
        text = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        return text + f".{nanos:09}".rstrip("0").rstrip(".") + "Z"

    def key(self, number):
        words = [w for w in _WORDS if w.isprintable() and w]
        return f"{self.random.choice(words)} {number:05}.{self.random.choice(words)}"

    def string(self):
        word = self.random.choice(_WORDS)
        if self.random.random() < 0.3:  # all of it in escapes
            units = word.encode("utf-16-be")
            return '"' + "".join(f"\\u{units[i]:02X}{units[i + 1]:02x}"
                                 for i in range(0, len(units), 2)) + '"'
        return quote(word)

    def space(self):
        return self.random.choice(_SPACES)

    def value(self, depth):
        kind = self.random.random()
        if depth > 5 or kind < 0.3:
            return self.string()
        if kind < 0.5:
            return self.random.choice(_NUMBERS)
        if kind < 0.6:
            return self.random.choice(["true", "false", "null"])
        if kind < 0.75:
            return self._joined("[]", [self.value(depth + 1) for _ in range(self._few())])
        # Names may repeat: the text is kept as it is.
        return self._joined("{}", [
            f"{self.string()}{self.space()}:{self.space()}{self.value(depth + 1)}"
            for _ in range(self._few())])

    def _few(self):
        return self.random.randrange(6)

    def _joined(self, brackets, items):
        inner = ",".join(f"{self.space()}{item}{self.space()}" for item in items)
        return brackets[0] + (inner or self.space()) + brackets[1]

    def deep(self):
        return "[" * 200 + "{}" + "]" * 200

    def long(self):
        return '{"Text":"' + "é" * 30_000 + '"}'

    def object(self, number):
        if number % 97 == 0:
            return self.deep()
        if number % 101 == 0:
            return self.long()
        members = [f"{self.string()}:{self.space()}{self.value(1)}" for _ in range(8)]
        text = self._joined("{}", members) if self.random.random() < 0.8 else self.value(0)
        # An Object of null is an absent one.
        return None if text == "null" else text

    def event(self, number):
        action = self.random.choice(_ACTIONS)
        changed = action in ("save", "update") and self.random.random() < 0.5
        original = self.value(0) if changed else None
        return SampleEvent(self.time(), self.random.choice(_TYPES), action, self.key(number),
                           self.object(number), None if original == "null" else original)


def sample_events(count=1000, seed=1):
    """THE_TWO and then varied ones, `count` in all."""
    generator = _Generator(seed)
    return THE_TWO + [generator.event(number) for number in range(1, count - 1)]


def main():
    parser = argparse.ArgumentParser(description="Print sample events, one a line.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for event in sample_events(arguments.count, arguments.seed):
        print(event.line())


if __name__ == "__main__":
    main()
