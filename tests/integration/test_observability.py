"""What both servers show of themselves: metrics, logs, health, reflection."""

import json
import re
import urllib.error
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from harness.client import Client, basic, event, make_filter, refused
from harness.metrics import fetch, wait_for_metric
from harness.waiting import DEADLINE
from harness.websocket import Websocket

BROKER_METRICS = {
    "events_received_total": "counter", "events_committed_total": "counter",
    "events_delivered_total": "counter", "events_dispatched_total": "counter",
    "events_refused_total": "counter", "calls_refused_total": "counter",
    "messages_delivered_total": "counter", "delivered_bytes_total": "counter",
    "commit_seconds": "histogram", "commit_events": "histogram", "delivery_seconds": "histogram",
    "commits_total": "counter", "commit_failures_total": "counter", "commit_queue_bytes": "gauge",
    "dispatch_queue_bytes": "gauge", "outbox_bytes": "gauge", "outbox_overflows_total": "counter",
    "publish_streams": "gauge", "streams": "gauge", "streams_catching_up": "gauge",
    "subscriptions": "gauge", "gaps_total": "counter", "log_bytes": "gauge",
    "log_first_sequence": "gauge", "log_last_sequence": "gauge",
}
FACADE_METRICS = {
    "broker_connected": "gauge", "connections": "gauge", "connections_accepted_total": "counter",
    "connections_refused_total": "counter", "handshakes_failed_total": "counter",
    "http_responses_total": "counter", "websockets": "gauge", "websockets_closed_total": "counter",
    "registrations": "gauge", "upstream_subscriptions": "gauge",
    "events_received_total": "counter", "deliveries_total": "counter",
    "delivered_bytes_total": "counter", "sent_bytes_total": "counter",
    "received_bytes_total": "counter", "writes_total": "counter", "outbox_bytes": "gauge",
}


@pytest.mark.core
def test_both_metrics_pages_are_whole_and_follow_the_conventions_of_prometheus(
        client, facade, kind):
    with pytest.raises(grpc.RpcError):
        Client(client.broker, basic("nobody:nothing")).status()
    with Websocket(facade) as websocket:
        websocket.register(f"{kind}.*.*")
        client.publish(event(kind))
        websocket.next()
        pages = {"broker": (fetch(client.broker), BROKER_METRICS),
                 "wsfacade": (fetch(facade), FACADE_METRICS)}
    for name, (page, expected) in pages.items():
        prefix = f"carillon_{name}_"
        found = {n.removeprefix(prefix): k for n, k in page.kinds.items() if n.startswith(prefix)}
        assert expected.items() <= found.items()
        for family, kind_ in page.kinds.items():
            assert page.helps[family]
            assert re.fullmatch(r"(carillon|process|exposer|\w+)_[a-z0-9_]+", family)
            assert family.endswith("_total") == (kind_ == "counter"), family
        assert any(n == "carillon_build_info" for n, _ in page.samples)
        assert page.get("process_resident_memory_bytes") > 0
        assert page.get("process_cpu_seconds_total") > 0
        for family, kind_ in page.kinds.items():
            if kind_ == "histogram":
                check_histogram(page, family)


def check_histogram(page, family):
    buckets = [(float(dict(labels)["le"].replace("+Inf", "inf")), value)
               for (name, labels), value in page.samples.items() if name == f"{family}_bucket"]
    buckets.sort()
    if buckets:
        assert [v for _, v in buckets] == sorted(v for _, v in buckets)
        assert buckets[-1] == (float("inf"), page.get(f"{family}_count"))


def test_the_metrics_count_what_happens(start_broker):
    broker = start_broker()
    client = Client(broker)
    watch = client.watch(make_filter(type="t")).begun()
    client.publish(event("t", event_id="1"), event("t", event_id="1"), event("t", object=b"{"),
                   event("other"))
    watch.take_events(1)
    nobody = Client(broker, basic("nobody:nothing"))
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        nobody.status()
    nobody.close()
    page = fetch(broker)
    for name, value in {"events_received_total": 4, "events_committed_total": 2,
                        "events_delivered_total": 1, "streams": 1, "subscriptions": 1,
                        "log_first_sequence": 1, "log_last_sequence": 2,
                        "commit_seconds_count": 1, "commit_events_sum": 3}.items():
        assert page.get(f"carillon_broker_{name}") == value, name
    refusals = "carillon_broker_events_refused_total"
    assert page.get(refusals, reason="invalid") == page.get(refusals, reason="duplicate") == 1
    assert page.get("carillon_broker_calls_refused_total", reason="CREDENTIALS_INVALID") == 1
    assert page.get("carillon_broker_log_bytes") == client.status().event_bytes
    wait_for_metric(broker, "carillon_broker_delivery_seconds_count", lambda v: v == 1)
    watch.cancel()
    wait_for_metric(broker, "carillon_broker_streams", lambda v: v == 0)
    client.close()


def test_the_metrics_port_serves_nothing_else(broker):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"http://127.0.0.1:{broker.metrics_port}/other", timeout=DEADLINE)
    assert error.value.code == 404


