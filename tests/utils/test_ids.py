"""Ids are replayable, long enough and safe to print."""

import random

from realtime.utils.ids import new_id


def test_the_same_seed_gives_the_same_ids():
    assert [new_id(random.Random(1)) for _ in range(2)] == [new_id(random.Random(1))] * 2


def test_ids_are_24_safe_characters_and_do_not_repeat():
    source = random.Random(1)
    ids = {new_id(source) for _ in range(10_000)}
    assert len(ids) == 10_000
    assert all(len(id) == 24 and id.isalnum() and id.isupper() for id in ids)
