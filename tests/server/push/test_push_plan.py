"""Who is pushed what, and when: after a delay, once, and not what was read meanwhile."""

import pytest

from realtime.server.push.push_plan import News, PushPlan


class Bench:
    """A plan with a delay of 3 s that looks again every 5 s; ``active`` are the users who are looking at each room."""

    def __init__(self):
        self.plan = PushPlan(delay_s=3.0, look_again_s=5.0)
        self.active = {}
        self.now = 0.0

    def write(self, offset, *users, room="lobby", author="ben", urgent_for=()):
        news = News(offset, f"m{offset}", author, f"text {offset}", frozenset(urgent_for))
        self.plan.logged(room, news, users, self.now)

    def till(self, now):
        due = []
        while (at := self.plan.next_timer()) is not None and at <= now:
            self.now = at
            ready = self.plan.handle_timer(at, lambda room: self.active.get(room, ()))
            due += [(at, each.user_id, each.room_id, [news.offset for news in each.news]) for each in ready]
        self.now = now
        return due


@pytest.mark.clause("RT-PUSH-1")
def test_who_is_away_is_pushed_after_the_delay_all_of_a_room_at_once():
    bench = Bench()
    bench.write(1, "ana", "cem")
    bench.now = 1
    bench.write(2, "ana")
    bench.write(1, "ana", room="attic")
    assert bench.till(60) == [(3, "ana", "lobby", [1, 2]), (3, "cem", "lobby", [1]), (4, "ana", "attic", [1])]


def test_what_is_read_elsewhere_meanwhile_is_not_pushed():
    bench = Bench()
    bench.write(1, "ana")
    bench.write(2, "ana")
    bench.plan.read("ana", "lobby", 1)
    bench.write(1, "ana", room="attic")
    bench.plan.read("ana", "attic", 7)
    assert bench.till(60) == [(3, "ana", "lobby", [2])]


def test_what_was_received_counts_only_for_who_is_looking():
    bench = Bench()
    bench.write(1, "ana", "cem")
    bench.active["lobby"] = {"cem"}
    bench.plan.received("ana", "lobby", 1)
    bench.plan.received("cem", "lobby", 1)
    assert bench.till(60) == [(3, "ana", "lobby", [1])]


def test_who_looks_but_has_not_received_is_waited_for_and_pushed_once_they_look_away():
    """A phone in a tunnel: its connection is a zombie, and nobody knows."""
    bench = Bench()
    bench.active["lobby"] = {"ana"}
    bench.write(1, "ana")
    assert bench.till(9) == []
    bench.active["lobby"] = ()
    bench.plan.away("ana", "lobby", bench.now)
    assert bench.till(10) == [(9, "ana", "lobby", [1])]


def test_who_looks_away_without_a_word_is_found_out_at_the_next_look():
    bench = Bench()
    bench.active["lobby"] = {"ana"}
    bench.write(1, "ana")
    assert bench.till(4) == []
    bench.active["lobby"] = ()
    assert bench.till(60) == [(8, "ana", "lobby", [1])], "3 s and 5 s more"


def test_looking_away_does_not_shorten_the_delay():
    bench = Bench()
    bench.write(1, "ana")
    bench.plan.away("ana", "lobby", 1.0)
    assert bench.till(60) == [(3, "ana", "lobby", [1])]


def test_a_message_that_was_deleted_or_a_room_that_was_left_is_not_pushed():
    bench = Bench()
    bench.write(1, "ana", "cem")
    bench.plan.deleted("lobby", "m1")
    bench.write(1, "ana", room="attic")
    bench.plan.left("ana", "attic")
    assert bench.till(60) == []


def test_the_same_entry_counts_once():
    bench = Bench()
    bench.write(1, "ana")
    bench.write(1, "ana")
    assert bench.till(60) == [(3, "ana", "lobby", [1])]


def test_very_many_are_counted_and_the_newest_named():
    bench = Bench()
    for offset in range(1, 101):
        bench.write(offset, "ana")
    [due] = bench.plan.handle_timer(3.0, lambda room: ())
    assert (due.count, due.news[-1].offset, len(due.news)) == (100, 100, 32)


def test_what_was_pushed_and_is_read_then_is_withdrawn_once():
    bench = Bench()
    bench.write(1, "ana")
    bench.write(2, "ana")
    bench.till(3)
    assert bench.plan.read("ana", "lobby", 1) is None
    assert bench.plan.read("ana", "lobby", 2) == "m2"
    assert bench.plan.read("ana", "lobby", 3) is None


def test_it_is_urgent_for_who_is_mentioned():
    bench = Bench()
    bench.write(1, "ana", "cem", urgent_for={"cem"})
    bench.write(2, "ana", "cem")
    due = bench.plan.handle_timer(3.0, lambda room: ())
    assert {each.user_id: each.is_urgent for each in due} == {"ana": False, "cem": True}


def test_nothing_is_kept_of_what_is_done():
    bench = Bench()
    for offset in range(1, 50):
        bench.write(offset, f"user {offset}")
    bench.till(100)
    assert len(bench.plan) == 0


@pytest.mark.parametrize("bad", [{"delay_s": -1}, {"look_again_s": 0}])
def test_a_mistake_is_named(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        PushPlan(**bad)


def test_the_next_process_knows_how_far_each_got_and_what_can_be_withdrawn():
    before = PushPlan()
    for offset in (1, 2):
        before.logged("lobby", News(offset, f"m{offset}", "eva", "hi"), ["ana", "ben", "cem", "dan"], 0.0)
    before.received("ben", "lobby", 2)  # and looks at it
    before.received("cem", "lobby", 1)
    before.handle_timer(3.0, lambda room_id: {"ben", "cem"})
    before.read("dan", "lobby", 2)
    notes = before.changes()
    assert before.changes() == []
    after = PushPlan()
    up_to = after.restore([note for note in notes if note.value is not None])
    assert up_to == {("ana", "lobby"): 2, ("ben", "lobby"): 2}
    assert (after.read("ana", "lobby", 2), after.read("ben", "lobby", 2)) == ("m2", None)
    assert [(note.key, note.value) for note in after.changes()] == [('["ana","lobby"]', None)]
