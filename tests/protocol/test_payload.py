"""JSON with binary attachments beside it: nothing is sent that JSON cannot hold, nothing odd is taken in."""

import contextlib
import dataclasses
import datetime
import enum
import math
from collections import OrderedDict
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError
from realtime.protocol.payload import MAX_ATTACHMENTS, attach, decode_body, dumps, loads


class Note(msgspec.Struct, rename="camel"):
    note_text: str
    raw_data: Any = None
    left_out: str | msgspec.UnsetType = msgspec.UNSET


@dataclasses.dataclass
class Photo:
    jpeg: bytes


class Colour(enum.Enum):
    RED = "red"


def nested(depth):
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (["a", 1, None, True, 1.5], b'["a",1,null,true,1.5]'),
        ([Note("x")], b'[{"noteText":"x","rawData":null}]'),
        ([(1, [2, {"k": (3,)}])], b'[[1,[2,{"k":[3]}]]]'),
        ([msgspec.Raw(b'{"x":1}')], b'[{"x":1}]'),
        ([Colour.RED, datetime.date(2024, 2, 29), frozenset({1})], b'["red","2024-02-29",[1]]'),
        ([OrderedDict(a=1)], b'[{"a":1}]'),
        ([{1: "a"}], b'[{"1":"a"}]'),
        (["null", {"nan": None}], b'["null",{"nan":null}]'),
        ([{"_placeholder": True, "num": 0}], b'[{"_placeholder":true,"num":0}]'),
    ],
)
def test_values_without_bytes_are_plain_json(data, body):
    assert dumps(data) == (body, ())


@pytest.mark.parametrize(
    ("data", "body", "attachments"),
    [
        ([b"x"], b'[{"_placeholder":true,"num":0}]', (b"x",)),
        ([b""], b'[{"_placeholder":true,"num":0}]', (b"",)),
        ([bytearray(b"x")], b'[{"_placeholder":true,"num":0}]', (b"x",)),
        ([memoryview(b"abcd")[1:3]], b'[{"_placeholder":true,"num":0}]', (b"bc",)),
        (
            ["e", {"a": [b"1", ({"b": b"2"},)]}, 7],
            b'["e",{"a":[{"_placeholder":true,"num":0},[{"b":{"_placeholder":true,"num":1}}]]},7]',
            (b"1", b"2"),
        ),
        (
            [Note("x", b"1"), Note("y"), msgspec.Raw(b"{}")],
            b'[{"noteText":"x","rawData":{"_placeholder":true,"num":0}},{"noteText":"y","rawData":null},{}]',
            (b"1",),
        ),
        ([Photo(b"1")], b'[{"jpeg":{"_placeholder":true,"num":0}}]', (b"1",)),
    ],
)
def test_bytes_anywhere_travel_beside_the_json(data, body, attachments):
    assert dumps(data) == (body, attachments)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "wrap", [lambda x: [x], lambda x: [{"a": (x,)}], lambda x: [Note("n", x)], lambda x: [Photo(x)]]
)
def test_numbers_that_json_cannot_hold_are_refused_by_name(number, wrap):
    with pytest.raises(LocalProtocolError, match=r"(nan|inf) is not a JSON number"):
        dumps(wrap(number))


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        ([object()], "object"),
        ([1j], "complex"),
        ([{(1, 2): 3}], "keys"),
        (["\ud800"], "surrogate"),
        ([memoryview(b"abcd")[::2]], "contiguous"),
        ([[1, 2, object()], b"x"], "object"),
        (nested(100_000), "nested too deeply"),
        ([b"x"] * (MAX_ATTACHMENTS + 1), "attachments"),
        ([b"x", {"_placeholder": True, "num": 0}], "_placeholder"),
    ],
    ids=["object", "complex", "keys", "surrogate", "stride", "both", "deep", "many", "placeholder"],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(data, trouble):
    with pytest.raises(LocalProtocolError, match=trouble):
        dumps(data)


def test_a_value_that_holds_itself_is_refused():
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(LocalProtocolError, match="nested too deeply"):
        dumps(circle)


@pytest.mark.parametrize(
    "body", [b"", b"abc", b"[", b"[1]]", b"[NaN]", b"[1e999]", b'["\xff"]', b"[" * 100_000, b'["\\ud800'], ids=repr
)
def test_what_is_no_json_is_the_peers_mistake(body):
    with pytest.raises(RemoteProtocolError, match="JSON"):
        loads(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'["\ud83d\ude00"]', ["😀"]),
        (rb'["\ud83d"]', ["\ufffd"]),
        (rb'["a\ude00b", "\ud83d\ude00"]', ["a\ufffdb", "😀"]),
        (rb'["\ud83d\ud83d\ude00"]', ["\ufffd😀"]),
        (rb'["\\ud83d", "\uD83D"]', ["\\ud83d", "\ufffd"]),
    ],
)
def test_half_an_emoji_as_javascript_cuts_it_becomes_a_replacement_character(body, value):
    assert loads(body) == value


def test_a_typed_decode_tells_a_wrong_protocol_from_a_wrong_application():
    decoder = msgspec.json.Decoder(tuple[str, Note])
    assert decode_body(b'["n",{"noteText":"x"}]', decoder) == ("n", Note("x"))
    assert decode_body(rb'["n",{"noteText":"\ud800"}]', decoder) == ("n", Note("\ufffd"))
    with pytest.raises(RemoteProtocolError, match="JSON"):
        decode_body(b'["n",{"noteText":"x"]', decoder)
    with pytest.raises(msgspec.ValidationError, match="noteText"):
        decode_body(b'["n",{"noteText":1}]', decoder)


def hole(num):
    return {"_placeholder": True, "num": num}


def test_attachments_go_back_where_they_came_from():
    data = ["e", {"a": [hole(1), {"b": hole(0)}]}, {"_placeholder": False, "num": 5}]
    assert attach(data, [b"0", b"1"]) == ["e", {"a": [b"1", {"b": b"0"}]}, {"_placeholder": False, "num": 5}]


@pytest.mark.parametrize(
    "data",
    [
        [hole(1)],
        [hole(-1)],
        [hole("0")],
        [hole(0.0)],
        [hole(None)],
        [hole(True)],
        [{"_placeholder": True}],
        [],
        [hole(0), hole(0)],
    ],
    ids=repr,
)
def test_a_placeholder_must_name_an_attachment_and_each_exactly_once(data):
    with pytest.raises(RemoteProtocolError, match="attachment"):
        attach(data, [b"x"])


def test_deep_nesting_around_an_attachment_is_the_peers_mistake():
    with pytest.raises(RemoteProtocolError, match="deep"):
        attach([nested(100_000), hole(0)], [b"x"])


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(values | st.binary(max_size=9), max_size=MAX_ATTACHMENTS))
def test_every_value_survives_the_wire(data):
    body, attachments = dumps(data)
    read = loads(body)
    assert (attach(read, attachments) if attachments else read) == data


@given(st.binary() | st.text(alphabet='[]{}",:\\ud8cf0123 _placehornum').map(str.encode))
def test_arbitrary_bytes_raise_nothing_else(data):
    with contextlib.suppress(RemoteProtocolError):
        attach(loads(data), [b"x"])
