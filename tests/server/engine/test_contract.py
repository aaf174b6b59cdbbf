"""What every engine promises: offsets, one result for each id, pages, bounded logs."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.server.engine.base import Engine, EngineError, Position
from realtime.server.engine.memory import MemoryEngine
from tests.server.engine.rig import ENGINES, draft, every_engine


def test_it_is_an_engine(rig):
    engine: Engine = rig.engine
    assert repr(engine).startswith(f"<{type(engine).__name__} ")


def test_each_message_is_delivered_before_it_is_answered_for(rig):
    rig.append_numbered(1, 3)
    assert rig.told == [(told, offset) for offset in (1, 2, 3) for told in ("delivered", "answered")]


def test_offsets_count_up_per_room(rig):
    assert [answer.offset for answer in rig.append_numbered(0, 2)] == [1, 2, 3]
    assert rig.append("m0", room_id="other").offset == 1
    assert rig.append("m3").offset == 4


def test_a_record_is_delivered_as_it_will_be_read(rig):
    rig.append("m1", timestamp_ms=1_700_000_000_000)
    page = rig.read()
    assert list(page.records) == rig.delivered
    [record] = rig.delivered
    assert (record.room_id, record.event, record.origin, record.offset) == ("lobby", "chat:message", "sid", 1)
    assert json.loads(record.body) == {
        "messageId": "m1",
        "timestamp": 1_700_000_000_000,
        "offset": 1,
        "position": f"{page.epoch}:1",
    }


@pytest.mark.parametrize(
    "text", ["", "né 你好 🚋", "a\x00b", "'; DROP TABLE messages; --", "x" * 100_000], ids=range(5)
)
def test_any_text_comes_back_as_it_was(rig, text):
    body = json.dumps({"text": text}, ensure_ascii=False).encode()
    room, user, message_id = text[:50] + "r", text[:50] + "u", text[:50] + "m"
    answers = rig.append_all([draft(message_id, room, user, body=body), draft(message_id, room, user, body=body)])
    assert [answer.duplicate for answer in answers] == [False, True]
    assert rig.append(message_id, room, user).duplicate
    [record] = rig.read(room).records
    assert json.loads(record.body)["text"] == text
    assert not rig.append(message_id[:1], room, user).duplicate or len(message_id) == 1


def test_a_retried_message_gets_its_first_result_and_is_not_delivered_again(rig):
    first = rig.append("m1", timestamp_ms=1000)
    again = rig.append("m1", timestamp_ms=2000)
    assert (again.offset, again.timestamp_ms) == (first.offset, 1000)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert len(rig.delivered) == 1


def test_a_message_retried_while_the_first_one_is_under_way_is_applied_once(rig):
    answers = rig.append_all([draft("m1"), draft("m2"), draft("m1", timestamp_ms=2000), draft("m3")])
    assert [(a.offset, a.timestamp_ms, a.duplicate) for a in answers] == [
        (1, 1000, False),
        (2, 1000, False),
        (1, 1000, True),
        (3, 1000, False),
    ]
    assert [record.offset for record in rig.delivered] == [1, 2, 3]


def test_the_same_id_from_another_user_or_in_another_room_is_another_message(rig):
    rig.append("m1")
    assert not rig.append("m1", user_id="ben").duplicate
    assert not rig.append("m1", room_id="other").duplicate


def test_reading_since_an_offset_gives_what_came_after_in_order(rig):
    rig.append_numbered(1, 5)
    assert rig.ids(after=2) == ["m3", "m4", "m5"]
    assert rig.ids(after=5) == []
    assert rig.ids(after=10**30) == []
    assert not rig.read(after=2).more


def test_pages_forward_are_bounded_and_say_that_there_is_more(rig):
    rig.append_numbered(1, 5)
    assert rig.ids(after=0, limit=2) == ["m1", "m2"]
    assert rig.read(after=0, limit=2).more
    assert not rig.read(after=3, limit=2).more


def test_pages_backward_end_before_an_offset(rig):
    rig.append_numbered(1, 5)
    assert rig.ids(limit=2) == ["m4", "m5"]
    assert rig.ids(before=4, limit=2) == ["m2", "m3"]
    assert rig.read(before=4, limit=2).more
    assert not rig.read(before=3, limit=2).more
    assert rig.ids(before=1) == []
    assert rig.ids(before=10**30, limit=1) == ["m5"]


def test_a_span_between_two_offsets_is_read_forward(rig):
    rig.append_numbered(1, 7)
    assert rig.ids(after=2, before=6, limit=2) == ["m3", "m4"]
    assert rig.read(after=2, before=6, limit=2).more
    assert rig.ids(after=4, before=6, limit=2) == ["m5"]
    assert not rig.read(after=4, before=6, limit=2).more


def test_an_empty_room_has_a_position(rig):
    page = rig.read("nobody-wrote-here")
    assert page.position == Position(page.epoch, 0)
    assert page.records == ()
    assert page.covers(page.position)


@every_engine
def test_a_full_room_forgets_its_oldest_messages_and_says_so(started):
    with started(messages_per_room=10) as rig:
        for first in range(1, 101, 4):
            rig.append_numbered(first, first + 3)
        page = rig.read(after=0)
        assert 10 <= len(page.records) <= 13  # at least ten, at most a quarter more, and what came at once
        assert page.last == 100
        assert page.horizon == page.records[0].offset - 1
        assert not page.covers(Position(page.epoch, 0))
        assert page.covers(Position(page.epoch, page.horizon))


def test_a_room_can_be_trimmed_by_hand_and_its_ids_stay_known(rig):
    rig.append_numbered(1, 5)
    rig.engine.trim("lobby", keep=2)
    assert rig.ids(after=0) == ["m4", "m5"]
    assert rig.read().horizon == 3
    assert rig.append("m1").duplicate
    assert rig.append("m6").offset == 6
    rig.engine.trim("nowhere", keep=0)
    rig.engine.trim("lobby", keep=0)
    assert rig.ids(after=0) == []
    assert rig.read().last == 6


@every_engine
def test_the_window_of_remembered_ids_is_bounded(started):
    with started(ids_per_room=10) as rig:
        for first in range(1, 101, 4):
            rig.append_numbered(first, first + 3)
        assert [answer.duplicate for answer in rig.append_numbered(91, 100)] == [True] * 10
        assert not rig.append("m1").duplicate


@every_engine
@pytest.mark.parametrize("option", ["messages_per_room", "ids_per_room"])
def test_a_limit_of_zero_is_a_mistake(started, option):
    with pytest.raises(ValueError, match=option), started(**{option: 0}):
        pass


@every_engine
@given(
    sends=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["ana", "ben"]), st.integers(0, 9)),
        max_size=60,
    ),
    at_once=st.integers(5, 30),
    kept=st.integers(1, 20),
)
@settings(deadline=None, max_examples=15)
def test_whatever_is_sent_each_id_has_one_offset_and_offsets_have_no_holes(started, sends, at_once, kept):
    with started(messages_per_room=kept) as rig:
        first = {}
        for start in range(0, len(sends), at_once):
            batch = sends[start : start + at_once]
            answers = rig.append_all([draft(f"m{number}", room, user) for room, user, number in batch])
            for key, answer in zip(batch, answers, strict=True):
                assert answer.duplicate is (key in first)
                assert answer.offset == first.setdefault(key, answer.offset)
        for room in "abc":
            offsets = [record.offset for record in rig.delivered if record.room_id == room]
            assert offsets == list(range(1, len(offsets) + 1))
            page = rig.read(room, after=0)
            assert [record.offset for record in page.records] == offsets[page.horizon :]
            assert len(page.records) >= min(kept, len(offsets))
            assert page.last == len(offsets)


@pytest.fixture(scope="module", params=ENGINES)
def logs(request):
    """Rooms with 0, 1, 7 and 40 messages."""
    with ENGINES[request.param]() as rig:
        for count in (1, 7, 40):
            rig.append_numbered(1, count, room_id=str(count))
        yield rig


@given(
    count=st.sampled_from([0, 1, 7, 40]),
    after=st.none() | st.integers(0, 45),
    before=st.none() | st.integers(0, 45),
    limit=st.integers(1, 50),
)
@settings(deadline=None)
def test_any_span_is_what_a_plain_list_would_give(logs, count, after, before, limit):
    span = [n for n in range(1, count + 1) if (after is None or n > after) and (before is None or n < before)]
    expected = span[-limit:] if after is None else span[:limit]
    page = logs.read(str(count), after=after, before=before, limit=limit)
    assert [record.offset for record in page.records] == expected
    assert page.more is (len(span) > limit)


def test_an_engine_that_is_started_again_goes_on(rig):
    before = rig.append("m1")
    rig.run(rig.engine.stop())
    rig.run(rig.engine.start(rig._deliver))
    assert rig.append("m1").duplicate
    assert rig.append("m2").offset == before.offset + 1


def test_nothing_is_delivered_after_the_end(rig):
    rig.run(rig.engine.stop())
    delivered = len(rig.delivered)
    answers = []
    rig.engine.append(draft("m1"), answers.append)
    assert len(rig.delivered) == delivered
    assert all(isinstance(answer, EngineError) for answer in answers) or type(rig.engine) is MemoryEngine
    rig.run(rig.engine.stop())
