"""Socket.IO v5 packets, as the reference writes them, and nothing else."""

import contextlib
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError
from realtime.protocol.payload import MAX_ATTACHMENTS
from realtime.protocol.socketio import (
    RESERVED_EVENTS,
    Decoder,
    EncodedPacket,
    Packet,
    PacketType,
    RawPacket,
    check_namespace,
    encode,
    encode_ack,
    encode_event,
    event_name,
    split,
    split_event,
)

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = PacketType
HOLE = b'{"_placeholder":true,"num":0}'

ON_THE_WIRE = [
    (Packet(CONNECT), b"40"),
    (Packet(CONNECT, data={"token": "t"}), b'40{"token":"t"}'),
    (Packet(CONNECT, "/custom", {"sid": "s"}), b'40/custom,{"sid":"s"}'),
    (Packet(CONNECT, "/custom"), b"40/custom,"),
    (Packet(DISCONNECT), b"41"),
    (Packet(DISCONNECT, "/custom"), b"41/custom,"),
    (Packet(EVENT, data=["hello", "w1"]), b'42["hello","w1"]'),
    (Packet(EVENT, data=["chat", "m1"], ack_id=12), b'4212["chat","m1"]'),
    (Packet(EVENT, "/ä", ["é"], 0), '42/ä,0["é"]'.encode()),
    (Packet(EVENT, "/1", ["a"], 7), b'42/1,7["a"]'),
    (Packet(ACK, data=["ok"], ack_id=12), b'4312["ok"]'),
    (Packet(ACK, "/custom", [], 999_999_999_999_999), b"43/custom,999999999999999[]"),
    (Packet(CONNECT_ERROR, "/random", {"message": "Invalid namespace"}), b'44/random,{"message":"Invalid namespace"}'),
    (Packet(CONNECT_ERROR, data="no"), b'44"no"'),
    (Packet(EVENT, data=["bin", b"x"]), b'451-["bin",' + HOLE + b"]"),
    (Packet(EVENT, "/custom", ["bin", {"deep": [b"x"]}], 3), b'451-/custom,3["bin",{"deep":[' + HOLE + b"]}]"),
    (Packet(ACK, data=[b"x"], ack_id=5), b"461-5[" + HOLE + b"]"),
    (Packet(ACK, "/custom", [b"x"], 5), b"461-/custom,5[" + HOLE + b"]"),
]


def receive(encoded):
    """Pass the frames of one packet through a decoder of its own."""
    decoder = Decoder()
    assert encoded.text[:1] == b"4"
    packet = decoder.receive_text(encoded.text[1:])
    for attachment in encoded.attachments:
        assert packet is None
        assert decoder.pending
        packet = decoder.receive_binary(attachment)
    assert not decoder.pending
    return packet


@pytest.mark.parametrize(
    ("packet", "text"), ON_THE_WIRE, ids=lambda value: value.decode() if type(value) is bytes else ""
)
def test_packets_look_on_the_wire_as_the_specification_says(packet, text):
    encoded = encode(packet)
    assert encoded.text == text
    assert encoded.attachments == ((b"x",) if text[1:2] in b"56" else ())
    assert receive(encoded) == packet


def test_several_attachments_come_in_the_order_of_their_numbers():
    encoded = encode_event("bin", [b"1", {"k": [b"2"]}])
    assert encoded.attachments == (b"1", b"2")
    assert receive(encoded) == Packet(EVENT, data=["bin", b"1", {"k": [b"2"]}])


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        (b"0/custom", Packet(CONNECT, "/custom")),
        (b'0/custom?token=a,{"b":1}', Packet(CONNECT, "/custom", {"b": 1})),
        (b"0/custom?token=a", Packet(CONNECT, "/custom")),
        (b"0/,", Packet(CONNECT)),
        (b"0/?a=b,", Packet(CONNECT)),
        (b"1/custom", Packet(DISCONNECT, "/custom")),
        (b'50-["none"]', Packet(EVENT, data=["none"])),
        (b'2[""]', Packet(EVENT, data=[""])),
        (b'2007["a"]', Packet(EVENT, data=["a"], ack_id=7)),
        (b'2["a" , 1 ] ', Packet(EVENT, data=["a", 1])),
    ],
)
def test_other_spellings_are_understood(text, packet):
    assert Decoder().receive_text(text) == packet


