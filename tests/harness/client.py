"""A gRPC client of the broker."""

import base64
import queue
import threading
from contextlib import contextmanager

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from harness.contract import (account_grpc, account_pb, event_pb, events_grpc, events_pb,
                              filter_pb, session_grpc, session_pb)
from harness.programs import ACCOUNT_TEXT
from harness.waiting import DEADLINE


def basic(user_and_password):
    return "Basic " + base64.b64encode(user_and_password.encode()).decode()


def bearer(token):
    return "Bearer " + token


def field(*values, prefixes=()):
    return filter_pb.FieldMatch(values=values, prefixes=prefixes)


def make_filter(type=None, action=None, key=None, conditions=()):
    def match(value):
        return field(value) if isinstance(value, str) else value

    return filter_pb.Filter(type=match(type), action=match(action), key=match(key),
                            conditions=conditions)


def event(type="machines", action="create", key="m1", **more):
    return event_pb.Event(type=type, action=action, key=key, **more)


class ErrorDetails:
    """What a google.rpc.Status carries."""

    def __init__(self, status):
        self.code = grpc.StatusCode(next(c.value for c in grpc.StatusCode
                                         if c.value[0] == status.code))
        self.message = status.message
        self.info = self._unpack(status, error_details_pb2.ErrorInfo)
        self.bad_request = self._unpack(status, error_details_pb2.BadRequest)
        self.retry = self._unpack(status, error_details_pb2.RetryInfo)

    @staticmethod
    def _unpack(status, kind):
        for detail in status.details:
            message = kind()
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(message)
                return message
        return None

    @property
    def reason(self):
        return self.info.reason if self.info else None

    @property
    def field(self):
        return self.bad_request.field_violations[0].field if self.bad_request else None


@contextmanager
def refused(code, reason=None):
    """The block ends with a grpc.RpcError of this code (and ErrorInfo.reason)."""
    caught = type("Caught", (), {"details": None})()
    with pytest.raises(grpc.RpcError) as raised:
        yield caught
    error = raised.value
    assert error.code() == code, f"{error.code()}: {error.details()}"
    status = rpc_status.from_call(error)
    caught.details = ErrorDetails(status) if status else None
    caught.message = error.details()
    if reason is not None:
        assert caught.details is not None and caught.details.reason == reason, caught.message


class Client:
    """Calls with the credentials of one user."""

    def __init__(self, broker, authorization=basic(ACCOUNT_TEXT)):
        self.broker = broker
        self.metadata = [("authorization", authorization)] if authorization else []
        credentials = grpc.ssl_channel_credentials(broker.certificate.cert.read_bytes())
        options = [("grpc.max_receive_message_length", -1),
                   ("grpc.initial_reconnect_backoff_ms", 100),
                   ("grpc.max_reconnect_backoff_ms", 500)]
        self.channel = grpc.secure_channel(broker.address, credentials, options)
        self.events = events_grpc.EventServiceStub(self.channel)
        self.accounts = account_grpc.AccountServiceStub(self.channel)
        self.sessions = session_grpc.SessionServiceStub(self.channel)

    def call(self, method, request, **options):
        return method(request, metadata=self.metadata, timeout=DEADLINE, **options)

    def close(self):
        self.channel.close()

    # Events

    def publish(self, *events):
        """Publishes a batch; the results, in order."""
        return list(self.call(self.events.Publish, events_pb.PublishRequest(events=events)).results)

    def publish_raw(self, request):
        """Publishes a batch that is encoded already, such as one that protobuf would not make."""
        publish = self.channel.unary_unary(
            "/carillon.v1.EventService/Publish",
            response_deserializer=events_pb.PublishResponse.FromString)
        return list(self.call(publish, request).results)

    def publish_stream(self):
        return PublishStream(self)

    def publish_all(self, events, batch=500):
        """Publishes many events, none of which may be refused; their positions."""
        requests = (events_pb.PublishStreamRequest(events=events[i:i + batch])
                    for i in range(0, len(events), batch))
        positions = []
        answers = self.events.PublishStream(requests, metadata=self.metadata, timeout=5 * DEADLINE)
        for answer in answers:
            for result in answer.results:
                assert not result.HasField("error"), result.error.message
                positions.append(result.position)
        return positions

    def status(self):
        return self.call(self.events.GetStatus, events_pb.GetStatusRequest())

    def watch(self, filter=None, after=None, earliest=False, reading=True):
        return Watch(self, filter, start_position(after, earliest), reading)

    def subscribe(self, reading=True):
        return Subscription(self, reading)

    # Accounts

    def put_role(self, name, *claims):
        role = account_pb.Role(
            name=name,
            claims=[account_pb.Claim(scope=s, action=a, specific=k) for s, a, k in claims])
        return self.call(self.accounts.PutRole, account_pb.PutRoleRequest(role=role))

    def create_user(self, name, *roles, password=""):
        return self.call(self.accounts.CreateUser,
                         account_pb.CreateUserRequest(name=name, roles=roles, password=password))

    def set_roles(self, name, *roles):
        return self.call(self.accounts.SetUserRoles,
                         account_pb.SetUserRolesRequest(name=name, roles=roles))

    def token(self, name, ttl_seconds=None, roles=(), claim=None):
        request = account_pb.GrantTokenRequest(name=name, roles=roles)
        if ttl_seconds is not None:
            request.ttl.seconds = ttl_seconds
        if claim is not None:
            request.claim.scope, request.claim.action, request.claim.specific = claim
        return self.call(self.accounts.GrantToken, request).token

    def revoke(self, name):
        self.call(self.accounts.RevokeUserTokens, account_pb.RevokeUserTokensRequest(name=name))

    def delete_user(self, name):
        self.call(self.accounts.DeleteUser, account_pb.DeleteUserRequest(name=name))

    def set_password(self, name, password):
        self.call(self.accounts.SetUserPassword,
                  account_pb.SetUserPasswordRequest(name=name, password=password))

    def user_with(self, name, *claims):
        """Makes a user with a role of its own that has these claims; a token for it."""
        self.put_role(f"role-of-{name}", *claims)
        self.create_user(name, f"role-of-{name}")
        return self.token(name)

    def open_session(self, authorization):
        request = session_pb.OpenSessionRequest(authorization=authorization, peer="127.0.0.1:1")
        return self.call(self.sessions.OpenSession, request).session


