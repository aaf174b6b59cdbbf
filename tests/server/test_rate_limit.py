"""So many events of one session: refused with a time, never dropped, and in their order when they come again."""

import pytest

from realtime.server.rate_limit import RateLimit
from tests.server.fakes import fake_session


class Bench:
    def __init__(self, per_s=10, burst=20):
        self.limit = RateLimit(per_s, burst)
        self.session = fake_session()
        self.now = 0.0

    def send(self, *, ack=True):
        """One event: None if it may pass, else after how long it may come again, in ms."""
        self.session.credit -= 1
        if self.session.credit >= 0:
            return None
        after_ms = self.limit.judge(self.session, self.now, is_asked=ack)
        if after_ms is not None and ack:
            self.limit.refused(self.session)
        return after_ms

    def passed(self, count, **options):
        return [self.send(**options) for _ in range(count)].count(None)


def test_a_burst_passes_and_then_so_many_a_second():
    bench = Bench()
    assert bench.passed(30) == 20
    bench.session.link.pass_fences()
    for second in range(1, 10):
        bench.now = float(second)
        assert bench.passed(30) == 10
        bench.session.link.pass_fences()


def test_what_was_not_used_for_long_is_a_burst_again_and_no_more():
    bench = Bench()
    bench.passed(30)
    bench.session.link.pass_fences()
    bench.now = 1000.0
    assert bench.passed(50) == 20


def test_from_a_refusal_on_all_is_refused_until_the_client_has_seen_it_so_that_nothing_overtakes():
    bench = Bench()
    bench.passed(21)
    bench.now = 60.0
    assert bench.passed(5) == 0, "sent before it could know"
    bench.session.link.pass_fences()
    assert bench.passed(5) == 5


def test_another_connection_begins_anew_with_what_is_left():
    bench = Bench()
    bench.passed(21)
    bench.session.link = type(bench.session.link)()
    bench.now = 0.5
    assert bench.passed(9) == 5, "half a second's worth"


def test_it_says_when_it_is_worth_trying_again():
    bench = Bench()
    bench.passed(20)
    assert bench.send() == 200, "a tenth of the burst, at 10 a second"
    assert Bench(per_s=0.5, burst=1).send() is None
    slow = Bench(per_s=0.5, burst=1)
    slow.send()
    assert slow.send() == 2000, "one at least"


def test_what_asks_for_no_answer_passes_up_to_another_burst_and_is_charged_for():
    bench = Bench()
    assert bench.passed(40, ack=False) == 40
    assert bench.send(ack=False) == -1, "to be ended"
    assert bench.send() is not None


@pytest.mark.parametrize(("per_s", "burst"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1)])
def test_nonsense_is_refused_by_name(per_s, burst):
    with pytest.raises(ValueError, match="events_per_s"):
        RateLimit(per_s, burst)