WRONG = [
    b"",
    b"7",
    b"abc",
    b" ",
    b'0"no object"',
    b"0[]",
    b"0{",
    b"0null",
    b"01{}",
    b"1{}",
    b"1/custom,{}",
    b"1 ",
    b"2",
    b"2{}",
    b"2[]",
    b"2[1]",
    b"2[null]",
    b'2[["a"]]',
    b"2[",
    b'2["a"',
    b'2["a"]x',
    b'2["a",NaN]',
    b'2["\xff"]',
    b'2abc["a"]',
    b'2-1["a"]',
    b'2+1["a"]',
    b'2 1["a"]',
    b'21_0["a"]',
    b'21.0["a"]',
    '2٣["a"]'.encode(),
    '2²["a"]'.encode(),
    b"2" + b"1" * 16 + b'["a"]',
    b"2" + b"1" * 100_000 + b'["a"]',
    b'2"a"',
    b"2/custom",
    b'2/custom["a"]',
    b'2/\xff,["a"]',
    b"2" + b"[" * 100_000,
    b"3",
    b"3[]",
    b"31",
    b"31{}",
    b'3/custom,["a"]',
    b"3" + b"1" * 16 + b"[]",
    b"4",
    b"4[]",
    b"4null",
    b'4"',
    b'5["a"]',
    b'5-["a"]',
    b'5-1-["a"]',
    b'5x-["a"]',
    b'51["a"]',
    b'51/custom,["a"]',
    b"51-",
    b"51-{}",
    b"51-[" + HOLE + b"]",
    b"5%d-[]" % (MAX_ATTACHMENTS + 1),
    b"5" + b"9" * 100_000 + b"-[]",
    b"61-[]",
    b"6-1[]",
]


@pytest.mark.parametrize("text", WRONG, ids=lambda text: repr(text[:24]))
def test_what_is_no_packet_is_refused(text):
    with pytest.raises(RemoteProtocolError) as refusal:
        Decoder().receive_text(text)
    assert 10 < len(str(refusal.value)) < 300


@pytest.mark.parametrize("name", sorted(RESERVED_EVENTS))
def test_reserved_names_travel_neither_way(name):
    with pytest.raises(RemoteProtocolError, match=name):
        Decoder().receive_text(b'2["%b"]' % name.encode())
    with pytest.raises(LocalProtocolError, match=name):
        encode_event(name, [])


def test_a_binary_frame_that_nobody_announced_is_refused():
    with pytest.raises(RemoteProtocolError, match="no packet announced"):
        Decoder().receive_binary(b"x")


def test_a_text_packet_where_an_attachment_is_due_is_refused():
    decoder = Decoder()
    assert decoder.receive_text(b'52-["a",' + HOLE + b"]") is None
    assert decoder.receive_binary(b"x") is None
    with pytest.raises(RemoteProtocolError, match="EVENT where 1 binary attachments of EVENT were still to come"):
        decoder.receive_text(b'2["b"]')


@pytest.mark.parametrize(
    "array", [b'["a"]', b'["a",{"_placeholder":true,"num":1}]', b'["a",' + HOLE + b"," + HOLE + b"]"]
)
def test_attachments_without_their_place_are_refused(array):
    decoder = Decoder()
    decoder.receive_text(b"51-" + array)
    with pytest.raises(RemoteProtocolError, match="attachment"):
        decoder.receive_binary(b"x")


