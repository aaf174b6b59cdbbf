"""WebSocket frames as a server writes them: unmasked, so the same bytes serve every receiver."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from realtime.server.frames import binary_frame, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_is_what_websockets_would_have_made(size):
    data = b"x" * size
    assert text_frame(data) == Frame(Opcode.TEXT, data).serialize(mask=False)
    assert binary_frame(data) == Frame(Opcode.BINARY, data).serialize(mask=False)


@given(st.binary(max_size=300))
def test_any_payload_is_carried_unchanged(data):
    assert text_frame(data).endswith(data)
    assert binary_frame(data) == Frame(Opcode.BINARY, data).serialize(mask=False)
