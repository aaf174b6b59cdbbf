"""The sending end of a stream: what waits, what is under way, what is lost."""

from realtime.network.send_queue import SendQueue
from realtime.network.tcp_segment import ACK, MSS_BYTES, Segment


def queue(*sizes):
    """With segments of these sizes sent, the first at 1."""
    result = SendQueue()
    result.acked_seq = result.next_seq = 1
    for size in sizes:
        result.send(0, b"x" * size, False)
    return result


def numbers(records):
    return [record.seq for record in records]


def lost(box):
    result = []
    while (record := box.next_lost()) is not None:
        result.append(record.seq)
        box.note_repeated(0, record)
    return result


def test_short_writes_that_had_to_wait_travel_together():
    box = SendQueue()
    for text in (b"ab", b"c", b"defg"):
        box.append(text)
    assert box.unsent_bytes == 7
    assert box.cut(5) == b"abcde"
    assert box.cut(MSS_BYTES) == b"fg"
    assert box.unsent_bytes == 0


def test_an_acknowledgement_is_of_everything_below():
    box = queue(10, 20, 30)
    assert box.pipe_bytes == 60
    assert box.acknowledge(31) == 30
    assert box.pipe_bytes == 30
    assert numbers(box.in_flight) == [31]
    assert box.acknowledge(61) == 30
    assert not box.in_flight


def test_a_segment_that_was_sent_by_someone_else_is_like_any_other():
    box = queue()
    box.next_seq = 4
    box.adopt(Segment(1, 1, 0, ACK, b"abc", 7))
    assert box.pipe_bytes == 3
    box.write_off()
    assert lost(box) == [1]
    assert box.acknowledge(4) == 3


def test_the_end_is_one_number_and_no_byte():
    box = queue(10)
    box.send(0, b"", True)
    assert box.next_seq == 12
    assert box.acknowledge(12) == 10


def test_two_segments_behind_a_lost_one_are_not_enough():
    box = queue(1, 1, 1, 1)
    assert not box.mark(0, [(2, 4)], shortest_ns=0)
    assert lost(box) == []
    assert box.pipe_bytes == 2


def test_three_segments_behind_a_lost_one_are():
    box = queue(1, 1, 1, 1, 1)
    assert box.mark(0, [(2, 5)], shortest_ns=0)
    assert box.pipe_bytes == 1, "neither what is lost nor what has arrived"
    assert lost(box) == [1]
    assert box.pipe_bytes == 2


def test_stretches_are_told_in_any_order():
    """Of 7, 3 and 4, the third newest is 3: what was sent before it is lost."""
    box = queue(1, 1, 1, 1, 1, 1, 1, 1)
    assert box.mark(0, [(7, 8), (3, 5)], shortest_ns=0)
    assert lost(box) == [1, 2]


def test_a_lost_repetition_is_seen_by_what_was_sent_after_it():
    box = queue(1, 1, 1, 1)
    box.mark(5, [(2, 5)], shortest_ns=5)
    assert lost(box) == [1]
    for _ in range(3):
        box.send(5, b"n", False)
    assert not box.mark(10, [(2, 7)], shortest_ns=5)
    assert box.mark(10, [(2, 8)], shortest_ns=5)
    assert lost(box) == [1]


def test_a_late_original_does_not_accuse_the_repetitions():
    """After a timeout all is sent again; that the originals arrive at once says nothing about the repetitions."""
    box = queue(1, 1, 1, 1, 1)
    box.write_off()
    assert lost(box) == [1, 2, 3, 4, 5]
    assert not box.mark(1, [(3, 6)], shortest_ns=50)
    assert lost(box) == []


def test_after_a_timeout_everything_is_lost_that_was_not_acknowledged_selectively():
    box = queue(1, 1, 1, 1)
    box.mark(0, [(3, 4)], shortest_ns=0)
    box.write_off()
    assert box.pipe_bytes == 0
    assert lost(box) == [1, 2, 4]
    assert box.pipe_bytes == 3


def test_what_was_taken_for_lost_and_is_acknowledged_is_not_repeated():
    box = queue(1, 1, 1)
    box.write_off()
    box.acknowledge(2)
    box.mark(0, [(3, 4)], shortest_ns=0)
    assert lost(box) == [2]
    assert box.acknowledge(4) == 2
    assert box.pipe_bytes == 0


def test_what_is_forgotten_is_gone():
    box = queue(1, 1)
    box.append(b"later")
    box.clear()
    assert (box.unsent_bytes, box.pipe_bytes, len(box.in_flight)) == (0, 0, 0)
