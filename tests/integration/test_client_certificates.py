"""Callers that prove who they are by a client certificate."""

import json
from types import SimpleNamespace

import pytest

from harness.cli import Cli
from harness.client import Client
from harness.tls import Certificate
from harness.websocket import Websocket


@pytest.fixture
def site(start_broker, certificate):
    """A broker that wants client certificates, and what callers have."""
    broker = start_broker()
    client = Client(broker)
    client.user_with("facade", ("sessions", "open", "*"))
    client.user_with("service", ("t", "*", "*"), ("events", "post", "t"))
    client.close()
    broker.flags = ("--tls-client-ca", certificate.cert)
    broker.restart()

    def cli(name, issuer=certificate):
        cert, key = issuer.issue(name)
        return Cli(broker, user=None, CARILLON_CLIENT_CERT=str(cert), CARILLON_CLIENT_KEY=str(key))

    return SimpleNamespace(broker=broker, cli=cli)


def test_the_common_name_is_the_user(site):
    cli = site.cli("service")
    cli.run("publish", "--type", "t", "--action", "a", "--key", "k")
    out, _ = cli.run("watch", "t.*.*", "--from-start", "--count", "1", "--json")
    assert json.loads(out)["Principal"] == "service"
    _, errors = cli.run("publish", "--type", "other", "--action", "a", "--key", "k", code=4)
    assert "events.post.other" in errors


def test_a_name_that_no_user_has_is_refused(site):
    _, errors = site.cli("nobody").run("status", code=4)
    assert "nobody" in errors


def test_without_a_certificate_that_the_authority_signed_there_is_no_connection(site, tmp_path):
    Cli(site.broker).run("status", code=3)
    site.cli("service", issuer=Certificate(tmp_path)).run("status", code=3)


def test_a_facade_may_have_a_certificate_instead_of_a_token(site, start_facade, certificate):
    cert, key = certificate.issue("facade")
    facade = start_facade(site.broker, None, "--broker-cert", cert, "--broker-key", key)
    websocket = Websocket(facade).register("t.*.*")
    site.cli("service").run("publish", "--type", "t", "--action", "a", "--key", "k")
    assert websocket.next()["Principal"] == "service"
    websocket.close()