def test_health_tells_that_the_broker_serves_and_that_it_ends(start_broker):
    # gRPC's health service ends its streams only when they are cut.
    broker = start_broker("--drain-timeout", "300ms")
    client = Client(broker)
    health = health_pb2_grpc.HealthStub(client.channel)
    for service in ("", "carillon.v1.EventService", "carillon.v1.SessionService",
                    "carillon.v1.AccountService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    updates = health.Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE)
    assert next(updates).status == health_pb2.HealthCheckResponse.SERVING
    broker.program.process.terminate()
    seen = []
    with pytest.raises(grpc.RpcError):
        for update in updates:
            seen.append(update.status)
    assert seen in ([], [health_pb2.HealthCheckResponse.NOT_SERVING])
    assert broker.program.process.wait(DEADLINE) == 0
    client.close()


def test_reflection_shows_the_services(client):
    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([ask]), timeout=DEADLINE)
    names = {s.name for s in answer.list_services_response.service}
    assert {"carillon.v1.EventService", "carillon.v1.AccountService",
            "carillon.v1.SessionService", "grpc.health.v1.Health"} <= names
    ask = reflection_pb2.ServerReflectionRequest(
        file_containing_symbol="carillon.v1.EventService")
    (answer,) = stub.ServerReflectionInfo(iter([ask]), timeout=DEADLINE)
    assert answer.file_descriptor_response.file_descriptor_proto


LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (TRACE|DEBUG|INFO|WARN|ERROR) \S.*")


def use(broker, facade, client):
    """Makes both log something about peers, principals and reasons."""
    nobody = Client(broker, basic("nobody:nothing"))
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        nobody.status()
    nobody.close()
    with Websocket(facade) as websocket:
        websocket.register("*.*.*")
    with pytest.raises(Exception, match="401"):
        Websocket(facade, basic("eve\n:x"))
    facade.program.wait_for_line("websocket closed")
    client.close()
    facade.stop()
    broker.stop()


def test_log_lines_are_structured_text(start_broker, start_facade):
    broker = start_broker()
    client = Client(broker)
    facade = start_facade(broker, client.user_with("facade", ("sessions", "open", "*")))
    use(broker, facade, client)
    for program in (broker.program, facade.program):
        assert program.lines
        for line in program.lines:
            assert LINE.fullmatch(line), line
    log = broker.program.log_text()
    assert re.search(r"listening on 127\.0\.0\.1:\d+ service=grpc tls=true", log)
    assert re.search(r"listening on 127\.0\.0\.1:\d+ service=metrics", log)
    assert re.search(r"call refused peer=\S+ .*rpc=\S+GetStatus reason=CREDENTIALS_INVALID", log)
    log = facade.program.log_text()
    assert re.search(r"listening on 127\.0\.0\.1:\d+ service=wss", log)
    assert re.search(r"listening on 127\.0\.0\.1:\d+ service=metrics", log)
    assert re.search(r"websocket open peer=127\.0\.0\.1:\d+ principal=rocketskates", log)
    assert re.search(r"websocket closed peer=\S+ principal=rocketskates code=1000", log)
    assert re.search(r"websocket refused peer=127\.0\.0\.1:\d+ reason=", log)


def test_log_lines_may_be_json(start_broker, start_facade):
    broker = start_broker("--log-format", "json")
    client = Client(broker)
    facade = start_facade(broker, client.user_with("facade", ("sessions", "open", "*")),
                          "--log-format", "json")
    # gRPC has something to say about this one.
    plain = grpc.insecure_channel(broker.address)
    with pytest.raises(grpc.FutureTimeoutError):
        grpc.channel_ready_future(plain).result(0.5)
    plain.close()
    use(broker, facade, client)
    for program in (broker.program, facade.program):
        for line in program.lines:
            names = [name for name, _ in json.loads(line, object_pairs_hook=list)]
            assert len(set(names)) == len(names), f"a name twice: {line}"
            entry = json.loads(line)
            assert names[:3] == ["time", "level", "message"]
            assert entry["level"] in ("trace", "debug", "info", "warn", "error")
    entries = [json.loads(line) for line in broker.program.lines]
    (refusal,) = [e for e in entries if e["message"] == "call refused" and not e["user_peer"]]
    assert (refusal["reason"], refusal["level"]) == ("CREDENTIALS_INVALID", "warn")
    (listening,) = [e for e in entries if e.get("service") == "grpc"]
    assert listening["tls"] is True


def test_the_log_level_is_the_least_severe_that_is_written(start_broker):
    broker = start_broker("--log-level", "info")
    quiet = start_broker("--log-level", "debug", name="second")
    for one, debug in ((broker, False), (quiet, True)):
        assert any(" INFO " in line for line in one.program.lines)
        one.stop()
        assert debug or not any(" DEBUG " in line for line in one.program.lines)


def test_refusals_that_come_in_masses_are_logged_in_bounds(start_broker):
    broker = start_broker()
    client = Client(broker, None)
    for _ in range(200):
        with refused(grpc.StatusCode.UNAUTHENTICATED):
            client.status()
    assert fetch(broker).get("carillon_broker_calls_refused_total",
                             reason="CREDENTIALS_MISSING") == 200
    lines = [line for line in broker.program.lines if "call refused" in line]
    assert 1 <= len(lines) < 150
    client.close()
