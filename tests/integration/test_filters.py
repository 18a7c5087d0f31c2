"""Which events a filter selects, and which filters are none."""

import json

import grpc
import pytest

from harness.client import event, field, make_filter, refused
from harness.contract import filter_pb

OPERATOR = filter_pb.Condition.Operator
_VALUES = {str: "string_value", bool: "bool_value", int: "int64_value", float: "double_value",
           type(None): "null_value"}
NO_VALUE = object()


def condition(pointer, operator, value=NO_VALUE):
    one = filter_pb.Condition(pointer=pointer, operator=OPERATOR.Value(f"OPERATOR_{operator}"))
    if value is not NO_VALUE:
        setattr(one, _VALUES[type(value)], 0 if value is None else value)
    return one


# Objects by name; None is an event without an object.
OBJECTS = {
    "none": None,
    "one": {"n": 1, "s": "blue", "Meta": {"color": "blue", "a/b": {"~": True}}, "list": [10, "x"]},
    "two": {"n": 2, "s": "blueish", "Meta": {"color": None}},
    "word": {"n": "1", "s": "red", "Meta": False},
    "bare": 7,
}

CONDITIONS = [
    ([condition("/n", "EQUAL", 1)], {"one"}),
    ([condition("/n", "EQUAL", 1.0)], {"one"}),
    ([condition("/n", "EQUAL", "1")], {"word"}),
    ([condition("/n", "NOT_EQUAL", 1)], {"two", "word"}),
    ([condition("/n", "LESS", 2)], {"one"}),
    ([condition("/n", "LESS_OR_EQUAL", 2)], {"one", "two"}),
    ([condition("/n", "GREATER", 1.5)], {"two"}),
    ([condition("/n", "GREATER_OR_EQUAL", 1)], {"one", "two"}),
    ([condition("/s", "LESS", "blueish")], {"one"}),
    ([condition("/s", "PREFIX", "blue")], {"one", "two"}),
    ([condition("/Meta/color", "EXISTS")], {"one", "two"}),
    ([condition("/Meta/color", "NOT_EXISTS")], {"none", "word", "bare"}),
    ([condition("/Meta/color", "EQUAL", None)], {"two"}),
    ([condition("/Meta", "EQUAL", False)], {"word"}),
    ([condition("/Meta/a~1b/~0", "EQUAL", True)], {"one"}),
    ([condition("/list/1", "EQUAL", "x")], {"one"}),
    ([condition("", "EQUAL", 7)], {"bare"}),
    ([condition("", "NOT_EXISTS")], {"none"}),
    ([condition("/n", "GREATER", 0), condition("/s", "EQUAL", "blueish")], {"two"}),
]


def test_conditions_select_by_the_object(client, kind):
    """All conditions on one stream: each event names the subscriptions whose conditions hold."""
    stream = client.subscribe().add(
        (1000, make_filter(type=kind)),
        *((i + 1, make_filter(type=kind, conditions=c)) for i, (c, _) in enumerate(CONDITIONS)))
    stream.start().begun()
    client.publish(*(event(kind, key=name, object=b"" if o is None else json.dumps(o).encode())
                     for name, o in OBJECTS.items()))
    matched = {e.key: ids for e, ids in stream.take_matches(len(OBJECTS))}
    for i, (conditions, names) in enumerate(CONDITIONS):
        assert {n for n, ids in matched.items() if i + 1 in ids} == names, conditions
    stream.cancel()


FIELDS = [
    (make_filter(), "abcd"),
    (make_filter(action="save"), "a"),
    (make_filter(action=field("save", "create")), "ab"),
    (make_filter(action=field(prefixes=["s", "d"])), "acd"),
    (make_filter(key=field("")), "d"),
    (make_filter(key=field("größe", prefixes=["gr"])), "bc"),
    (make_filter(action=field(prefixes=["s"]), key=field(prefixes=["g"])), "c"),
    (make_filter(action="Save"), ""),
]


