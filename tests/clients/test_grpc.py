"""gRPC clients that others wrote: one generated from the contract, one that knows nothing but the
server's reflection, and one for health."""

import base64
import queue

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase)

from clients.adapters.websockets_sync import WebsocketsSync
from clients.samples import to_event
from harness.client import Client, basic, event, make_filter, refused
from harness.contract import events_grpc, events_pb
from harness.programs import ACCOUNT_TEXT
from harness.sample_events import THE_TWO, sample_events
from harness.waiting import DEADLINE

METADATA = [("authorization", basic(ACCOUNT_TEXT))]


@pytest.fixture(scope="module")
def channel(broker):
    credentials = grpc.ssl_channel_credentials(broker.certificate.cert.read_bytes())
    with grpc.secure_channel(broker.address, credentials) as one:
        yield one


class Reflected:
    """Calls any method of the server by name, with what reflection tells; in JSON, as grpcurl."""

    def __init__(self, channel):
        self.channel = channel
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def call(self, service, method, requests, metadata=METADATA):
        """`requests`: one, or many for a method that takes a stream. Yields answers."""
        descriptor = self.pool.FindServiceByName(service).FindMethodByName(method)
        request = message_factory.GetMessageClass(descriptor.input_type)
        response = message_factory.GetMessageClass(descriptor.output_type)
        kinds = {(False, False): self.channel.unary_unary, (False, True): self.channel.unary_stream,
                 (True, True): self.channel.stream_stream}
        call = kinds[descriptor.client_streaming, descriptor.server_streaming](
            f"/{service}/{method}", request_serializer=request.SerializeToString,
            response_deserializer=response.FromString)

        def make(json):
            return json_format.ParseDict(json, request(), descriptor_pool=self.pool)

        sent = map(make, requests) if descriptor.client_streaming else make(requests)
        answer = call(sent, metadata=metadata, timeout=DEADLINE)
        answers = answer if descriptor.server_streaming else [answer]
        for one in answers:
            yield json_format.MessageToDict(one, descriptor_pool=self.pool)


@pytest.fixture(scope="module")
def reflected(channel):
    return Reflected(channel)


EVENTS = "carillon.v1.EventService"


def text(value):
    """JSON text as protobuf's JSON form has it, bytes in base64."""
    return base64.b64encode(value.encode()).decode()


