"""Engine.IO v4: a digit, then a payload."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol.engineio import (
    EnginePacketType,
    Handshake,
    clip,
    decode_engine,
    decode_handshake,
    encode_handshake,
)
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError

HANDSHAKE = Handshake(sid="VPB1", ping_interval=25_000, ping_timeout=20_000)


@pytest.mark.parametrize("kind", EnginePacketType)
def test_every_type_is_its_digit_before_the_payload(kind):
    assert decode_engine(b"%d" % kind + b"rest") == (kind, b"rest")


@pytest.mark.parametrize("text", [b"", b"7", b"9", b"x", b" 2", b"b64", b"-1", b"\xff", "²".encode()])
def test_anything_else_is_the_peers_mistake(text):
    with pytest.raises(RemoteProtocolError, match=r"Engine\.IO packet"):
        decode_engine(text)


def test_a_handshake_looks_as_javascript_expects_it():
    text = encode_handshake(HANDSHAKE)
    assert text[:1] == b"0"
    assert json.loads(text[1:]) == {
        "sid": "VPB1",
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 1_000_000,
        "upgrades": [],
    }


def test_a_handshake_of_the_reference_server_is_read():
    payload = b'{"sid":"a","upgrades":["webtransport"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000,"new":1}'
    assert decode_handshake(payload) == Handshake("a", 300, 200, 1000, ("webtransport",))


def test_a_ping_interval_of_zero_is_read_because_a_well_known_server_announces_it():
    assert decode_handshake(b'{"sid":"a","pingInterval":0,"pingTimeout":1}').ping_interval == 0


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"sid":"","pingInterval":1,"pingTimeout":1}',
        b'{"sid":1,"pingInterval":1,"pingTimeout":1}',
        b'{"sid":"a","pingInterval":-1,"pingTimeout":1}',
        b'{"sid":"a","pingInterval":1.5,"pingTimeout":1}',
        b'{"sid":"a","pingInterval":1}',
        b'{"sid":"a","pingInterval":1,"pingTimeout":1,"maxPayload":0}',
        b'{"sid":"\xff","pingInterval":1,"pingTimeout":1}',
        b"[" * 100_000,
    ],
)
def test_a_handshake_that_says_too_little_or_nonsense_is_refused(payload):
    with pytest.raises(RemoteProtocolError, match="handshake"):
        decode_handshake(payload)


def test_a_handshake_that_json_cannot_hold_is_refused_here():
    with pytest.raises(LocalProtocolError, match="handshake"):
        encode_handshake(Handshake("\ud800", 1, 1))


def test_what_is_quoted_of_a_packet_is_short():
    assert clip(b"4abc") == "b'4abc'"
    assert len(clip(b"\xff" * 10_000)) < 200
    assert clip(b"x" * 10_000).endswith("… (10000 bytes)")


@given(
    st.builds(
        Handshake,
        sid=st.text(min_size=1),
        ping_interval=st.integers(0, 2**40),
        ping_timeout=st.integers(0, 2**40),
        max_payload=st.integers(1, 2**40),
        upgrades=st.lists(st.text()).map(tuple),
    )
)
def test_a_handshake_survives_the_wire(handshake):
    kind, payload = decode_engine(encode_handshake(handshake))
    assert kind is EnginePacketType.OPEN
    assert decode_handshake(payload) == handshake


@given(st.binary())
def test_arbitrary_bytes_raise_nothing_else(data):
    for read in (decode_engine, decode_handshake):
        with contextlib.suppress(RemoteProtocolError):
            read(data)
