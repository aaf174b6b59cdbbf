"""A random stream that waits until somebody draws from it."""

import random

from realtime.network.stream import Stream


def test_it_is_the_stream_of_its_seed():
    stream, plain = Stream(7), random.Random(7)
    assert [stream.rng.random() for _ in range(3)] == [plain.random() for _ in range(3)]
    assert stream.rng is stream.rng


def test_it_takes_no_room_before():
    assert Stream(7)._rng is None
