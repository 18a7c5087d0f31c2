"""Starts the real programs and looks after them."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from harness.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CARILLON_BIN", ROOT / "build/release/bin"))

ACCOUNT = ("rocketskates", "r0cketsk8ts")
ACCOUNT_TEXT = ":".join(ACCOUNT)


def clean_environment(**more):
    """The environment without settings of a Carillon that the developer may be using."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CARILLON_")}
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent", **more}


class Program:
    """A server process; what it logs is collected and can be waited for."""

    def __init__(self, name, arguments, log_file):
        self.name = name
        self.log_file = Path(log_file)
        self.lines = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [str(BIN / name), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=clean_environment(),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self.log_file.open("a") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        self.process.wait()
        with self._changed:
            self._changed.notify_all()

    def wait_for_line(self, pattern, deadline=DEADLINE):
        """The match of the first line that has the pattern; fails when the program ends first."""
        expression = re.compile(pattern)
        end = time.monotonic() + deadline
        seen = 0
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    match = expression.search(line)
                    if match:
                        return match
                seen = len(self.lines)
                left = end - time.monotonic()
                ended = self.process.poll() is not None and not self._reader.is_alive()
                if ended or left <= 0:
                    why = "ended" if ended else "did not log it in time"
                    raise AssertionError(f"{self.name} {why} ({pattern}):\n{self.log_text()}")
                self._changed.wait(min(left, 0.5))

    def port(self, service):
        pattern = rf"listening on \S+?:(\d+)\b.*\bservice\"?[=:]\"?({service})\b"
        try:
            return int(self.wait_for_line(pattern).group(1))
        except AssertionError:
            self.kill()
            raise

    def log_text(self):
        return "\n".join(self.lines)

    def running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def terminate(self):
        """Asks it to drain, and returns its exit code."""
        if self.running():
            self.process.terminate()
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not end:\n{self.log_text()}") from None
        self._reader.join()
        return code


class Broker:
    """A broker on a port of its own, which it keeps over restarts."""

    def __init__(self, folder, certificate, *flags):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = certificate
        self.flags = flags
        self.port = 0
        self.program = None
        self.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        self.program = Program(
            "carillon-broker",
            ["--listen", self.address, "--data", self.folder / "data",
             "--tls-cert", self.certificate.cert, "--tls-key", self.certificate.key,
             "--metrics", "127.0.0.1:0", *self.flags],
            self.folder / "broker.log",
        )
        self.port = self.program.port("grpc")
        self.metrics_port = self.program.port("metrics")

    def kill(self):
        self.program.kill()

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        code = self.program.terminate()
        assert code == 0, f"the broker ended with {code}:\n{self.program.log_text()}"

    def close(self):
        if self.program.running():
            self.stop()


class Facade:
    """A facade before a broker, with an account of its own there: by a token, or, if that is None, by what `flags`
    say."""

    def __init__(self, folder, certificate, broker, token, *flags):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = certificate
        credentials = []
        if token is not None:
            token_file = self.folder / "facade.token"
            token_file.touch(mode=0o600)
            token_file.write_text(token)
            credentials = ["--broker-token-file", token_file]
        self.program = Program(
            "carillon-wsfacade",
            ["--listen", "127.0.0.1:0", "--broker", broker.address,
             "--broker-ca", broker.certificate.cert, *credentials,
             "--tls-cert", certificate.cert, "--tls-key", certificate.key,
             "--metrics", "127.0.0.1:0", *flags],
            self.folder / "facade.log",
        )
        self.port = self.program.port("https|wss")
        self.metrics_port = self.program.port("metrics")

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    @property
    def ws_url(self):
        return f"wss://localhost:{self.port}/api/v3/ws"

    def stop(self):
        code = self.program.terminate()
        assert code == 0, f"the facade ended with {code}:\n{self.program.log_text()}"

    def close(self):
        if self.program.running():
            self.stop()
