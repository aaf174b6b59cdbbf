"""Whole frames out of a stream, the plain ones already read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from realtime.utils.frame_splitter import FrameSplitter

MAX = 70_000


def masked(opcode, data, fin=True):
    return Frame(opcode, data, fin).serialize(mask=True)


def plain(opcode, data, fin=True):
    return Frame(opcode, data, fin).serialize(mask=False)


def of_client():
    return FrameSplitter(MAX, masked=True)


@pytest.mark.parametrize("mask", [True, False])
def test_plain_text_frames_are_read(mask):
    frame = masked if mask else plain
    splitter = FrameSplitter(MAX, masked=mask)
    assert splitter.split(frame(Opcode.TEXT, b"one") + frame(Opcode.TEXT, b"x" * 126)) == [b"one", b"x" * 126]
    assert splitter.split(frame(Opcode.TEXT, b"")) == [b""]


@pytest.mark.parametrize(
    "frame",
    [
        masked(Opcode.BINARY, b"x"),
        masked(Opcode.PING, b"x"),
        masked(Opcode.CLOSE, b"\x03\xe8"),
        masked(Opcode.TEXT, b"x", fin=False),
        masked(Opcode.CONT, b"x"),
        masked(Opcode.TEXT, b"x" * 65_536),
    ],
    ids=["binary", "ping", "close", "first fragment", "last fragment", "long text"],
)
def test_other_frames_come_whole_for_websockets_to_read(frame):
    splitter = of_client()
    assert splitter.split(frame[:-1]) == []
    [rest] = splitter.split(frame[-1:])
    assert rest == bytearray(frame)
    assert isinstance(rest, bytearray)


@pytest.mark.parametrize(
    "frame",
    [
        plain(Opcode.TEXT, b"x" * 20),
        masked(Opcode.TEXT, b"x" * (MAX + 1)),
        masked(Opcode.BINARY, b"x" * (MAX + 1)),
        b"\x81\xff" + b"\xff" * 12,
        b"\x83\xfe\x01\x00",
        b"\xf1\x85\x00\x00\x00\x00",
        b"\x89\xfe\x01\x00\x00\x00\x00\x00",
        b"\x81\x00",
    ],
    ids=["unmasked", "long text", "long binary", "absurd", "opcode", "reserved bits", "long ping", "unmasked, empty"],
)
def test_what_websockets_will_refuse_is_passed_on_with_its_header_and_nothing_is_kept(frame):
    splitter = of_client()
    assert splitter.split(frame[:16]) == [bytearray(frame[:16])]
    # Where it stopped is no boundary of frames: from now on, it looks at nothing.
    rest = masked(Opcode.TEXT, b"x")
    assert splitter.split(rest) == [bytearray(rest)]


@pytest.mark.parametrize(
    "frame",
    [
        masked(Opcode.TEXT, b"x" * 20),
        masked(Opcode.TEXT, b""),
        plain(Opcode.TEXT, b"x" * (MAX + 1)),
        b"\x83\x7e\x01\x00",
        b"\x89\x7e\x01\x00\x00\x00",
    ],
    ids=["masked", "masked, empty", "long text", "opcode", "long ping"],
)
def test_so_it_is_with_what_a_client_will_refuse(frame):
    splitter = FrameSplitter(MAX, masked=False)
    assert splitter.split(frame[:16]) == [bytearray(frame[:16])]


def test_between_fragments_even_a_plain_text_is_for_websockets_to_judge():
    splitter = of_client()
    forbidden = masked(Opcode.TEXT, b"not here")
    frames = [masked(Opcode.TEXT, b"a", fin=False), masked(Opcode.PING, b""), forbidden, masked(Opcode.CONT, b"b")]
    assert splitter.split(b"".join(frames[:3])) == [bytearray(frame) for frame in frames[:3]]
    splitter = of_client()
    frames.remove(forbidden)
    assert splitter.split(b"".join(frames)) == [bytearray(frame) for frame in frames]
    assert splitter.split(masked(Opcode.TEXT, b"c")) == [b"c"]


def test_a_frame_may_come_byte_by_byte():
    splitter = of_client()
    long = b"x" * 126
    frame = masked(Opcode.TEXT, "grüß".encode()) + masked(Opcode.TEXT, long) + masked(Opcode.PING, b"")
    items = [item for n in range(len(frame)) for item in splitter.split(frame[n : n + 1])]
    assert items == ["grüß".encode(), long, bytearray(frame[-6:])]


FRAMES = st.tuples(
    st.sampled_from([Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.PING]),
    st.binary(max_size=125) | st.integers(126, 66_000).map(lambda size: b"z" * size),
)


@given(frames=st.lists(FRAMES, max_size=6), cuts=st.lists(st.integers(0, 1000), max_size=12), mask=st.booleans())
def test_however_the_stream_is_cut_the_frames_are_the_same(frames, cuts, mask):
    frames = [(opcode, data[:125] if opcode is Opcode.PING else data) for opcode, data in frames]
    stream = b"".join((masked if mask else plain)(opcode, data) for opcode, data in frames)
    splitter = FrameSplitter(MAX, masked=mask)
    items, start = [], 0
    for cut in [*sorted(cut * len(stream) // 1000 for cut in cuts), len(stream)]:
        items += splitter.split(stream[start:cut])
        start = cut
    read = []
    for item in items:
        if isinstance(item, bytes):
            read.append((Opcode.TEXT, item))
        else:
            parser = Frame.parse(reader(item), mask=mask)
            with pytest.raises(StopIteration) as parsed:
                next(parser)
            read.append((parsed.value.value.opcode, bytes(parsed.value.value.data)))
    assert read == frames


def reader(data):
    def read_exact(n):
        assert len(data) >= n
        taken = bytes(data[:n])
        del data[:n]
        return taken
        yield

    return read_exact
