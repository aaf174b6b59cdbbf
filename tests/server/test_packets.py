"""Packets around JSON that is encoded already: the same bytes as the codec would make."""

import msgspec
import pytest

from realtime.protocol.errors import LocalProtocolError
from realtime.protocol.socketio import encode_ack, encode_event
from realtime.server.frames import text_frame
from realtime.server.packets import ack_frame, event_frame

BODY = b'{"text":"gr\xc3\xbc\xc3\x9f"}'


@pytest.mark.parametrize("namespace", ["/", "/custom"])
@pytest.mark.parametrize("event", ["chat:message", 'quo"ted', "grüß"])
def test_an_event_is_what_the_codec_would_make(event, namespace):
    packet = encode_event(event, [msgspec.Raw(BODY)], namespace=namespace)
    assert event_frame(event, BODY, namespace) == text_frame(packet.text)


@pytest.mark.parametrize("namespace", ["/", "/custom", "/00", "/7"])
@pytest.mark.parametrize("ack_id", [0, 7, 10**14])
def test_an_answer_is_what_the_codec_would_make(ack_id, namespace):
    packet = encode_ack(ack_id, [msgspec.Raw(BODY)], namespace=namespace)
    assert ack_frame(ack_id, BODY, namespace) == text_frame(packet.text)


def test_a_reserved_name_is_refused():
    with pytest.raises(LocalProtocolError):
        event_frame("connect", BODY, "/")
