"""Flags, file, environment, and their mistakes."""

import re
import subprocess

import pytest

from harness.programs import BIN, Program, clean_environment
from harness.waiting import DEADLINE

BROKER, FACADE = "carillon-broker", "carillon-wsfacade"


def run(program, *arguments, **environment):
    return subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True,
                          timeout=DEADLINE, env=clean_environment(**environment))


def check(program, *arguments, **environment):
    """The configuration that --check shows."""
    done = run(program, "--check", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return dict(re.match(r"([\w-]+)=(\S*)", line).groups() for line in done.stdout.splitlines()
                if re.match(r"[\w-]+=", line))


@pytest.mark.parametrize("program", [BROKER, FACADE])
def test_help_and_version(program):
    done = run(program, "--help")
    assert done.returncode == 0
    for word in ("--listen", "CARILLON_LISTEN", "--config", "--tls-cert", "default", "Usage"):
        assert word in done.stdout
    done = run(program, "--version")
    assert done.returncode == 0
    assert re.search(rf"{program}.* 0\.1\.0", done.stdout)
    assert "OpenSSL 3" in done.stdout


@pytest.mark.parametrize("program", [BROKER, FACADE])
def test_flags_are_stronger_than_the_file_and_that_than_the_environment(program, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('listen = "127.0.0.1:2"\nplaintext = true\n[drain]\ntimeout = "2s"\n')
    environment = {"CARILLON_LISTEN": "127.0.0.1:3", "CARILLON_DRAIN_TIMEOUT": "3s",
                   "CARILLON_LOG_LEVEL": "debug"}
    if program == FACADE:
        (tmp_path / "token").write_text("token")
        environment["CARILLON_BROKER_TOKEN_FILE"] = str(tmp_path / "token")
    alone = check(program, CARILLON_PLAINTEXT="true", **environment)
    assert (alone["listen"], alone["drain-timeout"], alone["log-level"]) == \
        ("127.0.0.1:3", "3s", "debug")
    with_file = check(program, "--config", config, **environment)
    assert (with_file["listen"], with_file["drain-timeout"], with_file["log-level"]) == \
        ("127.0.0.1:2", "2s", "debug")
    with_flag = check(program, "--config", config, "--listen", "127.0.0.1:1", **environment)
    assert (with_flag["listen"], with_flag["drain-timeout"]) == ("127.0.0.1:1", "2s")


def test_every_mistake_is_told_at_once(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('log-age-max = 7\nlissten = "x:1"\noutbox-bytes-max = "1KiB"\n')
    done = run(BROKER, "--config", config, "--listen", "nonsense", "--nonsense", "1",
               "--tls-cert", "/nonexistent", "--streams-max", "0",
               CARILLON_PASSWORD_MEMORY="soon", CARILLON_LOG_FORMAT="xml")
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert all(line.startswith("carillon-broker: ") for line in lines)
    for word in ("log-age-max", "lissten", "outbox-bytes-max", "--listen", "--nonsense",
                 "/nonexistent", "--streams-max", "CARILLON_PASSWORD_MEMORY",
                 "CARILLON_LOG_FORMAT"):
        assert sum(word in line for line in lines) == 1, (word, done.stderr)
    assert any("did you mean listen?" in line for line in lines)


@pytest.mark.parametrize("arguments, word", [
    ([], "--plaintext"),
    (["--tls-cert", "{cert}"], "--tls-key"),
    (["--tls-cert", "{cert}", "--tls-key", "{key}", "--plaintext"], "--plaintext"),
    (["--plaintext", "--tls-client-ca", "{cert}"], "--tls-client-ca"),
    (["--plaintext", "--event-object-bytes-max", "4MiB"], "--request-bytes-max"),
    (["--plaintext", "--config", "/nonexistent"], "/nonexistent"),
    (["--plaintext", "extra"], "extra"),
    (["--check", "--tls-cert", "{cert}", "--tls-key", "{cert}"], "private key of {cert}"),
    (["--tls-cert", "{cert}", "--tls-key", "{key}", "--tls-client-ca", "{key}"], "authorities"),
])
def test_settings_that_do_not_go_together_are_told(certificate, arguments, word):
    done = run(BROKER, *(a.format(cert=certificate.cert, key=certificate.key) for a in arguments))
    assert done.returncode == 2
    assert word.format(cert=certificate.cert) in done.stderr


@pytest.mark.parametrize("arguments, word", [
    (["--plaintext", "--listen", "0.0.0.0:0"], "plaintext is for an address on loopback"),
    (["--tls-cert", "{cert}"], "tls-key"),
    (["--plaintext"], "broker-token-file"),
    (["--plaintext", "--broker-cert", "{cert}"], "broker-key"),
    (["--plaintext", "--registrations-max", "x"], "--registrations-max"),
    (["--check", "--tls-cert", "{cert}", "--tls-key", "{cert}"], "not the PEM private key"),
    (["--plaintext", "--broker-ca", "{key}"], "authorities"),
])
def test_settings_of_the_facade_that_do_not_go_together_are_told(certificate, arguments, word):
    done = run(FACADE, *(a.format(cert=certificate.cert, key=certificate.key) for a in arguments))
    assert done.returncode == 2
    assert word in done.stderr


def test_a_broker_runs_by_a_file_alone(tmp_path, certificate):
    config = tmp_path / "broker.toml"
    config.write_text(f'listen = "127.0.0.1:0"\nmetrics = ""\ndata = "{tmp_path}/data"\n'
                      f'[tls]\ncert = "{certificate.cert}"\nkey = "{certificate.key}"\n'
                      '[log]\nformat = "json"\n')
    program = Program(BROKER, ["--config", config], tmp_path / "broker.log")
    line = program.wait_for_line('"listening on').string
    assert '"service":"grpc"' in line
    assert not any('"service":"metrics"' in line for line in program.lines)
    assert program.terminate() == 0
