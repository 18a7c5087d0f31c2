"""The broker goes and comes back, and the facade ends: websockets lose and repeat nothing."""

import contextlib
import random
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness.client import Client, basic, bearer, event
from harness.contract import events_pb
from harness.https import request
from harness.metrics import wait_for_metric
from harness.raw_websocket import RawWebsocket
from harness.waiting import DEADLINE, wait_until
from harness.websocket import Websocket

CONNECTED = "carillon_wsfacade_broker_connected"
FACADE_CLAIM = ("sessions", "open", "*")
TRY_AGAIN, GOING_AWAY, POLICY = 1013, 1001, 1008


@pytest.fixture
def system(start_broker, start_facade):
    """A broker and a facade that a test may stop."""

    def start(*facade_flags, broker_flags=()):
        broker = start_broker(*broker_flags)
        client = Client(broker)
        facade = start_facade(broker, client.user_with("facade", FACADE_CLAIM), *facade_flags)
        return broker, client, facade

    return start


def publish(client, keys):
    """Publishes, also to a broker that is not back yet."""
    batch = events_pb.PublishRequest(events=[event(key=k, event_id=k) for k in keys])
    client.call(client.events.Publish, batch, wait_for_ready=True)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_websockets_stay_open_over_a_restart_of_the_broker_without_gap_or_repeat(system, end):
    broker, client, facade = system()
    websocket = Websocket(facade).register("*.*.*")
    late = Websocket(facade)
    for round in range(3):
        keys = [f"{round}.{i}" for i in range(100)]
        publish(client, keys[:50])
        getattr(broker, end)()
        wait_for_metric(facade, CONNECTED, lambda v: v == 0)
        assert late.connection.ping().wait(DEADLINE), "the websocket is dead"
        broker.start()
        publish(client, keys[50:])
        assert [websocket.next()["Key"] for _ in keys] == keys
    late.register("*.*.last")
    publish(client, ["last"])
    assert websocket.next()["Key"] == late.next()["Key"] == "last"
    websocket.close()
    late.close()
    client.close()


@pytest.mark.core
def test_without_a_broker_a_new_websocket_is_told_when_to_come_back(system):
    broker, client, facade = system("--broker-wait", "200ms")
    broker.kill()
    wait_for_metric(facade, CONNECTED, lambda v: v == 0)
    with pytest.raises(InvalidStatus) as refused:
        Websocket(facade)
    response = refused.value.response
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    for method, path, body in (("GET", "/api/v3/info", None),
                               ("POST", "/api/v3/events", {"Type": "t", "Action": "a"}),
                               ("GET", "/api/v3/users/rocketskates/token", None)):
        answer = request(facade, method, path, body)
        assert (answer.status, answer.json["Type"]) == (503, "UNAVAILABLE")
        assert int(answer.headers["Retry-After"]) >= 1
    broker.start()
    wait_for_metric(facade, CONNECTED, lambda v: v == 1)
    Websocket(facade).register("*.*.*").close()
    client.close()


def test_a_new_websocket_waits_for_a_broker_that_is_soon_back(system):
    broker, client, facade = system("--broker-wait", "30s")
    broker.kill()
    wait_for_metric(facade, CONNECTED, lambda v: v == 0)
    opened = []
    thread = threading.Thread(target=lambda: opened.append(Websocket(facade)), daemon=True)
    thread.start()
    wait_for_metric(facade, "carillon_wsfacade_connections", lambda v: v == 1)
    assert not opened
    broker.start()
    thread.join(20)
    (websocket,) = opened
    websocket.register("*.*.*").close()
    client.close()


