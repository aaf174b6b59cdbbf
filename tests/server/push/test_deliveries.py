"""Pushes on their way: tried again with backoff, taken back, given up with a report."""

import random

import pytest

from realtime.server.push.deliveries import Deliveries
from realtime.server.push.gateway import DELIVERED, Gone, Push, PushToken, Rejected, TryAgain
from realtime.server.push.push_notes import Clock

ANA = PushToken("ana", "phone", "local", "secret token")
BEN = PushToken("ben", "phone", "local", "another")


def push(id="m1", **fields):
    return Push(**{"id": id, "title": "ben", "body": "secret text", "ttl_s": 3600.0} | fields)


class Bench:
    def __init__(self, **options):
        self.deliveries = Deliveries(rng=random.Random(1), **options)
        self.tries = []

    def run(self, outcome, until=1e9):
        """Answer every try with ``outcome(number)`` at once, until nothing is left."""
        now = 0.0
        while (due := self.deliveries.next_timer()) is not None and due <= until:
            now = max(now, due)
            for job in self.deliveries.take(now):
                self.tries.append(now)
                self.deliveries.done(job, outcome(len(self.tries)), now, wall_ms=int(now * 1000))


def test_what_succeeds_is_over():
    bench = Bench()
    bench.deliveries.submit(push(), ANA, 0.0)
    bench.run(lambda n: DELIVERED)
    assert (bench.tries, len(bench.deliveries), bench.deliveries.dead_letters) == ([0.0], 0, ())


@pytest.mark.clause("RT-PUSH-7")
def test_pauses_double_with_jitter_up_to_a_cap():
    bench = Bench(base_s=1.0, cap_s=60.0, attempts=10)
    bench.deliveries.submit(push(), ANA, 0.0)
    bench.run(lambda n: DELIVERED if n == 10 else TryAgain("status 500"))
    pauses = [b - a for a, b in zip(bench.tries, bench.tries[1:], strict=False)]
    for n, pause in enumerate(pauses):
        assert min(60, 2**n) / 2 <= pause <= min(60, 2**n)
    assert len({pause / min(60, 2**n) for n, pause in enumerate(pauses)}) == 9, "each drawn anew"


@pytest.mark.clause("RT-PUSH-7")
def test_what_the_service_asks_for_is_waited_for():
    bench = Bench()
    bench.deliveries.submit(push(), ANA, 0.0)
    bench.run(lambda n: DELIVERED if n == 2 else TryAgain("status 429", after_s=120.0))
    assert bench.tries[1] >= 120.0


@pytest.mark.clause("RT-PUSH-7")
def test_after_so_many_attempts_it_is_reported_without_token_or_text():
    bench = Bench(attempts=3)
    bench.deliveries.submit(push(), ANA, 0.0)
    bench.run(lambda n: TryAgain("status 503"))
    [letter] = bench.deliveries.dead_letters
    assert (letter.push_id, letter.user_id, letter.platform, letter.attempts) == ("m1", "ana", "local", 3)
    assert letter.reason == "status 503, 3 times"
    assert "secret" not in repr(letter) + repr(ANA) + repr(push())


def test_what_is_too_old_is_not_tried_again():
    bench = Bench(attempts=100)
    bench.deliveries.submit(push(ttl_s=10.0), ANA, 0.0)
    bench.run(lambda n: TryAgain("no answer"))
    assert max(bench.tries) < 10
    assert bench.deliveries.dead_letters[0].reason == "no answer, until it was 10 s old"


def test_what_is_refused_is_reported_at_once_and_a_dead_token_is_no_failure():
    bench = Bench()
    bench.deliveries.submit(push("a"), ANA, 0.0)
    bench.run(lambda n: Rejected("status 413"))
    bench.deliveries.submit(push("b"), ANA, 0.0)
    bench.run(lambda n: Gone("status 410"))
    assert [letter.reason for letter in bench.deliveries.dead_letters] == ["status 413"]
    assert len(bench.tries) == 2


