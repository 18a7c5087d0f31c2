"""A service of somebody else is built against what `cmake --install` gives, and does its job."""

import os
import re
import subprocess
from pathlib import Path

from harness.programs import ACCOUNT_TEXT, BIN, Broker, clean_environment
from harness.tls import Certificate

SERVICE = Path(__file__).parent / "service"


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), text=True, capture_output=True, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def check_service_files(prefix, certificate, tmp_path):
    """The units name the installed programs, which take the configuration files as they are."""
    (tmp_path / "token").write_text("token")
    (tmp_path / "token").chmod(0o600)
    for name, more in (("broker", []), ("wsfacade", ["--broker-token-file", tmp_path / "token"])):
        unit = (prefix / f"lib/systemd/system/carillon-{name}.service").read_text()
        program = re.search(r"^ExecStart=(\S+) --config /etc/carillon/(\S+)", unit, re.M)
        assert program.group(1) == str(prefix / f"bin/carillon-{name}")
        run(program.group(1), "--config", prefix / "share/carillon/config" / program.group(2),
            "--tls-cert", certificate.cert, "--tls-key", certificate.key, *more, "--check",
            env=clean_environment())


def test_a_service_is_built_against_the_installed_library_and_publishes_and_watches(tmp_path):
    prefix, build = tmp_path / "prefix", tmp_path / "build"
    run("cmake", "--install", BIN.parent, "--prefix", prefix)
    assert os.access(prefix / "bin/carillon", os.X_OK)
    protos = prefix / "share/carillon/proto"
    run("protoc", "-I", protos, "--descriptor_set_out", tmp_path / "contract",
        *sorted(protos.glob("carillon/v1/*.proto")))
    run("cmake", "-G", "Ninja", "-S", SERVICE, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)

    certificate = Certificate(tmp_path)
    check_service_files(prefix, certificate, tmp_path)
    broker = Broker(tmp_path / "broker", certificate)
    try:
        printed = run(build / "somebodys_service",
                      env=clean_environment(CARILLON_BROKER=broker.address,
                                            CARILLON_CA=str(certificate.cert),
                                            CARILLON_USER=ACCOUNT_TEXT))
    finally:
        broker.close()
    assert printed == '{"from":"somebody"}\n'