def test_what_a_broker_refuses_after_its_restart_ends_who_counted_on_it_and_is_told_to_the_others(
        system):
    broker, client, facade = system()
    websockets = [Websocket(facade).register(f"machines.*.{i}") for i in range(5)]
    broker.stop()
    broker.flags = ("--subscriptions-per-stream-max", "3")
    broker.start()
    for websocket in websockets[3:]:
        code, reason = websocket.closed(passing=False)
        assert (code, "may have been lost" in reason) == (TRY_AGAIN, True), reason
    late = Websocket(facade)
    answer = late.command("register machines.*.late")
    assert answer["Action"] == "error" and "subscriptions" in answer["Object"]["Error"], answer
    publish(client, map(str, range(5)))
    assert [w.next()["Key"] for w in websockets[:3]] == ["0", "1", "2"]
    assert websockets[0].command("deregister machines.*.0")["Action"] == "deregister"
    late.register("machines.*.late")
    publish(client, ["late"])
    assert late.next()["Key"] == "late"
    for websocket in (*websockets[:3], late):
        websocket.close()
    client.close()


def test_a_register_that_is_sent_while_the_broker_is_away_is_acknowledged_when_it_is_back(system):
    broker, client, facade = system()
    websocket = Websocket(facade).register("a.*.*")
    broker.kill()
    wait_for_metric(facade, CONNECTED, lambda v: v == 0)
    websocket.send("register machines.*.*")
    websocket.send("nonsense")
    websocket.send("deregister a.*.*")
    with pytest.raises(TimeoutError):
        websocket.next(deadline=0.5)
    broker.start()
    assert [websocket.next()["Action"] for _ in range(3)] == ["register", "error", "deregister"]
    publish(client, ["m"])
    assert websocket.next()["Key"] == "m"
    websocket.close()
    client.close()


def test_a_user_who_is_removed_while_the_facade_is_away_is_closed_when_it_is_back(system):
    broker, client, facade = system()
    token = client.user_with("fred", ("*", "*", "*"))
    fred = Websocket(facade, bearer(token)).register("*.*.*")
    stays = Websocket(facade).register("*.*.*")
    facade.program.pause()
    client.delete_user("fred")
    publish(client, ["secret"])
    broker.kill()
    broker.start()
    facade.program.resume()
    code, _ = fred.closed(passing=False)
    assert code == POLICY
    assert stays.next()["Key"] == "secret"
    stays.close()
    client.close()


@pytest.mark.core
def test_events_that_are_gone_before_the_facade_could_read_them_close_the_websockets(system):
    broker, client, facade = system(broker_flags=("--log-bytes-max", "1MiB",
                                                  "--outbox-bytes-max", "64KiB"))
    websocket = Websocket(facade).register("*.*.*")
    facade.program.pause()
    client.publish_all([event(key=str(i), object=b'"%01000d"' % i) for i in range(20_000)])

    wait_until(lambda: client.status().event_bytes < 4 << 20, "the log is trimmed")
    facade.program.resume()
    code, reason = websocket.closed()
    assert code == TRY_AGAIN
    assert "lost" in reason
    # What is still trimmed may be lost to the next one too, which is then told to try again.
    for attempt in range(100):
        with contextlib.closing(Websocket(facade)) as again:
            try:
                again.register("*.*.*")
                publish(client, [f"new{attempt}"])
                assert again.next()["Key"] == f"new{attempt}"
                break
            except ConnectionClosed as closed:
                assert closed.rcvd.code == TRY_AGAIN
    else:
        pytest.fail("no websocket stays open")
    client.close()


@pytest.mark.core
def test_a_facade_that_ends_says_goodbye_to_all_websockets_and_exits_0(system):
    broker, client, facade = system()
    websockets = [Websocket(facade).register("*.*.*") for _ in range(20)]
    publish(client, ["last"])
    for websocket in websockets:
        assert websocket.next()["Key"] == "last"
    facade.stop()
    for websocket in websockets:
        code, reason = websocket.closed()
        assert (code, reason) == (GOING_AWAY, "the server is going away")
        websocket.close()
    client.close()


def test_a_facade_that_ends_without_its_broker_exits_0(system):
    broker, client, facade = system()
    websocket = Websocket(facade).register("*.*.*")
    broker.kill()
    wait_for_metric(facade, CONNECTED, lambda v: v == 0)
    facade.stop()
    assert websocket.closed()[0] == GOING_AWAY
    client.close()


