"""One event from a publisher to everyone who may see it."""

import json

import pytest

from harness.client import event, make_filter
from harness.websocket import Websocket


@pytest.mark.core
def test_an_event_goes_from_a_publisher_to_a_watcher_a_subscriber_and_a_websocket(
        client, facade, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    subscription = client.subscribe().add((7, make_filter(type=kind))).start().begun()
    with Websocket(facade) as websocket:
        websocket.register(f"{kind}.*.*")
        (result,) = client.publish(event(kind, "create", "m1", object=b'{"n": 1}'))

        (seen,) = watch.take_events(1)
        ((also_seen, ids),) = subscription.take_matches(1)
        frame = json.loads(websocket.next_text())

    assert seen == also_seen
    assert (seen.type, seen.action, seen.key) == (kind, "create", "m1")
    assert (seen.principal, seen.object) == ("rocketskates", b'{"n": 1}')
    assert seen.position == result.position
    assert ids == {7}
    assert (frame["Type"], frame["Object"]) == (kind, {"n": 1})
    watch.cancel()
    subscription.cancel()
