"""Programs for the tests of this folder; each test file that runs starts its own."""

import itertools
from types import SimpleNamespace

import pytest

from harness.client import Client, bearer
from harness.programs import Broker, Facade
from harness.tls import Certificate

FACADE_CLAIM = ("sessions", "open", "*")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory, certificate):
    """A broker with default limits that the tests of a file share: each uses a type of its own."""
    shared = Broker(tmp_path_factory.mktemp("broker"), certificate, "--progress-interval", "100ms")
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def superuser(broker):
    client = Client(broker)
    yield client
    client.close()


@pytest.fixture
def client(superuser):
    return superuser


@pytest.fixture(scope="module")
def facade_token(superuser):
    return superuser.user_with("facade", FACADE_CLAIM)


@pytest.fixture(scope="module")
def facade(tmp_path_factory, certificate, broker, facade_token):
    """A facade with default limits before the shared broker."""
    shared = Facade(tmp_path_factory.mktemp("facade"), certificate, broker, facade_token)
    yield shared
    shared.close()


_numbers = itertools.count(1)


@pytest.fixture
def kind():
    """A type of event, or a name, that no other test uses."""
    return f"kind{next(_numbers)}"


@pytest.fixture
def start_broker(tmp_path, certificate):
    """Starts a broker with these flags for one test."""
    started = []

    def start(*flags, name="broker"):
        started.append(Broker(tmp_path / name, certificate, *flags))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def start_facade(tmp_path, certificate):
    """Starts a facade with these flags for one test."""
    started = []

    def start(broker, token, *flags):
        folder = tmp_path / f"facade{len(started)}"
        started.append(Facade(folder, certificate, broker, token, *flags))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def user(client, kind):
    """Makes a user with these claims; its name, its token and a client with that."""
    made = []

    def make(*claims):
        name = f"{kind}-user{len(made)}"
        token = client.user_with(name, *claims)
        made.append(SimpleNamespace(name=name, token=token, role=f"role-of-{name}",
                                    client=Client(client.broker, bearer(token))))
        return made[-1]

    yield make
    for one in made:
        one.client.close()
