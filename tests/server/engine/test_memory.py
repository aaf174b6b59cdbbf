"""The memory engine, beyond what every engine promises: it answers at once, and forgets rooms."""

import random

import pytest

from realtime.server.engine.base import Position
from realtime.server.engine.memory import MemoryEngine
from tests.server.engine.rig import Rig, draft


def test_it_tells_how_much_it_holds():
    engine = MemoryEngine(rng=random.Random(0))
    assert repr(engine) == "<MemoryEngine rooms=0 messages=0>"


def test_it_answers_before_it_returns():
    engine, answers = MemoryEngine(rng=random.Random(0)), []
    engine.append(draft("m1"), answers.append)
    engine.read("lobby", answers.append, after=None, before=None, limit=1)
    assert [type(answer).__name__ for answer in answers] == ["Appended", "Page"]


def test_two_engines_are_two_epochs():
    epochs = {MemoryEngine(rng=random.Random(seed)).epoch for seed in range(3)}
    assert len(epochs) == 3


def test_so_many_ids_at_most_are_remembered():
    with Rig(MemoryEngine(rng=random.Random(0), ids_per_room=10)) as rig:
        rig.append_numbered(1, 100)
        assert rig.engine.remembered_ids <= 20


def test_the_room_unused_for_longest_is_forgotten_and_its_offsets_never_come_back():
    with Rig(MemoryEngine(rng=random.Random(0), rooms=2)) as rig:
        rig.append_numbered(1, 5, room_id="old")
        before = rig.read("old").position
        rig.append("m1", room_id="second")
        rig.append("m1", room_id="third")  # forgets "old"
        page = rig.read("old")
        assert page.records == ()
        assert page.last >= 5
        assert not page.covers(Position(before.epoch, 3))
        assert rig.append("m1", room_id="old").offset > 5
        assert rig.engine.rooms == 2


def test_no_rooms_at_all_is_a_mistake():
    with pytest.raises(ValueError, match="rooms"):
        MemoryEngine(rng=random.Random(0), rooms=0)