def test_reflection_names_every_service(reflected):
    assert set(reflected.database.get_services()) == {
        EVENTS, "carillon.v1.AccountService", "carillon.v1.SessionService",
        "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


def test_reflection_tells_all_of_the_contract(reflected):
    for service in (EVENTS, "carillon.v1.AccountService", "carillon.v1.SessionService"):
        descriptor = reflected.pool.FindServiceByName(service)
        assert descriptor.methods
        for method in descriptor.methods:
            assert method.input_type.full_name == f"carillon.v1.{method.name}Request"
            assert method.output_type.full_name == f"carillon.v1.{method.name}Response"


def test_a_client_that_knows_only_reflection_publishes_and_watches(reflected, facade):
    websocket = WebsocketsSync(facade, "", {"Authorization": basic(ACCOUNT_TEXT)}, None)
    websocket.register("profiles.*.*")
    events = [{"time": s.time, "type": s.type, "action": s.action, "key": s.key,
               "object": text(s.object)} for s in THE_TWO]
    [status] = reflected.call(EVENTS, "GetStatus", {})
    [published] = reflected.call(EVENTS, "Publish", {"events": events})
    positions = [result["position"] for result in published["results"]]
    assert len(set(positions)) == 2
    assert websocket.take(2) == [s.frame("rocketskates") for s in THE_TWO]
    websocket.drop()

    answers = reflected.call(EVENTS, "Watch", {"filter": {"type": {"values": ["profiles"]}},
                                               "start": {"after": status["latestPosition"]}})
    seen = []
    while len(seen) < 2:
        seen += next(answers).get("events", {}).get("events", [])
    answers.close()
    # Only what the broker adds is new.
    assert seen == [e | {"principal": "rocketskates", "position": p}
                    for e, p in zip(events, positions)]


def test_a_client_that_knows_only_reflection_uses_streams_both_ways(reflected, kind):
    requests = queue.Queue()
    requests.put({"add": {"subscriptions": [
        {"subscriptionId": 1, "filter": {"type": {"values": [kind]}}},
        {"subscriptionId": 2, "filter": {"type": {"values": [kind]},
                                         "key": {"prefixes": ["m"]}}}]}})
    requests.put({"start": {}})
    answers = reflected.call(EVENTS, "Subscribe", iter(requests.get, None))
    assert next(answers)["added"]["subscriptionIds"] == ["1", "2"]
    assert "progress" in next(answers)
    # A client that asks for nothing more still gets events, as with grpcurl.
    requests.put(None)
    batches = [{"events": [{"type": kind, "action": "a", "key": key}]} for key in ("m1", "x")]
    published = list(reflected.call(EVENTS, "PublishStream", batches))
    assert [len(answer["results"]) for answer in published] == [1, 1]
    matches = []
    while len(matches) < 2:
        batch = next(answers).get("events", {"events": [], "matches": []})
        matches += [(e["key"], m["subscriptionIds"])
                    for e, m in zip(batch["events"], batch["matches"])]
    assert matches == [("m1", ["1", "2"]), ("x", ["1"])]
    answers.close()


def test_accounts_can_be_managed_by_reflection(reflected, broker, kind):
    accounts = "carillon.v1.AccountService"
    claims = [{"scope": kind, "action": "*", "specific": "*"}]
    list(reflected.call(accounts, "PutRole", {"role": {"name": kind, "claims": claims}}))
    list(reflected.call(accounts, "CreateUser", {"name": kind, "roles": [kind]}))
    [granted] = reflected.call(accounts, "GrantToken", {"name": kind, "ttl": "60s"})
    named = Client(broker, "Bearer " + granted["token"])
    assert named.status().principal == kind
    named.close()
    list(reflected.call(accounts, "DeleteUser", {"name": kind}))
    with refused(grpc.StatusCode.NOT_FOUND):
        list(reflected.call(accounts, "GetUser", {"name": kind}))


def test_health_needs_no_credentials(channel):
    health = health_pb2_grpc.HealthStub(channel)
    answer = health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE)
    assert next(iter(watch)).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


@pytest.mark.parametrize("metadata", [
    [], [("authorization", "Bearer nonsense")], [("authorization", basic("rocketskates:wrong"))],
    [("authorization", "nonsense")], [("Authorization".lower(), "")]])
def test_a_generated_client_without_good_credentials_is_refused_on_every_method(channel, metadata):
    stub = events_grpc.EventServiceStub(channel)
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        stub.GetStatus(events_pb.GetStatusRequest(), metadata=metadata, timeout=DEADLINE)
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        next(stub.Watch(events_pb.WatchRequest(), metadata=metadata, timeout=DEADLINE))
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        stub.Publish(events_pb.PublishRequest(events=[event()]), metadata=metadata,
                     timeout=DEADLINE)
    for method, request in ((stub.Subscribe, events_pb.SubscribeRequest),
                            (stub.PublishStream, events_pb.PublishStreamRequest)):
        with refused(grpc.StatusCode.UNAUTHENTICATED):
            next(method(iter([request()]), metadata=metadata, timeout=DEADLINE))


def test_a_generated_client_gets_what_it_published_to_the_byte(client):
    samples = sample_events(1000, seed=3)
    watch = client.watch(make_filter()).begun()
    sent = [to_event(s) for s in samples]
    positions = client.publish_all(sent)
    for one, position in zip(sent, positions):
        one.principal, one.position = "rocketskates", position
    assert watch.take_events(1000) == sent
    watch.cancel()