@pytest.mark.parametrize(
    ("payload", "at", "raw"),
    [
        (b'2["a",{"b":1}]', 0, RawPacket(EVENT, "/", None, b'["a",{"b":1}]')),
        (b'42/custom,12["a"]', 1, RawPacket(EVENT, "/custom", 12, b'["a"]')),
        (b"312[]", 0, RawPacket(ACK, "/", 12, b"[]")),
        (b"52-[]", 0, RawPacket(BINARY_EVENT, "/", None, b"[]", 2)),
        (b"62-1[]", 0, RawPacket(BINARY_ACK, "/", 1, b"[]", 2)),
        (b"0", 0, RawPacket(CONNECT, "/", None, b"")),
        (b"2[not, json", 0, RawPacket(EVENT, "/", None, b"[not, json")),
    ],
)
def test_a_packet_is_taken_apart_without_a_look_at_its_json(payload, at, raw):
    assert split(payload, at) == raw


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'["chat:message",{}]', "chat:message"),
        (b'["a"]', "a"),
        (b'[""]', ""),
        ('["é😀"]'.encode(), "é😀"),
        (b'[ "a" ]', "a"),
        (rb'["a\"b"]', 'a"b'),
        (rb'["\ud83d\ude00"]', "😀"),
        (rb'["\ud83d"]', "\ufffd"),
    ],
)
def test_the_name_is_found_in_the_undecoded_array(body, name):
    assert event_name(body) == name


@pytest.mark.parametrize(
    "body", [b"[]", b"[1]", b"[", b'["', b'["a', b'["\xff"]', b'[["a"]]', b'["connect"]', b'["c\\u006fnnect"]']
)
def test_an_array_without_a_proper_name_is_refused(body):
    with pytest.raises(RemoteProtocolError):
        event_name(body)


@pytest.mark.parametrize(
    ("packet", "trouble"),
    [
        (Packet(CONNECT, data=[1]), "CONNECT cannot carry"),
        (Packet(CONNECT, data="x"), "CONNECT cannot carry"),
        (Packet(CONNECT, data={"a": b"x"}), "CONNECT cannot carry"),
        (Packet(CONNECT, data={"a": math.nan}), "CONNECT cannot be sent: nan"),
        (Packet(CONNECT, ack_id=1), "only EVENT and ACK"),
        (Packet(DISCONNECT, data={}), "DISCONNECT cannot carry"),
        (Packet(CONNECT_ERROR), "CONNECT_ERROR cannot carry"),
        (Packet(CONNECT_ERROR, data=[]), "CONNECT_ERROR cannot carry"),
        (Packet(EVENT), "EVENT starts with"),
        (Packet(EVENT, data=[]), "EVENT starts with"),
        (Packet(EVENT, data="ab"), "EVENT starts with"),
        (Packet(EVENT, data=[1]), "called 1"),
        (Packet(EVENT, data=[["a"]]), "called"),
        (Packet(EVENT, data=["a"], ack_id=-1), "'a' cannot be sent: -1 is no ack id"),
        (Packet(EVENT, data=["a"], ack_id=10**15), "no ack id"),
        (Packet(EVENT, data=["a"], ack_id=True), "no ack id"),
        (Packet(ACK, data=[]), "ACK has an id"),
        (Packet(ACK, data={}, ack_id=1), "ACK has an id"),
        (Packet(ACK, data=[object()], ack_id=1), "ack 1 cannot be sent"),
        (Packet(BINARY_EVENT, data=["a"]), "no packet to send"),
        (Packet(EVENT, "custom", ["a"]), "namespace"),
        (Packet(EVENT, "/a,b", ["a"]), "namespace"),
        (Packet(EVENT, "/a?b", ["a"]), "namespace"),
        (Packet(EVENT, "/\ud800", ["a"]), "namespace"),
        (Packet(CONNECT, ""), "namespace"),
    ],
    ids=lambda value: value if type(value) is str else "",
)
def test_packets_that_the_protocol_does_not_know_are_not_sent(packet, trouble):
    with pytest.raises(LocalProtocolError, match=trouble):
        encode(packet)