def test_fields_are_matched_by_values_and_prefixes(client, kind):
    events = {"a": ("save", "k"), "b": ("create", "größe"), "c": ("store", "groß"),
              "d": ("delete", "")}
    stream = client.subscribe()
    for i, (filter, _) in enumerate(FIELDS):
        filter.type.values[:] = [kind]
        stream.add((i + 1, filter))
    stream.add((1000, make_filter(type=kind))).start()
    client.publish(event("marker"))
    for _ in range(len(FIELDS) + 1):
        stream.next_of("added")
    stream.begun()
    client.publish(*(event(kind, a, k, object=b'"%s"' % n.encode())
                     for n, (a, k) in events.items()))
    matched = {json.loads(e.object): ids for e, ids in stream.take_matches(4)}
    for i, (filter, names) in enumerate(FIELDS):
        assert "".join(n for n in matched if i + 1 in matched[n]) == names, filter
    stream.cancel()


def many(count, size=1):
    return [f"{i:0{size}}" for i in range(count)]


BAD_FILTERS = {
    "an item without values": (make_filter(type=field()), "filter.type", "needs a value"),
    "an empty prefix": (make_filter(key=field(prefixes=["a", ""])), "filter.key.prefixes[1]",
                        "must not be empty"),
    "too many values": (make_filter(type=field(*many(10_001))), "filter.type", "at most 10000"),
    "too many bytes": (make_filter(type=field(*many(700, 100))), "filter", "at most 65536"),
    "too many conditions": (make_filter(conditions=[condition("/a", "EXISTS")] * 17),
                            "filter.conditions", "at most 16"),
    "no operator": (make_filter(conditions=[condition("/a", "UNSPECIFIED", 1)]),
                    "filter.conditions[0].operator", "must be one of"),
    "a value too many": (make_filter(conditions=[condition("/a", "EXISTS", 1)]),
                         "filter.conditions[0].value", "must not be set"),
    "a value too few": (make_filter(conditions=[condition("/a", "EQUAL")]),
                        "filter.conditions[0].value", "must be set"),
    "a prefix of a number": (make_filter(conditions=[condition("/a", "PREFIX", 1)]),
                             "filter.conditions[0].string_value", "PREFIX"),
    "an order of booleans": (make_filter(conditions=[condition("/a", "LESS", True)]),
                             "filter.conditions[0].value", "no order"),
    "a long value": (make_filter(conditions=[condition("/a", "EQUAL", "x" * 1025)]),
                     "filter.conditions[0].string_value", "at most 1024"),
    "a pointer without slash": (make_filter(conditions=[condition("a", "EXISTS")]),
                                "filter.conditions[0].pointer", "/"),
    "a long pointer": (make_filter(conditions=[condition("/" + "x" * 1024, "EXISTS")]),
                       "filter.conditions[0].pointer", "at most 1024"),
    "infinity": (make_filter(conditions=[condition("/a", "EQUAL", float("inf"))]),
                 "filter.conditions[0].double_value", "finite"),
}


@pytest.mark.parametrize("fault", BAD_FILTERS)
def test_a_faulty_filter_is_refused_with_field_and_reason(client, fault):
    filter, path, reason = BAD_FILTERS[fault]
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.watch(filter).next()
    assert caught.details.field == path
    assert reason in caught.details.bad_request.field_violations[0].description


def test_a_filter_may_be_as_large_as_its_limits(client, kind):
    conditions = [condition("/" + "x" * 1023, "NOT_EQUAL", "y" * 1024)] * 15 + [
        condition("/" + "x" * 1023, "EQUAL", "z" * 1024)]
    text = json.dumps({"x" * 1023: "z" * 1024}).encode()
    watch = client.watch(make_filter(type=kind, conditions=conditions)).begun()
    client.publish(event(kind, object=text))
    watch.take_events(1)
    watch.cancel()
    values = client.watch(make_filter(type=field(kind, *many(9_999, 4)))).begun()
    client.publish(event("0042"), event(kind))
    assert [e.type for e in values.take_events(2)] == ["0042", kind]
    values.cancel()
