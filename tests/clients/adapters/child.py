"""A websocket client that is a program of its own: lines of JSON on its stdin tell what to do, and
lines of JSON on its stdout what happened.

To it: {"send": TEXT}, {"binary": BASE64}, {"fragments": [TEXT, …]}, {"ping": TEXT},
{"close": CODE}.
From it: {"open": {"extensions": TEXT}} or {"refused": {"status": N, "headers": {…}, "body": TEXT}},
then {"message": TEXT}, {"pong": TEXT}, {"closed": CODE}.
"""

import base64
import json
import queue
import subprocess
import threading

from clients.adapters.session import Refused, Session
from harness.waiting import DEADLINE


class Child(Session):
    def __init__(self, command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)
        self._reports = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        report = self._next_report()
        if "refused" in report:
            self.drop()
            raise Refused(**report["refused"])
        self.extensions = report["open"]["extensions"]

    def _read(self):
        for line in self._process.stdout:
            self._reports.put(json.loads(line))
        self._reports.put({})

    def _next_report(self):
        try:
            report = self._reports.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError("nothing came") from None
        assert report, f"the client ended with {self._process.wait(DEADLINE)}"
        return report

    def _next(self, name):
        report = self._next_report()
        assert name in report, report
        return report[name]

    def _ask(self, **what):
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def send(self, text):
        self._ask(send=text)

    def send_binary(self, data):
        self._ask(binary=base64.b64encode(data).decode())

    def send_fragments(self, parts):
        self._ask(fragments=parts)

    def ping(self, payload):
        self._ask(ping=payload)
        assert self._next("pong") == payload

    def next_text(self):
        return self._next("message")

    def close(self):
        self._ask(close=1000)
        return self._next("closed")

    def drop(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
