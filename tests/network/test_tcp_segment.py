"""The packet that two endpoints exchange."""

import pytest

from realtime.network.tcp_segment import ACK, FIN, HEADER_BYTES, MSS_BYTES, RST, SYN, SYN_BYTES, WINDOW_BYTES, Segment


@pytest.mark.parametrize(
    ("flags", "data", "kind", "nbytes"),
    [
        pytest.param(SYN, b"", "syn", SYN_BYTES, id="syn"),
        pytest.param(SYN | ACK, b"", "syn-ack", SYN_BYTES, id="syn-ack"),
        pytest.param(ACK, b"", "ack", HEADER_BYTES, id="ack"),
        pytest.param(ACK, b"abc", "data", HEADER_BYTES + 3, id="data"),
        pytest.param(ACK | FIN, b"", "fin", HEADER_BYTES, id="fin"),
        pytest.param(ACK | FIN, b"abc", "data", HEADER_BYTES + 3, id="data with fin"),
        pytest.param(RST, b"", "rst", HEADER_BYTES, id="rst"),
    ],
)
def test_a_segment_tells_what_it_is_and_what_it_weighs(flags, data, kind, nbytes):
    segment = Segment(1, 1, WINDOW_BYTES, flags, data)
    assert segment.kind == kind
    assert segment.nbytes == nbytes


def test_selective_acknowledgement_is_an_option_of_its_own():
    """RFC 2018: two bytes and eight per block, padded to a multiple of four."""
    assert Segment(1, 1, 0, ACK, b"", sacks=((5, 9), (12, 14))).nbytes == HEADER_BYTES + 4 + 16


def test_the_window_holds_whole_segments():
    assert WINDOW_BYTES % MSS_BYTES == 0
