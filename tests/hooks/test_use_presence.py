"""Who is in a room, in a component: no ghosts, and one's own status told to the others."""

import pytest

from realtime.hooks.use_presence import use_presence
from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_tracker import PresenceTracker
from realtime.protocol.errors import LocalProtocolError
from tests.hooks.watching import Shows, followers
from tests.lab.sim_town import play
from tests.server.waiting import until


def statuses(shows):
    return [(member.user_id, member.status) for member in shows.last.members]


def test_a_killed_app_leaves_after_the_grace_and_a_quick_return_shows_nothing():
    async def script(town):
        ana, _ben = await town.phone("ana"), await town.phone("ben")
        with ana.inside():
            tracker = PresenceTracker(ana.app.socket)
            shows = Shows(use_presence, tracker, "lobby")
            with shows.mounted():
                await town.world.until(town.world.now_s + 5)
                assert (tracker.rooms, shows.last.room.users) == (("lobby",), ("ana", "ben"))
                town.world.outage("ben", for_s=3)
                count = len(shows.values)
                await town.world.until(town.world.now_s + 10)
                assert len(shows.values) == count
                town.world.kill_app("ben")
                await town.world.until(town.world.now_s + 30)
                assert shows.last.room.users == ("ana",)
                assert followers(tracker.room("lobby")) == 1
            assert followers(tracker.room("lobby")) == 0
            tracker.close()

    play(script)


async def test_a_status_that_a_component_sets_is_seen_by_the_others(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    anas, bens = Shows(use_presence, ana, "lobby"), Shows(use_presence, ben, "lobby")
    with anas.mounted(), bens.mounted():
        anas.last.set_status("busy", "in a meeting")
        await until(lambda: ("ana", "busy") in statuses(bens))
        assert (anas.last.own.status, anas.last.own.text) == ("busy", "in a meeting")
        anas.last.set_status("online")
        await until(lambda: ("ana", "online") in statuses(bens))
        assert anas.last.own.text == "in a meeting"
        anas.last.set_status("asleep")
        await until(lambda: anas.last.error is not None)
        assert "a status is one of" in str(anas.last.error)


async def test_users_are_followed_wherever_they_are(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben", rooms=())
    shows = Shows(use_presence, ana, "lobby")
    with shows.mounted():
        shows.last.subscribe(["ben"])
        await until(lambda: "ben" in shows.last.users and shows.last.users["ben"].status == "online")
        ben.close()
        await until(lambda: shows.last.users["ben"].status == "offline")
        shows.last.unsubscribe(["ben"])
        await until(lambda: not shows.last.users)


async def test_plain_clients_know_of_statuses_only_with_an_online_status_sync(lab):
    ana = lab.phone("ana")
    tracker, sync, loop = ana.presence.tracker, ana.presence.sync, lab.background.loop
    assert isinstance(sync, OnlineStatusSync)
    without = Shows(use_presence, tracker, "lobby", loop=loop)
    with without.mounted():
        assert (without.last.own, without.last.users) == (None, {})
        with pytest.raises(LocalProtocolError, match=r"use_presence\(tracker, room_id, status=…\)"):
            without.last.set_status("busy")
    both = Shows(use_presence, tracker, "lobby", status=sync, loop=loop)
    with both.mounted():
        both.last.set_status("busy")
        await until(lambda: both.last.own.status == "busy")
