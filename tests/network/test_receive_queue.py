"""The receiving end of a stream: order, duplicates, selective acknowledgement, window."""

from realtime.network.receive_queue import ReceiveQueue
from realtime.network.tcp_segment import ACK, FIN, WINDOW_BYTES, Segment


def data(seq, text, *, end=False, sent_ns=0):
    return Segment(seq, 1, 0, ACK | FIN if end else ACK, text, sent_ns)


def queue():
    result = ReceiveQueue()
    result.open(0)
    return result


def test_segments_out_of_order_wait_for_the_hole():
    box = queue()
    assert box.take(data(4, b"def"))
    assert box.read() == b""
    assert box.sacks == ((4, 7),)
    assert box.take(data(1, b"abc"))
    assert box.read() == b"abcdef"
    assert box.sacks == ()
    assert box.next_seq == 7


def test_the_newest_stretch_is_told_first_and_neighbours_become_one():
    """RFC 2018, section 4."""
    box = queue()
    for seq in (3, 7, 11, 15, 5):
        box.take(data(seq, b"xx"))
    assert box.sacks == ((3, 9), (15, 17), (11, 13))
    box.take(data(1, b"xx"))
    assert box.sacks == ((15, 17), (11, 13))


def test_more_than_three_stretches_do_not_fit_but_are_not_forgotten():
    box = queue()
    for seq in (3, 6, 9, 12):
        box.take(data(seq, b"x"))
    assert box.sacks == ((12, 13), (9, 10), (6, 7))
    box.take(data(1, b"xx"))
    assert box.next_seq == 4
    box.take(data(11, b"x"))
    assert box.sacks == ((11, 13), (9, 10), (6, 7))


def test_what_has_arrived_already_is_no_news():
    box = queue()
    assert box.take(data(1, b"a"))
    assert not box.take(data(1, b"a"))
    assert box.take(data(3, b"c"))
    assert not box.take(data(3, b"c"))
    assert box.take(data(2, b"b"))
    assert box.read() == b"abc"


def test_the_end_counts_as_one_more():
    box = queue()
    box.take(data(2, b"", end=True))
    assert not box.has_ended
    box.take(data(1, b"a"))
    assert box.has_ended
    assert box.next_seq == 3


def test_the_window_is_what_is_not_unread():
    box = queue()
    assert box.window == WINDOW_BYTES
    box.take(data(1, b"x" * 1000))
    assert box.window == WINDOW_BYTES, "read at once"
    box.read()
    box.is_read = False
    box.take(data(1001, b"x" * 1000))
    assert box.window == WINDOW_BYTES - 1000
    box.read()
    assert box.window == WINDOW_BYTES


def test_the_echo_is_of_the_oldest_segment_not_acknowledged_yet():
    """RFC 7323, section 4.3: so the measure includes a delayed acknowledgement, and a repetition measures itself."""
    box = queue()
    box.take(data(1, b"a", sent_ns=10))
    assert box.echo_ns == 10
    box.take(data(2, b"b", sent_ns=20))
    assert box.echo_ns == 10
    box.acked_seq = box.next_seq
    box.take(data(4, b"d", sent_ns=30))
    assert box.echo_ns == 10
    box.take(data(3, b"c", sent_ns=40))
    assert box.echo_ns == 40
    box.acked_seq = box.next_seq
    box.take(data(3, b"c", sent_ns=50))
    assert box.echo_ns == 50, "the acknowledgement may have been lost: the one of the repetition counts"


def test_a_closed_one_keeps_nothing():
    box = queue()
    box.take(data(1, b"a"))
    box.take(data(5, b"b"))
    box.close()
    assert box.read() == b""
    assert box.sacks == ()
    assert box.window == WINDOW_BYTES
