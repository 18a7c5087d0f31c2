"""deploy/quickstart: one command from a built checkout to a running system."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import threading

import pytest
import websocket

from harness.programs import BIN, ROOT, clean_environment
from harness.waiting import DEADLINE

pytestmark = pytest.mark.skipif(
    BIN != ROOT / "build/release/bin", reason="quickstart runs the programs of build/release only")


class Quickstart:
    def __init__(self, data, *arguments):
        self.data = data
        self.lines = []
        self.process = subprocess.Popen(
            [ROOT / "deploy/quickstart", "--no-install", "--port", "0", "--broker-port", "0",
             "--data", data, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=clean_environment(CARILLON_BROKER="nonsense"))
        self._errors = threading.Thread(target=self._read_errors, daemon=True)
        self.errors = ""
        self._errors.start()
        try:
            self._read_until_ready()
        except BaseException:
            self.process.terminate()
            raise

    def _read_until_ready(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("Logs:"):
                return
        self._errors.join()
        raise AssertionError(f"it is not ready:\n{self.errors}")

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors += line

    @property
    def ready(self):
        (line,) = (line for line in self.lines if line.startswith("ready"))
        return line

    def environment(self):
        out = subprocess.run(["bash", "-c", f". {shlex.quote(str(self.data / 'env'))}; env -0"],
                             check=True, capture_output=True, text=True,
                             env=clean_environment()).stdout
        return dict(e.split("=", 1) for e in out.split("\0") if e.startswith("CARILLON_"))

    def cli(self, *arguments):
        return subprocess.run([BIN / "carillon", *arguments], capture_output=True, text=True,
                              timeout=DEADLINE, check=True,
                              env=clean_environment(**self.environment())).stdout

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        assert self.process.wait(2 * DEADLINE) == 0, self.errors
        self._errors.join()


@pytest.fixture
def start_quickstart(tmp_path):
    started = []

    def start(*arguments, data=tmp_path / "data"):
        started.append(Quickstart(data, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


def connect(environment):
    return websocket.create_connection(
        environment["CARILLON_URL"] + "?token=" + environment["CARILLON_USER"],
        sslopt={"ca_certs": environment["CARILLON_CA"]}, timeout=DEADLINE)


def test_quickstart_gets_ready_and_what_it_prints_works_and_a_second_start_finds_everything(
        start_quickstart):
    quickstart = start_quickstart()
    environment = quickstart.environment()
    assert set(environment) == {"CARILLON_BROKER", "CARILLON_CA", "CARILLON_USER", "CARILLON_URL"}
    assert environment["CARILLON_URL"] in quickstart.ready
    assert environment["CARILLON_USER"] in quickstart.ready
    commands = [line.strip() for line in quickstart.lines if line.startswith("  ")]
    assert len(commands) == 3
    assert (quickstart.data / "env").stat().st_mode & 0o077 == 0

    client = connect(environment)
    client.send("register machines.*.*")
    assert json.loads(client.recv())["Action"] == "register"
    published = subprocess.run(["bash", "-c", commands[2]], capture_output=True, text=True,
                               timeout=DEADLINE, check=True, env=clean_environment())
    assert json.loads(client.recv())["Object"] == {"Name": "m1"}
    watch = subprocess.run(
        ["bash", "-c", commands[0] + " --from-start --json --positions --count 2"],
        capture_output=True, text=True, timeout=DEADLINE, check=True, env=clean_environment())
    probe, event = (json.loads(line) for line in watch.stdout.splitlines())
    assert (probe["Type"], event["Type"]) == ("quickstart", "machines")
    assert event["Position"] == published.stdout.strip()
    client.close()
    quickstart.cli("users", "create", "fred", "--no-password")
    quickstart.stop()
    assert "stopping" in quickstart.errors

    again = start_quickstart()
    events = again.cli("watch", "machines.*.*", "--from-start", "--json", "--positions", "--count",
                       "1")
    assert json.loads(events) == event
    assert "fred" in again.cli("users", "list")
    again.stop(signal.SIGINT)


def run(tmp_path, *arguments):
    return subprocess.run(
        [ROOT / "deploy/quickstart", "--no-install", "--port", "0", "--broker-port", "0", "--data",
         tmp_path / "data", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=2 * DEADLINE, env=clean_environment())


def complaint(done):
    """The one line that says why, the lines of the build left aside."""
    assert done.returncode != 0
    assert "ready" not in done.stdout
    own = [line for line in done.stderr.splitlines() if line.startswith("quickstart:")]
    assert not re.search(r"building", own[-1])
    assert len([line for line in own if "building" not in line]) == 1, done.stderr
    return own[-1]


@pytest.mark.parametrize("option", ["--port", "--broker-port"])
def test_a_port_that_is_taken_is_told_in_one_line(tmp_path, option):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = complaint(run(tmp_path, option, str(port)))
        assert f"127.0.0.1:{port}" in told and "--broker-port 0" in told


def test_a_password_that_was_changed_is_asked_for(start_quickstart, tmp_path):
    quickstart = start_quickstart()
    subprocess.run([BIN / "carillon", "users", "password", "rocketskates", "--password-file", "-"],
                   input="another-password", text=True, check=True, timeout=DEADLINE,
                   env=clean_environment(**quickstart.environment()))
    quickstart.stop()
    told = complaint(run(tmp_path))
    assert "rocketskates" in told and f"{quickstart.data}/env" in told
    env = quickstart.data / "env"
    env.write_text(env.read_text().replace("r0cketsk8ts", "another-password"))
    start_quickstart().stop()


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    assert "/proc/carillon" in complaint(run(tmp_path, "--data", "/proc/carillon"))


@pytest.mark.parametrize("arguments", [["--port", "x"], ["--port", "70000"], ["--nonsense"],
                                       ["--data"], ["--data", ""]])
def test_arguments_that_make_no_sense_are_told(tmp_path, arguments):
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_two_on_the_same_data_are_one_too_many(start_quickstart, tmp_path):
    first = start_quickstart()
    assert "another quickstart" in complaint(run(tmp_path))
    assert first.cli("status")
    first.stop()


def test_it_ends_when_one_of_its_programs_does(start_quickstart):
    quickstart = start_quickstart()
    (pid,) = subprocess.run(["pgrep", "-P", str(quickstart.process.pid), "-f", "carillon-broker"],
                            capture_output=True, text=True, check=True).stdout.split()
    os.kill(int(pid), signal.SIGKILL)
    assert quickstart.process.wait(2 * DEADLINE) == 1
