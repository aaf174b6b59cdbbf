"""Whose messages a marker newly covers, among a room's newest."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.server.recent_messages import RecentMessages


def recent(*messages, size=4):
    ring = RecentMessages(size)
    for offset, author in messages:
        ring.add(offset, author, f"m{offset}")
    return ring


def test_of_each_author_the_newest_covered_message_is_named():
    ring = recent((1, "ana"), (2, "ben"), (4, "ana"), (5, "ana"))
    assert ring.covered(0, 4, but="cem") == {"ana": "m4", "ben": "m2"}
    assert ring.covered(2, 5, but="cem") == {"ana": "m5"}
    assert ring.covered(5, 5, but="cem") == {}


def test_ones_own_messages_do_not_count():
    assert recent((1, "ana"), (2, "ben")).covered(0, 2, but="ben") == {"ana": "m1"}


def test_only_so_many_are_kept():
    ring = recent((1, "ana"), (2, "ben"), (3, "cem"), size=2)
    assert ring.covered(0, 3, but="dan") == {"ben": "m2", "cem": "m3"}


def test_older_ones_are_put_before_those_that_came_meanwhile():
    ring = recent((7, "ben"), (8, "ben"))
    ring.put_before([(5, "ana", "m5"), (6, "ana", "m6"), (7, "ben", "m7")])
    assert ring.covered(0, 8, but="cem") == {"ana": "m6", "ben": "m8"}
    ring.put_before([(1, "dan", "m1")])  # there is no room left for it
    assert ring.covered(0, 8, but="cem") == {"ana": "m6", "ben": "m8"}


@given(authors=st.lists(st.sampled_from("abc"), max_size=12), after=st.integers(0, 12), up_to=st.integers(0, 12))
def test_as_if_all_were_looked_at(authors, after, up_to):
    ring = recent(*enumerate(authors, start=1), size=5)
    newest = dict(list(enumerate(authors, start=1))[-5:])
    expected = {author: f"m{offset}" for offset, author in newest.items() if after < offset <= up_to and author != "a"}
    assert ring.covered(after, up_to, but="a") == expected