def start_position(after, earliest):
    if after is not None:
        return event_pb.StartPosition(after=after)
    if earliest:
        return event_pb.StartPosition(earliest=True)
    return None


def place(position):
    """To clients a position is opaque; tests look inside to tell which of two comes first."""
    return int.from_bytes(base64.urlsafe_b64decode(position), "big")


class Responses:
    """Reads a stream of responses on a thread, so that waiting for one can have a deadline."""

    def __init__(self, stream, reading=True):
        self.stream = stream
        self._queue = queue.Queue()
        if reading:
            self.read()

    def read(self):
        """Begins to read, if that was put off."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for response in self.stream:
                self._queue.put(response)
            self._queue.put(None)
        except grpc.RpcError as error:
            self._queue.put(error)

    def next(self, deadline=DEADLINE):
        """The next response; None at the end. Raises the error the stream ends with."""
        try:
            item = self._queue.get(timeout=deadline)
        except queue.Empty:
            raise AssertionError(f"nothing came within {deadline:.0f} s") from None
        if isinstance(item, grpc.RpcError):
            self._queue.put(item)
            raise item
        return item

    def next_of(self, kind):
        """The next response of this kind, passing over progress."""
        while True:
            response = self.next()
            found = response.WhichOneof("response")
            if found == kind:
                return getattr(response, kind)
            assert found == "progress", f"expected {kind}, got {response}"

    def take_events(self, count):
        """Exactly `count` events, in the order they came."""
        events = []
        while len(events) < count:
            events.extend(self.next_of("events").events)
        assert len(events) == count, f"{len(events)} events came, not {count}"
        return events

    def take_until(self, position):
        """The events up to `position`, once the stream is known to have come so far."""
        events, reached = [], None
        while reached is None or place(reached) < place(position):
            response = self.next()
            found = response.WhichOneof("response")
            if found == "events":
                events.extend(response.events.events)
                reached = events[-1].position
            elif found == "progress":
                reached = response.progress.position
        return events

    def cancel(self):
        self.stream.cancel()


class PublishStream(Responses):
    """A PublishStream; batches are sent without waiting for the answers."""

    def __init__(self, client):
        self._requests = queue.Queue()
        super().__init__(client.events.PublishStream(iter(self._requests.get, None),
                                                     metadata=client.metadata))

    def send(self, *events):
        self._requests.put(events_pb.PublishStreamRequest(events=events))
        return self

    def half_close(self):
        self._requests.put(None)
        return self


class Watch(Responses):
    """A Watch stream; it has begun when this is made."""

    def __init__(self, client, filter, start, reading):
        request = events_pb.WatchRequest(filter=filter, start=start)
        super().__init__(client.events.Watch(request, metadata=client.metadata), reading)
        self.began_after = None

    def begun(self):
        """Waits for the first response; events committed from now on will come."""
        self.began_after = self.next_of("progress").position
        return self


class Subscription(Responses):
    """A Subscribe stream."""

    def __init__(self, client, reading):
        self._requests = queue.Queue()
        super().__init__(client.events.Subscribe(iter(self._requests.get, None),
                                                 metadata=client.metadata), reading)

    def ask(self, request):
        self._requests.put(request)
        return self

    def add(self, *subscriptions):
        """Each is (id, filter), with a session id and a scope behind them if wanted."""
        add = events_pb.AddSubscriptions(subscriptions=[
            events_pb.Subscription(subscription_id=s[0], filter=s[1],
                                   session_id="".join(s[2:3]), scope="".join(s[3:4]))
            for s in subscriptions])
        return self.ask(events_pb.SubscribeRequest(add=add))

    def remove(self, *ids):
        return self.ask(events_pb.SubscribeRequest(
            remove=events_pb.RemoveSubscriptions(subscription_ids=ids)))

    def start(self, after=None, earliest=False, until=""):
        return self.ask(events_pb.SubscribeRequest(
            start=events_pb.StartDelivery(start=start_position(after, earliest), until=until)))

    def begun(self):
        """Waits for the answer to the start; events committed from now on will come."""
        while self.next().WhichOneof("response") != "progress":
            pass
        return self

    def take_matches(self, count):
        """Pairs of an event and the set of subscriptions it matched."""
        pairs = []
        while len(pairs) < count:
            batch = self.next_of("events")
            assert len(batch.matches) == len(batch.events)
            pairs.extend((e, set(m.subscription_ids))
                         for e, m in zip(batch.events, batch.matches))
        assert len(pairs) == count
        return pairs

    def half_close(self):
        self._requests.put(None)
