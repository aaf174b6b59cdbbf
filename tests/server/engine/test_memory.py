"""The memory engine: offsets, dedupe, bounded logs."""

import asyncio
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.server.engine.base import Appended, Draft, Engine, Page, Position
from realtime.server.engine.memory import MemoryEngine


class Rig:
    """An engine with everything it delivered and answered."""

    def __init__(self, **options):
        self.engine = MemoryEngine(rng=random.Random(0), **options)
        self.delivered = []
        asyncio.run(self.engine.start(self.delivered.append))

    def append(self, message_id, room_id="lobby", user_id="ana", timestamp_ms=1000) -> Appended:
        answers = []
        self.engine.append(
            Draft(
                room_id=room_id,
                user_id=user_id,
                message_id=message_id,
                event="chat:message",
                body=b'{"messageId":"%s"}' % message_id.encode(),
                timestamp_ms=timestamp_ms,
                origin="sid",
            ),
            answers.append,
        )
        [answer] = answers
        return answer

    def read(self, room_id="lobby", *, after=None, before=None, limit=200) -> Page:
        answers = []
        self.engine.read(room_id, answers.append, after=after, before=before, limit=limit)
        [answer] = answers
        return answer

    def ids(self, **query):
        return [json.loads(record.body)["messageId"] for record in self.read(**query).records]


def test_it_is_an_engine():
    engine: Engine = MemoryEngine(rng=random.Random(0))
    assert repr(engine) == "<MemoryEngine rooms=0 messages=0>"


def test_a_message_is_delivered_before_it_is_acknowledged():
    rig = Rig()
    order = []
    asyncio.run(rig.engine.start(lambda record: order.append("delivered")))
    rig.engine.append(
        Draft(room_id="r", user_id="u", message_id="m", event="e", body=b"{}", timestamp_ms=0, origin="s"),
        lambda result: order.append("done"),
    )
    assert order == ["delivered", "done"]


def test_offsets_count_up_per_room():
    rig = Rig()
    assert [rig.append(f"m{n}").offset for n in range(3)] == [1, 2, 3]
    assert rig.append("m0", room_id="other").offset == 1


def test_a_retried_message_gets_its_first_result_and_is_not_delivered_again():
    rig = Rig()
    first = rig.append("m1", timestamp_ms=1000)
    again = rig.append("m1", timestamp_ms=2000)
    assert (again.offset, again.timestamp_ms) == (first.offset, 1000)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert len(rig.delivered) == 1


def test_the_same_id_from_another_user_or_in_another_room_is_another_message():
    rig = Rig()
    rig.append("m1")
    assert not rig.append("m1", user_id="ben").duplicate
    assert not rig.append("m1", room_id="other").duplicate


def test_reading_since_an_offset_gives_what_came_after_in_order():
    rig = Rig()
    for n in range(1, 6):
        rig.append(f"m{n}")
    assert rig.ids(after=2) == ["m3", "m4", "m5"]
    assert rig.ids(after=5) == []
    assert not rig.read(after=2).more


def test_pages_forward_are_bounded_and_say_that_there_is_more():
    rig = Rig()
    for n in range(1, 6):
        rig.append(f"m{n}")
    assert rig.ids(after=0, limit=2) == ["m1", "m2"]
    assert rig.read(after=0, limit=2).more
    assert not rig.read(after=3, limit=2).more


def test_pages_backward_end_before_an_offset():
    rig = Rig()
    for n in range(1, 6):
        rig.append(f"m{n}")
    assert rig.ids(limit=2) == ["m4", "m5"]
    assert rig.ids(before=4, limit=2) == ["m2", "m3"]
    assert rig.read(before=4, limit=2).more
    assert not rig.read(before=3, limit=2).more
    assert rig.ids(before=1) == []
    assert rig.ids(before=100, limit=1) == ["m5"]


def test_a_span_between_two_offsets_is_read_forward():
    rig = Rig()
    for n in range(1, 8):
        rig.append(f"m{n}")
    assert rig.ids(after=2, before=6, limit=2) == ["m3", "m4"]
    assert rig.read(after=2, before=6, limit=2).more
    assert rig.ids(after=4, before=6, limit=2) == ["m5"]
    assert not rig.read(after=4, before=6, limit=2).more


