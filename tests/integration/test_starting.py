"""Starts that cannot be, and what they say; and ends."""

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from harness.programs import BIN, Program, clean_environment
from harness.waiting import DEADLINE, wait_until

BROKER, FACADE = "carillon-broker", "carillon-wsfacade"


@pytest.fixture
def run_broker(tmp_path, certificate):
    """Runs a broker that is not to start; its exit code and what it said."""

    def run(*flags, data=tmp_path / "data"):
        done = subprocess.run(
            [BIN / BROKER, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--data", data,
             "--tls-cert", certificate.cert, "--tls-key", certificate.key, *flags],
            capture_output=True, text=True, timeout=DEADLINE, env=clean_environment())
        assert done.stdout == ""
        return done.returncode, done.stderr

    return run


def the_error(said):
    """The one line that says why."""
    errors = [line for line in said.splitlines() if " ERROR " in line]
    assert len(errors) == 1, said
    assert "cannot start" in errors[0]
    return errors[0]


@pytest.fixture
def taken():
    """The address of a port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_second_broker_on_the_same_data_is_refused(broker, run_broker):
    code, said = run_broker(data=broker.folder / "data")
    assert code == 1
    error = the_error(said)
    assert str(broker.folder / "data") in error
    assert "another" in error
    assert broker.program.running()


@pytest.mark.parametrize("option", ["--listen", "--metrics"])
def test_a_port_that_is_taken_is_named(run_broker, taken, option):
    code, said = run_broker(option, taken)
    assert code == 1
    assert taken in the_error(said)
    assert "Address already in use" in the_error(said)


def test_a_folder_that_cannot_be_made_is_named(run_broker):
    code, said = run_broker(data="/proc/carillon")
    assert code == 1
    assert "/proc/carillon" in the_error(said)


def test_a_file_where_the_folder_should_be_is_named(run_broker, tmp_path):
    (tmp_path / "file").write_text("")
    code, said = run_broker(data=tmp_path / "file")
    assert code == 1
    assert str(tmp_path / "file") in the_error(said)


def test_a_damaged_store_is_refused(run_broker, broker_data):
    (broker_data / "store.mdb").write_bytes(b"\xff" * 8192)
    code, said = run_broker(data=broker_data)
    assert code == 1
    assert str(broker_data) in the_error(said)


@pytest.fixture
def broker_data(start_broker):
    """The folder of a broker that has ended."""
    one = start_broker()
    one.stop()
    return one.folder / "data"


@pytest.mark.parametrize("fault", ["no certificate", "key of another", "no pem"])
def test_a_certificate_that_cannot_be_used_is_refused(run_broker, certificate, tmp_path, fault):
    wrong = tmp_path / "wrong.pem"
    if fault == "key of another":
        subprocess.run(["openssl", "genpkey", "-algorithm", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-out", wrong], check=True, capture_output=True)
        code, said = run_broker("--tls-key", wrong)
    else:
        if fault == "no pem":
            wrong.write_text("nonsense")
        code, said = run_broker("--tls-cert", wrong)
    assert code in (1, 2)
    assert "certificate" in said or str(wrong) in said


@pytest.fixture
def run_facade(certificate, broker, tmp_path):
    """Runs a facade that is not to start; its exit code and what it said."""

    def run(*flags):
        (tmp_path / "token").write_text("token")
        done = subprocess.run(
            [BIN / FACADE, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0",
             "--broker", broker.address, "--broker-ca", certificate.cert,
             "--broker-token-file", tmp_path / "token",
             "--tls-cert", certificate.cert, "--tls-key", certificate.key, *flags],
            capture_output=True, text=True, timeout=DEADLINE, env=clean_environment())
        return done.returncode, done.stderr

    return run


@pytest.mark.parametrize("option", ["--listen", "--metrics"])
def test_a_facades_port_that_is_taken_is_named(run_facade, taken, option):
    code, said = run_facade(option, taken)
    assert code == 1
    assert taken in the_error(said)


def test_a_facade_with_the_key_of_another_certificate_is_refused(run_facade, tmp_path):
    key = tmp_path / "wrong.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", key], check=True, capture_output=True)
    code, said = run_facade("--tls-key", key)
    assert code == 2
    assert str(key) in said and "private key" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_broker_ends_well_on_a_signal_and_says_so(start_broker, number):
    program = start_broker().program
    program.process.send_signal(number)
    program.wait_for_line("draining")
    program.wait_for_line("stopped")
    assert program.process.wait(DEADLINE) == 0


def test_a_plaintext_broker_and_facade_work_on_loopback(tmp_path):
    broker = Program(BROKER, ["--listen", "127.0.0.1:0", "--plaintext", "--metrics", "",
                              "--data", tmp_path / "data"], tmp_path / "broker.log")
    port = broker.port("grpc")
    assert "tls=false" in broker.wait_for_line("service=\"?grpc.*").group()
    done = subprocess.run([BIN / "carillon", "--broker", f"127.0.0.1:{port}", "--plaintext",
                           "--user", "rocketskates:r0cketsk8ts", "status"], capture_output=True,
                          text=True, timeout=DEADLINE, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert broker.terminate() == 0


def await_grpc_threads(server, *expected):
    """Waits until these are the threads on which gRPC calls back, with none of its own."""
    folder = Path(f"/proc/{server.program.process.pid}/task")

    def are_these():
        try:
            names = [(task / "comm").read_text().strip() for task in folder.iterdir()]
        except (FileNotFoundError, ProcessLookupError):  # a thread has just ended
            return False
        return sorted(n for n in names if n.startswith(("grpc-", "nexting_thread"))) == [*expected]

    wait_until(are_these, f"gRPC calls back on {expected}")


def test_grpc_calls_back_on_as_many_threads_as_it_is_told(start_broker):
    await_grpc_threads(start_broker("--grpc-threads", "3"), "grpc-0", "grpc-1", "grpc-2")


def test_two_threads_of_a_facade_have_all_that_comes_from_the_broker(facade):
    await_grpc_threads(facade, "grpc-0", "grpc-1")
