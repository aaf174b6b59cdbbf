"""What shows inside the app: the queue on a real loop, its state and its frame."""

import asyncio

import pytest

from realtime.connection.app_state import AppState
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.notification import Notification, Priority
from realtime.protocol.errors import LocalProtocolError
from realtime.sim.world import simulate


def note(id, **fields):
    return Notification(id=id, title=id, **fields)


def heard(app):
    events = []
    for name in ("shown", "expired", "dismissed", "read"):
        app.on(name, lambda notification, name=name: events.append((name, notification.id)))
    return events


def test_they_are_shown_one_after_the_other_and_go_when_their_time_is_over():
    async def main(world):
        app = InAppNotifications(per_window=1, window_s=2.0, ttl_s=5.0)
        at = []
        for name in ("shown", "expired"):
            app.on(name, lambda notification, name=name: at.append((world.now_s, name, notification.id)))
        assert [app.show(note(id)) for id in ("a", "b", "a")] == [True, True, False]
        assert [each.notification.id for each in app.state.snapshot.shown] == ["a"]
        assert (app.state.snapshot.unread, app.state.snapshot.waiting) == (2, 1)
        await asyncio.sleep(20)
        assert (app.state.snapshot.unread, app.state.snapshot.shown) == (0, ())
        app.close()
        return at

    assert simulate(main).result == [(0, "shown", "a"), (2, "shown", "b"), (5, "expired", "a"), (5, "expired", "b")]


async def test_handlers_may_act_and_see_the_state_that_they_are_told_of():
    app = InAppNotifications(per_window=2)
    events, states = heard(app), []
    app.on("shown", lambda notification: states.append(len(app.state.snapshot.shown)))
    app.on("shown", lambda notification: app.read(notification.id))
    app.show(note("a"))
    assert (events, states) == ([("shown", "a"), ("read", "a")], [1])
    assert app.dismiss("a") is False
    app.close()


@pytest.mark.clause("RT-NOTE-5")
async def test_nothing_shows_while_the_app_is_in_the_background():
    app_state = AppState()
    app = InAppNotifications(app_state=app_state)
    events = heard(app)
    app_state.background()
    app.show(note("a", priority=Priority.URGENT))
    assert (events, app.state.snapshot.waiting) == ([], 1)
    app_state.foreground()
    assert events == [("shown", "a")]
    app.close()


async def test_read_and_dismissed_by_room_and_all_at_once():
    app = InAppNotifications(per_window=10)
    events = heard(app)
    for id, room in (("a", "lobby"), ("b", "attic"), ("c", "lobby")):
        app.show(note(id, room_id=room))
    del events[:]
    assert app.read_room("lobby") == 2
    assert app.dismiss_all() == 1
    assert events == [("read", "a"), ("read", "c"), ("dismissed", "b")]
    app.close()


@pytest.mark.clause("RT-NOTE-6")
async def test_the_frame_has_a_row_for_each_and_its_types_also_when_empty():
    app = InAppNotifications(per_window=1)
    empty = app.to_frame()
    app.show(note("a", body="hi", room_id="lobby", priority=Priority.HIGH))
    app.show(note("b"))
    app.read("a")
    frame = app.to_frame()
    assert frame[["id", "room_id", "priority", "status"]].to_numpy().tolist() == [
        ["a", "lobby", "HIGH", "read"],
        ["b", None, "NORMAL", "waiting"],
    ]
    assert frame["shown"].isna().tolist() == [False, True]
    assert (frame["ended"] - frame["received"]).dt.total_seconds()[0] < 5
    assert frame.dtypes.astype(str).to_dict() == empty.dtypes.astype(str).to_dict()
    app.close()


async def test_a_closed_one_shows_nothing_more():
    app_state = AppState()
    app = InAppNotifications(app_state=app_state, ttl_s=0.001)
    app.show(note("a"))
    app.close()
    app_state.background()
    with pytest.raises(LocalProtocolError, match="closed"):
        app.show(note("b"))
    assert repr(app) == "<InAppNotifications shown=1 waiting=0>"