@pytest.mark.parametrize("arg", [math.nan, math.inf, object, "\ud800", {(1,): 1}], ids=repr)
def test_an_argument_that_cannot_be_sent_is_reported_with_its_event(arg):
    with pytest.raises(LocalProtocolError, match="event 'chat:message' cannot be sent"):
        encode_event("chat:message", [{"text": arg}])


def test_structs_are_sent_as_their_json():
    class Fix(msgspec.Struct, rename="camel"):
        accuracy_m: float

    assert encode_event("fix", (Fix(3.5),), ack_id=1) == EncodedPacket(b'421["fix",{"accuracyM":3.5}]', ())
    assert encode_ack(1, (Fix(3.5),), namespace="/n").text == b'43/n,1[{"accuracyM":3.5}]'


def test_a_namespace_is_checked_before_anything_is_connected():
    assert check_namespace("/custom") == "/custom"
    with pytest.raises(LocalProtocolError):
        check_namespace("custom")


texts = st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
args = st.lists(json_values | st.binary(max_size=8), max_size=4)
names = texts.filter(lambda name: name not in RESERVED_EVENTS)
namespaces = st.just("/") | st.text(st.characters(exclude_characters=",?", exclude_categories=["Cs"]), max_size=8).map(
    "/".__add__
)
ids = st.integers(0, 10**15 - 1)
packets = st.one_of(
    st.builds(Packet, st.just(CONNECT), namespaces, st.none() | st.dictionaries(texts, json_values, max_size=3)),
    st.builds(Packet, st.just(DISCONNECT), namespaces),
    st.builds(
        Packet, st.just(EVENT), namespaces, st.builds(lambda name, args: [name, *args], names, args), st.none() | ids
    ),
    st.builds(Packet, st.just(ACK), namespaces, args, ids),
    st.builds(Packet, st.just(CONNECT_ERROR), namespaces, texts | st.dictionaries(texts, json_values, max_size=3)),
)


@given(packets)
def test_every_packet_survives_the_wire(packet):
    assert receive(encode(packet)) == packet


junk = st.one_of(
    st.binary(max_size=30),
    st.text(alphabet='0123456-/,?[]{}"\\ua_placehornum:true', max_size=40).map(str.encode),
    packets.map(lambda packet: encode(packet).text[1:]),
)


@given(st.lists(st.tuples(st.booleans(), junk), max_size=8))
def test_arbitrary_frames_raise_nothing_else(frames):
    decoder = Decoder()
    for is_text, data in frames:
        with contextlib.suppress(RemoteProtocolError):
            decoder.receive_text(data) if is_text else decoder.receive_binary(data)
        with contextlib.suppress(RemoteProtocolError):
            event_name(split(data).body)


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (b'42["a"]', ("a", None, b'["a"]')),
        (b'4212["a",{"b":2}]', ("a", 12, b'["a",{"b":2}]')),
        ('42["grüß",oops'.encode(), ("grüß", None, '["grüß",oops'.encode())),
    ],
)
def test_a_plain_event_is_taken_apart_in_one_step(frame, found):
    assert split_event(frame) == found


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"2",
        b"42",
        b"42[",
        b'42["',
        b"42[]",
        b"42{}",
        b'40["a"]',
        b'43["a"]',
        b'431["a"]',
        b'452-["a"]',
        b'42/x,["a"]',
        b'42x["a"]',
        b'42-1["a"]',
        b'42 ["a"]',
        b'42[ "a"]',
        b'42["\\u0061"]',
        b'42["\xff"]',
        b'42["connect"]',
        b'421234567890123456["a"]',
        b'42["' + b"a" * 100 + b'"]',
        b'42["a',
    ],
)
def test_anything_else_is_left_to_the_longer_way(frame):
    assert split_event(frame) is None


@given(st.binary(max_size=40))
def test_the_short_way_and_the_long_way_agree(tail):
    for frame in (b"42" + tail, b'42["' + tail, b'427["' + tail):
        found = split_event(frame)
        if found is not None:
            packet = split(frame, 1)
            assert packet == RawPacket(PacketType.EVENT, "/", found[1], found[2])
            assert event_name(packet.body) == found[0]
