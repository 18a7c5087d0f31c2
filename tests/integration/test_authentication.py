"""Who is let in, and what the broker says to the others."""

import base64
import os
import stat
import subprocess
from pathlib import Path

import grpc
import pytest

from harness.client import Client, basic, bearer, event, refused
from harness.contract import account_pb, events_pb, session_pb
from harness.programs import BIN, Program, clean_environment
from harness.waiting import DEADLINE, wait_until

PASSWORD = "correct horse battery"


@pytest.fixture
def client_with(broker):
    """Makes a client with this authorization."""
    made = []

    def make(authorization):
        made.append(Client(broker, authorization))
        return made[-1]

    yield make
    for one in made:
        one.close()


def calls_of(client):
    """One call of each kind, as functions."""
    return {
        "Publish": lambda: client.publish(event()),
        "PublishStream": lambda: client.publish_stream().send(event()).next(),
        "Subscribe": lambda: client.subscribe().start().next(),
        "Watch": lambda: client.watch().next(),
        "GetStatus": client.status,
        "OpenSession": lambda: client.open_session(basic("a:b")),
        "ResumeSessions": lambda: client.call(
            client.sessions.ResumeSessions, session_pb.ResumeSessionsRequest(session_ids=["a"])),
        "CloseSessions": lambda: client.call(
            client.sessions.CloseSessions, session_pb.CloseSessionsRequest(session_ids=["a"])),
        "CreateUser": lambda: client.create_user("somebody"),
        "ListUsers": lambda: client.call(client.accounts.ListUsers, account_pb.ListUsersRequest()),
        "GrantToken": lambda: client.token("rocketskates"),
        "PutRole": lambda: client.put_role("a-role"),
    }


CALLS = list(calls_of(type("Any", (), {"status": None})()))


@pytest.mark.parametrize("call", CALLS)
def test_every_call_needs_credentials(client_with, call):
    with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING"):
        calls_of(client_with(None))[call]()