def test_a_client_that_does_not_read_holds_up_the_end_for_the_drain_timeout_and_no_longer(system):
    broker, client, facade = system("--drain-timeout", "300ms")
    slow = RawWebsocket(facade, receive_buffer=4096).send("register *.*.*")
    slow.next_frame()
    client.publish_all([event(object=b'"%0100000d"' % 0)] * 200, batch=10)
    wait_for_metric(facade, "carillon_wsfacade_outbox_bytes", lambda v: v > 100_000)
    facade.stop()
    assert "connections were cut" in facade.program.log_text()
    slow.drop()
    client.close()


def test_an_acknowledgement_holds_from_the_first_moment_of_the_facade(system, start_facade):
    broker, client, _ = system()
    token = client.token("facade")
    for round in range(8):
        facade = start_facade(broker, token)
        websocket = Websocket(facade).register("*.*.*")
        # Whatever the facade still had to say to the broker, it says it after the event.
        facade.program.pause()
        publish(client, [str(round)])
        facade.program.resume()
        assert websocket.next()["Key"] == str(round)
        websocket.close()
        facade.stop()
    client.close()


def test_a_facade_may_start_before_its_broker(start_broker, start_facade):
    broker = start_broker()
    client = Client(broker)
    token = client.user_with("facade", FACADE_CLAIM)
    client.close()
    broker.stop()
    facade = start_facade(broker, token)
    broker.start()
    wait_for_metric(facade, CONNECTED, lambda v: v == 1)
    Websocket(facade).register("*.*.*").close()


def message_or_code(websocket):
    """The key of its next event, or the code with which it is closed."""
    try:
        return websocket.next()["Key"]
    except ConnectionClosed as closed:
        return closed.rcvd.code


def test_when_fewer_sessions_fit_after_a_restart_those_that_remain_go_on(system):
    broker, client, facade = system()
    websockets = [Websocket(facade).register("*.*.*") for _ in range(12)]
    broker.kill()
    wait_for_metric(facade, CONNECTED, lambda v: v == 0)
    broker.flags = ("--sessions-max", "3")
    broker.start()
    # Each of the others made room for one that was resumed later.
    wait_for_metric(facade, "carillon_wsfacade_websockets_closed_total", lambda v: v == 9,
                    reason="session_evicted")
    publish(client, ["a"])
    heard = [message_or_code(websocket) for websocket in websockets]
    assert sorted(map(str, heard)) == [str(TRY_AGAIN)] * 9 + ["a"] * 3
    for websocket in websockets:
        websocket.close()
    client.close()


def test_rights_withdrawn_while_the_facade_is_away_stay_so_whoever_is_just_connecting(system):
    _, client, facade = system()
    token = client.user_with("fred", ("*", "*", "a"), ("*", "*", "end"))
    client.create_user("wilma", password="correct horse battery")
    websocket = Websocket(facade, bearer(token)).register("*.*.*")
    over = threading.Event()

    def keep_connecting():
        while not over.is_set():
            with contextlib.suppress(InvalidStatus):
                Websocket(facade, basic(f"wilma:{random.random()}"))

    threads = [threading.Thread(target=keep_connecting, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for_metric(facade, "carillon_wsfacade_connections", lambda v: v > 1)
    client.put_role("role-of-fred", ("*", "*", "b"), ("*", "*", "end"))
    client.revoke("facade")
    wait_for_metric(facade, CONNECTED, lambda v: v == 0)
    client.put_role("role-of-fred", ("*", "*", "c"), ("*", "*", "end"))
    (facade.folder / "facade.token").write_text(client.token("facade"))
    wait_for_metric(facade, CONNECTED, lambda v: v == 1)
    over.set()
    for thread in threads:
        thread.join()
    publish(client, ["a", "b", "c", "end"])
    assert [websocket.next()["Key"] for _ in range(2)] == ["c", "end"]
    websocket.close()
    client.close()