def test_an_empty_room_has_a_position():
    rig = Rig()
    page = rig.read("nobody-wrote-here")
    assert page.position == Position(page.epoch, 0)
    assert page.records == ()
    assert page.covers(page.position)


def test_two_engines_are_two_epochs():
    epochs = {MemoryEngine(rng=random.Random(seed)).epoch for seed in range(3)}
    assert len(epochs) == 3


def test_a_full_room_forgets_its_oldest_messages_and_says_so():
    rig = Rig(messages_per_room=10)
    for n in range(1, 101):
        rig.append(f"m{n}")
    page = rig.read(after=0)
    assert 10 <= len(page.records) <= 20
    assert page.last == 100
    assert page.horizon == page.records[0].offset - 1
    assert not page.covers(Position(page.epoch, 0))
    assert page.covers(Position(page.epoch, page.horizon))


def test_a_room_can_be_trimmed_by_hand():
    rig = Rig()
    for n in range(1, 6):
        rig.append(f"m{n}")
    rig.engine.trim("lobby", keep=2)
    assert rig.ids(after=0) == ["m4", "m5"]
    assert rig.read().horizon == 3
    assert rig.append("m6").offset == 6
    rig.engine.trim("nowhere", keep=0)


def test_the_window_of_remembered_ids_is_bounded():
    rig = Rig(ids_per_room=10)
    for n in range(1, 101):
        rig.append(f"m{n}")
    assert rig.append("m95").duplicate
    assert not rig.append("m1").duplicate
    assert rig.engine.remembered_ids <= 20


def test_the_room_unused_for_longest_is_forgotten_and_its_offsets_never_come_back():
    rig = Rig(rooms=2)
    for n in range(1, 6):
        rig.append(f"m{n}", room_id="old")
    before = rig.read("old").position
    rig.append("m1", room_id="second")
    rig.append("m1", room_id="third")  # forgets "old"
    page = rig.read("old")
    assert page.records == ()
    assert page.last >= 5
    assert not page.covers(Position(before.epoch, 3))
    assert rig.append("m1", room_id="old").offset > 5
    assert rig.engine.rooms == 2


@pytest.mark.parametrize("option", ["messages_per_room", "ids_per_room", "rooms"])
def test_a_limit_of_zero_is_a_mistake(option):
    with pytest.raises(ValueError, match=option):
        MemoryEngine(rng=random.Random(0), **{option: 0})


@given(
    sends=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["ana", "ben"]), st.integers(0, 9)),
        max_size=60,
    ),
    kept=st.integers(1, 20),
)
@settings(deadline=None)
def test_whatever_is_sent_each_id_has_one_offset_and_offsets_have_no_holes(sends, kept):
    rig = Rig(messages_per_room=kept)
    first = {}
    for room, user, number in sends:
        result = rig.append(f"m{number}", room_id=room, user_id=user)
        assert result.offset == first.setdefault((room, user, number), result.offset)
    for room in "abc":
        offsets = [record.offset for record in rig.delivered if record.room_id == room]
        assert offsets == list(range(1, len(offsets) + 1))
        page = rig.read(room, after=0)
        assert [r.offset for r in page.records] == offsets[page.horizon :]
        assert len(page.records) >= min(kept, len(offsets))
        assert page.last == len(offsets)


@given(
    count=st.integers(0, 40),
    after=st.none() | st.integers(0, 45),
    before=st.none() | st.integers(0, 45),
    limit=st.integers(1, 50),
)
@settings(deadline=None)
def test_any_span_is_what_a_plain_list_would_give(count, after, before, limit):
    rig = Rig()
    for n in range(1, count + 1):
        rig.append(f"m{n}")
    span = [n for n in range(1, count + 1) if (after is None or n > after) and (before is None or n < before)]
    expected = span[-limit:] if after is None else span[:limit]
    page = rig.read(after=after, before=before, limit=limit)
    assert [record.offset for record in page.records] == expected
    assert page.more is (len(span) > limit)
