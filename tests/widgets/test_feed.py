"""A view that has a snapshot and all later changes shows the state, whatever changed in between."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from widgets.feed import Feed


class View:
    """What feed.js does: take a snapshot, apply changes, refuse what does not follow."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.revision, self.state = snapshot["revision"], dict(snapshot["state"])

    def apply(self, changes: dict[str, Any]) -> None:
        assert changes["revision"] == self.revision + 1
        self.revision += 1
        self.state |= changes["fields"]
        for name, (drop, keep, new, end) in changes["lists"].items():
            old = self.state[name]
            self.state[name] = old[drop : drop + keep] + new + old[len(old) - end :]


def test_nothing_changed_is_nothing_to_send():
    feed = Feed(lambda: {"state": "online", "messages": ["a"]})
    assert feed.changes() is None
    assert feed.snapshot() == {"revision": 0, "state": {"state": "online", "messages": ["a"]}}


def test_only_what_changed_travels():
    state = {"state": "online", "title": "ana", "messages": ["a", "b"]}
    feed = Feed(lambda: state)
    state = state | {"state": "offline", "messages": ["a", "b", "c"]}
    assert feed.changes() == {"revision": 1, "fields": {"state": "offline"}, "lists": {"messages": [0, 2, ["c"], 0]}}


def test_a_sliding_window_sends_its_new_end():
    window = [*range(200)]
    feed = Feed(lambda: {"samples": window})
    window = [*range(3, 203)]
    assert feed.changes()["lists"] == {"samples": [3, 197, [200, 201, 202], 0]}


def test_an_item_that_changed_in_place_travels_alone():
    items = [{"id": 1, "status": "sent"}, {"id": 2, "status": "pending"}, {"id": 3, "status": "pending"}]
    feed = Feed(lambda: {"messages": items})
    items = [items[0], {"id": 2, "status": "sent"}, items[2]]
    assert feed.changes()["lists"] == {"messages": [0, 1, items[1:2], 1]}


def test_older_items_travel_without_those_that_were_there():
    items = ["c", "d"]
    feed = Feed(lambda: {"messages": items})
    items = ["a", "b", "c", "d"]
    assert feed.changes()["lists"] == {"messages": [0, 0, ["a", "b"], 2]}


def test_a_snapshot_is_of_the_last_revision_that_was_sent():
    """Otherwise the next change would be applied to a state that it does not start from."""
    state = {"n": 0}
    feed = Feed(lambda: state)
    state = {"n": 1}
    assert feed.snapshot() == {"revision": 0, "state": {"n": 0}}


@given(st.lists(st.lists(st.integers(0, 5), max_size=8), min_size=1, max_size=8))
def test_a_view_that_applies_all_changes_shows_the_state(states):
    current = states[0]
    feed = Feed(lambda: {"items": current, "size": len(current)})
    view = View(feed.snapshot())
    for state in states[1:]:
        current = state
        if (changes := feed.changes()) is not None:
            view.apply(changes)
        assert view.state == {"items": current, "size": len(current)}
        assert View(feed.snapshot()).state == view.state