def test_a_newer_one_of_its_kind_takes_the_place_of_what_waits_for_another_try():
    bench = Bench()
    bench.deliveries.submit(push("a", collapse_key="lobby"), ANA, 0.0)
    [job] = bench.deliveries.take(0.0)
    bench.deliveries.done(job, TryAgain("no answer"), 0.0, wall_ms=0)
    bench.deliveries.submit(push("a", collapse_key="lobby"), BEN, 0.0)
    bench.deliveries.submit(push("b", collapse_key="lobby"), ANA, 0.0)
    assert [(job.push.id, job.token.user_id) for job in bench.deliveries.take(100.0)] == [("a", "ben"), ("b", "ana")]


@pytest.mark.parametrize("in_flight", [True, False])
def test_what_is_taken_back_is_not_tried_again(in_flight):
    bench = Bench()
    bench.deliveries.submit(push("a"), ANA, 0.0)
    bench.deliveries.submit(push("a"), BEN, 0.0)
    jobs = bench.deliveries.take(0.0) if in_flight else []
    bench.deliveries.cancel("ana", "a")
    for job in jobs:
        bench.deliveries.done(job, TryAgain("no answer"), 0.0, wall_ms=0)
    assert [job.token.user_id for job in bench.deliveries.take(100.0)] == ["ben"]


def test_so_many_may_wait_and_the_oldest_goes_with_a_report():
    bench = Bench(max_waiting=2)
    for id in ("a", "b", "c"):
        bench.deliveries.submit(push(id), ANA, 0.0)
    assert [job.push.id for job in bench.deliveries.take(0.0)] == ["b", "c"]
    assert [letter.reason for letter in bench.deliveries.dead_letters] == ["too many waited"]


class TestTheNextProcess:
    """What was not over is gone on with: the loop's clock begins anew, and 100 s have passed."""

    BEFORE, AFTER = Clock(5000.0, 1_000_000), Clock(3.0, 1_100_000)

    @pytest.fixture(autouse=True)
    def empty_store(self):
        self.kept = {}

    def restored(self, deliveries):
        """After a restart: the notes of all changes, as a store has them then."""
        for note in deliveries.changes(self.BEFORE):
            self.kept[note.kind, note.key] = note
        notes = sorted(note for note in self.kept.values() if note.value is not None)
        after = Deliveries(rng=random.Random(1))
        jobs = [note for note in notes if note.kind == "push.job"]
        after.restore(jobs, [note for note in notes if note.kind == "push.letter"], self.AFTER)
        return after

    def test_what_waits_or_is_with_its_gateway_is_sent_again_by_the_same_id(self):
        before = Deliveries(rng=random.Random(1))
        jobs = [before.submit(push(id), ANA, 5000.0, is_held=id == "held") for id in ("a", "held", "b")]
        self.restored(before)
        before.take(5000.0)
        before.done(jobs[2], DELIVERED, 5001.0, wall_ms=0)
        after = self.restored(before)
        assert [(job.push, job.token) for job in after.take(3.0)] == [(push("a"), ANA), (push("held"), ANA)]

    def test_backoff_and_time_to_live_go_on_and_numbers_are_not_used_again(self):
        before = Deliveries(rng=random.Random(1))
        before.submit(push("late", ttl_s=600.0), ANA, 5000.0)
        before.submit(push("old", ttl_s=99.0), BEN, 5000.0)
        [late, _] = before.take(5000.0)
        before.done(late, TryAgain("status 429", after_s=250.0), 5000.0, wall_ms=0)
        after = self.restored(before)
        assert after.next_timer() == 3.0 + 250 - 100
        [job] = after.jobs()
        assert (job.attempts, job.expires) == (1, 3.0 + 600 - 100)
        [letter] = after.dead_letters
        assert (letter.push_id, letter.timestamp_ms) == ("old", 1_100_000)
        assert letter.reason == "the server did not run until it was 99 s old"
        assert after.submit(push("new"), BEN, 3.0).number > max(job.number, 3)

    def test_the_report_is_kept_as_far_as_it_is_bounded(self):
        before = Deliveries(rng=random.Random(1), max_dead_letters=2)
        for id in ("a", "b", "c"):
            before.submit(push(id), ANA, 5000.0)
            before.done(before.take(5000.0)[0], Rejected("status 413"), 5000.0, wall_ms=7)
            self.restored(before)
        after = self.restored(before)
        assert [letter.push_id for letter in after.dead_letters] == ["b", "c"]
        assert after.dead_letters == before.dead_letters
        assert after.changes(self.AFTER) == [], "and is not written again"
