"""Packets around JSON that is encoded already: the same bytes as the codec would make."""

import msgspec
import pytest

from realtime.protocol.errors import LocalProtocolError
from realtime.protocol.socketio import encode_ack, encode_event
from realtime.server.frames import binary_frame, text_frame
from realtime.server.packets import ack_frame, event_packet, numbered_frames, packet_frames

BODY = b'{"text":"gr\xc3\xbc\xc3\x9f"}'


@pytest.mark.parametrize("namespace", ["/", "/custom"])
@pytest.mark.parametrize("event", ["chat:message", 'quo"ted', "grüß"])
def test_an_event_is_what_the_codec_would_make(event, namespace):
    packet = encode_event(event, [msgspec.Raw(BODY)], namespace=namespace)
    assert event_packet(event, BODY, namespace) == packet


@pytest.mark.parametrize("namespace", ["/", "/custom", "/00", "/7"])
@pytest.mark.parametrize("ack_id", [0, 7, 10**14])
def test_an_answer_is_what_the_codec_would_make(ack_id, namespace):
    packet = encode_ack(ack_id, [msgspec.Raw(BODY)], namespace=namespace)
    assert ack_frame(ack_id, BODY, namespace) == text_frame(packet.text)


def test_a_reserved_name_is_refused():
    with pytest.raises(LocalProtocolError):
        event_packet("connect", BODY, "/")


def test_attachments_follow_their_packet():
    packet = encode_event("photo", [b"\x00", b"\x01"])
    assert packet_frames(packet) == text_frame(packet.text) + binary_frame(b"\x00") + binary_frame(b"\x01")
    assert packet_frames(encode_event("x", [])) == text_frame(b'42["x"]')


@pytest.mark.parametrize("namespace", ["/", "/custom"])
@pytest.mark.parametrize("args", [[], ["text"], [{"a": [1]}, 2], [b"\x00"]], ids=repr)
def test_an_offset_is_one_more_argument(args, namespace):
    packet = encode_event("x", args, namespace=namespace)
    assert numbered_frames(packet, b"e.7") == packet_frames(encode_event("x", [*args, "e.7"], namespace=namespace))