WRONG = {
    "a wrong password": basic("rocketskates:r0cketsk8tsX"),
    "an unknown user": basic("nobody:r0cketsk8ts"),
    "an empty password": basic("rocketskates:"),
    "no colon": "Basic " + base64.b64encode(b"rocketskates").decode(),
    "not base64": "Basic !!!",
    "another scheme": "Digest abc",
    "nonsense for a token": "Bearer nonsense",
    "an unsigned token": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb2NrZXRza2F0ZXMifQ.",
    "no token": "Bearer",
    "more than 8 KiB": "Bearer " + "x" * 8200,
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_credentials_are_refused(client_with, fault):
    with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID"):
        client_with(WRONG[fault]).status()


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(client_with):
    answers = []
    for authorization in (WRONG["a wrong password"], WRONG["an unknown user"]):
        with refused(grpc.StatusCode.UNAUTHENTICATED) as caught:
            client_with(authorization).status()
        answers.append((caught.message, caught.details.reason))
    assert answers[0] == answers[1]


def test_password_and_token_both_open_the_door(client, client_with, kind):
    client.create_user(kind, "superuser", password=PASSWORD)
    with_password = client_with(basic(f"{kind}:{PASSWORD}"))
    assert with_password.status().principal == kind
    with_token = client_with(bearer(with_password.token(kind)))
    assert with_token.status().principal == kind
    assert client_with("bEaReR " + with_password.token(kind)).status().principal == kind


def test_a_user_without_password_cannot_log_in_by_password(client, client_with, kind):
    client.create_user(kind, "superuser")
    with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID"):
        client_with(basic(f"{kind}:")).status()
    assert client_with(bearer(client.token(kind))).status().principal == kind


def test_a_changed_password_is_in_force_at_once_and_the_old_one_is_not(client, client_with, kind):
    client.create_user(kind, "superuser", password=PASSWORD)
    old = client_with(basic(f"{kind}:{PASSWORD}"))
    token = client_with(bearer(client.token(kind)))
    old.status(), token.status()
    client.set_password(kind, PASSWORD + "2")
    with refused(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID"):
        old.status()
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        token.status()
    assert client_with(basic(f"{kind}:{PASSWORD}2")).status().principal == kind


def test_a_token_ends_when_its_time_is_over(client, client_with, kind):
    client.create_user(kind, "superuser")
    short = client_with(bearer(client.token(kind, ttl_seconds=1)))
    assert short.status().principal == kind

    def ended():
        try:
            short.status()
        except grpc.RpcError as error:
            return error
        return None

    assert wait_until(ended, "the token has ended").code() == grpc.StatusCode.UNAUTHENTICATED


def test_a_token_of_a_deleted_user_is_worth_nothing_to_a_new_one_of_that_name(
        client, client_with, kind):
    client.create_user(kind, "superuser")
    token = client.token(kind)
    client.delete_user(kind)
    client.create_user(kind, "superuser")
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        client_with(bearer(token)).status()


def test_a_token_of_another_broker_is_refused(start_broker, client, client_with):
    other = Client(start_broker())
    token = other.token("rocketskates")
    other.close()
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        client_with(bearer(token)).status()


def test_more_logins_at_a_time_than_allowed_are_told_to_come_back(start_broker):
    broker = start_broker("--password-checks-max", "1", "--password-checks-waiting-max", "1",
                          "--password-memory", "0s")
    clients = [Client(broker, basic(f"nobody{i}:wrong-password")) for i in range(8)]
    calls = [c.events.GetStatus.future(events_pb.GetStatusRequest(), metadata=c.metadata,
                                       timeout=DEADLINE) for c in clients]
    codes = [call.code() for call in calls]
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) >= 1
    assert codes.count(grpc.StatusCode.UNAUTHENTICATED) >= 2
    assert len(set(codes)) == 2
    for one in clients:
        one.close()


def test_no_password_and_no_token_is_ever_logged(start_broker, kind):
    broker = start_broker("--log-level", "trace")
    client = Client(broker)
    client.create_user("fred", "superuser", password=PASSWORD)
    token = client.token("fred")
    session = client.open_session(bearer(token))
    short = Client(broker, bearer(token))
    watch = short.watch().begun()
    client.revoke("fred")
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        watch.next()
    for authorization in (bearer(token), basic(f"fred:{PASSWORD}x"), bearer("secret-nonsense")):
        bad = Client(broker, authorization)
        with refused(grpc.StatusCode.UNAUTHENTICATED):
            bad.status()
        bad.close()
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        client.open_session(basic(f"fred:{PASSWORD}x"))
    client.close()
    short.close()
    broker.stop()
    log = broker.program.log_text()
    assert "call refused" in log, "nothing was logged at all"
    for secret in (PASSWORD, token, token.rpartition(".")[2], session.session_id,
                   "secret-nonsense", basic(f"fred:{PASSWORD}x").split()[1], "r0cketsk8ts"):
        assert secret not in log


# --- Off loopback ---


def start_off_loopback(folder, certificate, *more):
    return Program("carillon-broker",
                   ["--listen", "0.0.0.0:0", "--data", folder / "data", "--metrics", "127.0.0.1:0",
                    *more], folder / "broker.log")


def test_off_loopback_the_first_password_is_random_and_in_a_file_for_the_owner_alone(
        tmp_path, certificate):
    program = start_off_loopback(tmp_path, certificate, "--tls-cert", certificate.cert,
                                 "--tls-key", certificate.key)
    port = program.port("grpc")
    file = tmp_path / "data/first-password"
    assert str(file) in program.wait_for_line("made the first account.*").group()
    mode = os.stat(file)
    assert stat.S_IMODE(mode.st_mode) == 0o600
    password = file.read_text().strip()
    assert len(password) >= 20 and password != "r0cketsk8ts"
    assert password not in program.log_text()

    address = type("At", (), {"address": f"127.0.0.1:{port}", "certificate": certificate})()
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        Client(address).status()
    client = Client(address, basic(f"rocketskates:{password}"))
    assert client.status().principal == "rocketskates"
    client.close()
    assert program.terminate() == 0


def test_off_loopback_a_broker_starts_only_with_tls(tmp_path, certificate):
    done = subprocess.run([BIN / "carillon-broker", "--listen", "0.0.0.0:0", "--plaintext",
                           "--data", tmp_path / "data"],
                          capture_output=True, text=True, timeout=DEADLINE,
                          env=clean_environment())
    assert done.returncode == 2
    assert "--plaintext is for loopback" in done.stderr
    assert not Path(tmp_path / "data").exists()


def test_a_client_without_tls_or_with_another_authority_does_not_get_in(broker, tmp_path):
    plain = grpc.insecure_channel(broker.address)
    with pytest.raises(grpc.FutureTimeoutError):
        grpc.channel_ready_future(plain).result(1)
    plain.close()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout",
                    tmp_path / "k", "-out", tmp_path / "c"], check=True, capture_output=True)
    other = grpc.secure_channel(broker.address,
                                grpc.ssl_channel_credentials((tmp_path / "c").read_bytes()))
    with pytest.raises(grpc.FutureTimeoutError):
        grpc.channel_ready_future(other).result(1)
    other.close()


@pytest.mark.parametrize("version, good", [("tls1_1", False), ("tls1_2", True), ("tls1_3", True)])
def test_tls_is_1_2_at_least(broker, version, good):
    done = subprocess.run(["openssl", "s_client", "-connect", broker.address, f"-{version}",
                           "-alpn", "h2", "-cipher", "DEFAULT@SECLEVEL=0"], input="",
                          capture_output=True, text=True, errors="replace", timeout=DEADLINE)
    assert (done.returncode == 0 and "Cipher is (NONE)" not in done.stdout) == good, done.stdout
