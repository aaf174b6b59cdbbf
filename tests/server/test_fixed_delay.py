"""Keys that are due one fixed delay after they were started."""

from realtime.server.fixed_delay import FixedDelay


def test_each_key_is_due_once_and_in_order():
    delay = FixedDelay(2.0)
    assert delay.next_timer() is None
    delay.start("a", 10.0)
    delay.start("b", 11.0)
    delay.start("a", 11.5)  # it is due already
    assert delay.next_timer() == 12.0
    assert delay.take_due(11.9) == []
    assert delay.take_due(12.0) == ["a"]
    assert delay.next_timer() == 13.0
    assert delay.take_due(20.0) == ["b"]
    assert delay.next_timer() is None


def test_a_key_can_be_started_anew_and_stopped():
    delay = FixedDelay(2.0)
    delay.start("a", 10.0)
    delay.start("b", 10.5)
    delay.restart("a", 11.0)
    assert delay.take_due(12.5) == ["b"]
    assert "a" in delay
    delay.stop("a")
    delay.stop("a")
    assert "a" not in delay
    assert delay.take_due(99.0) == []
