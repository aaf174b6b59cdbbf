"""Whole text messages are taken straight out of the stream; every other frame goes on unchanged and whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from realtime.server.frame_reader import FrameReader


def frame(opcode, data, fin=True):
    """A frame as a client sends it."""
    return bytes(Frame(opcode, data, fin).serialize(mask=True))


def read(reader, *chunks):
    return [found for chunk in chunks for found in reader.feed(chunk)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_text_of_any_length_is_unmasked(size):
    text = b"x" * size
    assert read(FrameReader(max_size=100_000), frame(Opcode.TEXT, text)) == [(True, text)]


@pytest.mark.parametrize("opcode", [Opcode.BINARY, Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_other_frames_go_on_as_they_are(opcode):
    other = frame(opcode, b"\x03\xe8")
    chunks = frame(Opcode.TEXT, b"a") + other + frame(Opcode.TEXT, b"b")
    assert read(FrameReader(max_size=100), chunks) == [(True, b"a"), (False, other), (True, b"b")]


def test_inside_a_fragmented_message_every_frame_goes_on():
    frames = [
        frame(Opcode.TEXT, b"a", fin=False),
        frame(Opcode.PING, b""),
        frame(Opcode.TEXT, b"forbidden here, and for websockets to say so"),
        frame(Opcode.CONT, b"b", fin=False),
        frame(Opcode.CONT, b"c"),
    ]
    found = read(FrameReader(max_size=100), *frames, frame(Opcode.TEXT, b"d"))
    assert found == [*((False, part) for part in frames), (True, b"d")]


def test_a_frame_over_the_limit_goes_on_at_once_with_all_that_follows():
    reader = FrameReader(max_size=100)
    chunks = [frame(Opcode.TEXT, b"x" * 101)[:10], b"rest", frame(Opcode.TEXT, b"a")]
    assert read(reader, *chunks) == [(False, chunk) for chunk in chunks]


def test_an_unmasked_frame_goes_on_at_once_with_all_that_follows():
    reader = FrameReader(max_size=100)
    assert read(reader, b"\x81\x00", b"more") == [(False, b"\x81\x00"), (False, b"more")]


@pytest.mark.parametrize("head", [0xC1, 0xA1, 0x91])
def test_reserved_bits_are_for_websockets_to_judge(head):
    odd = bytes([head]) + frame(Opcode.TEXT, b"a")[1:]
    assert read(FrameReader(max_size=100), odd) == [(False, odd)]


def test_a_frame_that_comes_byte_by_byte_is_not_copied_each_time():
    reader, whole = FrameReader(max_size=100_000), frame(Opcode.TEXT, b"x" * 100_000)
    for at in range(len(whole) - 1):
        assert list(reader.feed(whole[at : at + 1])) == []
    assert list(reader.feed(whole[-1:])) == [(True, b"x" * 100_000)]


FRAMES = st.builds(
    frame,
    st.sampled_from([Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.PING]),
    st.binary(max_size=200),
)


@given(st.lists(FRAMES, max_size=6), st.data())
def test_where_the_stream_is_cut_makes_no_difference(frames, data):
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(FrameReader(max_size=1000), *chunks) == read(FrameReader(max_size=1000), *frames)
