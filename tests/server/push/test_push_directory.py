"""Which devices want to hear of which rooms, and how a push service finds them."""

import pytest

from realtime.server.push.gateway import PushToken
from realtime.server.push.push_directory import TOKENS_OF_A_USER, PushDirectory


def token(user="ana", device="phone", value="t1", platform="local"):
    return PushToken(user, device, platform, value)


def test_a_device_with_a_token_hears_of_its_rooms_until_it_leaves():
    directory = PushDirectory()
    directory.put(token())
    directory.put(token("ben", value="t2"))
    for user in ("ana", "ben"):
        directory.subscribe("lobby", user, "phone")
    assert directory.users("lobby") == {"ana", "ben"}
    directory.unsubscribe("lobby", "ben", "phone")
    assert directory.users("lobby") == {"ana"}
    assert directory.tokens("ana", "lobby") == [token()]
    assert directory.tokens("ana", "attic") == []


def test_a_device_without_a_token_is_not_kept():
    directory = PushDirectory()
    directory.subscribe("lobby", "ana", "phone")
    directory.put(token())
    assert directory.users("lobby") == set()


@pytest.mark.clause("RT-PUSH-5")
def test_a_new_token_takes_the_place_of_the_devices_old_one_with_its_rooms():
    directory = PushDirectory()
    directory.put(token())
    directory.subscribe("lobby", "ana", "phone")
    assert directory.put(token(value="t2")) == [token()]
    assert directory.tokens("ana", "lobby") == [token(value="t2")]
    assert directory.put(token(value="t2")) == []


def test_two_devices_and_two_platforms_are_each_of_their_own():
    directory = PushDirectory()
    every = [token(), token(device="tablet", value="t2"), token(value="w", platform="web")]
    for each in every:
        directory.put(each)
    directory.subscribe("lobby", "ana", "tablet")
    assert directory.tokens("ana", "lobby") == [every[1]]
    assert sorted(directory.tokens("ana")) == sorted(every)


def test_a_device_that_changes_hands_tells_its_former_user_nothing():
    directory = PushDirectory()
    directory.put(token())
    directory.subscribe("lobby", "ana", "phone")
    assert directory.put(token("ben")) == [token()]
    assert directory.users("lobby") == set()
    assert directory.tokens("ana") == []


def test_a_token_that_is_removed_takes_its_rooms_with_it():
    directory = PushDirectory()
    directory.put(token())
    directory.subscribe("lobby", "ana", "phone")
    assert directory.remove("t1") == token()
    assert directory.remove("t1") is None
    assert (directory.users("lobby"), len(directory)) == (set(), 0)


def test_a_user_has_so_many_tokens_at_most():
    directory = PushDirectory()
    for n in range(TOKENS_OF_A_USER + 1):
        directory.put(token(device=f"d{n}", value=f"t{n}"))
    assert len(directory.tokens("ana")) == TOKENS_OF_A_USER
    assert directory.remove("t0") is None


def restored(*directories):
    """The directory of the next process."""
    kept = {}
    for directory in directories:
        kept |= {(note.kind, note.key): note for note in directory.changes()}
    notes = sorted(note for note in kept.values() if note.value is not None)
    after = PushDirectory()
    after.restore(*([note for note in notes if note.kind == kind] for kind in ("push.token", "push.room")))
    return after


def test_the_next_process_knows_tokens_and_rooms_and_who_came_first():
    before = PushDirectory()
    for n in range(TOKENS_OF_A_USER):
        before.put(token(device=f"d{n}", value=f"t{99 - n}"))
    before.put(token("ben", value="b1"))
    before.put(token("ben", value="b2"))
    before.put(token("cem", value="c"))
    before.remove("c")
    before.subscribe("lobby", "ben", "phone", since_ms=5)
    before.subscribe("lobby", "ben", "phone", since_ms=9)
    before.subscribe("lobby", "ana", "d1", since_ms=8)
    before.subscribe("lobby", "ana", "d0", since_ms=7)
    before.subscribe("attic", "ana", "d0", since_ms=7)
    assert before.unsubscribe("attic", "ana", "d0")
    assert not before.unsubscribe("attic", "ana", "d0")
    after = restored(before)
    assert (after.rooms(), after.since("lobby")) == (("lobby",), {"ana": 7, "ben": 5})
    assert after.tokens("ben", "lobby") == [token("ben", value="b2")]
    assert after.tokens("cem") == []
    assert after.changes() == []
    after.put(token(device="new", value="new"))
    assert after.remove("t99") is None, "the oldest has gone"
    assert [each.device_id for each in after.tokens("ana", "lobby")] == ["d1"]
